"""Files and folders that are whole or absent, whenever the process is killed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from modalities.errors import BadInput
from modalities.storage.cleanup import remove, temporary_name


def atomic_write(path: Path, content: bytes | str) -> None:
    """Write a whole file or none; raise BadInput if the folder cannot be written or the disk is full."""
    try:
        with atomic_stream(path) as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise cannot_write(path, error) from error


@contextmanager
def atomic_stream(path: Path) -> Iterator[BinaryIO]:
    """Hand out a stream whose content becomes the file when the block ends, flushed to disk; nothing if it raises.

    Raises OSError if the folder cannot be written or the disk is full.
    """
    with temporary_path(path) as temporary:
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    sync(path.parent)


@contextmanager
def temporary_path(path: Path) -> Iterator[Path]:
    """Hand out a hidden name beside ``path``, for a file or folder that the block makes and then renames into place.

    The parent folder is created. Whatever still has the name when the block ends, or raises, is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            remove(temporary)


def sync(path: Path) -> None:
    """Flush a file's bytes, or a folder's list of names, to disk (folders: if the system allows)."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def cannot_write(path: Path, error: OSError) -> BadInput:
    """Return the error that says why nothing can be written to a place in the results."""
    why = error.strerror or error
    return BadInput(f"{path} cannot be written ({why}); free it, or choose another results folder.", about="results")
