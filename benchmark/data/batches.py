"""Batches of a labelled split by step: threads decode ahead, and a split that fits into memory is cached."""

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

CPU = torch.device("cpu")
CACHE_DIVISOR = 4  # a split may use a quarter of the process's memory: up to three are cached, the rest is for work
MAX_DECODE_THREADS = 16  # per split, however many cores there are
DECODE_AHEAD = 3  # batches that are decoded at once, the current one included


class Batches:
    """Raw items of a split, as (rows, *raw) with one row per clip, and their labels.

    ``order`` maps a step to indices into the split. It is a pure function, so that later batches can be decoded early.
    The whole split is cached if it has at most ``memory_limit`` bytes once decoded; default: see ``CACHE_DIVISOR``.
    """

    def __init__(
        self, data: LabelledData, order: Callable[[int], np.ndarray], steps: int, memory_limit: int | None = None
    ) -> None:
        self.data, self.order, self.steps = data, order, steps
        self._labels = torch.from_numpy(np.asarray(data.labels, np.int64))
        self._threads = ThreadPoolExecutor(min(MAX_DECODE_THREADS, share_of_cores()))
        self._pending: dict[int, list[Future[Tensor]]] = {}
        self._memory_limit = memory_limit
        self._filled = np.zeros(len(data), bool)

    @cached_property
    def _first(self) -> Tensor:
        return self.data[0].data

    @property
    def clips(self) -> int:
        """Rows per item."""
        return self._first.shape[0]

    @cached_property
    def _cache(self) -> Tensor | None:
        """Space for the whole split, filled as items are decoded; None if it does not fit into memory."""
        first = self._first
        limit = share_of_memory() // CACHE_DIVISOR if self._memory_limit is None else self._memory_limit
        if first.numel() * first.element_size() * len(self.data) > limit:
            return None
        try:
            return torch.empty((len(self.data), *first.shape), dtype=first.dtype)
        except RuntimeError as error:  # address space is limited too, by ``ulimit -v`` or strict overcommit
            if not is_out_of_memory(error):
                raise
            return None

    def _decode(self, index: int) -> Tensor:
        data = self.data[index].data
        if self._cache is not None:
            self._cache[index] = data
            self._filled[index] = True
        return data

    def batch(self, step: int, device: torch.device = CPU) -> tuple[Tensor, Tensor]:
        """Return the batch of a step on the device, without waiting: raw (items × clips, *raw) and labels (items,)."""
        cache, indices = self._cache, torch.from_numpy(self.order(step))
        for early in range(step, min(step + DECODE_AHEAD, self.steps)):
            if early not in self._pending:
                needed = self.order(early)
                missing = needed if cache is None else needed[~self._filled[needed]]
                self._pending[early] = [self._threads.submit(self._decode, i) for i in missing.tolist()]
        decoded = [future.result() for future in self._pending.pop(step)]
        raw = torch.stack(decoded) if cache is None else cache[indices]
        return to_device(raw.flatten(0, 1), device), to_device(self._labels[indices], device)


class BatchesCache:
    """The most recently used splits, so that cells of one target share decoded items within a process."""

    def __init__(self, max_splits: int = 2) -> None:
        self._max_splits = max_splits
        self._splits: OrderedDict[str, Batches] = OrderedDict()

    def get(self, key: str, make: Callable[[], Batches]) -> Batches:
        if key not in self._splits:
            self._splits[key] = make()
        self._splits.move_to_end(key)
        while len(self._splits) > self._max_splits:
            self._splits.popitem(last=False)
        return self._splits[key]


def shuffled_order(draws: Draws, items: int, batch: int) -> Callable[[int], np.ndarray]:
    """Return a function step -> indices: each epoch has a new order, and an incomplete last batch is dropped."""
    batch = min(batch, items)
    per_epoch = items // batch

    @lru_cache(maxsize=2)
    def epoch_order(epoch: int) -> np.ndarray:
        return draws.permutation(epoch, "order", items)

    def order(step: int) -> np.ndarray:
        epoch, position = divmod(step, per_epoch)
        return epoch_order(epoch)[position * batch : (position + 1) * batch]

    return order
