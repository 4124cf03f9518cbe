"""Allocator settings for worker processes: memory that they free stays with them, for the next training step.

The GNU C library returns large blocks to the system and requests them again, page by page, which costs up to a quarter
of a training step on a CPU. Huge pages and higher thresholds avoid that. Other C libraries ignore the settings.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

from benchmark.system.resources import child_environment

VARIABLE = "GLIBC_TUNABLES"
TUNABLES = {
    "glibc.malloc.hugetlb": 1,  # use huge pages (since version 2.35; unknown names are ignored)
    "glibc.malloc.mmap_threshold": 1 << 32,  # larger blocks (bytes) come from the system, not from the heap
    "glibc.malloc.trim_threshold": 1 << 33,  # free bytes at the end of the heap above which they are returned
}


def for_children() -> AbstractContextManager[None]:
    """Apply the settings to processes started within this context, unless the user has set their own."""
    settings = ":".join(f"{name}={value}" for name, value in TUNABLES.items())
    return child_environment(VARIABLE, os.environ.get(VARIABLE, settings))
