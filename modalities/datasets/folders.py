"""The base, for all modalities, of targets that are folders of files, one per class, or files listed in a table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modalities.base import DataStatus
from modalities.datasets.file_table import TABLE, read_file_table
from modalities.datasets.hidden import holds_item
from modalities.datasets.index import Index, Paths, index
from modalities.datasets.listing import Columns, Row
from modalities.datasets.lists import unmatched
from modalities.datasets.standin import is_stand_in
from modalities.datasets.target import Target
from modalities.errors import BadInput, readable_name


class FolderTarget(Target):
    """``ROOT/NAME/{train,test}/CLASS/*``, or files anywhere below ``ROOT/NAME`` listed in a table ``files.csv``.

    The table's columns are ``file`` (relative to ``ROOT/NAME``), ``class``, ``split`` (train or test) and, optionally,
    ``group``, the leak unit. A file without a group is a leak unit of its own. Hidden and empty files are no items. A
    modality's subclass sets ``suffixes`` and implements ``listing`` and ``write_sample``; a target's subclass sets
    ``info`` and overrides what differs. Together they implement ``modalities.base.TargetAdapter``.
    """

    lists: tuple[str, ...] = ()  # files without which no item has a label
    suffixes: tuple[str, ...]  # of the items' files, in lower case

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
            return [row for row in self._table_rows(home)[split] if holds_item(home, row.item_id)]
        files = self._index(root)
        chosen = np.flatnonzero(files.folders // classes == self.splits.index(split))
        names = files.names.take(chosen)
        return Columns(Paths(home, names), files.folders[chosen] % classes, names, names)

    def _index(self, root: Path) -> Index:
        folders = [f"{split}/{self.class_folder(name)}" for split in self.splits for name in self.info.classes]
        return index(self.home(root), folders, self.suffixes).with_content(self.home(root))

    def _table_rows(self, home: Path) -> dict[str, list[Row]]:
        return read_file_table(home / TABLE, self.info.classes, self.splits)

    def status(self, root: Path) -> DataStatus:
        home, stand_in = self.home(root), is_stand_in(self.home(root))
        missing = [name for name in self.lists if not (home / name).is_file()]
        listable = home.is_dir() and not missing
        rows: dict[str, Sequence[Row]] = dict.fromkeys(self.splits, ())
        for split in self.splits if listable else ():
            try:
                rows[split] = self.rows(root, split)
            except BadInput as damage:  # of a list
                missing += [str(damage)] if str(damage) not in missing else []
        damaged = bool(missing)
        for split, items in zip(self.splits, (self.info.train_items, self.info.test_items), strict=True):
            missing += self._differing_counts(root, {split: items}, {split: len(rows[split])})
            missing += [f"{split} has no {self.unit}"] if not len(rows[split]) and (stand_in or not items) else []
        missing += self.faults(root) if listable and not damaged else []
        if not any(map(len, rows.values())) and not any((home / name).exists() for name in (*self.lists, TABLE)):
            return self._report(root, [f"the {self.unit} below {home.name}"], "", 0, some=False)
        return self._report(root, missing, *self.fingerprint(root, rows), some=True, stand_in=stand_in)

    def faults(self, root: Path) -> list[str]:
        """Return phrases about listed files that are not there and about empty files."""
        home = self.home(root)
        if not (home / TABLE).is_file():
            return self._index(root).faults(self.unit)
        listed = [row.item_id for rows in self._table_rows(home).values() for row in rows]
        return unmatched(home / TABLE, [name for name in listed if not holds_item(home, name)], self.unit)

    def fingerprint(self, root: Path, rows: Mapping[str, Sequence[Row]]) -> tuple[str, int]:
        """Return a SHA-256 of the rows of all splits with the sizes of their files, and the total size in bytes."""
        digest, total = hashlib.sha256(), 0
        for columns in map(Columns.of, rows.values()):
            every = zip(columns.where, columns.labels.tolist(), columns.item_ids, columns.groups, strict=True)
            for path, label, item_id, group in every:
                size = path.stat().st_size
                digest.update(readable_name(f"{item_id} {label} {group} {size}\n").encode("utf-8", "backslashreplace"))
                total += size
        return digest.hexdigest(), total

    def _rows(self, root: Path, view: Any, fold: int, *, test: bool) -> Sequence[Row]:
        for name in self.lists:
            self._required(root, self.home(root) / name)
        return self.rows(root, self.splits[test])
