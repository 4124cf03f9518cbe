"""Targets that are folders of files, one per class, or files under a table: listing, status and instructions."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Literal

from modalities.base import DataStatus, TargetInfo
from modalities.datasets.listing import Listing, Row
from modalities.datasets.lists import is_safe_path, table
from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput

TABLE = "files.csv"
COLUMNS = ("file", "class", "split", "group")


class FolderTarget:
    """``ROOT/NAME/{train,test}/CLASS/*``, or files anywhere below ``ROOT/NAME`` under a table ``files.csv``.

    The table's columns are ``file`` (relative to ``ROOT/NAME``), ``class``, ``split`` (train or test) and, where files
    belong together, ``group``, the leak unit. Without one, every file is a unit of its own. A modality's subclass sets
    ``suffixes``, ``listing`` and ``write_sample``, a target's sets ``info``; together they implement
    ``modalities.base.TargetAdapter``.
    """

    info: TargetInfo
    suffixes: tuple[str, ...]  # of the files, in lower case
    splits = ("train", "test")  # names of their folders

    def listing(self, rows: list[Row], view: Any, *, test: bool) -> Listing:
        """Labelled data of rows whose ``where`` is a file."""
        raise NotImplementedError

    def write_sample(self, root: Path, seed: int) -> None:
        """Write a generated stand-in in the same layout."""
        raise NotImplementedError

    def home(self, root: Path) -> Path:
        """The dataset's folder."""
        return root / self.info.name

    def rows(self, root: Path, split: str) -> list[Row]:
        """The labelled files of a split that are on disk, in a stable order."""
        home = self.home(root)
        if (home / TABLE).is_file():
            return [row for row in self._listed(home, split) if row.where.is_file()]
        return [
            Row(home / split / name / file, label, f"{split}/{name}/{file}", f"{split}/{name}/{file}")
            for label, name in enumerate(self.info.classes)
            for file in self._files(home / split / name)
        ]

    def _files(self, folder: Path) -> list[str]:
        try:
            return sorted(name for name in os.listdir(folder) if name.lower().endswith(self.suffixes))  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _listed(self, home: Path, split: str) -> list[Row]:
        """The table's rows of a split, whether or not their files are there."""
        rows = []
        labels = {name: label for label, name in enumerate(self.info.classes)}
        for number, line in enumerate(table(home / TABLE), 2):
            name, label, part = (line.get(column, "") for column in COLUMNS[:3])
            if not is_safe_path(name) or label not in labels or part not in self.splits:
                raise BadInput(
                    f"{home / TABLE} line {number} needs a file below that folder, one of the "
                    f"{len(labels)} classes and a split ({' or '.join(self.splits)}); it has {line}."
                )
            if part == split:
                rows.append(Row(home / name, labels[label], name, line.get("group") or name))
        return rows

    def status(self, root: Path) -> DataStatus:
        """Counts files; reads none."""
        home, digest, size, missing, count = self.home(root), hashlib.sha256(), 0, [], 0
        for split, wanted in zip(self.splits, (self.info.train_items, self.info.test_items), strict=True):
            rows = self.rows(root, split)
            for row in rows:
                bytes_ = row.where.stat().st_size
                digest.update(f"{row.item_id} {row.label} {row.group} {bytes_}\n".encode("utf-8", "backslashreplace"))
                size += bytes_
            if len(rows) < (1 if is_stand_in(home) else wanted):
                missing.append(f"{split}: {wanted - len(rows):,} of {wanted:,} files")
            count += len(rows)
        if not count:
            return DataStatus("absent", "", (f"the files below {home.name}",), self.how(root))
        state: Literal["partial", "ready"] = "partial" if missing else "ready"
        return DataStatus(state, digest.hexdigest(), tuple(missing), self.how(root) if missing else "", size)

    def how(self, root: Path) -> str:
        """The sentence that says how to obtain the data."""
        return (
            f"put the files into {self.home(root)}/{{{','.join(self.splits)}}}/CLASS/ (see {self.info.homepage}), "
            f"{self.info.train_items:,} for training and {self.info.test_items:,} for test."
        )

    def fetch(self, root: Path) -> None:
        """Says how to obtain the data by hand."""
        if self.status(root).state != "ready":
            raise BadInput(f"{self.info.name} cannot be downloaded by this program; {self.how(root)}")

    def train(self, root: Path, view: Any, fold: int = 1) -> Listing:
        """The training split; raises BadInput when there is none."""
        return self.listing(self._some(root, self.splits[0]), view, test=False)

    def test(self, root: Path, view: Any, fold: int = 1) -> Listing:
        """The test split; raises BadInput when there is none."""
        return self.listing(self._some(root, self.splits[1]), view, test=True)

    def _some(self, root: Path, split: str) -> list[Row]:
        rows = self.rows(root, split)
        if not rows:
            raise BadInput(f"there are no {split} files of {self.info.name} below {self.home(root)}; {self.how(root)}")
        return rows
