"""Targets that are folders of image files, one per class: listing, decoding, status and stand-in in one base class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from modalities.base import DataStatus, TargetInfo
from modalities.datasets.index import Index, Paths, index
from modalities.datasets.listing import Columns, Listing, Row
from modalities.datasets.standin import is_stand_in, mark
from modalities.errors import BadInput
from modalities.image.decode import ImageReader
from modalities.image.policies import ImageView
from modalities.image.standins import standin_pictures

if TYPE_CHECKING:
    pass

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


def index_of(folder: Path, files: Iterable[Path]) -> tuple[str, int]:
    """Fingerprint of names and sizes of files below a folder, and their bytes together."""
    digest, total = hashlib.sha256(), 0
    for path in files:
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()} {size}\n".encode("utf-8", "backslashreplace"))
        total += size
    return digest.hexdigest(), total


class ImageFolderTarget:
    """``ROOT/folder/{train,test}/CLASS/*.png`` or ``.jpg`` (implements ``modalities.base.TargetAdapter``).

    A subclass sets ``info`` and overrides what differs: ``folder``, ``splits`` (folder names of train and test),
    ``class_folder``, ``fetch``.
    """

    info: TargetInfo
    splits = ("train", "test")
    sample_items = (1500, 500)  # of the stand-in: train, test
    sample_side = 32

    @property
    def folder(self) -> str:
        """Name of the dataset's folder under the root."""
        return self.info.name

    def class_folder(self, name: str) -> str:
        """Name of the folder of a class."""
        return name

    def rows(self, root: Path, split: str) -> Sequence[Row]:
        """The files of a split, by class and name."""
        found, classes = self._index(root), len(self.info.classes)
        places = np.flatnonzero(found.folders // classes == self.splits.index(split))
        names = found.names.take(places)
        return Columns(Paths(root / self.folder, names), found.folders[places] % classes, names, names)

    def _index(self, root: Path) -> Index:
        """The files of all splits: the folders of the first one's classes, then those of the next."""
        folders = [f"{split}/{self.class_folder(name)}" for split in self.splits for name in self.info.classes]
        return index(root / self.folder, folders, SUFFIXES)

    def status(self, root: Path) -> DataStatus:
        """Counts files; reads none."""
        home = root / self.folder
        found = self._index(root)
        if not len(found):
            return DataStatus("absent", "", (f"the folder {self.folder}",), self.how(root))
        if is_stand_in(home):
            how = "generated stand-in, not the real dataset"
            return DataStatus("ready", found.fingerprint, how=how, bytes=found.bytes)
        there = np.bincount(found.folders // len(self.info.classes), minlength=len(self.splits)).tolist()
        expected = (self.info.train_items, self.info.test_items)
        missing = tuple(
            f"{split}: {wanted - count:,} of {wanted:,} images"
            for split, count, wanted in zip(self.splits, there, expected, strict=True)
            if count < wanted
        )
        state: Literal["partial", "ready"] = "partial" if missing else "ready"
        return DataStatus(state, found.fingerprint, missing, self.how(root) if missing else "", found.bytes)

    def how(self, root: Path) -> str:
        """The sentence that says how to obtain the data."""
        return (
            f"put the images into {root / self.folder}/{{{','.join(self.splits)}}}/CLASS/ "
            f"(see {self.info.homepage}), {self.info.train_items:,} for training and {self.info.test_items:,} for test."
        )

    def fetch(self, root: Path) -> None:
        """Says how to obtain the data by hand."""
        if self.status(root).state != "ready":
            raise BadInput(f"{self.info.name} cannot be downloaded by this program; {self.how(root)}")

    def train(self, root: Path, view: ImageView, fold: int = 1) -> Listing:
        """The training split; raises BadInput when there is none."""
        return self._listing(root, self.splits[0], view)

    def test(self, root: Path, view: ImageView, fold: int = 1) -> Listing:
        """The test split; raises BadInput when there is none."""
        return self._listing(root, self.splits[1], view)

    def _listing(self, root: Path, split: str, view: ImageView) -> Listing:
        rows = self.rows(root, split)
        if not rows:
            raise BadInput(
                f"there are no images of {self.info.name} below {root / self.folder / split}; {self.how(root)}"
            )
        return Listing(rows, ImageReader(view.raw_size))

    def write_sample(self, root: Path, seed: int) -> None:
        """Write generated pictures into the same folders."""
        from PIL import Image as images

        for split, items in zip(self.splits, self.sample_items, strict=True):
            pictures, labels = standin_pictures(seed, split, len(self.info.classes), items, self.sample_side)
            for i, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
                place = root / self.folder / split / self.class_folder(self.info.classes[label])
                place.mkdir(parents=True, exist_ok=True)
                images.fromarray(picture).save(place / f"{i:05d}.png", compress_level=1)
        mark(root / self.folder, self.info.name, seed)
