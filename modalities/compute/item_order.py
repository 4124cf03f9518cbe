"""Which of a source's items each segment is cut from."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from modalities.compute.draws import Draws

BLOCK = 16_384  # epochs of few items are drawn together, so that a batch that spans many of them costs little


class ItemOrder:
    """Goes through all items once per epoch, each time in a new order; random-access in the step.

    Segment b of step k is number g = k · batch_size + b of the stream and takes item ``order[g % items]`` of epoch
    ``g // items``. Of one item nothing is drawn.

    Args:
        share: (n,) the segments of a global batch that are rendered here, see ``modalities.base.rank_slice``.
    """

    def __init__(self, items: int, draws: Draws, name: str, batch_size: int, share: NDArray[np.int64]) -> None:
        self._items, self._draws, self._name = items, draws, name
        self._batch_size, self._share = batch_size, share
        self._epochs = max(1, BLOCK // items)  # of a block
        self._block = lru_cache(maxsize=2)(self._draw_block)

    def _draw_block(self, block: int) -> NDArray[np.int64]:
        places = self._draws.uniform(block, self._name, (self._epochs, self._items))
        return np.argsort(places, axis=1, kind="stable").ravel()

    def at(self, step: int) -> NDArray[np.int64]:
        """Return the items of this share of a step: (n,) from 0 to items - 1."""
        if self._items == 1:
            return np.zeros(len(self._share), np.int64)
        numbers = step * self._batch_size + self._share
        blocks, places = np.divmod(numbers, self._epochs * self._items)
        found = np.empty(len(numbers), np.int64)
        for block in range(int(blocks.min()), int(blocks.max()) + 1):
            inside = blocks == block
            found[inside] = self._block(block)[places[inside]]
        return found
