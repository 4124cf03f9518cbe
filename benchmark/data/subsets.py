"""Parts of a split: a held-out part by leak unit, and at most so many items of each class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from modalities.base import Item, LabelledData
from modalities.datasets.lazy import Lazy


class Subset:
    """Some items of a split (implements ``modalities.base.LabelledData``)."""

    def __init__(self, data: LabelledData, indices: np.ndarray) -> None:
        self._data, self._indices = data, indices
        self.labels = np.asarray(data.labels)[indices]
        self.item_ids: Sequence[str] = Lazy(data.item_ids, indices, str)
        self.groups: Sequence[str] = Lazy(data.groups, indices, str)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Item:
        return self._data[int(self._indices[index])]


FEWEST_UNITS = 20


def hold_out(data: LabelledData, share: float) -> tuple[Subset, Subset]:
    """Cut a split in two, the second with about ``share`` of the items, by a hash of the leak unit's name.

    Whole units go to one side. A split with fewer than 20 units (FSDD has six speakers) is cut by item instead, so
    that the held-out part stands for all of it.
    """
    units = data.groups if _several(data.groups, FEWEST_UNITS) else data.item_ids
    _, unit, counts = np.unique(_keys(units), return_inverse=True, return_counts=True)
    before = np.cumsum(counts) - counts
    held = (before < share * len(units))[unit]
    return Subset(data, np.flatnonzero(~held)), Subset(data, np.flatnonzero(held))


def cap_per_class(data: LabelledData, most: int) -> LabelledData:
    """At most ``most`` items of each class, chosen by a hash of the item's name; 0 takes all."""
    if most == 0:
        return data
    order = np.lexsort((_keys(data.item_ids), data.labels))
    _, firsts, counts = np.unique(data.labels[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(firsts, counts)  # of each item within its class
    return Subset(data, np.sort(order[rank < most]))


def _keys(names: Sequence[str]) -> np.ndarray:
    """A number for each name, which orders them at random but for ever the same."""
    return np.fromiter((int(unit_order(name)[:16], 16) for name in names), np.uint64, len(names))


def _several(names: Iterable[str], least: int) -> bool:
    """Whether there are at least so many different names."""
    seen: set[str] = set()
    for name in names:
        seen.add(name)
        if len(seen) >= least:
            return True
    return False


def unit_order(name: str) -> str:
    """Sort key that orders leak units or items at random but for ever the same, whatever else is listed."""
    return hashlib.sha256(name.encode()).hexdigest()
