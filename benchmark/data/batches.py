"""Batches of a labelled split by step: decoded ahead of time by threads, and kept where the split fits into memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from benchmark.system.memory import is_out_of_memory
from benchmark.system.resources import share_of_cores, share_of_memory
from modalities.base import Draws, LabelledData, to_device

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
            if not is_out_of_memory(error):
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
        return to_device(raw, device), to_device(labels, device)


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


def shuffled(draws: Draws, items: int, batch: int) -> Callable[[int], np.ndarray]:
    """Step -> indices: every epoch a new order of all items; what does not fill a last batch is left out of it."""
    batch = min(batch, items)
    per_epoch = items // batch

    @lru_cache(maxsize=2)
    def epoch_order(epoch: int) -> np.ndarray:
        return draws.permutation(epoch, "order", items)

    def order(step: int) -> np.ndarray:
        epoch, position = divmod(step, per_epoch)
        return epoch_order(epoch)[position * batch : (position + 1) * batch]

    return order
