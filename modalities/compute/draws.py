"""Counter-based randomness: a draw depends on (seed, step, name of the draw, index in the batch) alone."""

from __future__ import annotations

import hashlib
import math
import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Words = NDArray[np.uint64]
_LOCAL = threading.local()  # a generator per thread: setting its state costs a sixth of making a new one


def _philox(key: Words, step: int, count: int) -> Words:
    """Return ``count`` raw numbers of that key's generator, starting where the counter's high word is ``step``."""
    if not hasattr(_LOCAL, "generator"):
        _LOCAL.generator = np.random.Philox(0)
    _LOCAL.generator.state = {
        "bit_generator": "Philox",
        "state": {"counter": np.array([0, 0, 0, step], np.uint64), "key": key},
        "buffer": np.zeros(4, np.uint64), "buffer_pos": 4, "has_uint32": 0, "uinteger": 0,
    }  # fmt: skip
    numbers: Words = _LOCAL.generator.random_raw(count)
    return numbers


@dataclass(frozen=True)
class Draws:
    """Named random numbers, random-access in the step.

    Raw numbers come from Philox (Salmon et al., SC 2011) keyed by (seed, name) with the step as the high word of
    its counter; inverse distribution functions turn them into parameters. There is no generator state: drawing
    step 7 first, twice or never changes nothing, and one name's draws do not shift another's.
    """

    seed: int
    scope: str = ""  # prefix of every name; gives each part of a program separate draws
    _keys: dict[str, Words] = field(default_factory=dict, init=False, repr=False, compare=False)

    def within(self, scope: str) -> Draws:
        """Return the draws of a part: same seed, names prefixed by ``scope``."""
        return Draws(self.seed, f"{self.scope}{scope}/")

    def uniform(self, step: int, name: str, size: int | tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Array:
        """Return uniform numbers in [low, high), float64, of shape ``size``; element i does not depend on the size."""
        if step < 0:
            raise ValueError(f"step must be 0 or more, not {step}")
        key = self._keys.get(name)
        if key is None:
            text = f"{self.seed}/{self.scope}{name}".encode()
            digest = hashlib.blake2b(text, digest_size=16).digest()  # 128 bits, low word first
            key = self._keys[name] = np.frombuffer(digest, "<u8").astype(np.uint64)
        count = size if isinstance(size, int) else math.prod(size)
        raw = _philox(key, step, count)
        unit: Array = (raw >> np.uint64(11)) * np.float64(2.0**-53)
        return (low + (high - low) * unit).reshape(size)

    def chance(self, step: int, name: str, size: int | tuple[int, ...], probability: float) -> NDArray[np.bool_]:
        """Return True with ``probability``, independently for each element."""
        return self.uniform(step, name, size) < probability

    def integers(self, step: int, name: str, size: int | tuple[int, ...], high: int) -> NDArray[np.int64]:
        """Return integers in [0, high)."""
        return np.floor(self.uniform(step, name, size) * high).astype(np.int64)

    def normal(self, step: int, name: str, size: int | tuple[int, ...]) -> Array:
        """Return standard normal numbers (inverse distribution function of the uniform draw)."""
        from scipy.special import ndtri

        # The middle of the last cell is rounded to 1, whose normal number is infinite.
        numbers: Array = ndtri(np.minimum(self.uniform(step, name, size) + 2.0**-54, 1 - 2.0**-53))
        return numbers

    def beta(self, step: int, name: str, size: int | tuple[int, ...], a: float, b: float) -> Array:
        """Return Beta(a, b) numbers (inverse regularised incomplete beta function)."""
        from scipy.special import betaincinv

        numbers: Array = betaincinv(a, b, self.uniform(step, name, size))
        return numbers

    def permutation(self, step: int, name: str, size: int) -> NDArray[np.int64]:
        """Return a random order of 0 … size-1."""
        return np.argsort(self.uniform(step, name, size), kind="stable")


def rank_slice(batch_size: int, rank: int, world_size: int) -> NDArray[np.int64]:
    """Return the indices of the global batch that one rank renders, so that reversed-batch mixing stays on the rank.

    A rank that holds sample i also holds sample B-1-i, and reversing its slice pairs exactly those two. Raises
    ValueError if the batch cannot be split evenly.
    """
    if not 0 <= rank < world_size:
        raise ValueError(f"rank {rank} is out of range for {world_size} ranks")
    if batch_size % (2 * world_size) and world_size > 1:
        raise ValueError(f"a batch of {batch_size} cannot be split among {world_size} ranks in mirrored pairs")
    if world_size == 1:
        return np.arange(batch_size)
    front = np.arange(rank, batch_size // 2, world_size)
    return np.concatenate([front, (batch_size - 1 - front)[::-1]])
