"""The base, for all modalities, of targets that are folders of files, one per class, or files listed in a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from modalities.datasets.file_table import TABLE, read_file_table
from modalities.datasets.files import FileTarget
from modalities.datasets.hidden import holds_item
from modalities.datasets.index import Index, Paths, index
from modalities.datasets.listing import Columns, Row
from modalities.datasets.lists import unmatched


class FolderTarget(FileTarget):
    """``ROOT/NAME/{train,test}/CLASS/*``, or files anywhere below ``ROOT/NAME`` listed in a table ``files.csv``.

    The table's columns are ``file`` (relative to ``ROOT/NAME``), ``class``, ``split`` (train or test) and, optionally,
    ``group``, the leak unit. A file without a group is a leak unit of its own. Hidden and empty files are no items. A
    modality's subclass sets ``suffixes`` and implements ``listing`` and ``write_sample``; a target's subclass sets
    ``info`` and overrides what differs. Together they implement ``modalities.base.TargetAdapter``.
    """

    def class_folder(self, name: str) -> str:
        """Return the name of a class's folder."""
        return name

    def instructions(self, root: Path) -> str:
        return (
            f"put the {self.unit} into {self.home(root)}/{{{','.join(self.splits)}}}/CLASS/ (see {self.info.homepage}),"
            f" {self.info.train_items:,} for training and {self.info.test_items:,} for test."
        )

    def rows(self, root: Path, split: str) -> Sequence[Row]:
        """Return the labelled files of a split that are on disk, in a stable order, without opening any."""
        home, classes = self.home(root), len(self.info.classes)
        if (home / TABLE).is_file():
            return super().rows(root, split)
        files = self._index(root)
        chosen = np.flatnonzero(files.folders // classes == self.splits.index(split))
        names = files.names.take(chosen)
        return Columns(Paths(home, names), files.folders[chosen] % classes, names, names)

    def _of_fold(self, root: Path, split: str, fold: int) -> Sequence[Row]:
        return self.rows(root, split)  # neither folders nor the table say in which fold a file is

    def _index(self, root: Path) -> Index:
        folders = [f"{split}/{self.class_folder(name)}" for split in self.splits for name in self.info.classes]
        return index(self.home(root), folders, self.suffixes).with_content(self.home(root))

    def _named(self, home: Path) -> dict[str, list[Row]]:
        return read_file_table(home / TABLE, self.info.classes, self.splits)

    def _has_lists(self, home: Path) -> bool:
        return super()._has_lists(home) or (home / TABLE).exists()

    def faults(self, root: Path) -> list[str]:
        """Return phrases about listed files that are not there and about empty files."""
        home = self.home(root)
        if not (home / TABLE).is_file():
            return self._index(root).faults(self.unit)
        listed = [row.item_id for rows in self._named(home).values() for row in rows]
        return unmatched(home / TABLE, [name for name in listed if not holds_item(home, name)], self.unit)
