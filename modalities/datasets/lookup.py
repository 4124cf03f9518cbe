"""Which files of an authors' list are on disk: looked up once for a list of a million lines, and kept in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modalities.datasets.index import Index, Places
from modalities.storage.array_cache import Arrays, kept

Lines = Callable[[Path], Iterable[tuple[str, int]]]


@dataclass(frozen=True, eq=False)
class Listed:
    """The listed files that are there, in the list's order."""

    places: Places  # (n,) of each in the index
    labels: NDArray[np.int64]  # (n,)
    lines: int  # of the list, whether or not their files are there


def listed(path: Path, lines: Lines, found: Index, folder: Path, heads: Sequence[str]) -> Listed:
    """Look the lines of a list up among files.

    Args:
        path: the list.
        lines: gives name and label of every line; raises BadInput for a damaged one. A function with a name, so that
            what it gave is known again.
        found: the files below ``folder``.
        heads: how the list calls the folders that ``found`` was asked for, each with its "/".
    """
    return _listed(path, path.stat().st_mtime_ns, lines, found, folder, tuple(heads))


@lru_cache(maxsize=16)
def _listed(path: Path, changed: int, lines: Lines, found: Index, folder: Path, heads: tuple[str, ...]) -> Listed:
    def look_up() -> Arrays:
        place = {name: place for place, name in enumerate(found.names.called(heads))}
        every = np.array([(place.get(name, -1), label) for name, label in lines(path)], np.int64).reshape(-1, 2)
        there = every[every[:, 0] >= 0]
        return {"places": there[:, 0].copy(), "labels": there[:, 1].copy(), "lines": np.array(len(every))}

    stamp = f"{changed} {found.fingerprint}"
    arrays = kept(f"{path.absolute()} among {folder.absolute()} as {heads}", stamp, look_up)
    return Listed(arrays["places"], arrays["labels"], int(arrays["lines"]))
