"""Files that are whole or absent, whenever the process is killed."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from pathlib import Path

from modalities.errors import BadInput


def atomic_write(path: Path, content: bytes | str) -> None:
    """Write a whole file or none: a neighbour under a temporary name, flushed to disk, then renamed into place.

    Raises:
        BadInput: the folder cannot be written, or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as stream:
                stream.write(content.encode() if isinstance(content, str) else content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync(path.parent)
    except OSError as error:
        raise BadInput(
            f"{path} cannot be written ({error.strerror or error}); free it, or choose another folder with --results."
        ) from error


def sweep(folder: Path, older_than: float = 0.0) -> None:
    """Remove what killed writers left in a folder under temporary names.

    Args:
        older_than: seconds; 0 only for whoever is alone with the folder, since a living writer loses its file too.
    """
    for path in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime >= older_than:
                path.unlink()


def sync(path: Path) -> None:
    """Flush a file's bytes, or a folder's list of names, to disk (folders: where the system allows)."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
