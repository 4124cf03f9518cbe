"""Files that are whole or absent, whenever the process is killed."""

from __future__ import annotations

import os
import secrets
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


def sync(path: Path) -> None:
    """Flush a file's bytes, or a folder's list of names, to disk (folders: where the system allows)."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
