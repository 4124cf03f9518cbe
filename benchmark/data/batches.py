"""Batches of a labelled split by step: decoded ahead of time by threads, and kept where the split fits into memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import overload

import numpy as np
import torch
from torch import Tensor

from benchmark.data.locate import unit_order
from benchmark.system.resources import share_of_cores, share_of_memory
from benchmark.training.micro_batches import ran_out
from modalities.base import Item, LabelledData, sent

PARTS = 4  # of a process's share of memory, one for a split: it keeps up to three, and its work takes memory too
MOST_THREADS = 16  # that decode a split, on however many cores
AHEAD = 3  # batches decoded before they are asked for


class Batches:
    """Raw items of a split, as (rows, *raw) with one row per clip, and their labels.

    Args:
        data: the split.
        order: step -> indices into the split. A pure function, so that later batches can be decoded early.
        steps: how many steps there are.
        memory_limit: bytes of decoded items up to which the whole split is kept in memory; by default a quarter of
            this process's share of what is free when the first batch is asked for. Batches are the same either way.
    """

    def __init__(
        self, data: LabelledData, order: Callable[[int], np.ndarray], steps: int, memory_limit: int | None = None
    ) -> None:
        self.data, self.order, self.steps = data, order, steps
        self._labels = torch.from_numpy(np.asarray(data.labels, np.int64))
        self._threads = ThreadPoolExecutor(min(MOST_THREADS, share_of_cores()))
        self._early: dict[int, list[Future[Tensor]]] = {}
        self._memory_limit = memory_limit
        self._filled = np.zeros(len(data), bool)

    @cached_property
    def _first(self) -> Tensor:
        return self.data[0].data

    @property
    def clips(self) -> int:
        """Rows of one item."""
        return self._first.shape[0]

    @cached_property
    def _kept(self) -> Tensor | None:
        """Room for the whole split, filled by the items that are asked for; None where it does not fit."""
        first = self._first
        limit = share_of_memory() // PARTS if self._memory_limit is None else self._memory_limit
        if first.numel() * first.element_size() * len(self.data) > limit:
            return None
        try:
            return torch.empty((len(self.data), *first.shape), dtype=first.dtype)
        except RuntimeError as error:  # addresses are limited too, by ``ulimit -v`` or a system that promises no more
            if not ran_out(error):
                raise
            return None

    def _decode(self, index: int) -> Tensor:
        data = self.data[index].data
        if self._kept is not None:
            self._kept[index] = data
            self._filled[index] = True
        return data

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """The batch of a step: raw (items × clips, *raw) on the CPU, and labels (items,)."""
        kept, indices = self._kept, torch.from_numpy(self.order(step))
        for early in range(step, min(step + AHEAD, self.steps)):
            if early not in self._early:
                wanted = self.order(early)
                missing = wanted if kept is None else wanted[~self._filled[wanted]]
                self._early[early] = [self._threads.submit(self._decode, i) for i in missing.tolist()]
        decoded = [future.result() for future in self._early.pop(step)]
        raw = torch.stack(decoded) if kept is None else kept[indices]
        return raw.flatten(0, 1), self._labels[indices]

    def on(self, step: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """The batch of a step on the device; to a GPU it travels from pinned memory, and the host goes on meanwhile."""
        raw, labels = self.at(step)
        return sent(raw, device), sent(labels, device)


class RecentSplits:
    """The last few splits that were decoded, so that cells of one target share them within a process."""

    def __init__(self, keep: int = 2) -> None:
        self._keep = keep
        self._found: OrderedDict[str, Batches] = OrderedDict()

    def get(self, key: str, make: Callable[[], Batches]) -> Batches:
        if key not in self._found:
            self._found[key] = make()
        self._found.move_to_end(key)
        while len(self._found) > self._keep:
            self._found.popitem(last=False)
        return self._found[key]


class Chosen(Sequence[str]):
    """Some of many names, looked up when asked for."""

    def __init__(self, names: Sequence[str], indices: np.ndarray) -> None:
        self._names, self._indices = names, indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Chosen: ...

    def __getitem__(self, index: int | slice) -> str | Chosen:
        if isinstance(index, slice):
            return Chosen(self._names, self._indices[index])
        return self._names[int(self._indices[index])]


class Subset:
    """Some items of a split (implements ``modalities.base.LabelledData``)."""

    def __init__(self, data: LabelledData, indices: np.ndarray) -> None:
        self._data, self._indices = data, indices
        self.labels = np.asarray(data.labels)[indices]
        self.item_ids: Sequence[str] = Chosen(data.item_ids, indices)
        self.groups: Sequence[str] = Chosen(data.groups, indices)

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
