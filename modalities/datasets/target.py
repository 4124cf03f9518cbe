"""The base of target adapters: what they say about data that are there, partly there or missing, and about splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modalities.base import DataStatus, TargetInfo
from modalities.datasets.listing import Columns, Listing, Row
from modalities.datasets.standin import MEANING, is_stand_in, mark
from modalities.errors import BadInput


def differing_counts(known: Mapping[str, int], found: Mapping[str, int], unit: str) -> list[str]:
    """Compare what is on disk with what the dataset is known to have, for ``DataStatus.missing``.

    Args:
        known: published numbers by part, such as ``{"test": 3_783, "test list of split 1": 3_783}``; 0 if not known.
        found: the numbers on disk; a part that is absent counts as 0.
        unit: what is counted, in the plural.

    Returns:
        One phrase for each part that differs: "test: 3,771 of 3,783 videos" lacks 3,771, and
        "test list of split 1 names 12 of 3,783 videos" does too. The part "" is the whole.
    """
    phrases = []
    for part, number in known.items():
        count = found.get(part, 0)
        if not number or count == number:
            continue
        if "list" in part.split():
            phrases.append(f"{part} names {count:,} of {number:,} {unit}")
        else:
            amount = (
                f"{number - count:,} of {number:,} {unit}"
                if count < number
                else f"{count:,} {unit} instead of {number:,}"
            )
            phrases.append(f"{part}: {amount}" if part else amount)
    return phrases


class Target:
    """Implements ``modalities.base.TargetAdapter``, but for the methods that raise NotImplementedError."""

    info: TargetInfo
    folder: str = ""  # of the dataset, below the root; empty means the target's name
    splits: tuple[str, str] = ("train", "test")  # names of the training and the test split
    unit = "files"  # what messages call the items

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "how" in vars(cls):
            raise BadInput(f"{cls.__name__} defines how(), which is now called instructions(); rename the method.")

    def status(self, root: Path) -> DataStatus:
        """Compare the files on disk with what the dataset holds; no item is read."""
        raise NotImplementedError

    def instructions(self, root: Path) -> str:
        """Return the sentence that says how to obtain the data."""
        raise NotImplementedError

    def listing(self, rows: Sequence[Row], view: Any, *, test: bool) -> Listing:
        """Return the labelled data of rows."""
        raise NotImplementedError

    def write_sample(self, root: Path, seed: int) -> None:
        """Write a generated stand-in in the same layout, and mark it. Raises BadInput if there is none."""
        self._write_sample(self.home(root), seed)
        mark(self.home(root), self.info.name, seed)

    def _write_sample(self, home: Path, seed: int) -> None:
        raise BadInput(f"{self.info.name} has no generated stand-in; use its real data.")

    @property
    def has_stand_in(self) -> bool:
        """Whether a stand-in can be written: if a subclass implements ``_write_sample`` or ``write_sample``."""
        own = type(self)
        return own._write_sample is not Target._write_sample or own.write_sample is not Target.write_sample

    def _rows(self, root: Path, view: Any, fold: int, *, test: bool) -> Sequence[Row]:
        """Return the labelled files of a split that are on disk, in a stable order, without opening any."""
        raise NotImplementedError

    def home(self, root: Path) -> Path:
        """Return the dataset's folder, which also holds the mark of a stand-in."""
        return root / (self.folder or self.info.name)

    def fetch(self, root: Path) -> None:
        """Raise BadInput with the instructions unless the data are complete: there is no automatic download."""
        if self.status(root).state != "ready":
            raise BadInput(f"{self.info.name} cannot be downloaded by this program; {self.instructions(root)}")

    def train(self, root: Path, view: Any, fold: int = 1) -> Listing:
        """Return the training split; raise BadInput if there is none."""
        return self._split(root, view, fold, test=False)

    def test(self, root: Path, view: Any, fold: int = 1) -> Listing:
        """Return the test split; raise BadInput if there is none."""
        return self._split(root, view, fold, test=True)

    def _split(self, root: Path, view: Any, fold: int, *, test: bool) -> Listing:
        if self.info.folds > 1 and not 1 <= fold <= self.info.folds:
            raise BadInput(f"{self.info.name} has no fold {fold}; choose 1 to {self.info.folds}.")
        if rows := self._rows(root, view, fold, test=test):
            return self.listing(Columns.of(rows).readable(), view, test=test)
        raise BadInput(
            f"there are no {self.unit} of {self.info.name} below {self.home(root)} for the split "
            f"'{self.splits[test]}'; {self.instructions(root)}"
        )

    def _differing_counts(self, root: Path, known: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
        """Return ``differing_counts``; nothing for a stand-in, which is smaller than the dataset."""
        return [] if is_stand_in(self.home(root)) else differing_counts(known, found, self.unit)

    def _required(self, root: Path, path: Path) -> Path:
        if not path.exists():
            raise BadInput(f"{path} does not exist; {self.instructions(root)}")
        return path

    def _report(
        self,
        root: Path,
        missing: Sequence[str],
        fingerprint: str,
        size: int,
        *,
        some: bool,
        ready: bool | None = None,
        stand_in: bool = False,
    ) -> DataStatus:
        """Return the status: ready, by default if nothing is missing; partial if there are some data; else absent."""
        if not missing if ready is None else ready:
            return DataStatus("ready", fingerprint, tuple(missing), MEANING if stand_in else "", size)
        return DataStatus("partial" if some else "absent", fingerprint, tuple(missing), self.instructions(root), size)
