"""What the numba kernels of the modalities share: compilation, memory for results, and threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, cast

import numpy as np
import torch
from numba import njit
from torch import Tensor


def jit(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function at its first call, and cache it on disk for later processes if a folder is writable."""
    options: dict[str, Any] = {"nogil": True, "fastmath": True, "error_model": "numpy"}
    try:
        return cast(Callable[..., Any], njit(cache=True, **options)(kernel))
    except RuntimeError:  # numba finds neither the package's folder nor the user's cache writable
        return cast(Callable[..., Any], njit(**options)(kernel))


def empty(*shape: int) -> Tensor:
    """Return an uninitialised float32 tensor. NumPy requests huge pages; torch's small ones cost more than filling."""
    return torch.from_numpy(np.empty(shape, np.float32))


def run_in_threads(work: Callable[[slice], object], count: int) -> None:
    """Split 0 … count-1 into a slice for each of torch's threads, and call ``work`` on all of them at once.

    ``work`` must release the GIL and treat every index independently, so that results do not depend on the number of
    threads.
    """
    threads = min(torch.get_num_threads(), count)
    if threads <= 1:
        work(slice(0, count))
        return
    edges = [count * part // threads for part in range(threads + 1)]
    for _ in _pool(threads, os.getpid()).map(work, map(slice, edges[:-1], edges[1:])):
        pass


@lru_cache(1)
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Return idle threads; a forked process needs its own."""
    return ThreadPoolExecutor(threads, thread_name_prefix="segments")
