"""The hash by which the content of a file is known."""

from __future__ import annotations

import hashlib
import time
from functools import cache
from pathlib import Path

from modalities.errors import BadInput

RECENT = 2 * 10**9  # nanoseconds; a file that changed this recently may change again within one tick of its clock


def file_sha256(path: Path, remedy: str = "check its permissions") -> str:
    """Return the SHA-256 of a file as hexadecimal digits, computed once while the file stays as it is.

    It is computed again if the size, the times or the file behind the name change, and always within two seconds
    of the last change. Raises BadInput, which ends with the remedy, if the file cannot be read.
    """
    try:
        stat = path.stat()
        state = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        if max(stat.st_mtime_ns, stat.st_ctime_ns) > time.time_ns() - RECENT:
            return _sha256(path)
        return _remembered(path.absolute(), state)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror or error}); {remedy}.") from error


@cache
def _remembered(path: Path, state: tuple[int, ...]) -> str:
    return _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
