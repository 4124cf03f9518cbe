"""MUSAN as three classes: music, speech and noise, in files from half a second to many minutes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modalities.audio.decode import Index, index, recordings
from modalities.audio.targets._musan3_names import SPLIT
from modalities.audio.targets._parts import in_parts
from modalities.audio.targets._published import project_page
from modalities.audio.targets._splits import held_out, home, versioned
from modalities.base import DataStatus, LabelledData, TargetInfo
from modalities.datasets.listing import Row
from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput

if TYPE_CHECKING:
    from modalities.audio.policies import AudioView

CLASSES = ("music", "speech", "noise")
FILES = 2_016
PARTS = 8  # windows of a training file: a song gives no more of them than a door bell
URL = "https://www.openslr.org/resources/17/musan.tar.gz"
MD5 = "0c472d4fc0c5141eca47ad1ffeb2a7df"
BYTES = 11_086_114_085

INFO = TargetInfo(
    name="musan3",
    title="MUSAN, music / speech / noise",
    modality="audio",
    classes=CLASSES,
    train_items=1_613,
    test_items=403,
    licence="mixed: Creative Commons and US public domain, by file",
    citation=(
        "@misc{snyder2015musan, title={MUSAN: A Music, Speech, and Noise Corpus}, author={David Snyder and Guoguo Chen "
        "and Daniel Povey}, year={2015}, eprint={1510.08484}, archivePrefix={arXiv}}"
    ),
    homepage="https://www.openslr.org/17/",
    download_bytes=BYTES,
    leak_unit="file",
    published=project_page(teacher=0.9876, full_data=0.9678, clip_a=0.8985, clip_b=0.9628),
    notes=(
        f"No official split: a fifth of the 2,016 files is held out by SHA-256 of the name ({SPLIT}), before windows "
        "are cut; sizes count files, on average, and published numbers had another split. A training file "
        f"gives {PARTS} evenly spread windows, a test file is one item. Folders such as jamendo or librivox, which go "
        "with one class each, are on both sides, and so are artists and speakers."
    ),
)


class Musan3:
    """Reads ``musan/<class>/<source>/<class>-<source>-0000.wav``."""

    info = INFO

    def _index(self, root: Path) -> Index:
        folder = home(root, INFO.name, "musan")
        return index(
            folder, sorted(str(path.relative_to(folder)) for name in CLASSES for path in folder.glob(f"{name}/*/"))
        )

    def status(self, root: Path) -> DataStatus:
        """Ready when all 2,016 files are there."""
        found = self._index(root)
        fingerprint, count = versioned(found.fingerprint, SPLIT), len(found.files)
        if count >= FILES or (count and is_stand_in(root / INFO.name)):
            return DataStatus("ready", fingerprint, bytes=found.bytes)
        missing = (f"{FILES - count:,} of {FILES:,} files",)
        how = f"run 'benchmark data fetch {INFO.name}', or unpack musan.tar.gz into {root / INFO.name}"
        return DataStatus("partial" if count else "absent", fingerprint, missing, how, found.bytes)

    def fetch(self, root: Path) -> None:
        """Download 11 GB, verify and unpack."""
        from modalities.download.fetch import download, extract

        if self.status(root).state != "ready":
            folder = root / INFO.name
            extract(download(URL, folder / Path(URL).name, md5=MD5, size=BYTES), folder)

    def _files(self, root: Path, *, test: bool) -> list[Row]:
        rows = [
            Row(path, CLASSES.index(path.parents[1].name), path.stem, path.stem)
            for path in self._index(root).files
            if held_out(path.stem, SPLIT) == test
        ]
        if not rows:
            raise BadInput(f"{home(root, INFO.name, 'musan')} holds no files; run 'benchmark data fetch {INFO.name}'.")
        return rows

    def train(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        """Eight windows of every file that is not held out."""
        return in_parts(((row, PARTS) for row in self._files(root, test=False)), view)

    def test(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        """The files that are held out, as ``view.test_clips`` windows each."""
        return recordings(self._files(root, test=True), view, test=True)

    def write_sample(self, root: Path, seed: int) -> None:
        """See ``modalities.audio.targets._musan3_standin``."""
        from modalities.audio.targets._musan3_standin import write

        write(root / INFO.name, seed)


TARGET = Musan3()
