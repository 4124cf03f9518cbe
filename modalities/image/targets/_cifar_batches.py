"""The base of the CIFAR targets: the authors' files of small pictures, or a folder of pictures per class."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from functools import partial
from mmap import ACCESS_READ, mmap
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
PIXELS = 3 * SIDE * SIDE  # bytes of a picture
# The pair (n, 3072) in a pickle of protocol 2: n in one, two or four bytes.
SHAPE = re.compile(rb"(?:K(.)|M(..)|J(....))M" + re.escape(PIXELS.to_bytes(2, "little")) + rb"\x86", re.DOTALL)
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
    """Reads the pickles of the Python version, else the binary version, else ``ROOT/NAME/{train,test}/CLASS/*``.

    A file of the binary version has a record for each picture: its labels, of a byte each, the last of which is used,
    and 3072 bytes as in the Python version.
    """

    binary_folder: str
    label_bytes: int  # of a record
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
        if packed.state == "absent" and (binary := self.packed_home(root, self.binary_folder)).is_dir():
            packed = self._files_status(root, binary, dict.fromkeys(map(_binary_name, self.sizes), 0))
        return ImageFolderTarget.status(self, root) if packed.state == "absent" else packed

    def counts(self, home: Path) -> Mapping[str, tuple[int, int]]:
        counts = {}
        for items, files in ((self.info.train_items, self.train_files), (self.info.test_items, self.test_files)):
            for name in files:
                if (home / name).is_file():
                    counts[name] = _pickled_pictures(home / name), items // len(files)
                if (binary := home / _binary_name(name)).is_file():
                    counts[binary.name] = binary.stat().st_size // (self.label_bytes + PIXELS), items // len(files)
        return counts

    def instructions(self, root: Path) -> str:
        return (
            f"{super().instructions(root)[:-1]} (the binary version is read as well, that for Matlab is not), or put "
            f"images into {self.home(root)}/{{train,test}}/CLASS/."
        )

    def verify(self, root: Path) -> None:
        """Compare the pickles with published checksums; the binary version and pictures in folders have none."""
        if self.packed_home(root).is_dir() or self.status(root).state == "absent":
            super().verify(root)

    def _split(self, root: Path, view: ImageView, fold: int, *, test: bool) -> Listing:
        home, split = self.packed_home(root), self.splits[test]
        files, load = list(self.test_files if test else self.train_files), self._batch
        if not any((home / name).is_file() for name in files):
            home, load = self.packed_home(root, self.binary_folder), self._records
            files = list(map(_binary_name, files))
        if not any((home / name).is_file() for name in files):
            return super()._split(root, view, fold, test=test)
        batches = [load(home / name) for name in files]
        labels = [label for _, of_batch in batches for label in of_batch]
        rows = [Row(i, label, f"{split}-{i:05d}", f"{split}-{i:05d}") for i, label in enumerate(labels)]
        pixels = np.concatenate([pixels for pixels, _ in batches])
        return Listing(rows, partial(read_picture, pixels=pixels, side=view.raw_size, interpolation=view.interpolation))

    def _batch(self, path: Path) -> tuple[NDArray[np.uint8], list[int]]:
        """Return pixels (n, 3072) and labels of one file."""
        if not path.is_file():
            raise BadInput(f"{path} is missing; fetch {self.info.name} again.")
        content = load_plain(path)
        try:
            pixels, labels = content["data"], [int(label) for label in content[self.label_key]]
            valid = pixels.dtype == np.uint8 and pixels.shape == (len(labels), PIXELS)
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise BadInput(f"{path} lacks the entries 'data' and '{self.label_key}'; fetch it again.") from error
        if not valid or not all(0 <= label < len(self.info.classes) for label in labels):
            raise BadInput(f"{path} holds pictures or labels that {self.info.name} does not have; fetch it again.")
        return pixels, labels

    def _records(self, path: Path) -> tuple[NDArray[np.uint8], list[int]]:
        """Return pixels (n, 3072) and labels of one file of the binary version."""
        if not path.is_file():
            raise BadInput(f"{path} is missing; fetch {self.info.name} again.")
        content = np.fromfile(path, np.uint8)
        if len(content) == 0 or len(content) % (self.label_bytes + PIXELS):
            raise BadInput(f"{path} is cut short, or not of the binary version of {self.info.name}; fetch it again.")
        records = content.reshape(-1, self.label_bytes + PIXELS)
        labels = records[:, self.label_bytes - 1].tolist()
        if max(labels) >= len(self.info.classes):
            raise BadInput(f"{path} holds labels that {self.info.name} does not have; fetch it again.")
        return records[:, self.label_bytes :], labels

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


def _binary_name(name: str) -> str:
    """Return what a file of the Python version is called in the binary one."""
    return f"{name}.bin"


def _pickled_pictures(path: Path) -> int:
    """Return the number of pictures in a pickle by the shape of its array, which stands before them; 0 if none."""
    if path.stat().st_size == 0:
        return 0
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        shape = SHAPE.search(content)
        return int.from_bytes(shape.group(shape.lastindex or 0), "little") if shape else 0


def _dump(path: Path, content: dict[str, object]) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))  # as the official files are
