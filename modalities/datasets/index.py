"""The files below some folders: one scan of a million names, as columns of tens of bytes each, saved in the cache.

A scan is repeated when a folder's modification time or the set of folders differs. Files that are added or removed are
therefore seen; a file that is overwritten in place keeps the size it had, unless it was empty (``with_content``).
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from modalities.datasets.hidden import is_hidden
from modalities.datasets.lazy import Lazy
from modalities.errors import BadInput, readable_name
from modalities.storage.array_cache import Arrays, cached_arrays
from modalities.storage.paths import stored

Indices = NDArray[np.int64]
RECENT = 2 * 10**9  # nanoseconds; a folder that changed this recently may change again within one tick of its clock
CHUNK = 65_536


@dataclass(frozen=True, eq=False)
class Names(Sequence[str]):
    """Many names with shared prefixes, decoded on access; each costs 8 bytes besides its text."""

    prefixes: Sequence[str]  # of the names in each folder
    firsts: Sequence[int]  # index of the first file of each folder, rising
    text: bytes = field(repr=False)  # the files' own names, concatenated
    offsets: Indices = field(repr=False)  # (n + 1,) where in ``text`` each name begins, and where the last one ends
    selection: Indices | None = None  # indices of the names to take, in this order; None takes all
    cut: int = 0  # bytes to drop from the end of each name

    def take(self, indices: Indices) -> Names:
        """Return the names at the given indices, in that order."""
        return replace(self, selection=indices if self.selection is None else self.selection[indices])

    def with_prefixes(self, prefixes: Sequence[str], cut: int = 0) -> Names:
        """Return the same names with other prefixes and without their last ``cut`` bytes."""
        return replace(self, prefixes=prefixes, cut=cut)

    def __len__(self) -> int:
        return len(self.offsets) - 1 if self.selection is None else len(self.selection)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Names: ...

    def __getitem__(self, index: int | slice) -> str | Names:
        indices = range(len(self))[index]
        if isinstance(indices, range):
            return self.take(np.fromiter(indices, np.int64, len(indices)))  # arange fails for a step of 2⁶³
        place = indices if self.selection is None else int(self.selection[indices])
        name = self.text[self.offsets[place] : self.offsets[place + 1] - self.cut]
        return self.prefixes[bisect_right(self.firsts, place) - 1] + os.fsdecode(name)

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), CHUNK):
            indices = np.arange(first, min(first + CHUNK, len(self)))
            if self.selection is not None:
                indices = self.selection[indices]
            folders = np.searchsorted(self.firsts, indices, side="right") - 1
            offsets, ends = self.offsets[indices], self.offsets[indices + 1] - self.cut
            for folder, start, end in zip(folders.tolist(), offsets.tolist(), ends.tolist(), strict=True):
                yield self.prefixes[folder] + os.fsdecode(self.text[start:end])


class Paths(Lazy[Path]):
    """Names below a folder as paths."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        super().__init__(names, range(len(names)), partial(_below, folder))


def _below(folder: Path, name: str) -> Path:
    return stored(folder / name)


class _Query(NamedTuple):
    root: Path
    folders: tuple[str, ...]
    suffixes: tuple[str, ...]
    sizes: bool
    aliases: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Index:
    """Files found in some folders, ordered by folder as requested, then by name.

    ``fingerprint`` is a SHA-256 over names and, if requested, sizes; "" if there are no files.
    """

    names: Names  # FOLDER/FILE
    sizes: NDArray[np.int64]  # bytes; empty unless requested
    fingerprint: str
    empty: tuple[str, ...] = ()  # names of the files that ``with_content`` left out

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def folders(self) -> Indices:
        """(n,) position of each file's folder among the requested ones."""
        bounds = np.array([*self.names.firsts, len(self.names.offsets) - 1], np.int64)
        every = np.repeat(np.arange(len(bounds) - 1), bounds[1:] - bounds[:-1])
        return every if self.names.selection is None else every[self.names.selection]

    def with_content(self, root: Path) -> Index:
        """Return the index without empty files. Its sizes must have been read; those that are 0 are read again."""
        zeros = np.flatnonzero(self.sizes == 0)
        if not len(zeros):
            return self
        sizes = self.sizes.copy()
        sizes[zeros] = [_size(root / name) for name in self.names.take(zeros)]
        kept = np.flatnonzero(sizes)
        changed = hashlib.sha256(f"{self.fingerprint} {sizes[zeros].tolist()}".encode()).hexdigest()
        empty = tuple(self.names.take(zeros[sizes[zeros] == 0]))
        return Index(self.names.take(kept), sizes[kept], changed if len(kept) else "", empty)

    def faults(self, unit: str) -> list[str]:
        """Return a phrase about the empty files, for ``DataStatus.missing``; nothing if there are none."""
        return [f"{len(self.empty):,} {unit} are empty, such as {self.empty[0]}"] if self.empty else []

    @cached_property
    def bytes(self) -> int:
        """Total size of the files."""
        return int(self.sizes.sum())


def index(
    root: Path,
    folders: Iterable[str],
    suffixes: str | tuple[str, ...],
    *,
    sizes: bool = True,
    aliases: Sequence[str] | None = None,
) -> Index:
    """List the files directly in some folders; absent ones count as empty, hidden files are left out. Raises BadInput.

    Args:
        folders: names relative to ``root``, which holds them.
        suffixes: lower-case endings of the files' names.
        sizes: whether to read file sizes, which costs a system call per file and is slow on slow disks.
        aliases: names that stand for the folders in the fingerprint; by default their own.
    """
    folders = tuple(folders)
    endings = suffixes if isinstance(suffixes, tuple) else (suffixes,)
    query = _Query(root.absolute(), folders, endings, sizes, tuple(aliases or folders))
    changed = tuple(_modified(root / name) for name in folders)
    if max(changed, default=0) > time.time_ns() - RECENT:
        return _from_arrays(_scan(query), folders)
    return _cached_index(query, changed)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _modified(folder: Path) -> int:
    """Return a folder's modification time in nanoseconds, or -1 if it is absent."""
    try:
        return stored(folder).stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return -1


@lru_cache(maxsize=32)
def _cached_index(query: _Query, changed: tuple[int, ...]) -> Index:
    return _from_arrays(cached_arrays(f"index {query}", f"{changed}", lambda: _scan(query)), query.folders)


def _from_arrays(arrays: Arrays, folders: tuple[str, ...]) -> Index:
    offsets = np.concatenate([[0], np.cumsum(arrays["lengths"], dtype=np.int64)])
    prefixes = tuple(f"{name}/" for name in folders)
    names = Names(prefixes, tuple(arrays["firsts"].tolist()), arrays["text"].tobytes(), offsets)
    return Index(names, arrays["sizes"], str(arrays["fingerprint"]))


def _scan(query: _Query) -> Arrays:
    text, lengths, sizes, firsts = bytearray(), [], [], [0]
    digest = hashlib.sha256()
    for folder, alias in zip(query.folders, query.aliases, strict=True):
        files = _files(query.root / folder, query.suffixes, query.sizes)
        text += b"".join(name for name, _ in files)
        firsts.append(firsts[-1] + len(files))
        lengths.append(np.array([len(name) for name, _ in files], np.uint16))
        if query.sizes:
            sizes.append(np.array([size for _, size in files], np.int64))
        prefix = _composed(os.fsencode(alias))
        digest.update(b"".join(b"%b/%b %d\n" % (prefix, _composed(name), size) for name, size in files))
    return {
        "text": np.frombuffer(bytes(text), np.uint8),
        "lengths": np.concatenate([np.empty(0, np.uint16), *lengths]),
        "sizes": np.concatenate([np.empty(0, np.int64), *sizes]),
        "firsts": np.array(firsts[:-1], np.int64),
        "fingerprint": np.array(digest.hexdigest() if text else ""),
    }


def _composed(name: bytes) -> bytes:
    """Return a name as it is called on every system, whichever Unicode form this one stores."""
    return name if name.isascii() else readable_name(os.fsdecode(name)).encode("utf-8", "surrogateescape")


def _files(folder: Path, suffixes: tuple[str, ...], sizes: bool) -> list[tuple[bytes, int]]:
    """Return names and sizes (0 unless requested) of the files directly in a folder, by composed name."""
    endings = tuple(map(os.fsencode, suffixes))
    try:
        with os.scandir(os.fsencode(stored(folder))) as entries:
            found = (
                (entry.name, entry.stat().st_size if sizes else 0)
                for entry in entries
                if entry.name.lower().endswith(endings) and not is_hidden(entry.name) and _is_file(entry)
            )
            return sorted(found, key=lambda file: (_composed(file[0]), file))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise BadInput(f"{folder} cannot be listed ({error.strerror}); make it readable.") from error


def _is_file(entry: os.DirEntry[bytes]) -> bool:
    """Return whether an entry is a file or leads to one; a link that leads nowhere or in a circle does not."""
    try:
        return entry.is_file()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise
