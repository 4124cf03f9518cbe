"""Subsets of a split: a held-out part that shares no leak unit with the rest, and a limit of items per class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from modalities.base import Item, LabelledData


class SelectedNames(Sequence[str]):
    """Some of many names, each looked up only when it is read."""

    def __init__(self, names: Sequence[str], indices: np.ndarray) -> None:
        self._names, self._indices = names, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return SelectedNames(self._names, self._indices[index])
        return self._names[int(self._indices[index])]


class Subset:
    """Some items of a split (implements ``modalities.base.LabelledData``)."""

    def __init__(self, data: LabelledData, indices: np.ndarray) -> None:
        self._data, self._indices = data, indices
        self.labels = np.asarray(data.labels)[indices]
        self.item_ids: Sequence[str] = SelectedNames(data.item_ids, indices)
        self.groups: Sequence[str] = SelectedNames(data.groups, indices)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Item:
        return self._data[int(self._indices[index])]


MIN_UNITS = 20


def holdout_split(data: LabelledData, share: float) -> tuple[Subset, Subset]:
    """Split into a training and a held-out part, the latter with about ``share`` of the items.

    Leak units are ordered by a hash of their names, and each goes to one part as a whole. A split with fewer than
    MIN_UNITS units (FSDD has six speakers) is split by item instead, so that the held-out part represents all of it.
    """
    units = data.groups if _has_at_least(MIN_UNITS, data.groups) else data.item_ids
    _, unit, counts = np.unique(_hashes(units), return_inverse=True, return_counts=True)
    before = np.cumsum(counts) - counts
    held_out = (before < share * len(units))[unit]
    return Subset(data, np.flatnonzero(~held_out)), Subset(data, np.flatnonzero(held_out))


def limit_per_class(data: LabelledData, max_items: int) -> LabelledData:
    """Return at most ``max_items`` items of each class, chosen by a hash of their names; 0 returns all."""
    if max_items == 0:
        return data
    order = np.lexsort((_hashes(data.item_ids), data.labels))
    _, firsts, counts = np.unique(data.labels[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(firsts, counts)  # of each item within its class
    return Subset(data, np.sort(order[rank < max_items]))


def _hashes(names: Sequence[str]) -> np.ndarray:
    """Return a pseudorandom number for each name that depends on nothing else."""
    return np.fromiter((int(name_hash(name)[:16], 16) for name in names), np.uint64, len(names))


def _has_at_least(count: int, names: Iterable[str]) -> bool:
    """Return whether at least ``count`` names differ."""
    seen: set[str] = set()
    for name in names:
        seen.add(name)
        if len(seen) >= count:
            return True
    return False


def name_hash(name: str) -> str:
    """Return a sort key that puts leak units or items in a pseudorandom order, whatever else is listed."""
    return hashlib.sha256(name.encode()).hexdigest()
