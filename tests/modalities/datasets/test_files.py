"""Targets in a layout of their authors: the adapter lists files, and the base judges what it lists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modalities.audio.folder import AudioFileTarget
from modalities.base import TargetInfo
from modalities.contract.checks import NEEDS_NO_DATA, check_adapter
from modalities.datasets.files import FileTarget, LabelledFile, folds_by_unit, split_by_unit
from modalities.datasets.listing import Listing, Row
from modalities.datasets.lists import table
from modalities.datasets.standin import has_stand_in, mark
from modalities.errors import BadInput
from modalities.image.folder import ImageFileTarget, ImageFolderTarget
from modalities.video.folder import VideoFileTarget

INFO = TargetInfo(
    name="notes", title="Notes", modality="audio", classes=("low", "high"), train_items=3, test_items=1,
    licence="not stated", citation="@misc{notes, title={Notes}}", homepage="https://example.org",
    download_bytes=0, leak_unit="player",
)  # fmt: skip
LINES = ("a/1.note,low,train,ann", "a/2.note,high,train,ann", "b/3.note,low,train,bob", "b/4.note,high,test,cid")


class Notes(FileTarget):
    """Files whose item is their name, listed by a table of their authors."""

    info = INFO
    suffixes = (".note",)
    lists = ("index.csv",)
    layout = "PLAYER/NUMBER.note and index.csv"

    def files(self, home: Path) -> Iterable[LabelledFile]:
        for line in table(home / "index.csv", ("file", "pitch")):
            yield LabelledFile(line["file"], line["pitch"], line["side"], line["player"])

    def listing(self, rows: list[Row], view: Any, *, test: bool) -> Listing:
        return Listing(rows, lambda path: path.name)


def written(root: Path, *lines: str, header: str = "file,pitch,side,player") -> Path:
    home = root / "notes"
    for line in LINES:
        path = home / line.partition(",")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"note {path.name}")
    (home / "index.csv").write_text("\n".join((header, *(lines or LINES))))
    return home


def test_listed_files_are_items_with_class_side_and_unit(tmp_path: Path) -> None:
    written(tmp_path)
    train, test = (getattr(Notes(), split)(tmp_path, None) for split in ("train", "test"))
    assert (list(train.item_ids), train.labels.tolist()) == (["a/1.note", "a/2.note", "b/3.note"], [0, 1, 0])
    assert (list(train.groups), list(test.groups)) == (["ann", "ann", "bob"], ["cid"])
    assert train[2].data == "3.note"
    status = Notes().status(tmp_path)
    assert (status.state, status.missing, status.bytes) == ("ready", (), 44)


def test_what_is_missing_is_counted_and_the_layout_is_named(tmp_path: Path) -> None:
    assert Notes().status(tmp_path).state == "absent"
    assert "as PLAYER/NUMBER.note and index.csv (see https://example.org)" in Notes().status(tmp_path).how
    home = written(tmp_path)
    whole = Notes().status(tmp_path).fingerprint
    (home / "a/2.note").unlink()
    (home / "b/4.note").write_bytes(b"")
    status = Notes().status(tmp_path)
    assert status.state == "partial" and status.fingerprint != whole
    assert status.missing == (
        "train: 1 of 3 files", "test: 1 of 1 files", "2 named files are not there or empty, such as a/2.note",
    )  # fmt: skip
    (home / "index.csv").unlink()
    assert Notes().status(tmp_path).state == "absent"
    with pytest.raises(BadInput, match=r"index\.csv does not exist"):
        Notes().train(tmp_path, None)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a/1.note,mid,train,ann", "label='mid'"), ("a/1.note,low,dev,ann", "split='dev'"),
        ("../1.note,low,train,ann", r"'\.\./1\.note'"), ("/etc/passwd,low,train,ann", "'/etc/passwd'"),
        (",low,train,ann", "path=''"), ("a/2.note,low,train,ann", "a path below .* that no other has"),
        ("a/1.note,low", "'side'"), ("a/1.note", "line 5 has no pitch"),
    ],
)  # fmt: skip
def test_a_damaged_line_is_named_and_makes_the_data_partial(tmp_path: Path, line: str, says: str) -> None:
    written(tmp_path, *LINES[1:], line)
    with pytest.raises(BadInput, match=says):
        Notes().train(tmp_path, None)
    status = Notes().status(tmp_path)
    assert (
        status.state == "partial" and len([text for text in status.missing if "below" in text or "line" in text]) == 1
    )


def test_a_list_that_says_nothing_of_its_columns_is_damaged(tmp_path: Path) -> None:
    written(tmp_path, header="path;class")
    with pytest.raises(BadInput, match="needs each of the columns file, pitch once"):
        Notes().train(tmp_path, None)


def test_names_are_the_same_on_every_system(tmp_path: Path) -> None:
    written(tmp_path, *(line.replace("a/1.note", r".\a\1.note") for line in LINES))
    assert Notes().train(tmp_path, None).item_ids[0] == "a/1.note"


def test_without_a_group_each_file_is_a_unit_of_its_own_and_units_stay_together() -> None:
    files = [LabelledFile(f"{label}/{number}.note", label) for label in ("low", "high") for number in range(9)]
    sides = {file.path: file.split for file in split_by_unit(files, "notes-1")}
    assert {(path.split("/")[0], side) for path, side in sides.items()} == {
        (label, side) for label in ("low", "high") for side in ("train", "test")
    }
    paired = split_by_unit([LabelledFile(f"{n}.note", "low", group=f"{n // 2}") for n in range(40)], "notes-1")
    assert all(first.split == second.split for first, second in zip(paired[::2], paired[1::2], strict=True))
    assert {file.split for file in paired} == {"train", "test"}


# --- without a stand-in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [ImageFileTarget, AudioFileTarget, VideoFileTarget])
def test_a_layout_of_ones_own_needs_no_stand_in(base: type) -> None:
    adapter = type("Own", (base,), {"info": INFO})()
    assert not has_stand_in(adapter)
    with pytest.raises(BadInput, match="notes has no generated stand-in; use its real data"):
        adapter.write_sample(Path("nowhere"), 0)


def test_who_writes_one_has_one() -> None:
    assert has_stand_in(
        type("Own", (ImageFileTarget,), {"info": INFO, "_write_sample": lambda self, home, seed: None})()
    )
    assert has_stand_in(
        type("Own", (ImageFileTarget,), {"info": INFO, "write_sample": lambda self, root, seed: None})()
    )
    assert has_stand_in(type("Own", (ImageFolderTarget,), {"info": INFO})())


def test_an_adapter_without_our_bases_has_one_if_it_has_the_method() -> None:
    class Plain:
        info = INFO

    assert not has_stand_in(Plain())  # type: ignore[arg-type]
    Plain.write_sample = lambda self, root, seed: None  # type: ignore[attr-defined]
    assert has_stand_in(Plain())  # type: ignore[arg-type]


def test_the_contract_skips_what_needs_data_and_holds_on_data_in_the_native_layout(tmp_path: Path) -> None:
    found = {item.name: item for item in check_adapter(Notes())}
    assert {name for name, item in found.items() if item.verdict == "skip"} == set(found) - set(NEEDS_NO_DATA)
    # Its class lives in a test, which no other process can import.
    assert [item for item in found.values() if item.verdict == "fail" and item.name != "quick import"] == []
    mark(written(tmp_path), "notes", 0)
    assert Notes().status(tmp_path).state == "ready"
    leaks = next(item for item in check_adapter(Notes(), tmp_path) if item.name == "no leak")
    assert leaks.verdict == "pass"


# --- folds -------------------------------------------------------------------------------------------------------


class Folded(Notes):
    """Files with a fold in place of a side."""

    info = replace(INFO, train_items=2, test_items=2, folds=3, fold_test_items=(2, 1, 1))

    def files(self, home: Path) -> Iterable[LabelledFile]:
        for line in table(home / "index.csv", ("file", "pitch")):
            yield LabelledFile(line["file"], line["pitch"], group=line["player"], fold=int(line["side"]))


IN_FOLDS = tuple(line.replace(",train,ann", ",1,ann").replace("train", "2").replace("test", "3") for line in LINES)


def test_a_file_is_tested_on_in_its_fold_and_trained_on_in_the_others(tmp_path: Path) -> None:
    written(tmp_path, *IN_FOLDS)
    status = Folded().status(tmp_path)
    assert (status.state, status.missing) == ("ready", ())
    names = {"a/1.note", "a/2.note", "b/3.note", "b/4.note"}
    for fold, tested in ((1, {"a/1.note", "a/2.note"}), (2, {"b/3.note"}), (3, {"b/4.note"})):
        train, test = (getattr(Folded(), split)(tmp_path, None, fold) for split in ("train", "test"))
        assert (set(test.item_ids), set(train.item_ids)) == (tested, names - tested)
    with pytest.raises(BadInput, match="fold"):
        Folded().test(tmp_path, None, 4)


@pytest.mark.parametrize("fold", ["0", "4", "-1"])
def test_a_fold_that_does_not_exist_is_damage(tmp_path: Path, fold: str) -> None:
    written(tmp_path, *IN_FOLDS[:3], IN_FOLDS[3].replace(",3,", f",{fold},"))
    status = Folded().status(tmp_path)
    assert status.state == "partial" and "a fold (1 to 3)" in status.missing[0]


def test_a_file_that_moves_to_another_fold_changes_the_fingerprint_and_is_counted(tmp_path: Path) -> None:
    written(tmp_path, *IN_FOLDS)
    before = Folded().status(tmp_path)
    written(tmp_path, *IN_FOLDS[:2], IN_FOLDS[2], IN_FOLDS[3].replace(",3,", ",2,"))
    after = Folded().status(tmp_path)
    assert after.state == "partial" and after.fingerprint != before.fingerprint
    assert {text.partition(":")[0] for text in after.missing} == {"test of fold 2", "test of fold 3"}


def test_units_keep_together_in_the_folds_that_names_decide() -> None:
    files = [LabelledFile(f"{unit}/{number}", "low", group=f"{unit}") for unit in range(9) for number in range(3)]
    found = folds_by_unit(files, "notes-1", 3)
    assert [file.path for file in found] == [file.path for file in files]
    assert all(len({file.fold for file in found if file.group == f"{unit}"}) == 1 for unit in range(9))
    assert [sum(file.fold == fold for file in found) for fold in (1, 2, 3)] == [9, 9, 9]
