"""CIFAR, folders of images and digits: read as other libraries read them; stand-ins, damaged files."""

import hashlib
import os
import pickle
import shutil
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from modalities.base import TargetInfo
from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput
from modalities.image.decode import read_image
from modalities.image.folder import ImageFolderTarget
from modalities.image.pickles import load_plain
from modalities.image.policies import ImageView
from modalities.image.standins import standin_pictures
from modalities.image.targets.cifar10 import TARGET as CIFAR10
from modalities.image.targets.cifar100 import TARGET as CIFAR100
from modalities.image.targets.digits import TARGET as DIGITS

VIEW = ImageView()
LARGE = ImageView(size=48, resize=56)


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data")
    CIFAR10.write_sample(root, 0)
    return root


@pytest.fixture
def own_sample(sample, tmp_path) -> Path:
    """A copy to damage."""
    shutil.copytree(sample, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture(scope="module")
def folders(tmp_path_factory, sample) -> Path:
    """Forty test pictures of the stand-in, as a folder per class."""
    root = tmp_path_factory.mktemp("folders")
    data = CIFAR10.test(sample, VIEW)
    for split in ("train", "test"):
        for i in range(40):
            item = data[i]
            place = root / "cifar10" / split / CIFAR10.info.classes[item.label]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(item.data[0].permute(1, 2, 0).numpy()).save(place / f"{i:04d}.png")
    return root


# --- CIFAR-10, the official layout -------------------------------------------------------------------------------


def test_the_stand_in_reads_as_torchvision_reads_it(sample, monkeypatch):
    from torchvision.datasets import CIFAR10 as Theirs

    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    for train, ours in ((True, CIFAR10.train(sample, VIEW)), (False, CIFAR10.test(sample, VIEW))):
        theirs = Theirs(str(sample), train=train)
        assert theirs.classes == list(CIFAR10.info.classes)
        assert theirs.targets == ours.labels.tolist()
        assert len(theirs) == len(ours)
        for i in (0, 17, len(ours) - 1):
            np.testing.assert_array_equal(ours[i].data[0].permute(1, 2, 0), np.asarray(theirs[i][0]))


def test_the_stand_in_says_so_and_is_the_same_for_the_same_seed(sample, tmp_path):
    assert is_stand_in(sample / CIFAR10.archive_folder)
    status = CIFAR10.status(sample)
    assert status.state == "ready"
    assert "stand-in" in status.how
    CIFAR10.write_sample(tmp_path / "same", 0)
    CIFAR10.write_sample(tmp_path / "other", 1)
    name = f"{CIFAR10.archive_folder}/test_batch"
    assert (tmp_path / "same" / name).read_bytes() == (sample / name).read_bytes()
    assert (tmp_path / "other" / name).read_bytes() != (sample / name).read_bytes()


def test_the_stand_in_has_every_class_equally_often(sample):
    for data in (CIFAR10.train(sample, VIEW), CIFAR10.test(sample, VIEW)):
        assert set(Counter(data.labels.tolist()).values()) == {len(data) // 10}
    assert len({*CIFAR10.train(sample, VIEW).item_ids, *CIFAR10.test(sample, VIEW).item_ids}) == 2000


def test_the_stand_in_is_learnable_but_not_from_its_mean_colour(sample):
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    train, test = CIFAR10.train(sample, VIEW), CIFAR10.test(sample, VIEW)
    pixels = [torch.cat([data[i].data for i in range(len(data))]).float() / 255 for data in (train, test)]
    mean = [split.mean((2, 3)).numpy() for split in pixels]
    assert LogisticRegression().fit(mean[0], train.labels).score(mean[1], test.labels) < 0.5
    small = [torch.nn.functional.avg_pool2d(split, 4).flatten(1).numpy() for split in pixels]
    assert KNeighborsClassifier(5).fit(small[0], train.labels).score(small[1], test.labels) > 0.4


def test_batches_have_the_official_names_and_share_the_items(sample):
    home = sample / CIFAR10.archive_folder
    assert {path.name for path in home.iterdir()} == {
        *(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta", "STAND-IN.json",
    }  # fmt: skip
    assert load_plain(home / "data_batch_3")["data"].shape == (300, 3072)


def test_larger_views_get_enlarged_items(sample):
    item = CIFAR10.test(sample, LARGE)[3]
    assert item.data.shape == (1, 3, 56, 56)
    small = CIFAR10.test(sample, VIEW)[3].data[0].permute(1, 2, 0).numpy()
    expected = np.asarray(Image.fromarray(small).resize((56, 56), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(item.data[0].permute(1, 2, 0), expected)


def test_a_dataset_survives_pickling_into_a_worker(sample):
    data = CIFAR10.test(sample, VIEW)
    assert torch.equal(pickle.loads(pickle.dumps(data))[5].data, data[5].data)


def test_absent_data_name_the_next_step(tmp_path):
    status = CIFAR10.status(tmp_path)
    assert status.state == "absent"
    assert "data fetch cifar10" in status.how
    with pytest.raises(BadInput, match=r"no images of cifar10 below .*'train'"):
        CIFAR10.train(tmp_path, VIEW)


def test_a_missing_batch_is_named(own_sample):
    (own_sample / CIFAR10.archive_folder / "data_batch_2").unlink()
    status = CIFAR10.status(own_sample)
    assert (status.state, status.missing) == ("partial", ("data_batch_2",))
    with pytest.raises(BadInput, match="data_batch_2 is missing"):
        CIFAR10.train(own_sample, VIEW)


def test_a_fingerprint_follows_the_sizes_of_the_files(own_sample):
    before = CIFAR10.status(own_sample).fingerprint
    with (own_sample / CIFAR10.archive_folder / "test_batch").open("ab") as file:
        file.write(b" ")
    assert CIFAR10.status(own_sample).fingerprint != before


def test_a_truncated_batch_is_refused_in_one_sentence(own_sample):
    path = own_sample / CIFAR10.archive_folder / "test_batch"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BadInput, match="test_batch cannot be read as plain data"):
        CIFAR10.test(own_sample, VIEW)


@pytest.mark.parametrize(
    "content",
    [
        {"labels": [1]},
        {"data": np.zeros((1, 3072), np.uint8), "labels": [10]},
        {"data": np.zeros((2, 3072), np.uint8), "labels": [1]},
        {"data": np.zeros((1, 3072), np.float32), "labels": [1]},
        {"data": [0] * 3072, "labels": [1]},
        [1, 2, 3],
    ],
)
def test_a_batch_with_the_wrong_content_is_refused_in_one_sentence(own_sample, content):
    (own_sample / CIFAR10.archive_folder / "test_batch").write_bytes(pickle.dumps(content, 2))
    with pytest.raises(BadInput, match="fetch it again"):
        CIFAR10.test(own_sample, VIEW)


def test_verify_refuses_a_stand_in_and_a_changed_file(own_sample):
    with pytest.raises(BadInput, match="stand-in"):
        CIFAR10.verify(own_sample)
    (own_sample / CIFAR10.archive_folder / "STAND-IN.json").unlink()
    with pytest.raises(BadInput, match="data_batch_1"):
        CIFAR10.verify(own_sample)


def test_checksums_are_those_of_torchvision():
    from torchvision.datasets import CIFAR10 as Theirs

    assert [list(pair) for pair in CIFAR10.train_files.items()] == Theirs.train_list
    assert [list(pair) for pair in CIFAR10.test_files.items()] == Theirs.test_list
    assert CIFAR10.archive_md5 == Theirs.tgz_md5
    assert CIFAR10.archive == Theirs.url


def test_fetch_downloads_verifies_and_unpacks(sample, tmp_path, monkeypatch):
    def from_disk(url, path, *, md5, at_most):
        assert (url, md5, at_most) == (CIFAR10.archive, CIFAR10.archive_md5, 326_000_000)
        with tarfile.open(path, "w:gz") as archive:
            archive.add(sample / CIFAR10.archive_folder, CIFAR10.archive_folder)
        return path

    monkeypatch.setattr("modalities.download.fetch.download", from_disk)
    CIFAR10.fetch(tmp_path / "root")
    assert CIFAR10.status(tmp_path / "root").state == "ready"
    assert [path.name for path in (tmp_path / "root").iterdir() if path.is_file() and path.suffix != ".lock"] == []


def test_cifar100_is_read_as_torchvision_reads_it(tmp_path, monkeypatch):
    from torchvision.datasets import CIFAR100 as Theirs

    monkeypatch.setattr(Theirs, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    monkeypatch.setattr(CIFAR100, "sample_items", (120, 60))
    CIFAR100.write_sample(tmp_path, 0)
    for train, ours in ((True, CIFAR100.train(tmp_path, VIEW)), (False, CIFAR100.test(tmp_path, VIEW))):
        theirs = Theirs(tmp_path, train)
        assert ours.labels.tolist() == theirs.targets
        assert tuple(theirs.classes) == CIFAR100.info.classes
        for i in (0, 17, 59):
            assert np.array_equal(ours[i].data[0].permute(1, 2, 0).numpy(), theirs.data[i])


# --- folders -----------------------------------------------------------------------------------------------------


def test_the_folder_layout_reads_as_torchvision_reads_it(folders):
    from torchvision.datasets import ImageFolder

    theirs, ours = ImageFolder(folders / "cifar10" / "test"), CIFAR10.test(folders, VIEW)
    assert [Path(path).name for path, _ in theirs.samples] == [Path(item).name for item in ours.item_ids]
    assert [theirs.classes[label] for label in theirs.targets] == [CIFAR10.info.classes[i] for i in ours.labels]
    np.testing.assert_array_equal(ours[7].data[0].permute(1, 2, 0), np.asarray(theirs[7][0]))


def test_missing_images_are_counted(folders):
    status = CIFAR10.status(folders)
    assert status.state == "partial"
    assert status.missing == ("train: 49,960 of 50,000 images", "test: 9,960 of 10,000 images")


def test_a_damaged_image_is_named_in_one_sentence(folders, tmp_path):
    shutil.copytree(folders, tmp_path, dirs_exist_ok=True)
    data = CIFAR10.test(tmp_path, VIEW)
    data.rows[4].where.write_bytes(b"not an image")
    with pytest.raises(BadInput, match=Path(data.item_ids[4]).name):
        data[4]
    assert data[5].data.shape == (1, 3, 32, 32)


@pytest.mark.parametrize("size", [(100, 60), (60, 100), (56, 56), (20, 31), (1, 1)])
def test_raw_items_are_the_scaled_centre(size, tmp_path):
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as F

    path = tmp_path / "picture.png"
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    ours = read_image(path, 56)
    assert ours.shape == (1, 3, 56, 56)
    theirs = F.center_crop(F.resize(Image.open(path), 56, InterpolationMode.BICUBIC), [56, 56])
    np.testing.assert_array_equal(ours[0].permute(1, 2, 0), np.asarray(theirs))


def test_a_plain_image_folder_target_is_a_few_lines(tmp_path):
    class Shapes(ImageFolderTarget):
        info = TargetInfo(
            name="shapes", title="Shapes", modality="image", classes=("disc", "box", "triangle"), train_items=9,
            test_items=6, licence="CC0", citation="", homepage="nowhere", download_bytes=0, leak_unit="image",
        )  # fmt: skip
        splits = ("train", "val")
        sample_items = (9, 6)

    target = Shapes()
    with pytest.raises(BadInput, match="cannot be downloaded"):
        target.fetch(tmp_path)
    target.write_sample(tmp_path, 0)
    assert target.status(tmp_path).state == "ready"
    assert [len(target.train(tmp_path, VIEW)), len(target.test(tmp_path, VIEW))] == [9, 6]
    assert (tmp_path / "shapes" / "val" / "triangle").is_dir()
    assert is_stand_in(tmp_path / "shapes")


def test_stand_ins_of_two_splits_differ():
    train, labels = standin_pictures(0, "train", 4, 8, 24)
    test, _ = standin_pictures(0, "test", 4, 8, 24)
    assert train.shape == (8, 24, 24, 3)
    assert labels.tolist() == [0, 1, 2, 3] * 2
    assert not np.array_equal(train, test)


@pytest.mark.skipif(
    "BENCHMARK_REAL_DATA" not in os.environ, reason="BENCHMARK_REAL_DATA names no folder with cifar10.tar.xz"
)
def test_real_cifar10_pictures_read_from_folders(tmp_path):
    archive = Path(os.environ["BENCHMARK_REAL_DATA"]) / "cifar10.tar.xz"
    wanted, seen = 200, 0
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and seen < wanted:
                tar.extract(member, tmp_path, filter="data")
                seen += 1
            elif seen >= wanted:
                break
    rows = [row for split in ("train", "test") for row in CIFAR10.rows(tmp_path, split)]
    assert len(rows) == wanted
    assert read_image(rows[0].where, 32).float().std() > 5


# --- digits ------------------------------------------------------------------------------------------------------


def test_digits_are_scikit_learns(tmp_path):
    from sklearn.datasets import load_digits

    bunch, view = load_digits(), ImageView(size=8, flip=False)
    train, test = DIGITS.train(tmp_path, view), DIGITS.test(tmp_path, view)
    assert len(train) == DIGITS.info.train_items
    assert len(test) == DIGITS.info.test_items
    assert sorted(int(item) for item in [*train.item_ids, *test.item_ids]) == list(range(1797))
    for data in (train, test):
        for i in (0, 100, len(data) - 1):
            original = int(data.item_ids[i])
            assert data[i].label == bunch.target[original]
            np.testing.assert_allclose(data[i].data[0, 1], bunch.images[original] * 255 / 16, atol=0.51)


def test_the_split_of_digits_is_by_a_hash_of_the_index():
    expected = [i for i in range(1797) if hashlib.blake2b(f"digits/{i}".encode(), digest_size=4).digest()[0] < 51]
    assert [int(item) for item in DIGITS.test(Path(), VIEW).item_ids] == expected
    assert set(DIGITS.test(Path(), VIEW).labels) == set(range(10))


def test_digits_are_always_ready_and_need_no_stand_in(tmp_path):
    assert DIGITS.status(tmp_path / "nowhere").state == "ready"
    assert DIGITS.info.ships_with == "scikit-learn"
    DIGITS.fetch(tmp_path)
    with pytest.raises(BadInput, match="needs no stand-in"):
        DIGITS.write_sample(tmp_path, 0)
    assert list(tmp_path.iterdir()) == []
