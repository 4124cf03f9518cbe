"""Targets in CIFAR's own layout, pickles of small pictures, or unpacked into a folder per class."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.base import DataStatus
from modalities.datasets.listing import Listing, Row
from modalities.datasets.standin import is_stand_in, mark
from modalities.errors import BadInput
from modalities.image.decode import to_raw
from modalities.image.folder import ImageFolderTarget, index_of
from modalities.image.pickles import load_plain
from modalities.image.policies import ImageView
from modalities.image.standins import standin_pictures

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 32


class BatchReader:
    """Picture ``index`` of (n, 3072) bytes as a raw item: (1, 3, side, side) uint8."""

    def __init__(self, pixels: NDArray[np.uint8], side: int) -> None:
        self.pixels, self.side = pixels.reshape(-1, 3, SIDE, SIDE), side

    def __call__(self, index: int) -> Tensor:
        import torch
        from PIL import Image

        planes = self.pixels[index]
        if self.side == SIDE:
            return torch.from_numpy(planes.copy())[None]
        return to_raw(Image.fromarray(planes.transpose(1, 2, 0)), self.side)


class PickledTarget(ImageFolderTarget):
    """Reads ``ROOT/batches/FILE`` (the official download) and, where that is absent, a folder per class.

    A subclass sets ``info`` and the names below.
    """

    batches: str  # folder of the official layout
    archive: str  # address of the official archive
    archive_md5: str
    train_files: Mapping[str, str]  # name → MD5
    test_files: Mapping[str, str]
    meta: tuple[str, str, str]  # name, MD5, key of the class names
    label_key: str

    def status(self, root: Path) -> DataStatus:
        """Looks for files; reads none."""
        home = root / self.batches
        files = {**self.train_files, **self.test_files}
        there = [name for name in files if (home / name).is_file()]
        if not there:
            return super().status(root)
        fingerprint, size = index_of(home, (home / name for name in there))
        if missing := tuple(name for name in files if name not in there):
            return DataStatus("partial", fingerprint, missing, self.how(root), size)
        how = "generated stand-in, not the real dataset" if is_stand_in(home) else ""
        return DataStatus("ready", fingerprint, how=how, bytes=size)

    def how(self, root: Path) -> str:
        """The sentence that says how to obtain the data."""
        return (
            f"`benchmark data fetch {self.info.name}` downloads {self.info.download_bytes / 1e6:.0f} MB; "
            f"or put {self.archive} unpacked into {root / self.batches}, "
            f"or images into {root / self.folder}/{{train,test}}/CLASS/."
        )

    def fetch(self, root: Path) -> None:
        """Download, verify and unpack the official archive; raises BadInput when that fails."""
        if self.status(root).state == "ready":
            return
        from modalities.download.fetch import fetch_archive

        fetch_archive(self.archive, root, md5=self.archive_md5, at_most=2 * self.info.download_bytes)

    def verify(self, root: Path) -> None:
        """Compare the official files with published checksums; raises BadInput for the first that differs.

        Pictures in folders have none.
        """
        from modalities.download.fetch import verify

        home = root / self.batches
        if not home.is_dir() and super().status(root).state != "absent":
            return
        if is_stand_in(home):
            raise BadInput(f"{home} holds a generated stand-in, which no published checksum describes; fetch the data.")
        for name, md5 in {**self.train_files, **self.test_files, self.meta[0]: self.meta[1]}.items():
            verify(home / name, md5=md5)

    def _listing(self, root: Path, split: str, view: ImageView) -> Listing:
        home = root / self.batches
        files = self.train_files if split == self.splits[0] else self.test_files
        if not any((home / name).is_file() for name in files):
            return super()._listing(root, split, view)
        parts = [self._batch(home / name) for name in files]
        labels = [label for _, batch in parts for label in batch]
        rows = [Row(i, label, f"{split}-{i:05d}", f"{split}-{i:05d}") for i, label in enumerate(labels)]
        return Listing(rows, BatchReader(np.concatenate([pixels for pixels, _ in parts]), view.raw_size))

    def _batch(self, path: Path) -> tuple[NDArray[np.uint8], list[int]]:
        """Pixels (n, 3072) and labels of one file."""
        if not path.is_file():
            raise BadInput(f"{path} is missing; fetch {self.info.name} again.")
        content = load_plain(path)
        try:
            pixels, labels = content["data"], [int(label) for label in content[self.label_key]]
            whole = pixels.dtype == np.uint8 and pixels.shape == (len(labels), 3 * SIDE * SIDE)
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise BadInput(f"{path} lacks the entries 'data' and '{self.label_key}'; fetch it again.") from error
        if not whole or not all(0 <= label < len(self.info.classes) for label in labels):
            raise BadInput(f"{path} holds pictures or labels that {self.info.name} does not have; fetch it again.")
        return pixels, labels

    def write_sample(self, root: Path, seed: int) -> None:
        """Write generated pictures in the official layout."""
        home = root / self.batches
        home.mkdir(parents=True, exist_ok=True)
        for split, files, items in zip(
            self.splits, (self.train_files, self.test_files), self.sample_items, strict=True
        ):
            pictures, labels = standin_pictures(seed, split, len(self.info.classes), items, SIDE)
            flat = pictures.transpose(0, 3, 1, 2).reshape(items, -1)
            shares = np.array_split(np.arange(items), len(files))
            for name, share in zip(files, shares, strict=True):
                _dump(home / name, {"data": flat[share], self.label_key: [int(labels[i]) for i in share]})
        _dump(home / self.meta[0], {self.meta[2]: list(self.info.classes)})
        mark(home, self.info.name, seed)


def _dump(path: Path, content: dict[str, object]) -> None:
    with path.open("wb") as file:
        pickle.dump(content, file, protocol=2)  # as the official files are
