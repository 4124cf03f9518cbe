"""What the audio adapters share: status by counting files, and windows of the labelled ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from modalities.audio.decode import recordings
from modalities.audio.policies import AudioView
from modalities.audio.targets._splits import fingerprint_of_split
from modalities.base import DataStatus
from modalities.datasets.index import Index, Paths, index
from modalities.datasets.listing import Listing, Row
from modalities.datasets.standin import is_stand_in
from modalities.datasets.target import Target


class AudioTarget(Target):
    """Base of the audio adapters, whose rows are paths or ``Stretch``es."""

    files: int  # sound files of the complete dataset
    unit = "recordings"
    suffix = ".wav"
    archive: str  # what to unpack if the download fails
    split = ""  # name of the split, if it is our own

    def status(self, root: Path) -> DataStatus:
        """Ready when every file is there; a stand-in needs only some. Counts files and reads none."""
        found = self._index(root)
        fingerprint = self._fingerprint(root, found)
        some = len(found) > 0 or bool(fingerprint)
        return self._report(root, self._missing(root, found), fingerprint, found.bytes, some=some)

    def listing(self, rows: Sequence[Row], view: AudioView, *, test: bool) -> Listing:
        """Return one window of each training recording, or ``view.test_clips`` windows of each test recording."""
        return recordings(rows, view, test=test)

    def instructions(self, root: Path) -> str:
        return f"run 'benchmark data fetch {self.info.name}', or unpack {self.archive} into {self.home(root)}."

    def _sounds(self, root: Path) -> Path:
        return self.home(root)

    def _subfolders(self, sounds: Path) -> Sequence[str]:
        """Return the folders that hold sound files, relative to ``sounds``."""
        return (".",)

    def _index(self, root: Path) -> Index:
        sounds = self._sounds(root)
        return index(sounds, self._subfolders(sounds), self.suffix)

    def _paths(self, root: Path) -> Paths:
        return Paths(self._sounds(root), self._index(root).names)

    def _fingerprint(self, root: Path, found: Index) -> str:
        """Return the fingerprint of the data found; empty if there are none."""
        return fingerprint_of_split(found.fingerprint, self.split) if self.split else found.fingerprint

    def _missing(self, root: Path, found: Index) -> list[str]:
        if len(found) >= self.files or (len(found) and is_stand_in(self.home(root))):
            return []
        return [f"{self.files - len(found):,} of {self.files:,} {self.unit}"]

    def _unpacked(self, root: Path, name: str) -> Path:
        """Return a folder of the archive: below ``root/NAME``, or in the root itself if it was unpacked there."""
        inside, beside = root / self.info.name / name, root / name
        return beside if beside.is_dir() and not inside.is_dir() else inside

    def _fetch_archive(self, root: Path, url: str, name: str = "", **checks: Any) -> None:
        """Download an archive into the dataset's folder and unpack it there, unless the data are ready."""
        if self.status(root).state != "ready":
            home = self.home(root)
            download_and_unpack(url, home / (name or url.rpartition("/")[2]), home, **checks)


def subfolders(folder: Path, patterns: Iterable[str]) -> list[str]:
    """Return the folders below a folder that match a pattern, as relative names in order."""
    return sorted(str(path.relative_to(folder)) for pattern in patterns for path in folder.glob(pattern))


def download_and_unpack(url: str, archive: Path, into: Path, **checks: Any) -> None:
    """Download an archive, verify it with the ``checks`` of ``modalities.download.fetch.download``, and unpack it."""
    from modalities.download.fetch import download, extract

    extract(download(url, archive, **checks), into)
