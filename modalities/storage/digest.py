"""The hash by which a user's file is known."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from modalities.errors import BadInput


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, computed once while its size and time stay the same.

    Raises BadInput if the file cannot be read.
    """
    try:
        stat = path.stat()
        return _sha256(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror or error}); check its permissions.") from error


@cache
def _sha256(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
