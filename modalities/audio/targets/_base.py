"""What the audio adapters share: status by counting files, and windows of the labelled ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modalities.audio.decode import recordings
from modalities.base import DataStatus, LabelledData, TargetInfo
from modalities.datasets.index import Index, Paths, index
from modalities.datasets.listing import Row
from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput

if TYPE_CHECKING:
    from modalities.audio.policies import AudioView


class AudioTarget:
    """Base of the audio adapters; a subclass adds ``_rows``, ``fetch`` and ``write_sample``.

    Together they implement ``modalities.base.TargetAdapter``.
    """

    info: TargetInfo
    files: int  # sound files of the complete dataset
    unit = "recordings"  # what messages call them
    suffix = ".wav"
    archive: str  # what to unpack if the download fails

    def status(self, root: Path) -> DataStatus:
        """Ready when every file is there; a stand-in needs only some. Counts files and reads none."""
        found = self._index(root)
        missing, fingerprint = self._missing(root, found), self._fingerprint(root, found)
        some = len(found) > 0 or bool(fingerprint)
        return self._report(root, missing, fingerprint, found.bytes, ready=not missing, some=some)

    def train(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        """One window of each training recording."""
        return recordings(self._some_rows(root, view, fold, test=False), view, test=False)

    def test(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        """``view.test_clips`` windows of each test recording."""
        return recordings(self._some_rows(root, view, fold, test=True), view, test=True)

    def _rows(self, root: Path, view: AudioView, fold: int, *, test: bool) -> list[Row]:
        """The labelled recordings of a split; ``where`` is a path or a ``Stretch``."""
        raise NotImplementedError

    def _folder(self, root: Path) -> Path:
        """The dataset's own folder, which also holds the mark of a stand-in."""
        return root / self.info.name

    def _sounds(self, root: Path) -> Path:
        """The folder below which the sound files lie."""
        return self._folder(root)

    def _subfolders(self, sounds: Path) -> Sequence[str]:
        """The folders that hold sound files, relative to ``sounds``."""
        return (".",)

    def _index(self, root: Path) -> Index:
        sounds = self._sounds(root)
        return index(sounds, self._subfolders(sounds), self.suffix)

    def _paths(self, root: Path) -> Paths:
        return Paths(self._sounds(root), self._index(root).names)

    def _fingerprint(self, root: Path, found: Index) -> str:
        """Of the data found; empty if there are none."""
        return found.fingerprint

    def _missing(self, root: Path, found: Index) -> list[str]:
        """What the dataset lacks, by name or count."""
        if len(found) >= self.files or (len(found) and is_stand_in(self._folder(root))):
            return []
        return [f"{self.files - len(found):,} of {self.files:,} {self.unit}"]

    def _report(
        self, root: Path, missing: Sequence[str], fingerprint: str, size: int, *, ready: bool, some: bool
    ) -> DataStatus:
        """Status of data that are ready, of which there are some, or none."""
        state: Literal["ready", "partial", "absent"] = "ready" if ready else "partial" if some else "absent"
        return DataStatus(state, fingerprint, tuple(missing), "" if ready else self._instructions(root), size)

    def _instructions(self, root: Path) -> str:
        return f"{self._fetch_command()}, or unpack {self.archive} into {self._folder(root)}"

    def _fetch_command(self) -> str:
        return f"run 'benchmark data fetch {self.info.name}'"

    def _some_rows(self, root: Path, view: AudioView, fold: int, *, test: bool) -> list[Row]:
        if rows := self._rows(root, view, fold, test=test):
            return rows
        raise BadInput(
            f"{self._sounds(root)} holds no {'test' if test else 'training'} {self.unit}; {self._fetch_command()}."
        )

    def _required(self, path: Path) -> Path:
        """The path of a list or table; raises BadInput if it is missing."""
        if path.is_file():
            return path
        raise BadInput(f"{path} does not exist; {self._fetch_command()}.")

    def _unpacked(self, root: Path, name: str) -> Path:
        """A folder of the archive: below ``root/NAME``, or in the root itself if it was unpacked there."""
        inside, beside = root / self.info.name / name, root / name
        return beside if beside.is_dir() and not inside.is_dir() else inside


def subfolders(folder: Path, patterns: Iterable[str]) -> list[str]:
    """Folders below a folder that match a pattern, as relative names in order."""
    return sorted(str(path.relative_to(folder)) for pattern in patterns for path in folder.glob(pattern))


def download_and_unpack(url: str, archive: Path, into: Path, **checks: Any) -> None:
    """Download an archive, verify it with the ``checks`` of ``modalities.download.fetch.download``, and unpack it."""
    from modalities.download.fetch import download, extract

    extract(download(url, archive, **checks), into)


def sha256_of(path: Path) -> str:
    """SHA-256 of a small file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def names(file: str) -> tuple[str, ...]:
    """Return the lines of a text file in this folder."""
    return tuple(Path(__file__).with_name(file).read_text(encoding="utf-8").splitlines())
