"""Targets that are clips: in a folder per class, listed in a table, or in a layout of their authors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modalities.datasets.files import FileTarget
from modalities.datasets.folders import FolderTarget
from modalities.datasets.listing import Listing, Row
from modalities.video.decode import videos
from modalities.video.look import SUFFIXES
from modalities.video.policies import VideoView


class VideoFileTarget(FileTarget):
    """See ``modalities.datasets.files.FileTarget``; any container and codec that FFmpeg reads."""

    suffixes = SUFFIXES

    def listing(self, rows: Sequence[Row], view: VideoView, *, test: bool) -> Listing:
        """Return evenly spaced clips of each file: ``view.test_clips`` in a test, else ``view.train_clips``."""
        return videos(rows, view, test=test)


class VideoFolderTarget(FolderTarget, VideoFileTarget):
    """See ``modalities.datasets.folders.FolderTarget``; any container and codec that FFmpeg reads."""

    sample_groups = (12, 4)  # of the stand-in, of each of at most 8 classes: train, test; two clips each

    def _write_sample(self, home: Path, seed: int) -> None:
        from modalities.video.standins import MOTIONS, TEXTURES, write_clips

        file_name = "g{1:02}_c{2:02}.avi".format  # of label, group and clip
        shown = self.info.classes[: len(MOTIONS) * len(TEXTURES)]
        for part, (split, groups) in enumerate(zip(self.splits, self.sample_groups, strict=True)):
            write_clips(home / split, shown, file_name, seed=2 * seed + part, groups=groups, per_group=2)
