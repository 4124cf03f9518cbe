"""The base, for all modalities, of targets that are labelled files, wherever they lie and whatever names them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modalities.base import DataStatus
from modalities.datasets.hidden import holds_item
from modalities.datasets.index import index
from modalities.datasets.listing import Columns, Row
from modalities.datasets.lists import plain_path
from modalities.datasets.splits import folds_of_units, held_out_units
from modalities.datasets.standin import is_stand_in
from modalities.datasets.target import Target
from modalities.errors import BadInput, readable_name
from modalities.storage.paths import stored


@dataclass(frozen=True)
class LabelledFile:
    """What a dataset says about one of its files, whether or not the file is there."""

    path: str  # below the dataset's folder, with "/"
    label: str  # name of its class
    split: str = ""  # "train" or "test", as the target calls them
    group: str = ""  # leak unit; empty: the file is one of its own
    fold: int = 0  # of a target with folds, in place of a split: the one in whose test the file is, from 1


def split_by_unit(files: Iterable[LabelledFile], name: str) -> list[LabelledFile]:
    """Return files with the side that ``modalities.datasets.splits.held_out_units`` gives to their leak units."""
    every = list(files)
    test = held_out_units([(file.group or file.path, file.label) for file in every], name)
    return [replace(file, split="test" if (file.group or file.path) in test else "train") for file in every]


def folds_by_unit(files: Iterable[LabelledFile], name: str, folds: int) -> list[LabelledFile]:
    """Return files with the fold that ``modalities.datasets.splits.folds_of_units`` gives to their leak units."""
    every = list(files)
    fold = folds_of_units([(file.group or file.path, file.label) for file in every], name, folds)
    return [replace(file, fold=fold[file.group or file.path]) for file in every]


class FileTarget(Target):
    """Labelled files in a layout of their authors: a target's subclass sets ``info`` and ``layout``, and lists them.

    If its ``info`` says that it has folds, each file has one, and is tested on in this fold and trained on in the
    others.

    A modality's subclass sets ``suffixes`` and implements ``listing``. Together they implement
    ``modalities.base.TargetAdapter``. Hidden and empty files are no items. There is no stand-in, unless a subclass
    implements ``_write_sample``.
    """

    lists: tuple[str, ...] = ()  # files without which no item has a label
    suffixes: tuple[str, ...]  # of the items' files, in lower case
    layout: str = "their authors pack them"  # completes "put the files into ROOT/NAME as …"

    def files(self, home: Path) -> Iterable[LabelledFile]:
        """Return every labelled file of the dataset, in a stable order, without opening any.

        Files that lists name are returned whether or not they are there. A ValueError or KeyError, as a damaged list
        causes it, is reported as damage.
        """
        raise NotImplementedError

    def found(self, home: Path, folders: Iterable[str]) -> Sequence[str]:
        """Return the files directly in these folders that have one of the suffixes, as FOLDER/FILE, in order."""
        return index(home, folders, self.suffixes, sizes=False).names

    def instructions(self, root: Path) -> str:
        return (
            f"put the {self.unit} into {self.home(root)} as {self.layout} (see {self.info.homepage}): "
            f"{self.info.train_items:,} for training and {self.info.test_items:,} for test."
        )

    def rows(self, root: Path, split: str) -> Sequence[Row]:
        """Return the labelled files of a split that are on disk, in a stable order, without opening any."""
        home = self.home(root)
        return [row for row in self._named(home)[split] if holds_item(home, row.item_id)]

    def _of_fold(self, root: Path, split: str, fold: int) -> Sequence[Row]:
        home = self.home(root)
        return [row for row in self._named_in(home, fold)[split] if holds_item(home, row.item_id)]

    def _side(self, file: LabelledFile, fold: int) -> str:
        """Return the split that a file is in; empty if its fold does not exist."""
        if self.info.folds == 1:
            return file.split
        return self.splits[file.fold == fold] if file.fold in self._folds() else ""

    def _named(self, home: Path) -> dict[str, list[Row]]:
        """Return the rows of each split, whether or not their files are there. Raises BadInput for damaged lists."""
        return self._named_in(home, 1)

    def _named_in(self, home: Path, fold: int) -> dict[str, list[Row]]:
        labels = {name: label for label, name in enumerate(self.info.classes)}
        rows: dict[str, list[Row]] = {split: [] for split in self.splits}
        seen: set[str] = set()
        folds = self.info.folds
        remedy = f"replace what names the {self.unit} below {home} by the authors' own"
        try:
            for file in self.files(home):
                name = readable_name(plain_path(file.path))
                split = self._side(file, fold)
                if not name or name in seen or file.label not in labels or split not in rows:
                    sides = f"fold (1 to {folds})" if folds > 1 else f"split ({' or '.join(self.splits)})"
                    raise BadInput(
                        f"{self.info.name} has {file}; a file needs a path below {home} that no other has, one of the "
                        f"{len(labels)} classes and a {sides}; {remedy}."
                    )
                seen.add(name)
                row = Row(stored(home / name), labels[file.label], name, readable_name(file.group) or name)
                rows[split].append(row)
        except (ValueError, KeyError, IndexError) as error:
            raise BadInput(f"a list of {self.info.name} is damaged ({error!r}); {remedy}.") from error
        return rows

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
        if not any(map(len, rows.values())) and not self._has_lists(home):
            return self._report(root, [f"the {self.unit} below {home.name}"], "", 0, some=False)
        if self.info.folds > 1 and not damaged:
            test = self.splits[1]  # of all folds: every file
            rows = {f"test of fold {fold}": self._of_fold(root, test, fold) for fold in self._folds()}
            known = {f"test of fold {fold}": self.info.known_test_items(fold) for fold in self._folds()[1:]}
            missing += self._differing_counts(root, known, {name: len(some) for name, some in rows.items()})
        return self._report(root, missing, *self.fingerprint(root, rows), some=True, stand_in=stand_in)

    def _folds(self) -> range:
        return range(1, self.info.folds + 1)

    def _has_lists(self, home: Path) -> bool:
        return any((home / name).exists() for name in self.lists)

    def faults(self, root: Path) -> list[str]:
        """Return phrases about named files that are not there or empty."""
        home = self.home(root)
        every = (row.item_id for rows in self._named(home).values() for row in rows)
        absent = [name for name in every if not holds_item(home, name)]
        return [f"{len(absent):,} named {self.unit} are not there or empty, such as {absent[0]}"] if absent else []

    def fingerprint(self, root: Path, rows: Mapping[str, Sequence[Row]]) -> tuple[str, int]:
        """Return a SHA-256 of the rows of all splits, or folds, with the sizes of their files, and the total size."""
        digest, total = hashlib.sha256(), 0
        for name, some in rows.items():
            if self.info.folds > 1:
                digest.update(f"{name}\n".encode())
            columns = Columns.of(some)
            every = zip(columns.where, columns.labels.tolist(), columns.item_ids, columns.groups, strict=True)
            for path, label, item_id, group in every:
                size = path.stat().st_size
                digest.update(readable_name(f"{item_id} {label} {group} {size}\n").encode("utf-8", "backslashreplace"))
                total += size
        return digest.hexdigest(), total

    def _rows(self, root: Path, view: Any, fold: int, *, test: bool) -> Sequence[Row]:
        for name in self.lists:
            self._required(root, self.home(root) / name)
        split = self.splits[test]
        return self._of_fold(root, split, fold) if self.info.folds > 1 else self.rows(root, split)
