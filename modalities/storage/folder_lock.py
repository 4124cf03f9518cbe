"""One process at a time works in a folder; the others wait, say for whom, and may give up."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from modalities.errors import BadInput
from modalities.storage.cleanup import remove_stale

LOCK, HOLDER = ".lock", ".holder"
TURN = 0.5  # seconds between two looks at a lock that another process holds


class LockHeld(Exception):
    """Another process works in the folder."""


def do_not_wait(holder: str) -> None:
    """What to do while another process holds a lock (``exclusive_lock``), for those that do not wait. Raises Taken."""
    raise LockHeld


@contextmanager
def exclusive_lock(folder: Path, waiting: Callable[[str], None]) -> Iterator[None]:
    """Be the only process that works in a folder. It is made, and temporary files of killed predecessors are removed.

    The kernel frees the lock of a process that dies, however it dies.

    Args:
        waiting: called again and again while another process is at it, with that one's name; it may raise to give up.

    Raises:
        BadInput: the folder cannot be written.
    """
    lock = _lock(folder)
    while not _acquired(lock, 0):
        waiting(_holder(folder))
        if _acquired(lock, TURN):
            break
    try:
        remove_stale(folder, older_than=0)
        with contextlib.suppress(OSError):  # for people only; the lock is what counts
            (folder / HOLDER).write_text(f"process {os.getpid()} on {socket.gethostname()}\n")
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / HOLDER).unlink()
        lock.release()


def is_locked(folder: Path) -> bool:
    """Whether another process works in a folder just now. Raises BadInput where the folder cannot be written."""
    lock = _lock(folder)
    if not _acquired(lock, 0):
        return True
    lock.release()
    return False


def check_locks(folder: Path) -> None:
    """Find out before the first step whether locks work in the file system of a folder that is there.

    Raises:
        BadInput: they do not.
    """
    if os.name != "posix":
        return
    import fcntl

    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise BadInput(
            f"the file system of {folder} has no file locks ({error.strerror}), and they keep two runs apart; mount "
            "it with flock, or choose another folder with --results."
        ) from error


def _lock(folder: Path) -> FileLock:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return FileLock(folder / LOCK, is_singleton=False)


def _acquired(lock: FileLock, seconds: float) -> bool:
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    except OSError as error:
        raise _unwritable(Path(lock.lock_file).parent, error) from error
    return True


def _unwritable(folder: Path, error: OSError) -> BadInput:
    why = error.strerror or error
    return BadInput(f"{folder} cannot be written ({why}); free it, or choose another folder with --results.")


def _holder(folder: Path) -> str:
    try:
        return (folder / HOLDER).read_text().strip() or "another process"
    except OSError:
        return "another process"
