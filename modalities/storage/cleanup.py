"""Temporary names: what killed writers leave under them, and how a folder is removed without being seen half gone."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import time
from pathlib import Path

STALE_AFTER = 3600.0  # seconds after which no process is still writing a temporary file
_TEMPORARY = re.compile(r"\.(.+)\.(?:[0-9a-f]+\.tmp|unpacking)")  # "unpacking" comes from earlier versions


def temporary_name(path: Path) -> Path:
    """Return a new hidden name beside a path."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def final_name(path: Path) -> Path:
    """Return the path that a temporary name stands for; any other path as it is."""
    match = _TEMPORARY.fullmatch(path.name)
    return path.with_name(match[1]) if match else path


def remove_stale(folder: Path, older_than: float = STALE_AFTER) -> None:
    """Remove a folder's temporary files and folders that are at least so many seconds old.

    0 is for a process that alone writes there, since a living writer loses its file too.
    """
    for path in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime >= older_than:
                remove(path)


def remove_stale_of(path: Path) -> None:
    """Remove everything under temporary names of one path; only for the process that holds its lock."""
    for found in path.parent.glob(".*"):
        if found.name != path.name and final_name(found) == path:
            with contextlib.suppress(OSError):
                remove(found)


def remove_atomically(path: Path) -> None:
    """Remove a file or folder; other processes see all of it or nothing. Links are not followed. Raises OSError."""
    temporary = temporary_name(path)
    path.rename(temporary)
    remove(temporary)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with its content, if it exists. Links are not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
