"""Locks between processes: on a folder, with the holder's name, and on a single path.

The kernel frees the lock of a process that dies, however it dies. No lock file is removed here: a process that has
opened it and waits would be let in beside one that creates a new file. (Some versions of filelock remove it
themselves, and allow for that.)
"""

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
from modalities.storage.atomic import cannot_write
from modalities.storage.cleanup import final_name, remove_stale, remove_stale_of

LOCK, HOLDER = ".lock", ".holder"  # in a locked folder
FOLDER_POLL, PATH_POLL = 0.5, 0.05  # seconds between two attempts to get a lock


class LockHeld(Exception):
    """Another process holds the lock."""


def do_not_wait(holder: str) -> None:
    """The ``waiting`` of ``exclusive_lock`` for callers that do not wait. Raises LockHeld."""
    raise LockHeld


@contextmanager
def exclusive_lock(folder: Path, waiting: Callable[[str], None]) -> Iterator[None]:
    """Be the only process that works in a folder, which is created. Temporary files of killed processes are removed.

    ``waiting`` is called repeatedly with the holder's name while another process holds the lock; it may raise to give
    up. Raises BadInput if the folder cannot be written.
    """
    lock = FileLock(folder / LOCK, is_singleton=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    patience = 0.0
    while not _acquire(lock, patience):
        waiting(_holder(folder))
        patience = FOLDER_POLL
    try:
        remove_stale(folder, older_than=0)
        with contextlib.suppress(OSError):  # for people only; the lock is what counts
            (folder / HOLDER).write_text(
                f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8", errors="replace"
            )
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / HOLDER).unlink()
        lock.release()


def is_locked(folder: Path) -> bool:
    """Return whether another process works in a folder at the moment."""
    with try_lock(folder / LOCK, create=False) as free:
        return not free


@contextmanager
def path_lock(path: Path) -> Iterator[None]:
    """Be the only process that works on a file or folder; waits for others. What killed ones left of it is removed.

    The lock file lies beside ``path``; the parent folder is created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock_path(path)).acquire(poll_interval=PATH_POLL):
        remove_stale_of(path)
        yield


def lock_path(path: Path) -> Path:
    """Return the lock file of a path, which is also that of its temporary names."""
    return path.with_name(f".{final_name(path).name}.lock")


@contextmanager
def try_lock(lock: Path, *, create: bool) -> Iterator[bool]:
    """Hold a lock file during the block if no other process does, and hand out whether it was free.

    Unless ``create`` is set, an absent lock is free and not held.
    """
    if not (create or lock.is_file()):
        yield True
        return
    handle = FileLock(lock, is_singleton=False)
    try:
        free = _acquire(handle, 0)
    except BadInput:
        free = False
    try:
        yield free
    finally:
        handle.release()


def check_locks(folder: Path) -> None:
    """Check, before any work, that locks work in the file system of an existing folder. Raises BadInput."""
    if os.name != "posix":
        return
    import fcntl

    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise BadInput(
            f"the file system of {folder} has no file locks ({error.strerror}), which keep two runs apart; mount it "
            "with flock, or choose another results folder.",
            about="results",
        ) from error


def _acquire(lock: FileLock, seconds: float) -> bool:
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    except OSError as error:
        raise cannot_write(Path(lock.lock_file).parent, error) from error
    return True


def _holder(folder: Path) -> str:
    try:
        return (folder / HOLDER).read_text(encoding="utf-8", errors="replace").strip() or "another process"
    except OSError:
        return "another process"
