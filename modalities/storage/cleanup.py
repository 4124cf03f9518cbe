"""What killed writers leave behind under temporary names, and its removal."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from pathlib import Path

LONG_AGO = 3600.0  # seconds after which nobody is still writing a temporary file


def remove_stale(folder: Path, older_than: float = LONG_AGO, pattern: str = ".*.tmp") -> None:
    """Remove temporary files and folders from a folder.

    Args:
        older_than: seconds; 0 only for whoever is alone with the folder, since a living writer loses its file too.
        pattern: of their names.
    """
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime >= older_than:
                _remove(path)


def remove_atomically(path: Path) -> None:
    """Remove a file or folder under a temporary name, so that nobody sees half a folder. Links are not followed.

    Raises:
        OSError: it stays, or what is left of it has a name that ``remove_stale`` knows.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    path.rename(temporary)
    _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
