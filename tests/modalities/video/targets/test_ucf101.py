"""UCF101 on disk: official order of classes, three splits without shared groups, and what is said when data are bad."""

import re
import shutil
from collections import Counter

import numpy as np
import pytest

from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput
from modalities.registry import target
from modalities.video.policies import VideoView
from modalities.video.standins import render, write_clips
from modalities.video.targets.ucf101 import CLASSES, SAMPLE_CLASSES

UCF = target("ucf101")
VIEW = VideoView(size=32, resize=36)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    UCF.write_sample(root, 0)
    return root


@pytest.fixture
def copy(sample, tmp_path):
    """A copy whose files may be changed."""
    shutil.copytree(sample, tmp_path / "root")
    return tmp_path / "root"


def test_the_classes_stand_in_the_official_order():
    number = {name: index for index, name in enumerate(CLASSES, 1)}
    assert len(number) == 101
    known = {"ApplyEyeMakeup": 1, "Hammering": 35, "HammerThrow": 36, "JumpingJack": 47, "JumpRope": 48, "YoYo": 101}
    assert {name: number[name] for name in known} == known
    # Everywhere else the order is alphabetical; those two pairs are so only without regard to case.
    assert sorted(CLASSES, key=str.lower) == list(CLASSES)
    assert {a for a, b in zip(sorted(CLASSES), CLASSES, strict=True) if a != b} == {
        "HammerThrow", "Hammering", "JumpRope", "JumpingJack",
    }  # fmt: skip


def test_the_stand_in_is_ready_and_says_what_it_is(sample):
    status = UCF.status(sample)
    assert (status.state, status.missing) == ("ready", ())
    assert is_stand_in(sample / "ucf101")
    assert status.bytes == sum(path.stat().st_size for path in sample.rglob("*.avi"))


def test_the_stand_in_spells_its_files_as_the_original_does(sample):
    lists = sample / "ucf101" / "ucfTrainTestlist"
    assert (lists / "classInd.txt").read_bytes().startswith(b"1 ApplyEyeMakeup\r\n2 ApplyLipstick\r\n")
    assert re.match(rb"CliffDiving/v_CliffDiving_g01_c01\.avi\r\n", (lists / "testlist01.txt").read_bytes())
    assert b"HandstandPushups/v_HandStandPushups_g08_c01.avi 37\r\n" in (lists / "trainlist01.txt").read_bytes()


@pytest.mark.parametrize("fold", [1, 2, 3])
def test_train_and_test_share_no_group_and_have_the_labels_of_their_folders(sample, fold):
    train, test = UCF.train(sample, VIEW, fold), UCF.test(sample, VIEW, fold)
    assert (len(train), len(test)) == (288, 112)
    assert not set(train.groups) & set(test.groups)
    assert len({*train.item_ids, *test.item_ids}) == 400
    for part in (train, test):
        assert {CLASSES[label] for label in part.labels} == set(SAMPLE_CLASSES)
        for row in part.rows:
            assert CLASSES[row.label] == row.where.parent.name
        assert len(set(Counter(part.labels.tolist()).values())) == 1  # balanced


def test_the_test_parts_of_the_three_folds_are_disjoint(sample):
    tested = [set(UCF.test(sample, VIEW, fold).item_ids) for fold in (1, 2, 3)]
    assert sum(map(len, tested)) == len(set.union(*tested))


def test_items_are_raw_clips_as_many_as_the_view_asks_for(sample):
    view = VideoView(size=32, resize=40, frames=4, train_clips=2, test_clips=3)
    data, label, item_id = UCF.test(sample, view)[5]
    assert data.shape == (3, 3, 4, 40, 40) and str(data.dtype) == "torch.uint8"
    assert (CLASSES[label], item_id) == ("CliffDiving", "v_CliffDiving_g03_c02")
    assert UCF.train(sample, view)[0].data.shape == (2, 3, 4, 40, 40)


def test_a_stand_in_depends_on_its_seed_alone(sample, tmp_path):
    file_name = "{}-{}-{}.avi".format
    for folder, seed in (("same", 0), ("other", 1)):
        write_clips(tmp_path / folder, SAMPLE_CLASSES, file_name, seed=seed, groups=1, per_group=1)
    for name in SAMPLE_CLASSES[:3]:
        written = next((sample / "ucf101" / "UCF-101" / name).glob("*_g01_c01.avi")).read_bytes()
        again, other = ((tmp_path / folder / name / f"{name}-1-1.avi").read_bytes() for folder in ("same", "other"))
        assert again == written
        assert other != written


@pytest.mark.parametrize("layout", ["ucf101/UCF101", "UCF-101", "UCF101"])
def test_the_folder_of_videos_is_found_under_its_other_names(copy, layout):
    (copy / "ucf101" / "UCF-101").rename(copy / layout)
    assert UCF.status(copy).state == "ready"
    assert UCF.train(copy, VIEW)[0].data.shape == (1, 3, 4, 36, 36)


def test_missing_videos_are_counted_and_named(copy):
    shutil.rmtree(copy / "ucf101" / "UCF-101" / "YoYo")
    status = UCF.status(copy)
    assert status.state == "partial"
    assert status.missing == ("50 videos, such as YoYo/v_YoYo_g01_c01.avi",)
    assert "UCF101.rar" in status.how


def test_an_empty_root_is_absent_and_says_how_to_fill_it(tmp_path):
    status = UCF.status(tmp_path)
    assert status.state == "absent" and "unrar" in status.how
    with pytest.raises(BadInput, match=r"ucfTrainTestlist does not exist; download"):
        UCF.train(tmp_path, VIEW)


def test_fetch_says_how_to_obtain_the_videos_when_only_the_lists_are_there(copy):
    shutil.rmtree(copy / "ucf101" / "UCF-101")
    with pytest.raises(BadInput, match=r"cannot be downloaded by this program; download .*UCF101\.rar"):
        UCF.fetch(copy)


def test_fetch_leaves_complete_data_alone(sample):
    before = UCF.status(sample)
    UCF.fetch(sample)
    assert UCF.status(sample) == before


@pytest.mark.parametrize("line", ["YoYo/v_YoYo_g08_c01.avi 100", "Yodel/v_Yodel_g08_c01.avi 101", "v_YoYo_g08_c01.avi"])
def test_a_line_that_is_not_ucf101s_is_quoted(copy, line):
    (copy / "ucf101" / "ucfTrainTestlist" / "trainlist02.txt").write_text(line)
    with pytest.raises(BadInput, match=rf"trainlist02\.txt holds the line '{re.escape(line)}'"):
        UCF.train(copy, VIEW, 2)


def test_an_unknown_fold_is_refused(sample):
    with pytest.raises(BadInput, match="ucf101 has no fold 4; choose 1 to 3"):
        UCF.test(sample, VIEW, 4)


def test_a_damaged_video_is_named_and_costs_only_itself(copy):
    train = UCF.train(copy, VIEW)
    train.rows[0].where.write_bytes(b"RIFF\0\0\0\0AVI ")
    with pytest.raises(BadInput, match=train.rows[0].where.name):
        train[0]
    assert train[1].data.shape == (1, 3, 4, 36, 36)


def centre_of_mass(change):
    return (change.sum(1) * np.arange(60)).sum() / change.sum()


@pytest.mark.parametrize(("number", "sign"), [(0, -1), (1, 1), (4, -1), (5, 1)])
def test_things_of_the_rising_and_falling_classes_do_so(number, sign):
    from modalities.compute.draws import Draws

    for seed in range(10):
        frames = render(number, Draws(seed, "a scene/"), 1).astype(float)
        still = np.median(frames, axis=0)  # what never moves
        first, last = (np.abs(frame - still).mean(-1) for frame in (frames[0], frames[-1]))
        assert sign * (centre_of_mass(last) - centre_of_mass(first)) > 3
