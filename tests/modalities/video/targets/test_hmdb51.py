"""HMDB51 on disk: 51 classes, tags 0, 1 and 2 in three splits, film names as leak units, and honest status."""

import hashlib
import shutil

import pytest

from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput
from modalities.registry import target
from modalities.video.policies import VideoView
from modalities.video.targets.hmdb51 import CLASSES, LISTS, SAMPLE_CLASSES, _film

HMDB = target("hmdb51")
VIEW = VideoView(size=32, resize=36, train_clips=1, test_clips=2)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    HMDB.write_sample(root, 0)
    return root


@pytest.fixture
def copy(sample, tmp_path):
    """A copy whose files may be changed."""
    shutil.copytree(sample, tmp_path / "root")
    return tmp_path / "root"


def lists(root, **files):
    """Split lists of a real copy, without clips: fold 1 of the classes named."""
    folder = root / "hmdb51" / LISTS
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}_test_split1.txt").write_text(text)
    return root


def clips(root, **names):
    """Files of a few bytes, of the classes named, that nobody decodes."""
    for label, files in names.items():
        (root / "hmdb51" / label).mkdir()
        for file in files:
            (root / "hmdb51" / label / file).write_bytes(b"clip")


def test_the_51_classes_are_the_sorted_folder_names():
    assert len(set(CLASSES)) == 51 and list(CLASSES) == sorted(CLASSES)
    known = {
        0: "brush_hair", 5: "climb", 6: "climb_stairs", 12: "fall_floor", 20: "kick", 21: "kick_ball", 29: "pushup",
        34: "shoot_ball", 35: "shoot_bow", 36: "shoot_gun", 44: "sword", 45: "sword_exercise", 50: "wave",
    }  # fmt: skip
    assert {number: CLASSES[number] for number in known} == known
    assert (HMDB.info.train_items, HMDB.info.test_items, HMDB.info.folds) == (51 * 70, 51 * 30, 3)


def test_tags_1_and_2_are_training_and_test_and_0_is_neither(tmp_path):
    tagged = "".join(f"{film}_wave_f_nm_np1_fr_med_0.avi {tag} \n" for film, tag in (("a", 1), ("b", 2), ("c", 0)))
    odd = "#!(x)&;_brush_hair_u_cm_np2_le_goo_1.avi"
    root = lists(tmp_path, wave=tagged, brush_hair=f"{odd} 2\r\n")
    clips(root, wave=[f"{film}_wave_f_nm_np1_fr_med_0.avi" for film in "abc"], brush_hair=[odd])
    train, test = HMDB.train(root, VIEW), HMDB.test(root, VIEW)
    assert list(train.item_ids) == ["wave/a_wave_f_nm_np1_fr_med_0"] and train.labels.tolist() == [50]
    assert list(test.item_ids) == ["brush_hair/#!(x)&;_brush_hair_u_cm_np2_le_goo_1", "wave/b_wave_f_nm_np1_fr_med_0"]
    assert test.labels.tolist() == [0, 50]
    assert test.rows[0].where == root / "hmdb51" / "brush_hair" / "#!(x)&;_brush_hair_u_cm_np2_le_goo_1.avi"


@pytest.mark.parametrize(("stem", "label", "film"), [
    ("April_09_brush_hair_u_nm_np1_ba_goo_0", "brush_hair", "April_09"),
    ("20060723sfjffbartsinger_wave_f_cm_np1_ba_med_0", "wave", "20060723sfjffbartsinger"),
    ("Kick_it_kick_ball_f_cm_np2_le_bad_12", "kick_ball", "Kick_it"),
    ("something_else", "wave", "something_else"),
])  # fmt: skip
def test_the_leak_unit_is_the_film_that_a_clip_was_cut_from(tmp_path, stem, label, film):
    assert _film(tmp_path / label / f"{stem}.avi", CLASSES.index(label)) == film


@pytest.mark.parametrize("line", ["a.avi 3", "a.avi", "a.mp4 1", "../a.avi 1"])
def test_a_line_that_is_not_the_datasets_is_named(tmp_path, line):
    with pytest.raises(BadInput, match=r"wave_test_split1\.txt holds the line '.*', which is not HMDB51's"):
        HMDB.train(lists(tmp_path, wave=f"{line}\n"), VIEW)


def test_without_data_the_status_says_how_to_unpack_the_rar_archives(tmp_path):
    status = HMDB.status(tmp_path)
    assert (status.state, status.fingerprint, status.missing) == ("absent", "", ("153 of 153 split lists",))
    assert "hmdb51_org.rar" in status.how and "15e67781e70dcfbdce2d7dbb9b3344b5" in status.how
    for act in (HMDB.fetch, lambda root: HMDB.train(root, VIEW)):
        with pytest.raises(BadInput, match=r"test_train_splits\.rar"):
            act(tmp_path)


def test_lists_and_clips_that_lack_are_counted(tmp_path):
    status = HMDB.status(lists(tmp_path, wave="a_wave_f_nm_np1_fr_med_0.avi 1\n"))
    assert status.state == "partial"
    assert status.missing == (
        "152 of 153 split lists",
        "the training list of wave in split 1 names 1 of 70 videos",
        "the test list of wave in split 1 names 0 of 30 videos",
        "1 videos, such as wave/a_wave_f_nm_np1_fr_med_0.avi",
    )


def test_the_stand_in_is_ready_until_a_clip_is_gone(copy):
    assert is_stand_in(copy / "hmdb51")
    status = HMDB.status(copy)
    assert (status.state, status.missing) == ("ready", ())
    gone = HMDB.test(copy, VIEW).rows[0].where
    gone.unlink()
    after = HMDB.status(copy)
    assert after.state == "partial" and after.fingerprint != status.fingerprint
    assert after.missing == (f"1 videos, such as {gone.parent.name}/{gone.name}",)


def test_videos_may_lie_in_the_folder_that_the_archive_unpacks(copy):
    folder = copy / "hmdb51" / "hmdb51_org"
    folder.mkdir()
    for name in SAMPLE_CLASSES:
        (copy / "hmdb51" / name).rename(folder / name)
    assert HMDB.status(copy).state == "ready"


@pytest.mark.parametrize("fold", [1, 2, 3])
def test_train_and_test_of_a_fold_share_no_film_and_no_content(sample, fold):
    train, test = HMDB.train(sample, VIEW, fold), HMDB.test(sample, VIEW, fold)
    assert len(train) == 272 and len(test) == 120  # of 400 clips; the others are tagged 0
    assert (
        {CLASSES[label] for label in train.labels} == {CLASSES[label] for label in test.labels} == set(SAMPLE_CLASSES)
    )
    assert not set(train.groups) & set(test.groups)
    seen = [{hashlib.sha256(row.where.read_bytes()).hexdigest() for row in data.rows} for data in (train, test)]
    assert not seen[0] & seen[1]
    assert train[0].data.shape == (1, 3, 4, 36, 36) and test[0].data.shape == (2, 3, 4, 36, 36)


def test_the_three_folds_test_different_clips_and_there_is_no_fourth(sample):
    tested = [set(HMDB.test(sample, VIEW, fold).item_ids) for fold in (1, 2, 3)]
    assert not (tested[0] & tested[1] or tested[1] & tested[2] or tested[0] & tested[2])
    with pytest.raises(BadInput, match="hmdb51 has no fold 4; choose 1 to 3"):
        HMDB.test(sample, VIEW, 4)


def test_a_damaged_clip_is_named(copy):
    test = HMDB.test(copy, VIEW)
    test.rows[3].where.write_bytes(b"RIFF no more of it")
    with pytest.raises(BadInput, match=r"\.avi cannot be decoded as a video .* fetch it again"):
        test[3]
