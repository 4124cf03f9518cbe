"""What files lie below a folder: one scan of a million names, as columns of some tens of bytes each, kept in the cache.

A scan is repeated when a folder's time of change or the set of folders differs. So files that come or go are seen; a
file that is overwritten in place keeps the size it had.
"""

from __future__ import annotations

import hashlib
import os
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from modalities.errors import BadInput
from modalities.storage.array_cache import Arrays, kept

Places = NDArray[np.int64]
YOUNG = 2 * 10**9  # nanoseconds in which a folder may change again without a new time of change
CHUNK = 65_536


class Names(Sequence[str]):
    """Many names that share their beginnings, made when asked for; 8 bytes each beside the letters.

    Args:
        heads: what stands before the names of a folder's files, for each folder.
        firsts: the place of the first file of each folder, rising.
        letters: the files' own names, one after the other, as bytes.
        starts: (n + 1,) where in ``letters`` each begins, and the end of the last.
        chosen: places of those that count, in their order; None takes all.
        cut: letters that are left off the end of each.
    """

    def __init__(
        self,
        heads: Sequence[str],
        firsts: Sequence[int],
        letters: bytes,
        starts: Places,
        chosen: Places | None = None,
        cut: int = 0,
    ) -> None:
        self.heads, self.firsts, self.letters, self.starts = heads, firsts, letters, starts
        self.chosen, self.cut = chosen, cut

    def take(self, places: Places) -> Names:
        """Those at the given places, in that order."""
        chosen = places if self.chosen is None else self.chosen[places]
        return Names(self.heads, self.firsts, self.letters, self.starts, chosen, self.cut)

    def called(self, heads: Sequence[str], cut: int = 0) -> Names:
        """The same files behind other heads, without the last ``cut`` letters."""
        return Names(heads, self.firsts, self.letters, self.starts, self.chosen, cut)

    def __len__(self) -> int:
        return len(self.starts) - 1 if self.chosen is None else len(self.chosen)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Names: ...

    def __getitem__(self, index: int | slice) -> str | Names:
        places = range(len(self))[index]
        if isinstance(places, range):
            return self.take(np.fromiter(places, np.int64, len(places)))  # arange would stumble over a step of 2⁶³
        place = places if self.chosen is None else int(self.chosen[places])
        name = self.letters[self.starts[place] : self.starts[place + 1] - self.cut]
        return self.heads[bisect_right(self.firsts, place) - 1] + os.fsdecode(name)

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), CHUNK):
            places = np.arange(first, min(first + CHUNK, len(self)))
            if self.chosen is not None:
                places = self.chosen[places]
            folders = np.searchsorted(self.firsts, places, side="right") - 1
            starts, ends = self.starts[places], self.starts[places + 1] - self.cut
            for folder, start, end in zip(folders.tolist(), starts.tolist(), ends.tolist(), strict=True):
                yield self.heads[folder] + os.fsdecode(self.letters[start:end])


class Paths(Sequence[Path]):
    """Names below a folder as paths, made when asked for."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder, self.names = folder, names

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Path: ...

    @overload
    def __getitem__(self, index: slice) -> Paths: ...

    def __getitem__(self, index: int | slice) -> Path | Paths:
        if isinstance(index, slice):
            return Paths(self.folder, self.names[index])
        return self.folder / self.names[index]

    def __iter__(self) -> Iterator[Path]:
        return (self.folder / name for name in self.names)


class LaunchOptions(NamedTuple):
    """What ``index`` is asked for."""

    folder: Path
    asked: tuple[str, ...]
    suffixes: tuple[str, ...]
    sizes: bool
    called: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Index:
    """Files found in some folders, by folder in the order asked for, then by name.

    ``fingerprint`` is a SHA-256 over names and, where asked for, sizes; "" where there is no file.
    """

    names: Names  # FOLDER/FILE
    sizes: NDArray[np.int64]  # bytes; empty where not asked for
    fingerprint: str

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def folders(self) -> Places:
        """(n,) number of each file's folder, among those asked for."""
        bounds = np.array([*self.names.firsts, len(self)], np.int64)
        return np.repeat(np.arange(len(bounds) - 1), bounds[1:] - bounds[:-1])

    @cached_property
    def bytes(self) -> int:
        """Size of all files together."""
        return int(self.sizes.sum())


def index(
    folder: Path,
    below: Iterable[str],
    suffixes: str | tuple[str, ...],
    *,
    sizes: bool = True,
    called: Sequence[str] | None = None,
) -> Index:
    """Files directly in folders ``below`` a folder; absent ones count as empty, hidden files not at all.

    Args:
        below: names of the folders, relative to ``folder``.
        suffixes: what a file's name must end in, in lower case.
        sizes: whether to ask for them: one more look at the disk for every file, which takes long where a disk is slow.
        called: names that stand for the folders in the fingerprint, where others than their own.

    Raises:
        BadInput: a folder cannot be listed.
    """
    asked = tuple(below)
    stamps = tuple(_changed(folder / name) for name in asked)
    endings = suffixes if isinstance(suffixes, tuple) else (suffixes,)
    wanted = LaunchOptions(folder.absolute(), asked, endings, sizes, tuple(called or asked))
    if max(stamps, default=0) > time.time_ns() - YOUNG:
        return _opened(_scanned(wanted), asked)
    return _kept(wanted, stamps)


def _changed(folder: Path) -> int:
    """When a folder last changed, in nanoseconds; -1 where there is none."""
    try:
        return folder.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return -1


@lru_cache(maxsize=32)
def _kept(wanted: LaunchOptions, stamps: tuple[int, ...]) -> Index:
    return _opened(kept(f"index {wanted}", f"{stamps}", lambda: _scanned(wanted)), wanted.asked)


def _opened(arrays: Arrays, asked: tuple[str, ...]) -> Index:
    starts = np.concatenate([[0], np.cumsum(arrays["lengths"], dtype=np.int64)])
    heads = tuple(f"{name}/" for name in asked)
    names = Names(heads, tuple(arrays["firsts"].tolist()), arrays["letters"].tobytes(), starts)
    return Index(names, arrays["sizes"], str(arrays["fingerprint"]))


def _scanned(wanted: LaunchOptions) -> Arrays:
    letters, lengths, sizes, firsts = bytearray(), [], [], [0]
    digest = hashlib.sha256()
    for name, alias in zip(wanted.asked, wanted.called, strict=True):
        files = _files(wanted.folder / name, wanted.suffixes, wanted.sizes)
        letters += b"".join(file for file, _ in files)
        firsts.append(firsts[-1] + len(files))
        lengths.append(np.array([len(file) for file, _ in files], np.uint16))
        if wanted.sizes:
            sizes.append(np.array([size for _, size in files], np.int64))
        head = os.fsencode(alias)
        digest.update(b"".join(b"%b/%b %d\n" % (head, file, size) for file, size in files))
    return {
        "letters": np.frombuffer(bytes(letters), np.uint8),
        "lengths": np.concatenate([np.empty(0, np.uint16), *lengths]),
        "sizes": np.concatenate([np.empty(0, np.int64), *sizes]),
        "firsts": np.array(firsts[:-1], np.int64),
        "fingerprint": np.array(digest.hexdigest() if letters else ""),
    }


def _files(folder: Path, suffixes: tuple[str, ...], sizes: bool) -> list[tuple[bytes, int]]:
    """Names and sizes (0 where not asked for) of the files directly in a folder, by name."""
    endings = tuple(map(os.fsencode, suffixes))
    try:
        with os.scandir(os.fsencode(folder)) as entries:
            return sorted(
                (entry.name, entry.stat().st_size if sizes else 0)
                for entry in entries
                if entry.name.lower().endswith(endings) and not entry.name.startswith(b".") and entry.is_file()
            )
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise BadInput(f"{folder} cannot be listed ({error.strerror}); make it readable.") from error
