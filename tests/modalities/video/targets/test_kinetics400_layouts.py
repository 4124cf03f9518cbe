"""Kinetics-400 as its archives, downloaders and mirrors leave it: the same videos with the same labels."""

import shutil

import pytest

from modalities.errors import BadInput
from modalities.registry import target
from modalities.video.policies import VideoView
from modalities.video.targets import kinetics400
from modalities.video.targets.kinetics400 import CLASSES, folder_name

KINETICS, VIEW = target("kinetics400"), VideoView(size=32, resize=36)
SHOWN = ("abseiling", "massaging person's head", "passing American football (in game)", "zumba")
HEADER = "label,youtube_id,time_start,time_end,split\n"
PARTS = {"train": 6, "val": 4}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A complete copy in the documented layout, of a dataset that has 24 videos to train and 16 to test on."""
    monkeypatch.setattr(kinetics400, "LISTED", {part: 4 * number for part, number in PARTS.items()})
    home = tmp_path / "kinetics400"
    (home / "annotations").mkdir(parents=True)
    for part, videos in PARTS.items():
        text = HEADER
        for label in SHOWN:
            (home / part / folder_name(label)).mkdir(parents=True)
            for number in range(videos):
                name = f"-{part}_{label[:2]}{number}"
                text += f"{label},{name},{number},{number + 10},{part}\n"
                (home / part / folder_name(label) / f"{name}_{number:06}_{number + 10:06}.mp4").write_bytes(b"film")
        (home / "annotations" / f"{part}.csv").write_text(text)
    return home


def described(root):
    return [
        [(row.label, row.item_id, row.group) for row in split(root, VIEW).rows]
        for split in (KINETICS.train, KINETICS.test)
    ]


def flat(home):
    for path in list(home.glob("*/*/*.mp4")):
        path.rename(path.parents[1] / path.name)
        if not any(path.parent.iterdir()):
            path.parent.rmdir()


def full_names(home):
    for part in PARTS:
        for label in SHOWN:
            (home / part / folder_name(label)).rename(home / part / label)


def lower_case(home):
    for part in PARTS:
        for label in SHOWN:
            aside = (home / part / folder_name(label)).rename(home / part / "aside")
            aside.rename(home / part / folder_name(label).lower())


def one_tree(home):
    for part in PARTS:
        for label in SHOWN:
            (home / "videos" / label).mkdir(parents=True, exist_ok=True)
            for path in (home / part / folder_name(label)).iterdir():
                path.rename(home / "videos" / label / path.name)
        shutil.rmtree(home / part)


def suffixes(home):
    for number, path in enumerate(sorted(home.glob("*/*/*.mp4"))):
        path.rename(path.with_suffix((".mp4", ".mkv", ".webm", ".avi", ".mp4.mkv", ".MP4")[number % 6]))


def renamed(**names):
    def rename(home):
        for old, new in names.items():
            old = old.replace("__", "/").replace("csv", ".csv")
            (home / new).parent.mkdir(parents=True, exist_ok=True)
            (home / old).rename(home / new)

    return rename


LAYOUTS = {
    "flat": flat, "full names": full_names, "lower case": lower_case, "one tree": one_tree, "suffixes": suffixes,
    "tables beside": renamed(annotations__traincsv="train.csv", annotations__valcsv="val.csv"),
    "validate": renamed(annotations__valcsv="validate.csv", val="validate"),
    "archive": renamed(annotations__traincsv="kinetics400/train.csv", annotations__valcsv="kinetics400/validate.csv"),
    "prefixes": renamed(
        annotations__traincsv="annotations/kinetics_train.csv", annotations__valcsv="annotations/kinetics_val.csv",
        train="videos_train", val="videos_val",
    ),
    "crawler": renamed(
        annotations__traincsv="data/kinetics-400_train.csv", annotations__valcsv="data/kinetics-400_val.csv",
    ),
    "scaled": renamed(train="compress/train_256", val="compress/val_256"),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_that_downloads_leave_behind_hold_the_same_data(home, layout):
    root, before = home.parent, described(home.parent)
    LAYOUTS[layout](home)
    status = KINETICS.status(root)
    assert (status.state, status.missing) == ("ready", ())
    assert described(root) == before
    assert all(row.where.is_file() for row in KINETICS.test(root, VIEW).rows)


@pytest.mark.parametrize("name", ["Kinetics400", "kinetics-400", "k400", "kinetics"])
def test_the_folder_may_have_other_names(home, name):
    before = described(home.parent)
    home.rename(home.parent / name)
    assert KINETICS.status(home.parent).state == "ready"
    assert described(home.parent) == before


SPELLINGS = {
    "times with a point": lambda text: "\n".join(
        ",".join([*cells[:2], *(f"{cell}.0" for cell in cells[2:4]), *cells[4:]])
        if cells[2].isdigit()
        else ",".join(cells)
        for cells in (line.split(",") for line in text.splitlines())
    ),
    "byte order mark": lambda text: "\ufeff" + text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "header in capitals": lambda text: text.replace(HEADER, HEADER.upper()),
    "blanks": lambda text: text.replace(",", " , "),
    "quotes": lambda text: "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()),
    "another column": lambda text: text.replace("\n", ",0\n").replace("split,0", "split,is_cc"),
    "validate": lambda text: text.replace(",val\n", ",validate\n"),
    "wrong case": lambda text: text.replace("zumba", "Zumba").replace("American", "american"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_tables_that_are_written_otherwise_name_the_same_videos(home, spelling):
    before = described(home.parent)
    for table in (home / "annotations").iterdir():
        table.write_bytes(SPELLINGS[spelling](table.read_text()).encode())
    assert KINETICS.status(home.parent).state == "ready"
    assert described(home.parent) == before


@pytest.mark.parametrize(("row", "what"), [
    ("zumba,x,5.5,15.5,val", "names no video"), ("zumba,x,-1,9,val", "names no video"), ("zumba,,", "names no video"),
    ("zumba,-val_zu0,0,10,val", "names -val_zu0_000000_000010 again"),
    ("zumba,x,1,11,train", "is of the split 'train'"), ("zumba,x,1,11,test", "is of the split 'test'"),
])  # fmt: skip
def test_a_row_that_cannot_be_right_is_named(home, row, what):
    table = home / "annotations" / "val.csv"
    table.write_text(table.read_text() + row)
    with pytest.raises(BadInput, match=rf"val\.csv line 18 {what}"):
        KINETICS.test(home.parent, VIEW)


def test_the_training_table_does_not_pass_for_the_other(home):
    shutil.copy(home / "annotations" / "train.csv", home / "annotations" / "val.csv")
    with pytest.raises(BadInput, match=r"val\.csv line 2 is of the split 'train'"):
        KINETICS.test(home.parent, VIEW)


def test_a_video_of_both_tables_is_refused(home):
    for part in PARTS:
        table = home / "annotations" / f"{part}.csv"
        table.write_text(table.read_text() + f"zumba,both,1,11,{part}\n")
        (home / part / "zumba" / "both_000001_000011.mp4").write_bytes(b"film")
    for split in (KINETICS.train, KINETICS.test):
        with pytest.raises(BadInput, match=r"train\.csv and .*val\.csv both name the video both"):
            split(home.parent, VIEW)
    assert KINETICS.status(home.parent).state == "partial"


def test_a_table_that_is_cut_short_is_not_ready(home):
    table = home / "annotations" / "val.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:13]))
    status = KINETICS.status(home.parent)
    assert (status.state, status.missing) == ("partial", ("the val list names 12 of 16 videos",))
    assert len(KINETICS.test(home.parent, VIEW)) == 12
    assert set(KINETICS.test(home.parent, VIEW).labels) <= {CLASSES.index(label) for label in SHOWN}
