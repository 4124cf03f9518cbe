"""Kinetics-400 on disk: labels by name and not by folder order, incomplete copies, uneven and turned videos."""

import csv
import hashlib
import shutil

import numpy as np
import pytest

import modalities.download.fetch
from modalities.compute.draws import Draws
from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput
from modalities.registry import target
from modalities.video.decode import decode, frame_times
from modalities.video.policies import VideoView
from modalities.video.targets import kinetics400
from modalities.video.targets._kinetics400_standin import render, write_h264
from modalities.video.targets.kinetics400 import CLASSES, SAMPLE_CLASSES, folder_name

KINETICS = target("kinetics400")
VIEW = VideoView(size=32, resize=36, test_clips=2)
OWN = {"train": "my", "val": ""}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    KINETICS.write_sample(root, 0)
    return root


@pytest.fixture
def copy(sample, tmp_path):
    """A copy whose files may be changed."""
    shutil.copytree(sample, tmp_path / "root")
    return tmp_path / "root"


def tables(root, rows):
    """Tables of a copy, whose training videos have other ids; videos are files of a few bytes that nobody decodes."""
    folder = root / "kinetics400"
    (folder / "annotations").mkdir(parents=True)
    for part in ("train", "val"):
        with (folder / "annotations" / f"{part}.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(("label", "youtube_id", "time_start", "time_end", "split"))
            table.writerows((label, OWN[part] + video, *times, part) for label, video, *times in rows)
    return folder


def put(folder, name, count=1):
    for part in ("train", "val"):
        (folder / part / name).mkdir(parents=True)
        for number in range(count):
            (folder / part / name / f"{OWN[part]}id{number}_000007_000017.mp4").write_bytes(b"film")


def test_classes_are_those_of_torchvisions_weights_in_their_order():
    from torchvision.models.video import R3D_18_Weights

    assert list(CLASSES) == R3D_18_Weights.KINETICS400_V1.meta["categories"]
    assert list(CLASSES) == sorted(CLASSES) and len(set(CLASSES)) == 400


def test_folder_order_would_exchange_two_classes_and_labels_do_not_follow_it(tmp_path):
    folders = sorted(map(folder_name, CLASSES))
    assert len(set(folders)) == 400
    assert [k for k in range(400) if folders[k] != folder_name(CLASSES[k])] == [308, 309]
    folder = tables(
        tmp_path, [("skiing crosscountry", "id0", 7, 17), ("skiing (not slalom or crosscountry)", "id1", 7, 17)]
    )
    put(folder, "skiing_crosscountry", 1)
    put(folder, "skiing_not_slalom_or_crosscountry", 2)
    test = KINETICS.test(tmp_path, VIEW)
    assert dict(zip(test.item_ids, test.labels.tolist(), strict=True)) == {
        "id0_000007_000017": 309,
        "id1_000007_000017": 308,
    }


@pytest.mark.parametrize("name", ["massaging person's head", "massaging_persons_head", "massaging_person's_head"])
def test_a_class_folder_may_have_any_of_its_spellings(tmp_path, name):
    folder = tables(tmp_path, [("massaging person's head", "id0", 7, 17)])
    put(folder, name)
    train = KINETICS.train(tmp_path, VIEW)
    assert train.rows[0].where == folder / "train" / name / "myid0_000007_000017.mp4"
    assert (train.rows[0].label, train.rows[0].group) == (CLASSES.index("massaging person's head"), "myid0")


def test_a_copy_is_ready_at_95_percent_of_its_lists_and_its_counts_are_in_the_fingerprint(tmp_path, monkeypatch):
    monkeypatch.setattr(kinetics400, "LISTED", {"train": 40, "val": 40})
    folder = tables(tmp_path, [("zumba", f"id{number}", 7, 17) for number in range(40)])
    put(folder, "zumba", 40)
    full = KINETICS.status(tmp_path)
    assert (full.state, full.missing, full.bytes) == ("ready", (), 320)
    for number in range(2):
        (folder / "val" / "zumba" / f"id{number}_000007_000017.mp4").unlink()
    most = KINETICS.status(tmp_path)
    assert (most.state, most.missing) == ("ready", ("2 of 40 val videos, such as id0_000007_000017",))
    assert len(KINETICS.test(tmp_path, VIEW)) == 38 and len(KINETICS.train(tmp_path, VIEW)) == 40
    last = folder / "val" / "zumba" / "id39_000007_000017.mp4"
    last.unlink()
    last.write_bytes(b"")  # an empty file is what a failed download leaves
    some = KINETICS.status(tmp_path)
    assert (some.state, some.missing) == ("partial", ("3 of 40 val videos, such as id0_000007_000017",))
    assert "k400_val_path.txt" in some.how
    assert len({full.fingerprint, most.fingerprint, some.fingerprint}) == 3


def test_without_data_the_status_is_absent_and_both_tables_are_asked_for(tmp_path, monkeypatch):
    status = KINETICS.status(tmp_path)
    assert (status.state, status.fingerprint) == ("absent", "")
    assert status.missing == ("annotations/train.csv", "annotations/val.csv")
    asked = []
    monkeypatch.setattr(modalities.download.fetch, "download", lambda url, path, at_most: asked.append((url, at_most)))
    with pytest.raises(BadInput, match="kinetics400 cannot be downloaded by this program; download the archives"):
        KINETICS.fetch(tmp_path)
    tables = [f"https://s3.amazonaws.com/kinetics/400/annotations/{part}.csv" for part in ("train", "val")]
    assert asked == [(table, 100_000_000) for table in tables]
    with pytest.raises(BadInput, match=r"train\.csv does not exist; download"):
        KINETICS.train(tmp_path, VIEW)


@pytest.mark.parametrize("row", [("flying", "id0", 7, 17), ("zumba", "id0", "seven", 17), ("zumba", "id0")])
def test_a_line_that_names_no_video_is_refused(tmp_path, row):
    tables(tmp_path, [("zumba", "id0", 7, 17), row])
    with pytest.raises(BadInput, match=r"val\.csv line 3 names no video of Kinetics-400"):
        KINETICS.test(tmp_path, VIEW)


def test_the_stand_in_is_ready_although_one_listed_video_is_absent(sample):
    status = KINETICS.status(sample)
    assert (status.state, status.missing) == ("ready", ("1 of 113 val videos, such as gone-for-ever_000003_000013",))
    assert is_stand_in(sample / "kinetics400")


def test_train_and_test_share_no_video_and_no_content(sample):
    train, test = KINETICS.train(sample, VIEW), KINETICS.test(sample, VIEW)
    assert (len(train), len(test)) == (288, 112)
    assert (
        {CLASSES[label] for label in train.labels} == {CLASSES[label] for label in test.labels} == set(SAMPLE_CLASSES)
    )
    assert not set(train.groups) & set(test.groups)
    seen = [{hashlib.sha256(row.where.read_bytes()).hexdigest() for row in data.rows} for data in (train, test)]
    assert not seen[0] & seen[1]
    assert all(row.where.parent.name == folder_name(CLASSES[row.label]) for row in test.rows)
    assert train[0].data.shape == (1, 3, 4, 36, 36) and test[0].data.shape == (2, 3, 4, 36, 36)


def test_a_video_of_uneven_frame_times_is_among_the_tested_ones(sample):
    path = KINETICS.test(sample, VIEW).rows[0].where
    gaps = np.diff(frame_times(path)).round(3)
    assert sorted(set(gaps.tolist())) == pytest.approx([0.02, 0.14], abs=0.002)


def test_a_turned_video_is_seen_upright(tmp_path):
    frames = render(1, Draws(5, "turned/"))
    write_h264(tmp_path / "straight.mp4", frames)
    write_h264(tmp_path / "turned.mp4", frames, turned=True)
    straight, turned = (decode(tmp_path / f"{name}.mp4", np.arange(4)) for name in ("straight", "turned"))
    assert straight.shape == turned.shape == (4, 60, 80, 3)
    assert np.abs(straight.astype(int) - frames[:4]).mean() < 8
    assert (
        np.abs(straight.astype(int) - turned).mean() < 8 < np.abs(straight - turned[:, ::-1, ::-1].astype(int)).mean()
    )


def test_a_damaged_video_is_named(copy):
    test = KINETICS.test(copy, VIEW)
    path = test.rows[5].where
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BadInput, match=rf"{path.name} cannot be decoded as a video .* fetch it again"):
        test[5]
