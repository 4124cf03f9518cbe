"""Work on many small items, shared among processes that begin as copies of this one."""

from __future__ import annotations

import multiprocessing
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from benchmark.system.resources import cores

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNKS = 8  # per process, since some items take longer than others
_work: tuple[Callable[[Any], Any], Sequence[Any]]  # what copies find here; only numbers are sent to them


def map_forked(function: Callable[[Item], Result], items: Sequence[Item], *, least: int) -> list[Result]:
    """Return the function's result for each item, in order; from one process per core if there are ``least`` items.

    Items need not be picklable, results do. What the function changes besides is lost. Raises what the function raises.
    Only Linux can copy a process safely; elsewhere all is done here.
    """
    global _work
    count = cores()
    if len(items) < least or count == 1 or sys.platform != "linux" or multiprocessing.current_process().daemon:
        return list(map(function, items))
    _work = function, items
    size = -(-len(items) // (count * CHUNKS))
    starts = range(0, len(items), size)
    with warnings.catch_warnings():
        # Threads of numerical libraries do not live on in a copy, and copies compute nothing with these libraries.
        warnings.simplefilter("ignore", DeprecationWarning)
        pool = multiprocessing.get_context("fork").Pool(count)
    try:
        with pool:
            parts: list[list[Result]] = pool.map(_of_range, [range(n, min(n + size, len(items))) for n in starts], 1)
    finally:
        del _work
    return [result for part in parts for result in part]


def _of_range(numbers: range) -> list[Any]:
    function, items = _work
    return [function(items[number]) for number in numbers]
