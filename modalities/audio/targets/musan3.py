"""MUSAN as three classes: music, speech and noise, in files from half a second to many minutes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modalities.audio.targets._base import AudioTarget, download_and_unpack, subfolders
from modalities.audio.targets._parts import in_parts
from modalities.audio.targets._published import project_page
from modalities.audio.targets._splits import fingerprint_of_split, held_out
from modalities.base import LabelledData, TargetInfo
from modalities.datasets.index import Index
from modalities.datasets.listing import Row
from modalities.datasets.standin import mark

if TYPE_CHECKING:
    from modalities.audio.policies import AudioView

CLASSES = ("music", "speech", "noise")
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
        published=project_page(teacher=0.9876, full_data=0.9678, clip_a=0.8985, clip_b=0.9628),
        notes=(
            f"No official split: a fifth of the 2,016 files is held out by SHA-256 of the name ({SPLIT}) before "
            "windows are cut. The sizes count files and are expected values; published results had another split. A "
            f"training file gives {PARTS} evenly spread windows, a test file is one item. Folders such as jamendo or "
            "librivox, each of one class, are in both training and test, and so are artists and speakers."
        ),
    )
    files, unit = 2_016, "files"
    archive = "musan.tar.gz"

    def _sounds(self, root: Path) -> Path:
        return self._unpacked(root, "musan")

    def _subfolders(self, sounds: Path) -> Sequence[str]:
        return subfolders(sounds, (f"{name}/*/" for name in CLASSES))

    def _fingerprint(self, root: Path, found: Index) -> str:
        return fingerprint_of_split(found.fingerprint, SPLIT)

    def fetch(self, root: Path) -> None:
        """Download and unpack 11 GB."""
        if self.status(root).state != "ready":
            folder = self._folder(root)
            download_and_unpack(URL, folder / Path(URL).name, folder, md5=MD5, size=BYTES)

    def _rows(self, root: Path, view: AudioView, fold: int, *, test: bool) -> list[Row]:
        return [
            Row(path, CLASSES.index(path.parents[1].name), path.stem, path.stem)
            for path in self._paths(root)
            if held_out(path.stem, SPLIT) == test
        ]

    def train(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        """Eight windows of every training file."""
        return in_parts(((row, PARTS) for row in self._some_rows(root, view, fold, test=False)), view)

    def write_sample(self, root: Path, seed: int) -> None:
        """See ``modalities.audio.targets._musan3_standin``."""
        from modalities.audio.targets._musan3_standin import write

        write(self._folder(root), SPLIT, seed)
        mark(self._folder(root), self.info.name, seed)


TARGET = Musan3()
