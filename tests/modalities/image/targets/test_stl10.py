"""STL-10: column-major planes, labels from 1, official folds, partial and damaged data."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import STL10

from modalities.errors import BadInput
from modalities.image.policies import ImageView
from modalities.image.targets.stl10 import BYTES, TARGET

NATIVE = ImageView(size=96)


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("stl10")
    TARGET.write_sample(root, 0)
    return root


@pytest.fixture
def own_sample(sample, tmp_path) -> Path:
    """A copy to damage."""
    shutil.copytree(sample, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def unhashed(monkeypatch):
    monkeypatch.setattr(STL10, "_check_integrity", lambda self: True)


def test_pictures_and_labels_are_those_that_torchvision_reads(sample, unhashed):
    theirs, ours = STL10(sample, "test"), TARGET.test(sample, NATIVE)
    assert len(ours) == len(theirs) == 500
    assert ours.labels.tolist() == theirs.labels.tolist()
    for i in range(0, 500, 23):
        picture, label = theirs[i]
        assert np.array_equal(ours[i].data[0].permute(1, 2, 0).numpy(), np.asarray(picture))
        assert ours[i].label == label


@pytest.mark.parametrize("fold", [1, 2, 10])
def test_fold_k_holds_the_pictures_of_torchvisions_fold_k_minus_1(sample, unhashed, fold):
    theirs, ours = STL10(sample, "train", folds=fold - 1), TARGET.train(sample, NATIVE, fold)
    assert ours.labels.tolist() == theirs.labels.tolist()
    assert np.array_equal(ours[7].data[0].numpy(), theirs.data[7])


def test_a_picture_is_stored_column_by_column(sample):
    raw = np.frombuffer((sample / "stl10_binary" / "test_X.bin").read_bytes()[:BYTES], np.uint8)
    decoded = TARGET.test(sample, NATIVE)[0].data[0].numpy()
    assert decoded[0, 1, 0] == raw[1]  # the second byte lies below the first one, not beside it
    assert decoded[0, 0, 1] == raw[96]
    assert decoded[2, 95, 95] == raw[-1]


def test_labels_in_the_file_count_from_1(sample):
    raw = np.fromfile(sample / "stl10_binary" / "test_y.bin", np.uint8)
    assert (raw.min(), raw.max()) == (1, 10)
    assert TARGET.test(sample, NATIVE).labels.tolist() == (raw.astype(int) - 1).tolist()


def test_official_facts():
    info = TARGET.info
    assert info.classes == (
        "airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck",
    )  # fmt: skip
    assert (info.train_items, info.test_items, info.folds) == (1_000, 8_000, 10)
    assert dict(STL10.train_list[:2] + STL10.test_list) == TARGET.md5s
    assert (STL10.url, STL10.tgz_md5) == (TARGET.archive, TARGET.archive_md5)


def test_a_copy_in_another_process_carries_no_pixels(sample):
    data = TARGET.test(sample, NATIVE)
    before = data[3].data
    copy = pickle.loads(pickle.dumps(data))
    assert torch.equal(copy[3].data, before)
    assert len(pickle.dumps(data.read)) < 1_000


def test_no_test_picture_is_in_any_training_fold(sample):
    test = {TARGET.test(sample, NATIVE)[i].data.numpy().tobytes() for i in range(500)}
    train = {data[i].data.numpy().tobytes() for data in [TARGET.train(sample, NATIVE)] for i in range(len(data))}
    assert len(test) == 500
    assert not test & train


@pytest.mark.parametrize("fold", [0, 11])
def test_an_unknown_fold_is_refused(sample, fold):
    with pytest.raises(BadInput, match=f"{fold}"):
        TARGET.train(sample, NATIVE, fold)


@pytest.mark.parametrize(
    ("file", "content"),
    [("test_y.bin", bytes(500)), ("test_y.bin", b"\x0b" * 500), ("test_X.bin", bytes(BYTES * 3 + 1))],
)
def test_damaged_files_are_named(own_sample, file, content):
    (own_sample / "stl10_binary" / file).write_bytes(content)
    with pytest.raises(BadInput, match=file):
        TARGET.test(own_sample, NATIVE)


@pytest.mark.parametrize("content", ["0 1 2 x\n", "", "0 1 5000\n"])
def test_a_damaged_list_of_folds_is_named(own_sample, content):
    (own_sample / "stl10_binary" / "fold_indices.txt").write_text(content)
    with pytest.raises(BadInput, match=r"fold_indices\.txt"):
        TARGET.train(own_sample, NATIVE)


def test_status_counts_what_is_missing(own_sample):
    home = own_sample / "stl10_binary"
    assert TARGET.status(own_sample / "elsewhere").state == "absent"
    assert TARGET.status(own_sample).state == "ready"
    (home / "STAND-IN.json").unlink()
    (home / "test_y.bin").unlink()
    status = TARGET.status(own_sample)
    assert status.state == "partial"
    assert "test_y.bin" in status.missing
    assert "train_X.bin: 110,592,000 of 138,240,000 bytes" in status.missing
    assert "data fetch stl10" in status.how


def test_fetching_over_a_stand_in_is_refused(sample):
    with pytest.raises(BadInput, match="stand-in"):
        TARGET.fetch(sample)
