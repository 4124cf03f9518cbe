"""What the audio adapters share: status by counting files, and windows of the labelled ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from modalities.audio.decode import recordings
from modalities.audio.policies import AudioView
from modalities.base import DataStatus
from modalities.datasets.index import Index, Paths, index
from modalities.datasets.listing import Listing, Row
from modalities.datasets.splits import fingerprint_of_split
from modalities.datasets.target import Target
from modalities.errors import BadInput


class AudioTarget(Target):
    """Base of the audio adapters, whose rows are paths or ``Stretch``es."""

    files: int  # sound files of the complete dataset
    unit = "recordings"
    suffix = ".wav"
    archive: str  # what to unpack if the download fails
    layout: str  # what is read, for the instructions
    folders: tuple[str, ...] = ()  # patterns, below the root, of the folders that may be the dataset's; the best first
    contents: tuple[str, ...]  # patterns, below such a folder, one of which shows that it is the dataset's
    split = ""  # name of the split, if it is our own

    def status(self, root: Path) -> DataStatus:
        """Ready when every file is there and the lists are whole; a stand-in needs only some. No sound is read."""
        found = self._index(root)
        fingerprint = self._fingerprint(root, found)
        try:
            missing = self._missing(root, found)
        except BadInput as damage:  # of a list
            missing = [str(damage)]
        missing += found.faults(self.unit)
        some = len(found) > 0 or bool(fingerprint)
        return self._report(root, missing, fingerprint, found.bytes, some=some)

    def listing(self, rows: Sequence[Row], view: AudioView, *, test: bool) -> Listing:
        """Return one window of each training recording, or ``view.test_clips`` windows of each test recording."""
        return recordings(rows, view, test=test)

    def instructions(self, root: Path) -> str:
        return (
            f"run 'benchmark data fetch {self.info.name}', or unpack {self.archive} into {self.home(root)}; "
            f"the layout that is read is {self.layout}."
        )

    def _sounds(self, root: Path) -> Path:
        return self.home(root)

    def _subfolders(self, sounds: Path) -> Sequence[str]:
        """Return the folders that hold sound files, relative to ``sounds``."""
        return (".",)

    def _index(self, root: Path) -> Index:
        sounds = self._sounds(root)
        return index(sounds, self._subfolders(sounds), self.suffix).with_content(sounds)

    def _paths(self, root: Path) -> Paths:
        return Paths(self._sounds(root), self._index(root).names)

    def _fingerprint(self, root: Path, found: Index) -> str:
        """Return the fingerprint of the data found; empty if there are none."""
        return fingerprint_of_split(found.fingerprint, self.split) if self.split else found.fingerprint

    def _missing(self, root: Path, found: Index) -> list[str]:
        missing = self._differing_counts(root, {"": self.files}, {"": len(found)})
        return missing if len(found) else [f"{self.files:,} of {self.files:,} {self.unit}"]

    def _unpacked(self, root: Path) -> Path:
        """Return the folder of ``folders`` that holds the dataset, or the one where it should be."""
        return find_folder(root, self.folders, self.contents) or root / self.folders[0]

    def _fetch_archive(self, root: Path, url: str, name: str = "", **checks: Any) -> None:
        """Download an archive into the dataset's folder and unpack it there, unless the data are ready."""
        if self.status(root).state != "ready":
            home = self.home(root)
            download_and_unpack(url, home / (name or url.rpartition("/")[2]), home, **checks)


def find_folder(root: Path, patterns: Iterable[str], contents: Iterable[str]) -> Path | None:
    """Return the first folder that matches a pattern and holds one of the contents; of several, the newest version."""
    for pattern in patterns:
        for folder in sorted(root.glob(pattern), key=_version, reverse=True):
            if any(next(folder.glob(content), None) for content in contents):
                return folder
    return None


def _version(folder: Path) -> list[tuple[int, str]]:
    return [(int(part) if part.isdigit() else -1, part) for part in re.split("([0-9]+)", folder.name)]


def subfolders(folder: Path, patterns: Iterable[str]) -> list[str]:
    """Return the folders below a folder that match a pattern, as relative names in order."""
    return sorted(str(path.relative_to(folder)) for pattern in patterns for path in folder.glob(pattern))


def download_and_unpack(url: str, archive: Path, into: Path, **checks: Any) -> None:
    """Download an archive, verify it with the ``checks`` of ``modalities.download.fetch.download``, and unpack it."""
    from modalities.download.fetch import download, extract

    extract(download(url, archive, **checks), into)
