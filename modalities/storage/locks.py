"""Lets one process at a time work on a file or folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

TURN = 0.05  # seconds between two looks at a lock that another process holds


@contextlib.contextmanager
def path_lock(path: Path) -> Iterator[None]:
    """Wait until no other process is alone with ``path``; its folder is made, and keeps the hidden, empty lock file.

    The file is never removed here: whoever has opened it and waits would be let in beside whoever makes a new one.
    (Some versions of filelock remove it themselves, and look out for that.)
    """
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock_of(path)).acquire(poll_interval=TURN):
        yield


def lock_of(path: Path) -> Path:
    """The lock file of ``path``, beside it."""
    return path.with_name(f".{path.name}.lock")
