"""Arrays that are expensive to compute, saved in the cache beside a stamp of what they were computed from."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modalities.storage.atomic import atomic_stream
from modalities.storage.cleanup import remove_stale
from modalities.storage.paths import cache_root

Arrays = dict[str, NDArray[Any]]
MIN_BYTES = 256 * 1024  # smaller arrays are computed as quickly as they are read


def cached_arrays(subject: str, stamp: str, compute: Callable[[], Arrays]) -> Arrays:
    """Return the arrays saved for ``subject`` if their stamp is ``stamp``, else compute and save them.

    A damaged file is replaced (its parts carry checksums). If the cache cannot be written, nothing is saved.

    Args:
        subject: what the arrays are, in one line; newer ones of the same subject replace older ones.
        stamp: everything they depend on that may change.
    """
    digest = hashlib.sha256(subject.encode("utf-8", "surrogateescape")).hexdigest()
    path = cache_root() / "indexes" / f"{digest[:32]}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["stamp"]) == stamp:
                return {name: file[name] for name in file.files if name != "stamp"}
    except Exception:  # absent or damaged; damage raises nearly anything
        pass
    arrays = compute()
    if sum(array.nbytes for array in arrays.values()) >= MIN_BYTES:
        with contextlib.suppress(OSError), atomic_stream(path) as stream:
            remove_stale(path.parent)
            np.savez(stream, allow_pickle=False, stamp=np.array(stamp), **arrays)
    return arrays
