"""What killed writers leave behind under temporary names, and its removal."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

LONG_AGO = 3600.0  # seconds after which nobody is still writing a temporary file


def sweep(folder: Path, older_than: float = LONG_AGO, pattern: str = ".*.tmp") -> None:
    """Remove temporary files from a folder.

    Args:
        older_than: seconds; 0 only for whoever is alone with the folder, since a living writer loses its file too.
        pattern: of their names.
    """
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime >= older_than:
                path.unlink()
