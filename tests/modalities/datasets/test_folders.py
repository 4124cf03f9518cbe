"""Targets that are folders of files: by class folder or by table, counted without being read."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from modalities.audio.folder import AudioFolderTarget
from modalities.base import TargetInfo
from modalities.contract.checks import check_adapter, small_view
from modalities.datasets.file_table import TABLE
from modalities.datasets.folders import FolderTarget
from modalities.datasets.listing import Listing, Row
from modalities.errors import BadInput
from modalities.image.folder import ImageFolderTarget
from modalities.video.folder import VideoFolderTarget


def info(modality: Any = "audio", classes: tuple[str, ...] = ("low", "high")) -> TargetInfo:
    return TargetInfo(
        name="notes", title="Notes", modality=modality, classes=classes, train_items=3, test_items=1,
        licence="not stated", citation="@misc{notes, title={Notes}}", homepage="https://example.org",
        download_bytes=0, leak_unit="player",
    )  # fmt: skip


class Notes(FolderTarget):
    """Files whose item is their name."""

    info = info()
    suffixes = (".note",)

    def listing(self, rows: list[Row], view: Any, *, test: bool) -> Listing:
        return Listing(rows, lambda path: path.name)


class Accented(Notes):
    """Its names have accents, which some systems store apart from their letters."""

    info = info(classes=("grêle", "high"))


TARGET = Notes()


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / "notes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def table(root: Path, *lines: str) -> None:
    (root / "notes" / TABLE).write_text("\n".join(lines) + "\n")


def test_a_file_has_the_label_of_its_folder_and_stands_for_itself(tmp_path: Path) -> None:
    put(tmp_path, "train/low/b.note", "train/low/a.note", "train/high/c.NOTE", "train/low/read.me", "test/high/a.note")
    train, test = TARGET.train(tmp_path, None), TARGET.test(tmp_path, None)
    assert list(train.item_ids) == ["train/low/a.note", "train/low/b.note", "train/high/c.NOTE"]
    assert (train.labels.tolist(), test.labels.tolist()) == ([0, 0, 1], [1])
    assert list(train.groups) == list(train.item_ids)
    assert train[2].data == "c.NOTE"


def test_a_table_places_files_wherever_they_lie_and_names_their_leak_unit(tmp_path: Path) -> None:
    put(tmp_path, "x/1.note", "x/2.note", "3.note", "x/4.note")
    lines = ("x/1.note,high,train,ada", "x/2.note,low,test,ben", "3.note,low,train,ada", "x/4.note,low,train,")
    table(tmp_path, "file,class,split,group", *lines)
    train, test = TARGET.train(tmp_path, None), TARGET.test(tmp_path, None)
    assert list(train.item_ids) == ["x/1.note", "3.note", "x/4.note"]
    assert list(train.groups) == ["ada", "ada", "x/4.note"]
    assert (train.labels.tolist(), test.labels.tolist()) == ([1, 0, 0], [0])


@pytest.mark.parametrize(
    "line",
    [
        "..\\\\1.note,low,train",
        "\\\\1.note,low,train",
        "../1.note,low,train",
        "/1.note,low,train",
        ",low,train",
        "1.note,middle,train",
        "1.note,low,validation",
    ],
)
def test_a_line_of_a_table_that_means_nothing_is_named(line: str, tmp_path: Path) -> None:
    put(tmp_path, "1.note", "2.note")
    table(tmp_path, "file,class,split", "2.note,low,test", line)
    with pytest.raises(BadInput, match=r"files\.csv line 3 needs a file below that folder, one of the 2 classes"):
        TARGET.train(tmp_path, None)


def test_what_is_missing_is_counted_split_by_split(tmp_path: Path) -> None:
    assert TARGET.status(tmp_path).state == "absent"
    with pytest.raises(BadInput, match=r"there are no files of notes below .* for the split 'train'"):
        TARGET.train(tmp_path, None)
    with pytest.raises(BadInput, match="notes cannot be downloaded by this program; put the files into"):
        TARGET.fetch(tmp_path)
    put(tmp_path, "train/low/a.note", "train/low/b.note")
    status = TARGET.status(tmp_path)
    assert (status.state, status.missing) == ("partial", ("train: 1 of 3 files", "test: 1 of 1 files"))
    put(tmp_path, "train/high/c.note", "test/low/d.note")
    status = TARGET.status(tmp_path)
    assert (status.state, status.missing, status.how) == ("ready", (), "")
    assert status.bytes == sum(
        map(len, ("train/low/a.note", "train/low/b.note", "train/high/c.note", "test/low/d.note"))
    )
    TARGET.fetch(tmp_path)


def test_the_fingerprint_is_that_of_names_labels_units_and_sizes(tmp_path: Path) -> None:
    put(tmp_path, "train/low/a.note", "train/low/b.note", "train/high/c.note", "test/low/d.note")
    names = ("train/low/a.note 0", "train/low/b.note 0", "train/high/c.note 1", "test/low/d.note 0")
    text = "".join(f"{name} {name.split()[0]} {len(name) - 2}\n" for name in names)
    assert TARGET.status(tmp_path).fingerprint == hashlib.sha256(text.encode()).hexdigest()
    (tmp_path / "notes/test/low/d.note").write_text("longer than it was before")
    assert TARGET.status(tmp_path).fingerprint != hashlib.sha256(text.encode()).hexdigest()


def test_a_file_that_a_table_lists_and_the_disk_lacks_is_missing(tmp_path: Path) -> None:
    put(tmp_path, "1.note")
    table(tmp_path, "file,class,split", "1.note,low,train", "2.note,low,train", "3.note,high,train", "4.note,low,test")
    absent = "files.csv names 3 files that are not there, such as 2.note"
    assert TARGET.status(tmp_path).missing == ("train: 2 of 3 files", "test: 1 of 1 files", absent)
    assert list(TARGET.train(tmp_path, None).item_ids) == ["1.note"]


def test_more_files_than_the_dataset_has_are_not_ready_either(tmp_path: Path) -> None:
    put(tmp_path, *(f"train/low/{n}.note" for n in range(4)), "test/low/d.note")
    status = TARGET.status(tmp_path)
    assert (status.state, status.missing) == ("partial", ("train: 4 files instead of 3",))


@pytest.mark.parametrize("suffixes", [(".note",), (".png",)])
def test_hidden_files_folders_with_a_media_suffix_links_to_nowhere_and_empty_files_are_no_items(
    tmp_path: Path, suffixes: tuple[str, ...]
) -> None:
    target: FolderTarget = Notes() if suffixes == (".note",) else Pictures()
    s = suffixes[0]
    good = [f"train/low/a{s}", f"train/low/b{s}", f"train/high/c{s}", f"test/low/d{s}"]
    put(tmp_path, *good, f"train/low/._a{s}", f"train/low/.b{s}", f"train/high/folder{s}/x.txt")
    home = tmp_path / "notes"
    (home / f"train/low/empty{s}").touch()
    (home / f"train/low/nowhere{s}").symlink_to("gone")
    (home / f"train/low/circle{s}").symlink_to(f"circle{s}")
    assert list(target.train(tmp_path, small_view("image")).item_ids) == good[:3]
    status = target.status(tmp_path)
    assert status.missing == (f"1 {target.unit} are empty, such as train/low/empty{s}",)
    (home / f"train/low/empty{s}").unlink()
    assert target.status(tmp_path).state == "ready"

    table(tmp_path, "file,class,split", *(f"{name},low,train" for name in good), f"train/low/._a{s},low,test")
    (home / f"train/low/b{s}").write_text("")
    assert list(target.train(tmp_path, small_view("image")).item_ids) == [good[0], *good[2:]]
    missing = f"files.csv names 2 {target.unit} that are not there, such as train/low/b{s}"
    assert target.status(tmp_path).missing == (f"test: 1 of 1 {target.unit}", missing)


def test_an_empty_file_that_is_filled_later_is_an_item(tmp_path: Path) -> None:
    put(tmp_path, "train/low/a.note", "train/low/b.note", "test/low/d.note")
    late = tmp_path / "notes/train/high/c.note"
    late.parent.mkdir()
    late.touch()
    for folder in (tmp_path / "notes").rglob("*/*"):
        os.utime(folder, (10**9, 10**9))  # long ago, so that the index is kept
    before = TARGET.status(tmp_path)
    assert before.state == "partial" and before.missing[1] == "1 files are empty, such as train/high/c.note"
    late.write_text("c")
    after = TARGET.status(tmp_path)
    assert (after.state, len(TARGET.train(tmp_path, None))) == ("ready", 3)
    assert after.fingerprint != before.fingerprint


@pytest.mark.parametrize(
    "text",
    [
        "\ufefffile,class,split,group\r\nx/1.note,high,train,ada\r\n2.note,low,test,ben\r\n",
        " File , CLASS,Split ,Group\n x/1.note , high ,train , ada \n\n2.note,low,test,ben\n ,,,\n",
        "file,class,split,group\n./x\\1.note,high,train,ada\n.\\2.note,low,test,ben\n",
        '"split", "group", "file", "class"\ntrain, ada, "x//1.note", "high"\ntest, ben, 2.note, low, and more\n',
    ],
)
def test_a_table_is_read_as_spreadsheets_write_it(text: str, tmp_path: Path) -> None:
    put(tmp_path, "x/1.note", "2.note")
    (tmp_path / "notes" / TABLE).write_bytes(text.encode())
    train, test = TARGET.train(tmp_path, None), TARGET.test(tmp_path, None)
    assert [*train.rows, *test.rows] == [
        (tmp_path / "notes/x/1.note", 1, "x/1.note", "ada"), (tmp_path / "notes/2.note", 0, "2.note", "ben"),
    ]  # fmt: skip


@pytest.mark.parametrize("again", ["a.note,low,train", "a.note,high,train", "./a.note,low,test", ".\\a.note,low,train"])
def test_a_file_that_is_listed_twice_is_refused_with_both_lines(again: str, tmp_path: Path) -> None:
    put(tmp_path, "a.note", "b.note")
    table(tmp_path, "file,class,split", "a.note,low,train", "", "b.note,low,test", again)
    with pytest.raises(BadInput, match=r"files\.csv line 5 lists a\.note again, after line 2; delete one of them"):
        TARGET.test(tmp_path, None)


@pytest.mark.parametrize(
    "content", [b"", b"file;class;split\n", b"file,class\n1.note,low\n", b"\xff\xfef\x00i\x00", b"<html>"]
)
def test_a_users_own_table_that_cannot_be_read_is_to_be_corrected_not_fetched(content: bytes, tmp_path: Path) -> None:
    put(tmp_path, "1.note")
    (tmp_path / "notes" / TABLE).write_bytes(content)
    with pytest.raises(BadInput, match=r"files\.csv .*; correct it, as a table in UTF-8 with commas") as caught:
        TARGET.train(tmp_path, None)
    assert "fetch" not in str(caught.value)


class Pictures(ImageFolderTarget):
    info = info("image")


def pictures(root: Path, *names: str) -> str:
    """Write pictures; return what the fingerprint hashes of them."""
    put(root, *names)
    for name in names:
        Image.new("RGB", (9, 8)).save(root / "notes" / name, "PNG")
    return "".join(f"{name} {(root / 'notes' / name).stat().st_size}\n" for name in names)


def test_the_fingerprint_of_pictures_in_class_folders_is_that_of_names_and_sizes(tmp_path: Path) -> None:
    names = ("train/low/a.png", "train/low/b.png", "train/high/c.png", "test/low/d.png")
    text, target = pictures(tmp_path, *names), Pictures()
    assert list(target.train(tmp_path, small_view("image")).item_ids) == list(names[:3])
    status = target.status(tmp_path)
    assert (status.state, status.fingerprint) == ("ready", hashlib.sha256(text.encode()).hexdigest())


def test_pictures_are_read_from_a_table_like_sounds_and_clips(tmp_path: Path) -> None:
    names = ("x/1.png", "2.png", "x/3.png", "4.png")
    pictures(tmp_path, *names)
    lines = ("x/1.png,high,train,ada", "2.png,low,train,ada", "x/3.png,low,train,", "4.png,high,test,ben")
    table(tmp_path, "file,class,split,group", *lines)
    target = Pictures()
    train, test = (split(tmp_path, small_view("image")) for split in (target.train, target.test))
    assert (list(train.item_ids), list(train.groups)) == (list(names[:3]), ["ada", "ada", "x/3.png"])
    assert (train.labels.tolist(), test.labels.tolist()) == ([1, 0, 0], [1])
    assert train[0].data.shape[:2] == (1, 3)
    before = target.status(tmp_path)
    table(tmp_path, "file,class,split,group", *lines[:3], "4.png,high,test,eve")
    after = target.status(tmp_path)
    assert (before.state, after.state) == ("ready", "ready")
    assert before.fingerprint != after.fingerprint, "the table's leak units enter the fingerprint"


def test_a_damaged_table_leaves_the_data_partial_and_is_named(tmp_path: Path) -> None:
    put(tmp_path, "1.note")
    table(tmp_path, "file,class,split", "1.note,middle,train")
    status = TARGET.status(tmp_path)
    assert status.state == "partial"
    assert "files.csv line 2" in status.missing[0]


class Sounds(AudioFolderTarget):
    sample_items = (6, 3)


class Clips(VideoFolderTarget):
    sample_groups = (4, 2)


@pytest.mark.parametrize("modality", ["audio", "video"])
def test_more_classes_than_a_stand_in_can_show_still_keep_the_contract(modality: str) -> None:
    adapter = Sounds() if modality == "audio" else Clips()
    adapter.info = info(modality, tuple(f"class{i}" for i in range(15)))
    failed = [found for found in check_adapter(adapter) if found.verdict == "fail" and found.name != "quick import"]
    assert failed == []


def test_stand_in_sounds_are_the_same_for_a_seed_and_others_for_another(tmp_path: Path) -> None:
    adapter = Sounds()
    adapter.info = info()
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        adapter.write_sample(tmp_path / name, seed)
    one, same, other = (adapter.test(tmp_path / name, small_view("audio"))[4].data for name in ("one", "same", "other"))
    assert one.equal(same) and not one.equal(other)


def test_a_target_with_the_former_name_of_instructions_is_refused() -> None:
    with pytest.raises(BadInput, match=r"Old defines how\(\), which is now called instructions\(\); rename the method"):

        class Old(FolderTarget):
            def how(self, root: Path) -> str:
                return "ask the authors"


@pytest.mark.parametrize("listed", [False, True], ids=["folders", "table"])
def test_ids_order_and_fingerprint_do_not_depend_on_the_form_in_which_names_are_stored(
    tmp_path: Path, listed: bool
) -> None:
    found = []
    for form in ("NFC", "NFD"):
        root = tmp_path / form
        names = ["train/grêle/é.note", "train/grêle/f.note", "train/high/a.note", "test/high/z é.note"]
        put(root, *(unicodedata.normalize(form, name) for name in names))
        for path in root.rglob("*.note"):
            path.write_bytes(b"of one size")
        if listed:
            table(root, "file,class,split", *(f"{name},{name.split('/')[1]},{name.split('/')[0]}" for name in names))
        train, test = Accented().train(root, None), Accented().test(root, None)
        assert len(train) == 3, "every file can be opened"
        items = [(item.item_id, item.label) for split in (train, test) for item in split]
        found.append((items, list(train.item_ids), list(train.groups), Accented().status(root).fingerprint))
    assert found[0] == found[1]
    assert all(unicodedata.is_normalized("NFC", name) for name in found[0][1])
