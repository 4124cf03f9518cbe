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
ORDERS = 8  # of the units, tried one after another until every class that can be is on both sides


def holdout_split(data: LabelledData, share: float) -> tuple[Subset, Subset]:
    """Split into a training and a held-out part, the latter with about ``share`` of the items of each class.

    Each leak unit goes to one part as a whole. Units are taken in the order of a hash of their names, until every class
    has its share; every class with two or more units is in both parts, unless units of several classes rule it out. A
    split with fewer than MIN_UNITS units (FSDD has six speakers) is split by item instead, so that the held-out part
    represents all of it.
    """
    order, unit = np.unique(name_hashes(data.groups), return_inverse=True)
    if len(order) < MIN_UNITS:
        order, unit = np.unique(name_hashes(data.item_ids), return_inverse=True)
    classes, label = np.unique(data.labels, return_inverse=True)
    pairs, items = np.unique(unit * len(classes) + label, return_counts=True)
    shares = _Shares(pairs // len(classes), pairs % len(classes), items)
    best = shares.hold_out(order, share)
    for attempt in range(1, ORDERS):
        if not shares.lacking(best):
            break
        other = shares.hold_out(name_hashes([f"{attempt}/{number}" for number in order]), share)
        best = min(best, other, key=shares.lacking)
    chosen = best[unit]
    return Subset(data, np.flatnonzero(~chosen)), Subset(data, np.flatnonzero(chosen))


class _Shares:
    """Items of each class in each leak unit, as rows of (unit, class, items); classes and units are numbered from 0."""

    def __init__(self, unit: np.ndarray, label: np.ndarray, items: np.ndarray) -> None:
        self.unit, self.label, self.items = unit, label, items
        self.of_class = np.bincount(label, weights=items)
        self.units_of_class = np.bincount(label)
        self.first = np.searchsorted(unit, np.arange(unit.max() + 2))  # of each unit's rows, which are adjacent

    def hold_out(self, order: np.ndarray, share: float) -> np.ndarray:
        """Return which units are held out, (units,), taken by rising ``order`` until each class has its share.

        Classes of few units choose first, and a unit with more than half of a class comes after the others. No unit
        is taken that would leave a class without training items.
        """
        held_out = np.zeros(len(self.first) - 1, bool)
        items, left = np.zeros(len(self.of_class)), self.units_of_class.copy()
        large = self.items > self.of_class[self.label] / 2
        rows = np.lexsort((order[self.unit], large, self.label))
        starts = np.searchsorted(self.label[rows], np.arange(len(self.of_class) + 1))
        for label in np.lexsort((np.arange(len(self.of_class)), self.units_of_class)):
            for row in rows[starts[label] : starts[label + 1]]:
                if items[label] > 0 and items[label] >= share * self.of_class[label]:
                    break
                unit = self.unit[row]
                those = slice(self.first[unit], self.first[unit + 1])
                if held_out[unit] or (left[self.label[those]] < 2).any():
                    continue
                held_out[unit] = True
                left[self.label[those]] -= 1
                items[self.label[those]] += self.items[those]
        return held_out

    def lacking(self, held_out: np.ndarray) -> int:
        """Return how many classes with two or more units have none in one of the parts."""
        held = np.bincount(self.label, weights=held_out[self.unit])
        return int(((self.units_of_class > 1) & ((held == 0) | (held == self.units_of_class))).sum())


def limit_per_class(data: LabelledData, max_items: int) -> LabelledData:
    """Return at most ``max_items`` items of each class, chosen by a hash of their names; 0 returns all."""
    if max_items == 0:
        return data
    return Subset(data, np.flatnonzero(_ranks_in_class(data, name_hashes(data.item_ids)) < max_items))


def limit_evenly(data: LabelledData, max_items: int) -> LabelledData:
    """Return at most ``max_items`` items, as many of each class as there are, chosen by a hash of their names."""
    if len(data) <= max_items:
        return data
    hashes = name_hashes(data.item_ids)
    return Subset(data, np.sort(np.lexsort((hashes, _ranks_in_class(data, hashes)))[:max_items]))


def _ranks_in_class(data: LabelledData, hashes: np.ndarray) -> np.ndarray:
    """Return the place of each item among those of its class, from 0, in the order of ``hashes``."""
    order = np.lexsort((hashes, data.labels))
    _, firsts, counts = np.unique(data.labels[order], return_index=True, return_counts=True)
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order)) - np.repeat(firsts, counts)
    return ranks


def name_hashes(names: Sequence[str]) -> np.ndarray:
    """Return a pseudorandom number for each name that depends on nothing else."""
    digests = (hashlib.sha256(name.encode()).digest() for name in names)
    return np.fromiter((int.from_bytes(digest[:8]) for digest in digests), np.uint64, len(names))
