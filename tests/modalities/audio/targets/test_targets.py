"""Spoken digits and Speech Commands: splits, labels and stand-ins in the native layout."""

import os
import pickle
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from modalities.audio.policies import AudioView
from modalities.audio.targets import _speechcommands as commands
from modalities.audio.targets import _speechcommands_words as names
from modalities.audio.targets import fsdd, speechcommands, speechcommands35
from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput

VIEW = AudioView(rate=8_000, mels=40)
TARGETS = [fsdd.TARGET, speechcommands.TARGET, speechcommands35.TARGET]
by_name = pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.info.name)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("targets")
    fsdd.TARGET.write_sample(folder, 0)
    speechcommands.TARGET.write_sample(folder, 0)
    return folder


@by_name
def test_the_stand_in_holds_every_class_in_both_splits_and_shares_no_leak_unit(target, root: Path) -> None:
    assert target.status(root).state == "ready"
    train, test = target.train(root, VIEW), target.test(root, VIEW)
    classes = range(len(target.info.classes))
    assert set(train.labels) == set(test.labels) == set(classes)
    assert 700 <= len(train) <= 1500 and 240 <= len(test) <= 500
    assert not set(train.groups) & set(test.groups)
    assert len(set(train.item_ids) | set(test.item_ids)) == len(train) + len(test)


@by_name
def test_items_are_raw_windows_that_survive_pickling(target, root: Path) -> None:
    data = target.test(root, AudioView(rate=8_000, mels=40, test_clips=3))
    item = pickle.loads(pickle.dumps(data))[5]
    assert item.data.shape == (3, 8_000) and str(item.data.dtype) == "torch.int16"
    assert item.label == data.labels[5] and item.item_id == data.item_ids[5]
    assert item.data.abs().max() > 500


@by_name
def test_an_empty_root_is_absent_and_says_what_to_do(target, tmp_path: Path) -> None:
    status = target.status(tmp_path)
    assert status.state == "absent" and status.fingerprint == "" and status.missing
    assert f"benchmark data fetch {target.info.name}" in status.how
    with pytest.raises(BadInput, match=f"benchmark data fetch {target.info.name}"):
        target.train(tmp_path, VIEW)


def test_a_stand_in_is_the_same_for_a_seed_and_marked(root: Path, tmp_path: Path) -> None:
    paths = (root, tmp_path / "same", tmp_path / "other")
    speechcommands35.TARGET.write_sample(tmp_path / "same", 0)
    speechcommands35.TARGET.write_sample(tmp_path / "other", 1)
    one, same, other = (sorted((place / commands.FOLDER / "yes").iterdir()) for place in paths)
    assert [path.name for path in one] == [path.name for path in same] != [path.name for path in other]
    assert one[0].read_bytes() == same[0].read_bytes()
    assert is_stand_in(root / "fsdd") and is_stand_in(root / commands.FOLDER)
    for path, rate in ((root / "fsdd" / "recordings" / "3_eve_7.wav", 8_000), (one[0], 16_000)):
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (rate, 1, "PCM_16")


def test_digits_are_split_by_their_index(root: Path) -> None:
    train, test = fsdd.TARGET.train(root, VIEW), fsdd.TARGET.test(root, VIEW)
    assert sorted({int(item.split("_")[2]) for item in test.item_ids}) == [0, 1, 2, 3, 4]
    assert min(int(item.split("_")[2]) for item in train.item_ids) == 5
    assert all(int(item[0]) == label for item, label in zip(test.item_ids, test.labels, strict=True))


def test_digits_are_found_under_the_repositorys_own_name(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "fsdd", tmp_path / "free-spoken-digit-dataset")
    assert fsdd.TARGET.status(tmp_path).state == "ready"
    assert list(fsdd.TARGET.test(tmp_path, VIEW).item_ids) == list(fsdd.TARGET.test(root, VIEW).item_ids)


def test_the_fingerprint_changes_with_names_and_sizes_alone(tmp_path: Path) -> None:
    one, two, empty = (tmp_path / name for name in ("one", "two", "empty"))
    for folder in (one, two):
        (folder / "fsdd" / "recordings").mkdir(parents=True)
        (folder / "fsdd" / "recordings" / "0_theo_0.wav").write_bytes(b"123")
    (two / "fsdd" / "recordings" / "notes.txt").write_text("no sound")
    first = fsdd.TARGET.status(one)
    assert (first.fingerprint, first.bytes) == (fsdd.TARGET.status(two).fingerprint, 3)
    (two / "fsdd" / "recordings" / "0_theo_1.wav").write_bytes(b"1")
    assert fsdd.TARGET.status(two).fingerprint != first.fingerprint
    assert fsdd.TARGET.status(empty).fingerprint == ""


def test_missing_digits_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "fsdd" / "recordings"
    folder.mkdir(parents=True)
    for take in range(7):
        soundfile.write(folder / f"1_theo_{take}.wav", np.zeros(10), 8_000)
    status = fsdd.TARGET.status(tmp_path)
    assert status.state == "partial" and status.missing == ("2,993 of 3,000 recordings",)


def test_missing_parts_of_speech_commands_are_named(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / commands.FOLDER
    shutil.copytree(root / commands.FOLDER, folder)
    (folder / "STAND-IN.json").unlink()
    (folder / "testing_list.txt").unlink()
    status = speechcommands.TARGET.status(tmp_path)
    found = len(list(folder.glob("[a-z]*/*.wav")))
    assert status.state == "partial"
    assert status.missing == ("testing_list.txt", f"{105_829 - found:,} of 105,829 recordings")


def test_the_official_lists_decide_the_split(root: Path) -> None:
    folder = root / commands.FOLDER
    validation, testing = (set((folder / f"{name}_list.txt").read_text().split()) for name in ("validation", "testing"))
    train, test = (getattr(speechcommands35.TARGET, split)(root, VIEW) for split in ("train", "test"))
    assert set(test.item_ids) == testing
    everything = {f"{path.parent.name}/{path.name}" for path in folder.glob("[a-z]*/*.wav")}
    assert set(train.item_ids) == everything - validation - testing
    assert all(item.split("/")[0] == names.WORDS[label] for item, label in zip(test.item_ids, test.labels, strict=True))


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """The folder of a copy of Speech Commands' stand-in, below ``tmp_path``."""
    shutil.copytree(root / commands.FOLDER, tmp_path / commands.FOLDER)
    return tmp_path / commands.FOLDER


def sides(root: Path) -> dict[str, list[str]]:
    return {split: list(getattr(speechcommands35.TARGET, split)(root, VIEW).item_ids) for split in ("train", "test")}


@pytest.mark.parametrize("form", ["./{}", ".\\{}", " {} ", "{}\r", "\ufeff{}", ".//{}", "\n{}\n"])
def test_entries_of_lists_are_normalised(form: str, root: Path, copy: Path, tmp_path: Path) -> None:
    for file in names.LISTS.values():
        entries = (copy / file).read_text().splitlines()
        slashes = (entry.replace("/", "\\") if "\\" in form else entry for entry in entries)
        first, *others = (form.format(entry) for entry in slashes)
        text = "\n".join([first, *(other.replace("\ufeff", "") for other in others)])
        (copy / file).write_bytes(text.encode())
    assert sides(tmp_path) == sides(root)


@pytest.mark.parametrize("kept", [1, 12])
@pytest.mark.parametrize("file", names.LISTS.values())
def test_what_a_cut_list_no_longer_names_never_trains(
    file: str, kept: int, root: Path, copy: Path, tmp_path: Path
) -> None:
    (copy / file).write_text("\n".join((copy / file).read_text().splitlines()[:kept]))
    after = sides(tmp_path)
    assert after["train"] == sides(root)["train"]
    assert after["test"] == [
        item for item in sides(root)["test"] if file != "testing_list.txt" or item in after["test"]
    ]
    (copy / "STAND-IN.json").unlink()
    known = {"testing_list.txt": "11,005", "validation_list.txt": "9,981"}[file]
    status = speechcommands35.TARGET.status(tmp_path)
    assert status.state == "partial" and f"list {file} names {kept} of {known} recordings" in status.missing


def test_the_rule_is_that_of_the_datasets_own_readme() -> None:
    # Speakers of the published testing_list.txt, and of training files.
    for name in [
        "2aa787cf",
        "ffa76c4a",
        "24ad3ebe",
        "d7467392",
        "5828dfa2",
        "91223b83",
        "f0ae7203",
        "37dca74f",
        "48a8a69d",
        "022cd682",
    ]:
        assert names.published_side(name) == "test"
    for name in [
        "01b4757a",
        "042a8dde",
        "07089da9",
        "0819edb0",
        "0b09edd3",
        "0ba018fc",
        "129c7d8d",
        "14c7b073",
        "1afd49bf",
        "256c0a05",
    ]:
        assert names.published_side(name) == "train"


def test_whole_lists_decide_alone(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = {split: (copy / file).read_text().splitlines() for split, file in names.LISTS.items()}
    moved = lists["test"].pop()
    (copy / names.LISTS["test"]).write_text("\n".join(lists["test"]))
    assert moved not in [*sides(tmp_path)["train"], *sides(tmp_path)["test"]]
    monkeypatch.setattr(commands, "LISTED", {split: len(items) for split, items in lists.items()})
    assert moved in sides(tmp_path)["train"]


def test_entries_that_match_no_file_are_named(copy: Path, tmp_path: Path) -> None:
    first = (copy / "testing_list.txt").read_text().split()[0]
    (copy / first).unlink()
    status = speechcommands.TARGET.status(tmp_path)
    assert status.state == "partial"
    assert status.missing == (f"testing_list.txt names 1 recordings that are not there, such as {first}",)


@pytest.mark.parametrize(
    "line", ["yes", "house/x/y.wav", "../yes/a.wav", "/yes/a.wav", "Yes/a.wav", "yes/a.mp3", "speech/yes/a.wav"]
)
def test_an_entry_that_is_none_of_the_datasets_is_refused(line: str, copy: Path, tmp_path: Path) -> None:
    with (copy / "testing_list.txt").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(BadInput, match=r"testing_list\.txt holds '.*', which is not WORD/FILE\.wav; fetch it again"):
        speechcommands.TARGET.train(tmp_path, VIEW)
    assert "which is not WORD/FILE.wav" in speechcommands.TARGET.status(tmp_path).missing[0]


def test_a_recording_in_both_lists_is_refused(copy: Path, tmp_path: Path) -> None:
    shutil.copy(copy / "testing_list.txt", copy / "validation_list.txt")
    with pytest.raises(BadInput, match=r"both name .*\.wav; fetch the two lists again"):
        speechcommands.TARGET.train(tmp_path, VIEW)


@pytest.mark.parametrize("split", ["train", "test"])
def test_unknown_and_silence_are_a_tenth_of_the_commands_each_and_of_the_same_split(split: str, root: Path) -> None:
    data = getattr(speechcommands.TARGET, split)(root, VIEW)
    counts = np.bincount(data.labels, minlength=12)
    assert counts[10] == counts[11] == np.ceil(counts[:10].sum() / 10)
    unknown = [item for item, label in zip(data.item_ids, data.labels, strict=True) if label == 11]
    assert {item.split("/")[0] for item in unknown} <= set(names.OTHERS)
    assert set(unknown) <= set(getattr(speechcommands35.TARGET, split)(root, VIEW).item_ids)


def test_the_published_sizes_follow_from_the_rule_for_made_up_classes() -> None:
    # 30,769 and 4,074 recordings of the ten commands are in the official training and test lists.
    for words, items in (
        (30_769, speechcommands.TARGET.info.train_items),
        (4_074, speechcommands.TARGET.info.test_items),
    ):
        assert words + 2 * int(np.ceil(0.1 * words)) == items


def test_silence_of_training_and_test_never_overlaps(root: Path) -> None:
    def stretches(data) -> list[tuple[str, float, float]]:
        return [
            (row.where.path.name, row.where.start, row.where.start + row.where.seconds)
            for row in data.rows
            if row.label == 10
        ]

    train, test = (stretches(getattr(speechcommands.TARGET, split)(root, VIEW)) for split in ("train", "test"))
    assert {name for name, *_ in train} == {name for name, *_ in test}
    for name in {name for name, *_ in train}:
        assert max(end for file, _, end in train if file == name) <= min(
            start for file, start, _ in test if file == name
        )
    assert len(set(train)) == len(train) and len(set(test)) == len(test)


def test_real_digits_have_their_official_sizes(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = os.environ.get("BENCHMARK_REAL_DATA")
    if not data:
        pytest.skip("BENCHMARK_REAL_DATA names no folder with fsdd.tar.xz")
    folder = tmp_path_factory.mktemp("real")
    subprocess.run(["tar", "-xJf", Path(data) / "fsdd.tar.xz", "-C", folder], check=True)
    assert fsdd.TARGET.status(folder).state == "ready"
    train, test = fsdd.TARGET.train(folder, VIEW), fsdd.TARGET.test(folder, VIEW)
    assert (len(train), len(test)) == (fsdd.TARGET.info.train_items, fsdd.TARGET.info.test_items)
    assert np.bincount(train.labels).tolist() == [270] * 10 and np.bincount(test.labels).tolist() == [30] * 10
