"""The base of video targets whose clips lie in class folders, and whose authors' lists divide them in three ways."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from modalities.base import DataStatus
from modalities.datasets.index import index
from modalities.datasets.layouts import Contents, contents, find_folder, folders_named
from modalities.datasets.listing import Row
from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput
from modalities.video.policies import VideoView
from modalities.video.targets._base import FOLDS, VideoTarget

SUFFIX = ".avi"


class Entry(NamedTuple):
    """A clip that a list names: its class, and its file as the list spells it."""

    label: int
    file: str


class Part(NamedTuple):
    """What a list says about one side of a split."""

    name: str  # such as "the test list of split 1"
    path: Path
    test: bool
    known: int  # number of clips that the complete list names
    entries: list[Entry]


class Clips:
    """The clips on disk, by class and name, whatever their case.

    They lie in class folders, in folders of the same name inside these (where an archive was unpacked into a folder
    called like itself), or all in one folder. Empty files, which failed downloads leave, do not count.
    """

    def __init__(self, folder: Path, labels: Mapping[str, int]) -> None:
        self.folder = folder
        folders = [name for name in contents(folder).folders if name.casefold() in labels]
        nested = [f"{name}/{name}" for name in folders]
        self._places: dict[tuple[int | None, str], str] = {}
        for place in index(folder, [*folders, *nested, "."], SUFFIX, sizes=False).names:
            parent, _, file = place.rpartition("/")
            label = labels.get(parent.rpartition("/")[2].casefold())
            self._places.setdefault((label, file), place)
            self._places.setdefault((label, file.casefold()), place)

    def find(self, entry: Entry) -> Path | None:
        """Return the file of an entry, if it is there."""
        for label in (entry.label, None):
            for file in (entry.file, entry.file.casefold()):
                if place := self._places.get((label, file)):
                    path = self.folder / place
                    return path if path.stat().st_size else None
        return None


class ListedVideoTarget(VideoTarget):
    """Finds clips and lists wherever an unpacker left them below the ``places`` in the root.

    A subclass implements ``_parts`` and ``_group``.
    """

    places: tuple[str, ...]  # names of folders in the root, in any case; the first is the dataset's own
    clip_name: re.Pattern[str]  # of clips that were unpacked without their folders
    list_names: frozenset[str]  # in lower case
    list_folder: str  # where the instructions put the lists

    def _parts(self, lists: Mapping[str, Path], fold: int) -> Iterator[Part]:
        """Yield what the lists that are there, by name in lower case, say about a split. Raises BadInput."""
        raise NotImplementedError

    def _group(self, path: Path, label: int) -> str:
        """Return the leak unit of a clip."""
        raise NotImplementedError

    def _item_id(self, path: Path, label: int) -> str:
        return path.stem

    def home(self, root: Path) -> Path:
        return next(iter(folders_named(root, self.places[:1])), root / self.places[0])

    def status(self, root: Path) -> DataStatus:
        """Ready when the lists name as many clips as they are known to, and every clip that they name is there."""
        lists, clips = self._lists(root), self._clips(root)
        expected = max(len(lists), 1) if is_stand_in(self.home(root)) else len(self.list_names)
        missing = [f"{expected - len(lists)} of {expected} split lists"] if len(lists) < expected else []
        parts: list[Part] = []
        for fold in FOLDS:
            try:
                parts += self._checked_parts(lists, fold)
            except BadInput as damage:
                missing.append(str(damage))
        known, named = {part.name: part.known for part in parts}, {part.name: len(part.entries) for part in parts}
        missing += self._differing_counts(root, known, named)
        absent, fingerprint, size = self._inventory(parts, clips, lists)
        some = bool(lists) or clips is not None
        return self._report(root, missing + absent, fingerprint if some else "", size, some=some)

    def _inventory(
        self, parts: Iterable[Part], clips: Clips | None, lists: Mapping[str, Path]
    ) -> tuple[list[str], str, int]:
        """Return which listed clips are missing, a fingerprint (of names, sizes and lists), and the size of the others.

        Names are the lists', so that the fingerprint does not depend on where the files lie.
        """
        digest, total, absent = hashlib.sha256(), 0, []
        for name, entry in sorted({(self._name(entry), entry) for part in parts for entry in part.entries}):
            if clips is None or (path := clips.find(entry)) is None:
                absent.append("/".join(name))
                continue
            size = path.stat().st_size
            total += size
            digest.update(f"{'/'.join(name)} {size}\n".encode())
        for path in sorted(lists.values()):
            digest.update(path.read_bytes())
        what = [f"{len(absent):,} {self.unit}, such as {absent[0]}"] if absent else []
        return what, digest.hexdigest(), total

    def _name(self, entry: Entry) -> tuple[str, str]:
        return self.info.classes[entry.label], entry.file

    def _rows(self, root: Path, view: VideoView, fold: int, *, test: bool) -> list[Row]:
        lists, clips = self._lists(root), self._clips(root)
        if not lists:
            self._required(root, self.home(root) / self.list_folder)
        rows = []
        for part in self._checked_parts(lists, fold):
            for entry in part.entries if part.test == test else ():
                if clips and (path := clips.find(entry)):
                    label = entry.label
                    rows.append(Row(path, label, self._item_id(path, label), self._group(path, label)))
        return rows

    def _checked_parts(self, lists: Mapping[str, Path], fold: int) -> list[Part]:
        """Return the parts of a split. Raises BadInput if a clip is named twice, perhaps on both sides."""
        parts, seen = list(self._parts(lists, fold)), dict[tuple[int, str], Part]()
        for part in parts:
            for entry in part.entries:
                key = entry.label, entry.file.casefold()
                if key in seen:
                    raise BadInput(
                        f"{'/'.join(self._name(entry))} is named twice, in {part.path} for {part.name} and in "
                        f"{seen[key].path} for {seen[key].name}; unpack the lists again."
                    )
                seen[key] = part
        return parts

    def _clips(self, root: Path) -> Clips | None:
        labels = {name.casefold(): label for label, name in enumerate(self.info.classes)}

        def is_class(name: str) -> bool:
            return name.casefold() in labels

        def in_class_folders(found: Contents) -> bool:
            return any(_has_clips(found.path / name) for name in filter(is_class, found.folders))

        def in_one_folder(found: Contents) -> bool:
            return any(map(self.clip_name.fullmatch, found.files))

        for holds in (in_class_folders, in_one_folder):
            if folder := find_folder(folders_named(root, self.places), holds, lambda name: not is_class(name)):
                return Clips(folder, labels)
        return None

    def _lists(self, root: Path) -> dict[str, Path]:
        """Return the split lists of the first folder that holds all of them, or else any, by name in lower case."""

        def lists(found: Contents) -> dict[str, Path]:
            names = {name.casefold(): name for name in found.files}
            return {key: found.path / name for key, name in names.items() if key in self.list_names}

        classes = {name.casefold() for name in self.info.classes}
        for holds in (lambda found: len(lists(found)) == len(self.list_names), lambda found: bool(lists(found))):
            if folder := find_folder(
                folders_named(root, self.places), holds, lambda name: name.casefold() not in classes
            ):
                return lists(contents(folder))
        return {}


def _has_clips(folder: Path) -> bool:
    """Return whether clips lie in a class folder, or in one of the same name inside it."""
    nested = folder / folder.name
    return any(name.lower().endswith(SUFFIX) for place in (folder, nested) for name in contents(place).files)
