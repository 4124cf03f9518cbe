"""Targets that are sound files: in a folder per class, listed in a table, or in a layout of their authors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modalities.audio.decode import recordings
from modalities.audio.look import SUFFIXES
from modalities.audio.policies import AudioView
from modalities.datasets.files import FileTarget
from modalities.datasets.folders import FolderTarget
from modalities.datasets.listing import Listing, Row


class AudioFileTarget(FileTarget):
    """See ``modalities.datasets.files.FileTarget``; any rate and any number of channels, which are averaged."""

    suffixes = SUFFIXES

    def listing(self, rows: Sequence[Row], view: AudioView, *, test: bool) -> Listing:
        """Return windows of each file: ``view.test_clips`` in a test, else one."""
        return recordings(rows, view, test=test)


class AudioFolderTarget(FolderTarget, AudioFileTarget):
    """See ``modalities.datasets.folders.FolderTarget``; any rate and any number of channels, which are averaged."""

    sample_items = (40, 12)  # of the stand-in, of each of at most 12 classes: train, test

    def _write_sample(self, home: Path, seed: int) -> None:
        from modalities.audio.standins import KINDS, RATE, sound, write_wave

        for split, items in zip(self.splits, self.sample_items, strict=True):
            for kind, name in enumerate(self.info.classes[:KINDS]):
                for take in range(items):
                    write_wave(home / split / name / f"{take:03d}.wav", sound(seed, split, kind, take), RATE)
