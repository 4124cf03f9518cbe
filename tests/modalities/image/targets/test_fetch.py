"""Downloads of the image targets that can be had: unpacked where the readers look, part by part, never twice."""

import hashlib
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from modalities import registry
from modalities.datasets.standin import MARKER
from modalities.errors import BadInput
from modalities.image.policies import ImageView

VIEW = ImageView()
TRAIN, TEST = 48, 24
# What each archive of the official download holds, by its file name.
HOLDS = {
    "places365": {
        "filelist_places365-standard.tar": ("places365_train_standard.txt", "places365_val.txt"),
        "val_256.tar": ("val_256",),
        "train_256_places365standard.tar": ("data_256",),
    },
    "flowers102": {"102flowers.tgz": ("jpg",), "imagelabels.mat": (), "setid.mat": ()},
    "pets37": {"annotations.tar.gz": ("annotations",), "images.tar.gz": ("images",)},
    "cifar100": {"cifar-100-python.tar.gz": ("cifar-100-python",)},
    "stl10": {"stl10_binary.tar.gz": ("stl10_binary",)},
}


@pytest.fixture
def official(tmp_path, monkeypatch):
    """Returns a function that makes a target's stand-in its official download, kept in a folder, and its counts true.

    It gives back the target, the stand-in's root and the folder of downloads.
    """

    def make(name: str):
        target = registry.target(name)
        monkeypatch.setattr(target, "sample_items", (TRAIN, TEST))
        origin, downloads = tmp_path / "origin", tmp_path / "downloads"
        origin.mkdir()
        downloads.mkdir()
        target.write_sample(origin, 0)
        marker = next(origin.rglob(MARKER))
        marker.unlink()
        home = origin if name in ("cifar100", "stl10") else marker.parent
        md5s = {}
        for file, folders in HOLDS[name].items():
            path = downloads / file
            if folders:
                with tarfile.open(path, "w:gz" if file.endswith("gz") else "w") as archive:
                    for folder in folders:
                        archive.add(home / folder, folder)
            else:
                path.write_bytes((home / file).read_bytes())
            md5s[file] = hashlib.md5(path.read_bytes()).hexdigest()
        train_items = TRAIN * 4 // 5 if name == "stl10" else TRAIN  # a fold has four fifths of them
        monkeypatch.setattr(target, "info", replace(target.info, train_items=train_items, test_items=TEST))
        if name in ("cifar100", "stl10"):
            monkeypatch.setattr(target, "archive_md5", next(iter(md5s.values())))
        else:
            parts = [part._replace(md5=md5s[part.url.rpartition("/")[2]], size=None) for part in target.parts]
            monkeypatch.setattr(target, "parts", tuple(parts))
        if name == "stl10":
            files = (path for path in (home / "stl10_binary").iterdir())
            monkeypatch.setattr(target, "sizes", {path.name: path.stat().st_size for path in files})
        monkeypatch.setenv("BENCHMARK_DOWNLOADS", str(downloads))
        return target, origin, downloads

    return make


def forget(downloads: Path) -> None:
    for path in downloads.iterdir():
        path.unlink()


@pytest.mark.parametrize("name", HOLDS)
def test_what_is_fetched_is_ready_and_reads_as_the_original(name, official, tmp_path):
    target, origin, downloads = official(name)
    root = tmp_path / "data"
    assert target.status(root).state == "absent"
    target.fetch(root)
    assert target.status(root).state == "ready"
    for split in (target.train, target.test):
        theirs, ours = split(origin, VIEW), split(root, VIEW)
        assert ours.labels.tolist() == theirs.labels.tolist()
        assert all((ours[i].data == theirs[i].data).all() for i in (0, 11, len(ours) - 1))
    assert not [path.name for path in root.rglob("*.t*gz")] + [path.name for path in root.rglob("*.tar")]
    forget(downloads)
    target.fetch(root)  # nothing is left to fetch, so nothing is asked for


@pytest.mark.parametrize("name", ["places365", "flowers102", "pets37"])
def test_only_the_part_that_is_missing_is_fetched_again(name, official, tmp_path):
    target, _, downloads = official(name)
    root = tmp_path / "data"
    target.fetch(root)
    lost = target.rows(root, target.splits[1])[3].where
    lost.unlink()
    for path in downloads.iterdir():
        if path.name not in ("val_256.tar", "102flowers.tgz", "images.tar.gz"):
            path.unlink()
    target.fetch(root)
    assert lost.is_file()
    assert target.status(root).state == "ready"


@pytest.mark.parametrize("name", ["places365", "flowers102", "pets37"])
def test_a_download_that_lacks_pictures_is_reported(name, official, tmp_path, monkeypatch):
    target, _, _ = official(name)
    monkeypatch.setattr(target, "info", replace(target.info, train_items=TRAIN + 2))
    with pytest.raises(BadInput, match=f"{target.splits[0]}: 2 of 50 images"):
        target.fetch(tmp_path / "data")


def test_lists_on_disk_are_compared_with_published_checksums(official, tmp_path):
    target, _, _ = official("flowers102")
    target.fetch(tmp_path / "data")
    with pytest.raises(BadInput, match=r"imagelabels\.mat"):  # the stand-in's is not the published one
        target.verify(tmp_path / "data")
