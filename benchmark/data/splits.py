"""Subsets of a split: a held-out part that shares no leak unit with the rest, and a limit of items per class."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

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


MIN_UNITS = 20


def holdout_split(data: LabelledData, share: float) -> tuple[Subset, Subset]:
    """Split into a training and a held-out part, the latter with about ``share`` of the items.

    Leak units are ordered by a hash of their names, and each goes to one part as a whole. A split with fewer than
    MIN_UNITS units (FSDD has six speakers) is split by item instead, so that the held-out part represents all of it.
    """
    hashes, unit, counts = np.unique(name_hashes(data.groups), return_inverse=True, return_counts=True)
    if len(hashes) < MIN_UNITS:
        _, unit, counts = np.unique(name_hashes(data.item_ids), return_inverse=True, return_counts=True)
    before = np.cumsum(counts) - counts
    held_out = (before < share * len(unit))[unit]
    return Subset(data, np.flatnonzero(~held_out)), Subset(data, np.flatnonzero(held_out))


def limit_per_class(data: LabelledData, max_items: int) -> LabelledData:
    """Return at most ``max_items`` items of each class, chosen by a hash of their names; 0 returns all."""
    if max_items == 0:
        return data
    order = np.lexsort((name_hashes(data.item_ids), data.labels))
    _, firsts, counts = np.unique(data.labels[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(firsts, counts)  # of each item within its class
    return Subset(data, np.sort(order[rank < max_items]))


def name_hashes(names: Sequence[str]) -> np.ndarray:
    """Return a pseudorandom number for each name that depends on nothing else."""
    digests = (hashlib.sha256(name.encode()).digest() for name in names)
    return np.fromiter((int.from_bytes(digest[:8]) for digest in digests), np.uint64, len(names))
