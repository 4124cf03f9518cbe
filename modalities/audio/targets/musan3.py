"""MUSAN as three classes: music, speech and noise, in files from half a second to many minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from modalities.audio.policies import AudioView
from modalities.audio.targets._base import AudioTarget, subfolders
from modalities.audio.targets._parts import in_parts
from modalities.audio.targets._published import project_page
from modalities.base import TargetInfo
from modalities.datasets.index import Index
from modalities.datasets.listing import Listing, Row
from modalities.datasets.splits import held_out

CLASSES = ("music", "speech", "noise")
FILES = {"music": 660, "speech": 426, "noise": 930}
PARTS = 8  # windows of a training file: a song gives as many as a door bell
URL = "https://www.openslr.org/resources/17/musan.tar.gz"
MD5 = "0c472d4fc0c5141eca47ad1ffeb2a7df"
BYTES = 11_086_114_085
SPLIT = "musan3-files-1"


class Musan3(AudioTarget):
    """Reads ``musan/<class>/<source>/<class>-<source>-0000.wav``."""

    info = TargetInfo(
        name="musan3",
        title="MUSAN, music / speech / noise",
        modality="audio",
        classes=CLASSES,
        train_items=1_613,
        test_items=403,
        licence="mixed: Creative Commons and US public domain, by file",
        citation=(
            "@misc{snyder2015musan, title={MUSAN: A Music, Speech, and Noise Corpus}, author={David Snyder and Guoguo "
            "Chen and Daniel Povey}, year={2015}, eprint={1510.08484}, archivePrefix={arXiv}}"
        ),
        homepage="https://www.openslr.org/17/",
        download_bytes=BYTES,
        leak_unit="file",
        own_split=True,
        published=project_page(teacher=0.9876, full_data=0.9678, clip_a=0.8985, clip_b=0.9628),
        notes=(
            f"No official split: a fifth of the 2,016 files is held out by SHA-256 of the name ({SPLIT}) before "
            "windows are cut. The sizes count files and are expected values; published results had another split. A "
            f"training file gives {PARTS} evenly spread windows, a test file is one item. Folders such as jamendo or "
            "librivox, each of one class, are in both training and test, and so are artists and speakers."
        ),
    )
    files, unit = 2_016, "files"
    archive, split = "musan.tar.gz", SPLIT
    folders, contents = ("musan3/musan", "musan", "musan3", "musan/musan"), CLASSES
    layout = "musan/{music,speech,noise}/SOURCE/*.wav"

    def _sounds(self, root: Path) -> Path:
        return self._unpacked(root)

    def _missing(self, root: Path, found: Index) -> list[str]:
        classes = Counter(name.partition("/")[0] for name in found.names)
        return super()._missing(root, found) or self._differing_counts(root, FILES, classes)

    def _subfolders(self, sounds: Path) -> Sequence[str]:
        return subfolders(sounds, (f"{name}/*/" for name in CLASSES))

    def fetch(self, root: Path) -> None:
        """Download and unpack 11 GB."""
        self._fetch_archive(root, URL, md5=MD5, size=BYTES)

    def _rows(self, root: Path, view: AudioView, fold: int, *, test: bool) -> list[Row]:
        return [
            Row(path, CLASSES.index(path.parents[1].name), path.stem, path.stem)
            for path in self._paths(root)
            if held_out(path.stem, SPLIT) == test
        ]

    def listing(self, rows: Sequence[Row], view: AudioView, *, test: bool) -> Listing:
        """Return eight windows of every training file."""
        return super().listing(rows, view, test=test) if test else in_parts(((row, PARTS) for row in rows), view)

    def _write_sample(self, home: Path, seed: int) -> None:
        from modalities.audio.targets._musan3_standin import write

        write(home, SPLIT, seed)


TARGET = Musan3()
