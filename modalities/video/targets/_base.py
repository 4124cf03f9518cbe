"""What the video adapters share: clips of labelled videos, status by counting files, folds, and instructions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from modalities.base import DataStatus, TargetInfo
from modalities.datasets.listing import Listing, Row
from modalities.errors import BadInput
from modalities.video.decode import videos
from modalities.video.policies import VideoView

FOLDS = (1, 2, 3)  # of the datasets with official splits


class VideoTarget:
    """Base of the video adapters; a subclass adds ``status``, ``_rows``, ``_instructions`` and ``write_sample``.

    Together they implement ``modalities.base.TargetAdapter``.
    """

    info: TargetInfo

    def status(self, root: Path) -> DataStatus:
        """Count files and read none."""
        raise NotImplementedError

    def fetch(self, root: Path) -> None:
        """Raise BadInput with instructions unless all is there: the videos must be unpacked by hand."""
        if self.status(root).state != "ready":
            name = self.info.name
            raise BadInput(f"the videos of {name} cannot be fetched automatically: {self._instructions(root)}")

    def train(self, root: Path, view: VideoView, fold: int = 1) -> Listing:
        """Training videos, as ``view.train_clips`` raw clips each."""
        return videos(self._some_rows(root, fold, test=False), view, test=False)

    def test(self, root: Path, view: VideoView, fold: int = 1) -> Listing:
        """Test videos, as ``view.test_clips`` raw clips each."""
        return videos(self._some_rows(root, fold, test=True), view, test=True)

    def _rows(self, root: Path, fold: int, *, test: bool) -> Sequence[Row]:
        """The labelled videos of a split; ``where`` is a path."""
        raise NotImplementedError

    def _instructions(self, root: Path) -> str:
        """How to obtain the data by hand."""
        raise NotImplementedError

    def _folder(self, root: Path) -> Path:
        return root / self.info.name

    def _some_rows(self, root: Path, fold: int, *, test: bool) -> Sequence[Row]:
        if self.info.folds > 1 and fold not in FOLDS:
            raise BadInput(f"{self.info.name} has no fold {fold}; choose 1, 2 or 3.")
        if rows := self._rows(root, fold, test=test):
            return rows
        side = "test" if test else "training"
        raise BadInput(f"{self._folder(root)} holds no {side} videos of {self.info.name}; {self._instructions(root)}")

    def _report(
        self, root: Path, missing: Sequence[str], fingerprint: str, size: int, *, ready: bool, some: bool = True
    ) -> DataStatus:
        """Status of data that are ready, of which there are some, or none."""
        state: Literal["ready", "partial", "absent"] = "ready" if ready else "partial" if some else "absent"
        return DataStatus(state, fingerprint, tuple(missing), "" if ready else self._instructions(root), size)


class Inventory(NamedTuple):
    """Which of the listed videos are on disk."""

    fingerprint: str  # of the names and sizes of the videos and of the lists' content
    bytes: int
    missing: tuple[str, ...]  # a sentence part, if any are missing


def inventory(listed: Iterable[Path], lists: Iterable[Path]) -> Inventory:
    """Look for the listed videos."""
    digest, total, missing = hashlib.sha256(), 0, []
    for path in sorted(set(listed)):
        if path.is_file():
            size = path.stat().st_size
            total += size
            digest.update(f"{path.parent.name}/{path.name} {size}\n".encode())
        else:
            missing.append(path)
    for path in lists:
        digest.update(path.read_bytes())
    what = (f"{len(missing):,} videos, such as {missing[0].parent.name}/{missing[0].name}",) if missing else ()
    return Inventory(digest.hexdigest(), total, what)


def names(file: str) -> tuple[str, ...]:
    """Return the lines of a text file in this folder."""
    return tuple(Path(__file__).with_name(file).read_text(encoding="utf-8").splitlines())
