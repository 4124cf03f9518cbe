"""The base of the CIFAR targets: the authors' pickled batches of small pictures, or a folder of pictures per class."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.base import DataStatus
from modalities.datasets.listing import Listing, Row
from modalities.errors import BadInput
from modalities.image.decode import to_raw
from modalities.image.folder import ImageFolderTarget
from modalities.image.pickles import load_plain
from modalities.image.policies import ImageView
from modalities.image.standins import standin_pictures
from modalities.image.targets._packed import PackedTarget

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 32
HOMEPAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"
CITATION = (
    "@techreport{krizhevsky2009learning, author={Krizhevsky, Alex}, title={Learning Multiple Layers of Features from "
    "Tiny Images}, institution={University of Toronto}, year={2009}}"
)


def read_picture(index: int, pixels: NDArray[np.uint8], side: int, interpolation: str = "bicubic") -> Tensor:
    """Return a picture of (n, 3072) as a raw item: (1, 3, side, side) uint8."""
    import torch
    from PIL import Image

    planes = pixels[index].reshape(3, SIDE, SIDE)
    if side == SIDE:
        return torch.from_numpy(planes.copy())[None]
    return to_raw(Image.fromarray(planes.transpose(1, 2, 0)), side, interpolation)


class CifarTarget(PackedTarget, ImageFolderTarget):
    """Reads ``ROOT/archive_folder/FILE`` and, if there is no such file, ``ROOT/NAME/{train,test}/CLASS/*``."""

    train_files: Mapping[str, str]  # name → MD5
    test_files: Mapping[str, str]
    meta: tuple[str, str, str]  # name, MD5, key of the class names
    label_key: str

    def __init__(self) -> None:
        self.sizes = dict.fromkeys((*self.train_files, *self.test_files), 0)
        self.md5s = {**self.train_files, **self.test_files, self.meta[0]: self.meta[1]}

    def status(self, root: Path) -> DataStatus:
        """Look for the official files or, if there are none, for pictures in folders."""
        packed = super().status(root)
        return ImageFolderTarget.status(self, root) if packed.state == "absent" else packed

    def instructions(self, root: Path) -> str:
        return f"{super().instructions(root)[:-1]}, or put images into {self.home(root)}/{{train,test}}/CLASS/."

    def verify(self, root: Path) -> None:
        """Compare the official files with published checksums; pictures in folders have none."""
        if (root / self.archive_folder).is_dir() or ImageFolderTarget.status(self, root).state == "absent":
            super().verify(root)

    def _split(self, root: Path, view: ImageView, fold: int, *, test: bool) -> Listing:
        home, split = root / self.archive_folder, self.splits[test]
        files = self.test_files if test else self.train_files
        if not any((home / name).is_file() for name in files):
            return super()._split(root, view, fold, test=test)
        batches = [self._batch(home / name) for name in files]
        labels = [label for _, of_batch in batches for label in of_batch]
        rows = [Row(i, label, f"{split}-{i:05d}", f"{split}-{i:05d}") for i, label in enumerate(labels)]
        pixels = np.concatenate([pixels for pixels, _ in batches])
        read = partial(read_picture, pixels=pixels, side=view.raw_size, interpolation=view.interpolation)
        return Listing(rows, read)

    def _batch(self, path: Path) -> tuple[NDArray[np.uint8], list[int]]:
        """Return pixels (n, 3072) and labels of one file."""
        if not path.is_file():
            raise BadInput(f"{path} is missing; fetch {self.info.name} again.")
        content = load_plain(path)
        try:
            pixels, labels = content["data"], [int(label) for label in content[self.label_key]]
            valid = pixels.dtype == np.uint8 and pixels.shape == (len(labels), 3 * SIDE * SIDE)
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise BadInput(f"{path} lacks the entries 'data' and '{self.label_key}'; fetch it again.") from error
        if not valid or not all(0 <= label < len(self.info.classes) for label in labels):
            raise BadInput(f"{path} holds pictures or labels that {self.info.name} does not have; fetch it again.")
        return pixels, labels

    def sample_pictures(self, seed: int, split: str, items: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return (items, 32, 32, 3) generated pictures and (items,) labels."""
        return standin_pictures(seed, split, len(self.info.classes), items, SIDE)

    def sample_entries(self, split: str, pixels: NDArray[np.uint8], labels: list[int]) -> dict[str, object]:
        """Return what a file of the stand-in holds."""
        return {"data": pixels, self.label_key: labels}

    def _write_sample(self, home: Path, seed: int) -> None:
        """Write generated pictures in the official layout."""
        for split, files, items in zip(
            self.splits, (self.train_files, self.test_files), self.sample_items, strict=True
        ):
            pictures, labels = self.sample_pictures(seed, split, items)
            flat = pictures.transpose(0, 3, 1, 2).reshape(items, -1)
            for name, share in zip(files, np.array_split(np.arange(items), len(files)), strict=True):
                _dump(home / name, self.sample_entries(split, flat[share], labels[share].tolist()))
        _dump(home / self.meta[0], {self.meta[2]: list(self.info.classes)})


def _dump(path: Path, content: dict[str, object]) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))  # as the official files are
