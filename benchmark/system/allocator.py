"""Memory that a process frees stays with it: large tensors come and go at every step of a training.

GNU's C library gives large blocks back to the system and takes them anew, page by page, which costs up to a quarter of
a step on a CPU. With huge pages, and without giving back, it does not. Other C libraries are left as they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "GLIBC_TUNABLES"
TUNABLES = {
    "glibc.malloc.hugetlb": 1,  # ask for huge pages (from version 2.35 on; unknown names are ignored)
    "glibc.malloc.mmap_threshold": 1 << 32,  # bytes from which a block is the system's and not the heap's
    "glibc.malloc.trim_threshold": 1 << 33,  # free bytes at the heap's end from which they are given back
}


@contextmanager
def for_children() -> Iterator[None]:
    """Processes that are started meanwhile keep what they free; a user's own settings stand."""
    if VARIABLE in os.environ:
        yield
        return
    os.environ[VARIABLE] = ":".join(f"{name}={value}" for name, value in TUNABLES.items())
    try:
        yield
    finally:
        del os.environ[VARIABLE]
