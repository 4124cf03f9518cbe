"""Targets that are image files: in a folder per class, listed in a table, or in a layout of their authors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from modalities.datasets.file_table import TABLE
from modalities.datasets.files import FileTarget
from modalities.datasets.folders import FolderTarget
from modalities.datasets.listing import Listing, Row
from modalities.image.decode import read_image
from modalities.image.look import SUFFIXES
from modalities.image.policies import ImageView
from modalities.image.standins import standin_pictures


class ImageFileTarget(FileTarget):
    """See ``modalities.datasets.files.FileTarget``."""

    suffixes = SUFFIXES
    unit = "images"

    def listing(self, rows: Sequence[Row], view: ImageView, *, test: bool) -> Listing:
        """Return each file as one raw item of ``view.raw_size``."""
        return Listing(rows, partial(read_image, side=view.raw_size, interpolation=view.interpolation))


class ImageFolderTarget(FolderTarget, ImageFileTarget):
    """See ``modalities.datasets.folders.FolderTarget``. A million files are listed within seconds."""

    sample_items = (1500, 500)  # of the stand-in: train, test
    sample_side = 32

    def fingerprint(self, root: Path, rows: Mapping[str, Sequence[Row]]) -> tuple[str, int]:
        """Return the index's fingerprint (of names and sizes) for class folders, and the total size in bytes."""
        if (self.home(root) / TABLE).is_file():
            return super().fingerprint(root, rows)
        files = self._index(root)
        return files.fingerprint, files.bytes

    def _write_sample(self, home: Path, seed: int) -> None:
        """Write generated pictures into the class folders."""
        from PIL import Image

        for split, items in zip(self.splits, self.sample_items, strict=True):
            pictures, labels = standin_pictures(seed, split, len(self.info.classes), items, self.sample_side)
            for i, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
                place = home / split / self.class_folder(self.info.classes[label])
                place.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture).save(place / f"{i:05d}.png", compress_level=1)
