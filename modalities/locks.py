"""Lets one process at a time work on a file or folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until no other process is alone with ``path``; its folder is made, and holds a lock file meanwhile."""
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    with FileLock(lock):
        try:
            yield
        finally:  # the work is over; whoever waits opens the file anew
            with contextlib.suppress(OSError):
                lock.unlink()
