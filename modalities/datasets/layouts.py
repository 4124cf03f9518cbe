"""Finds a dataset's folders by what they hold, since unpackers and mirrors nest and name them differently."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from modalities.datasets.hidden import is_hidden

DEPTH = 4  # folders within folders; an archive unpacked into a folder of its own name adds one


class Contents(NamedTuple):
    """A folder and the names directly in it, sorted, without hidden ones."""

    path: Path
    folders: tuple[str, ...]
    files: tuple[str, ...]


def contents(folder: Path) -> Contents:
    """List a folder; one that is absent or unreadable is empty."""
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not is_hidden(entry.name):
                    (folders if _is_folder(entry) else files).append(entry.name)
    except OSError:
        pass
    return Contents(folder, tuple(sorted(folders)), tuple(sorted(files)))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def folders_named(parent: Path, names: Sequence[str]) -> list[Path]:
    """Return the folders directly in ``parent`` that have one of the names in any case, in the order of the names.

    Of several spellings of one name the given one is first.
    """
    wanted = {name.casefold(): place for place, name in reversed([*enumerate(names)])}
    found = [name for name in contents(parent).folders if name.casefold() in wanted]
    return [
        parent / name for name in sorted(found, key=lambda name: (wanted[name.casefold()], name not in names, name))
    ]


def find_folder(
    starts: Iterable[Path], holds: Callable[[Contents], bool], enter: Callable[[str], bool] = lambda name: True
) -> Path | None:
    """Return the first folder that ``holds`` what is wanted: at a start, then below it, nearest first; None if none.

    Args:
        starts: folders to search, one after the other.
        enter: says by name which folders to look into; those that hold the items themselves take long.
    """
    for start in starts:
        level = [start]
        for _ in range(DEPTH + 1):
            listed = [contents(folder) for folder in level]
            if (found := next(filter(holds, listed), None)) is not None:
                return found.path
            level = [folder.path / name for folder in listed for name in folder.folders if enter(name)]
    return None
