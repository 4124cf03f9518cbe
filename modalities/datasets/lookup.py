"""Which files of an authors' list are on disk: looked up once for a list of a million lines, and saved in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modalities.datasets.index import Index, Indices
from modalities.errors import readable_name
from modalities.storage.array_cache import Arrays, cached_arrays

ReadList = Callable[[Path], Iterable[tuple[str, int]]]


@dataclass(frozen=True, eq=False)
class ListedFiles:
    """The listed files that exist, in the list's order."""

    places: Indices  # (n,) of each file in the index
    labels: NDArray[np.int64]  # (n,)
    lines: int  # of the list, whether or not their files exist
    absent: str = ""  # the first listed file that does not exist


def look_up(
    path: Path,
    read: ReadList,
    found: Index,
    folder: Path,
    prefixes: Sequence[str],
    listed_as: Callable[[str], str] = str,
) -> ListedFiles:
    """Look the lines of the list at ``path`` up among the files ``found`` below ``folder``.

    Args:
        read: a module-level function that yields name and label of every line; raises BadInput for a damaged one.
        prefixes: what the list calls the folders of ``found``, each with its "/".
        listed_as: a module-level function that turns such a name of a file into the one that the list has.
    """
    return _look_up(path, path.stat().st_mtime_ns, read, found, folder, tuple(prefixes), listed_as)


@lru_cache(maxsize=16)
def _look_up(
    path: Path,
    changed: int,
    read: ReadList,
    found: Index,
    folder: Path,
    prefixes: tuple[str, ...],
    listed_as: Callable[[str], str],
) -> ListedFiles:
    def compute() -> Arrays:
        place = {
            readable_name(listed_as(name)): place for place, name in enumerate(found.names.with_prefixes(prefixes))
        }
        absent = ""
        pairs = []
        for name, label in read(path):
            pairs.append((place.get(readable_name(name), -1), label))
            absent = absent or (name if pairs[-1][0] < 0 else "")
        every = np.array(pairs, np.int64).reshape(-1, 2)
        present = every[every[:, 0] >= 0]
        return {
            "places": present[:, 0].copy(), "labels": present[:, 1].copy(), "lines": np.array(len(every)),
            "absent": np.array(absent),
        }  # fmt: skip

    stamp = f"{changed} {found.fingerprint}"
    arrays = cached_arrays(f"list {path.absolute()} among {folder.absolute()} as {prefixes}", stamp, compute)
    return ListedFiles(arrays["places"], arrays["labels"], int(arrays["lines"]), str(arrays["absent"]))
