"""Arrays that are dear to make, kept in the cache beside a stamp that says what they were made from."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modalities.storage.cleanup import remove_stale
from modalities.storage.paths import cache_root

Arrays = dict[str, NDArray[Any]]
MIN_BYTES = 256 * 1024  # bytes; smaller ones are made again as quickly as they are read


def cached_arrays(subject: str, stamp: str, make: Callable[[], Arrays]) -> Arrays:
    """Arrays by name: those kept for ``subject`` if their stamp is ``stamp``, else what ``make`` returns, kept anew.

    A file that is damaged is made again (its parts carry checksums); where the cache cannot be written, nothing is
    kept.

    Args:
        subject: what the arrays are, in one line; later ones of the same subject replace earlier ones.
        stamp: everything they depend on that may change.
        make: returns plain arrays, none of objects.
    """
    path = _place(subject)
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["stamp"]) == stamp:
                return {name: file[name] for name in file.files if name != "stamp"}
    except Exception:  # absent, or damaged, which a reader meets with nearly anything
        pass
    arrays = make()
    if sum(array.nbytes for array in arrays.values()) >= MIN_BYTES:
        _keep(path, {**arrays, "stamp": np.array(stamp)})
    return arrays


def _place(subject: str) -> Path:
    return (
        cache_root() / "indexes" / f"{hashlib.sha256(subject.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}.npz"
    )


def _keep(path: Path, arrays: Arrays) -> None:
    """Write under a temporary name, then rename; a reader sees the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(path.parent)
        try:
            with temporary.open("xb") as file:
                np.savez(file, allow_pickle=False, **arrays)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
