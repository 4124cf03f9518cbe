"""Complete official data pass the contract; lists that are cut, mixed up or written otherwise do not pass for them."""

import shutil
from hashlib import sha256

import pytest

from modalities.contract.checks import check, small_view
from modalities.contract.subject import Subject
from modalities.errors import BadInput
from modalities.registry import target
from modalities.video.targets.hmdb51 import LISTS
from tests.support import complete_videos

VIEW = small_view("video")
CHECKS = ("status", "labels", "sizes", "item ids", "no leak", "folds")
UCF, HMDB = target("ucf101"), target("hmdb51")
UCF_LISTS = "ucf101/ucfTrainTestlist"
WAVE = f"hmdb51/{LISTS}/wave_test_split1.txt"


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    root = tmp_path_factory.mktemp("complete")
    complete_videos.ucf101(root)
    complete_videos.hmdb51(root)
    return root


def splits(adapter, root):
    return adapter.train(root, VIEW), adapter.test(root, VIEW)


def described(data):
    """Ids, labels and leak units of both sides, as a hash so that a difference is not printed item by item."""
    text = repr([[*zip(half.item_ids, half.labels.tolist(), half.groups, strict=True)] for half in data])
    return sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def original(complete):
    """Fingerprint and items of each target in the official layout."""
    names = ("ucf101", "hmdb51")
    return {
        name: (target(name).status(complete).fingerprint, described(splits(target(name), complete))) for name in names
    }


@pytest.fixture
def change(complete):
    """Returns a function that rewrites a list for the length of a test."""
    before = {}

    def rewrite(file, change):
        path = complete / file
        before.setdefault(path, path.read_bytes())
        path.write_bytes(change(path.read_bytes()))
        return complete

    yield rewrite
    for path, content in before.items():
        path.write_bytes(content)


@pytest.mark.parametrize("name", ["ucf101", "hmdb51"])
@pytest.mark.parametrize("item", CHECKS)
def test_complete_official_data_pass_the_contract(complete, name, item):
    result = check(Subject(target(name), complete, VIEW), item)
    assert result.verdict == "pass", result.detail


def test_every_split_has_its_official_size(complete):
    sizes = {fold: (len(UCF.train(complete, VIEW, fold)), len(UCF.test(complete, VIEW, fold))) for fold in (1, 2, 3)}
    assert sizes == {1: (9_537, 3_783), 2: (9_586, 3_734), 3: (9_624, 3_696)}
    assert {(len(HMDB.train(complete, VIEW, fold)), len(HMDB.test(complete, VIEW, fold))) for fold in (1, 2, 3)} == {
        (3_570, 1_530)
    }


def test_a_film_on_both_sides_of_two_classes_is_one_leak_unit_in_each(complete):
    films = [{group for group in data.groups if "Boondock" in group} for data in (
        HMDB.train(complete, VIEW), HMDB.test(complete, VIEW),
    )]  # fmt: skip
    assert all(films) and not films[0] & films[1]
    assert {group.partition("/")[2] for group in films[0] | films[1]} == {"TheBoondockSaints"}


def first_lines(number):
    return lambda content: b"".join(content.splitlines(keepends=True)[:number])


@pytest.mark.parametrize(("name", "file", "lines", "missing"), [
    ("ucf101", f"{UCF_LISTS}/testlist01.txt", 12, "the test list of split 1 names 12 of 3,783 videos"),
    ("ucf101", f"{UCF_LISTS}/testlist03.txt", 3_695, "the test list of split 3 names 3,695 of 3,696 videos"),
    ("ucf101", f"{UCF_LISTS}/trainlist02.txt", 100, "the training list of split 2 names 100 of 9,586 videos"),
    ("ucf101", f"{UCF_LISTS}/testlist02.txt", 0, "the test list of split 2 names 0 of 3,734 videos"),
    ("hmdb51", WAVE, 5, "the training list of wave in split 1 names 0 of 70 videos"),
])  # fmt: skip
def test_a_list_that_is_cut_short_is_not_ready(change, name, file, lines, missing):
    status = target(name).status(change(file, first_lines(lines)))
    assert status.state == "partial"
    assert missing in status.missing


def test_a_list_that_moves_test_clips_into_training_is_not_ready(change):
    root = change(WAVE, lambda content: content.replace(b" 2 \n", b" 1 \n", 3))
    status = HMDB.status(root)
    assert status.state == "partial"
    assert status.missing[:2] == (
        "the training list of wave in split 1 names 73 of 70 videos",
        "the test list of wave in split 1 names 27 of 30 videos",
    )


@pytest.mark.parametrize(("name", "file", "harm"), [
    ("ucf101", "trainlist01.txt", lambda content: content + b"YoYo/v_YoYo_g01_c01.avi 101\r\n"),
    ("ucf101", "trainlist01.txt", lambda content: content + b"yoyo\\V_YOYO_G01_C01.AVI 101\r\n"),
    ("ucf101", "testlist01.txt", lambda content: content + content.splitlines(keepends=True)[0]),
    ("hmdb51", "wave_test_split1.txt", lambda content: content + content.replace(b" 2 \n", b" 1 \n")),
])  # fmt: skip
def test_a_clip_that_is_named_on_both_sides_or_twice_is_refused(change, name, file, harm):
    root = change(f"{UCF_LISTS if name == 'ucf101' else f'hmdb51/{LISTS}'}/{file}", harm)
    for side in (target(name).train, target(name).test):
        with pytest.raises(
            BadInput, match=rf"is named twice, in .*list.* for the (training|test) list .*{file}|{file}"
        ):
            side(root, VIEW)
    status = target(name).status(root)
    assert status.state == "partial" and any("is named twice" in text for text in status.missing)


SPELLINGS = {
    "byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "LF": lambda content: content.replace(b"\r\n", b"\n"),
    "CRLF": lambda content: content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "current folder": lambda content: b"".join(b"./" + line for line in content.splitlines(keepends=True)),
    "backslashes": lambda content: content.replace(b"/", b"\\"),
    "upper case": lambda content: content.upper(),
    "blanks": lambda content: b"\n".join(b"  " + line + b"  " for line in content.splitlines()) + b"\n\n",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(("name", "files"), [
    ("ucf101", [f"{UCF_LISTS}/{side}list01.txt" for side in ("train", "test")]), ("hmdb51", [WAVE]),
])  # fmt: skip
def test_lists_that_are_written_otherwise_name_the_same_items(complete, original, change, name, files, spelling):
    for file in files:
        change(file, SPELLINGS[spelling])
    assert target(name).status(complete).state == "ready"
    assert described(splits(target(name), complete)) == original[name][1]


@pytest.mark.parametrize("line", ["../YoYo/v_YoYo_g01_c01.avi", "/etc/YoYo/a.avi", "YoYo/v_YoYo_g01_c0", "YoYo"])
def test_an_entry_that_names_no_clip_is_quoted(change, line):
    root = change(f"{UCF_LISTS}/testlist01.txt", lambda content: content + line.encode())
    with pytest.raises(BadInput, match=r"testlist01\.txt holds the line '.*YoYo.*', which is not UCF101's"):
        UCF.test(root, VIEW)
    assert any(line in text for text in UCF.status(root).missing)


def test_entries_without_a_file_are_counted_and_named_and_left_out(complete, change):
    before = UCF.test(complete, VIEW).item_ids
    root = change(f"{UCF_LISTS}/testlist01.txt", lambda content: content.replace(b"YoYo_g01_c01", b"YoYo_g01_c77"))
    status = UCF.status(root)
    assert (status.state, status.missing) == ("partial", ("1 videos, such as YoYo/v_YoYo_g01_c77.avi",))
    assert set(before) - set(UCF.test(root, VIEW).item_ids) == {"v_YoYo_g01_c01"}
    assert "v_YoYo_g01_c01" not in UCF.train(root, VIEW).item_ids


def test_an_empty_clip_counts_as_missing(complete):
    path = UCF.test(complete, VIEW).rows[7].where
    path.write_bytes(b"")
    try:
        assert UCF.status(complete).missing == (f"1 videos, such as {path.parent.name}/{path.name}",)
        assert path.stem not in UCF.test(complete, VIEW).item_ids
    finally:
        path.write_bytes(b"clip")


UCF_LAYOUTS = {
    "a capital folder": {"ucf101": "UCF101"},
    "lists in the folder that unzipping makes": {
        UCF_LISTS: "ucf101/UCF101TrainTestSplits-RecognitionTask/ucfTrainTestlist"
    },
    "lists twice nested": {UCF_LISTS: "ucf101/ucfTrainTestlist/ucfTrainTestlist"},
    "lists without a folder": {UCF_LISTS: "ucf101"},
    "lists in the root": {UCF_LISTS: "UCF101TrainTestSplits-RecognitionTask/ucfTrainTestlist"},
    "videos and annotations": {UCF_LISTS: "ucf101/annotations", "ucf101/UCF-101": "ucf101/videos"},
    "an archive's own folder": {"ucf101/UCF-101": "ucf101/UCF101/UCF-101"},
    "both in the root": {"ucf101/UCF-101": "UCF101", UCF_LISTS: "ucfTrainTestlist"},
    "another spelling of a class": {"ucf101/UCF-101/HandstandPushups": "ucf101/UCF-101/HandStandPushups"},
}
HMDB_LAYOUTS = {
    "a capital folder": {"hmdb51": "HMDB51"},
    "lists in the folder that unpacking makes": {f"hmdb51/{LISTS}": f"hmdb51/test_train_splits/{LISTS}"},
    "lists without a folder": {f"hmdb51/{LISTS}": "hmdb51"},
    "annotations": {f"hmdb51/{LISTS}": "hmdb51/annotations"},
    "lists in the root": {f"hmdb51/{LISTS}": LISTS},
}


@pytest.fixture
def move(complete):
    """Returns a function that renames for the length of a test; what goes onto a folder goes into it."""
    done = []

    def rename(old, new):
        new.parent.mkdir(parents=True, exist_ok=True)
        done.append((old, new))
        old.rename(new)

    def moves(names):
        for old, new in names.items():
            aside = complete / "aside"
            rename(complete / old, aside)
            if (complete / new).is_dir():
                for path in list(aside.iterdir()):
                    rename(path, complete / new / path.name)
            else:
                rename(aside, complete / new)
        return complete

    yield moves
    for old, new in reversed(done):
        old.parent.mkdir(parents=True, exist_ok=True)
        new.rename(old)


@pytest.mark.parametrize(
    ("name", "layout"), [*(("ucf101", name) for name in UCF_LAYOUTS), *(("hmdb51", name) for name in HMDB_LAYOUTS)]
)
def test_layouts_that_downloads_leave_behind_hold_the_same_data(original, move, name, layout):
    root = move((UCF_LAYOUTS if name == "ucf101" else HMDB_LAYOUTS)[layout])
    adapter, (fingerprint, items) = target(name), original[name]
    status = adapter.status(root)
    assert (status.state, status.missing, status.fingerprint) == ("ready", (), fingerprint)
    data = splits(adapter, root)
    assert described(data) == items
    assert all(row.where.is_file() for half in data for row in half.rows)


@pytest.mark.parametrize("kind", ["a folder in each class", "one folder for all"])
def test_clips_are_found_however_their_archives_were_unpacked(complete, original, move, kind):
    moves = {}
    for path in complete.glob("hmdb51/*/*.avi"):
        inner = f"hmdb51/hmdb51_org/{path.parent.name}/{path.parent.name}" if "each" in kind else "hmdb51/hmdb51_org"
        moves[path.relative_to(complete)] = f"{inner}/{path.name}"
    root = move(moves)
    status = HMDB.status(root)
    assert (status.state, status.fingerprint) == ("ready", original["hmdb51"][0])
    assert described(splits(HMDB, root)) == original["hmdb51"][1]


def test_frames_beside_the_clips_are_not_taken_for_them(move):
    root = move({"ucf101/UCF-101": "ucf101/videos"})
    frames = root / "ucf101" / "rawframes" / "YoYo" / "v_YoYo_g01_c01"
    frames.mkdir(parents=True)
    (frames / "img_00001.jpg").write_bytes(b"frame")
    try:
        assert UCF.status(root).state == "ready"
    finally:
        shutil.rmtree(root / "ucf101" / "rawframes")


def test_clips_that_lack_are_named_with_the_layout_that_is_read(move):
    root = move({"ucf101/UCF-101": "elsewhere"})
    status = UCF.status(root)
    assert status.state == "partial"
    assert status.missing == ("13,320 videos, such as ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi",)
    assert f"{root}/ucf101/UCF-101/ApplyEyeMakeup/*.avi" in status.how
