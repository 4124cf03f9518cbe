"""An adapter under test with its data, and how a check says that the adapter fails or that it does not apply."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from modalities.base import Item, LabelledData, TargetAdapter
from modalities.datasets.standin import stand_ins


class Broken(Exception):
    """The adapter violates an item of the contract; the message is a sentence that says how."""


class Skipped(Exception):
    """An item does not apply; the message says why."""


def must(condition: bool, otherwise: str) -> None:
    """Raise Broken unless a condition holds."""
    if not condition:
        raise Broken(otherwise)


@dataclass
class Subject:
    """An adapter with data under a folder, read once for all checks."""

    adapter: TargetAdapter
    root: Path  # folder of datasets that holds the target's stand-in, its real data, or nothing if they ship
    view: Any  # what items are decoded for
    sample: int = 200  # items per split to decode, evenly spaced; labels and ids are compared for all items
    _items: dict[str, list[tuple[int, Item]]] = field(default_factory=dict, init=False)

    @cached_property
    def stand_in(self) -> bool:
        """Whether the data are a stand-in, copies of which may be damaged."""
        return self.adapter.info.name in stand_ins(self.root)

    @cached_property
    def splits(self) -> dict[str, LabelledData]:
        """Train and test of the first fold."""
        return self.construct()

    def construct(self, root: Path | None = None, fold: int = 1) -> dict[str, LabelledData]:
        """Construct train and test anew."""
        return {name: getattr(self.adapter, name)(root or self.root, self.view, fold) for name in ("train", "test")}

    def items(self, split: str) -> list[tuple[int, Item]]:
        """Return evenly spaced items of a split with their indices."""
        if split not in self._items:
            data = self.splits[split]
            indices = np.unique(np.linspace(0, len(data) - 1, min(len(data), self.sample)).round().astype(int))
            self._items[split] = [(int(index), data[int(index)]) for index in indices]
        return self._items[split]

    def needs_files(self) -> None:
        """Raise Skipped if the data ship inside a dependency."""
        if self.adapter.info.ships_with:
            raise Skipped(f"the data ship with {self.adapter.info.ships_with}.")

    def needs_stand_in(self) -> None:
        """Raise Skipped unless the data are a stand-in, which may be copied and damaged."""
        self.needs_files()
        if not self.stand_in:
            raise Skipped("only copies of stand-ins are damaged.")
