"""Speech Commands v0.02 on disk, shared by its 12-class and its 35-class task."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from modalities.audio.decode import Index, Stretch, index, recordings
from modalities.audio.targets._speechcommands_words import LISTS, NOISE, WORDS
from modalities.base import DataStatus, LabelledData, TargetInfo
from modalities.datasets.listing import Row
from modalities.datasets.lists import lines
from modalities.datasets.standin import is_stand_in
from modalities.errors import BadInput

if TYPE_CHECKING:
    from modalities.audio.policies import AudioView

RECORDINGS = 105_829
FOLDER = Path("SpeechCommands") / "speech_commands_v0.02"
URL = "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
SHA256 = "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"
BYTES = 2_428_923_189
CITATION = (
    "@article{warden2018speech, title={Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition}, "
    "author={Pete Warden}, journal={arXiv:1804.03209}, year={2018}}"
)
HOMEPAGE = "https://arxiv.org/abs/1804.03209"

SHARE = 0.1  # of unknown words, and of silence, against the commands of the same split: the official 10 %
NOISE_FOR_TRAINING = 0.8  # the first part of each noise recording; the rest is for the test


@dataclass(frozen=True)
class SpeechCommands:
    """One task over the dataset. The official lists name test and validation files; what they do not name is training.

    Validation files are left aside, so that sizes and numbers compare with published ones. With ten commands, two
    classes are made up, always from the same items: ``unknown`` takes from the other 25 words of the split the files
    of the lowest SHA-256 of their name, a tenth as many as there are commands; ``silence``, as many again, is
    one-second stretches of the background noises, evenly spaced, for training from the first four fifths of each
    recording and for the test from the rest.
    """

    info: TargetInfo
    words: tuple[str, ...]
    made_up: bool  # whether silence and unknown follow the words

    def _index(self, root: Path) -> Index:
        return index(root / FOLDER, WORDS)

    def status(self, root: Path) -> DataStatus:
        """Ready when all 105,829 recordings, the noises and both lists are there."""
        folder, found = root / FOLDER, self._index(root)
        needed = [*LISTS.values(), NOISE]
        missing = [name for name in needed if not (folder / name).exists()]
        if not is_stand_in(folder) and len(found.files) < RECORDINGS:
            missing.append(f"{RECORDINGS - len(found.files):,} of {RECORDINGS:,} recordings")
        if not missing:
            return DataStatus("ready", found.fingerprint, bytes=found.bytes)
        how = f"run 'benchmark data fetch {self.info.name}', or unpack speech_commands_v0.02.tar.gz into {folder}"
        return DataStatus("partial" if found.files else "absent", found.fingerprint, tuple(missing), how, found.bytes)

    def fetch(self, root: Path) -> None:
        """Download 2.4 GB, verify its SHA-256 and unpack it; the archive has no folder of its own."""
        from modalities.download.fetch import download, extract

        if self.status(root).state != "ready":
            archive = download(URL, root / FOLDER.parent / Path(URL).name, sha256=SHA256, size=BYTES)
            extract(archive, root / FOLDER)

    def train(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        """Everything that the official lists do not name."""
        return recordings(self._rows(root, "train"), view, test=False)

    def test(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        """The files of testing_list.txt."""
        return recordings(self._rows(root, "test"), view, test=True)

    def write_sample(self, root: Path, seed: int) -> None:
        """See ``modalities.audio.targets._speechcommands_standin``; both tasks share one stand-in."""
        from modalities.audio.targets._speechcommands_standin import write

        write(root / FOLDER, seed)

    def _rows(self, root: Path, split: str) -> list[Row]:
        """Rows of ``train`` or ``test``, sorted by word and name."""
        folder = root / FOLDER
        listed: dict[str, str] = {}
        for name, file in LISTS.items():
            if not (folder / file).is_file():
                raise BadInput(f"{folder / file} is not there; run 'benchmark data fetch {self.info.name}'.")
            listed |= dict.fromkeys((word for line in lines(folder / file) for word in line.split()), name)
        rows: list[Row] = []
        others: list[Row] = []
        for path in self._index(root).files:
            item, word = f"{path.parent.name}/{path.name}", path.parent.name
            if listed.get(item, "train") == split:
                label = self.words.index(word) if word in self.words else len(self.words) + 1
                row = Row(path, label, item, path.name.partition("_nohash_")[0])
                (rows if word in self.words else others).append(row)
        if not rows:
            raise BadInput(f"{folder} holds no {split} recordings; run 'benchmark data fetch {self.info.name}'.")
        if self.made_up:
            count = ceil(SHARE * len(rows))
            others.sort(key=lambda row: hashlib.sha256(row.item_id.encode("utf-8", "backslashreplace")).digest())
            rows += _silence(folder / NOISE, split, count, len(self.words)) + others[:count]
        return rows


def _silence(folder: Path, split: str, count: int, label: int) -> list[Row]:
    """One-second stretches of the noise recordings, shared out evenly among them."""
    import soundfile

    noises = index(folder).files
    if not noises:
        raise BadInput(f"{folder} holds no noise recordings, which make up the class silence; fetch them again.")
    rows = []
    for place, path in enumerate(noises):
        seconds = soundfile.info(path).duration
        begin, end = (0.0, NOISE_FOR_TRAINING) if split == "train" else (NOISE_FOR_TRAINING, 1.0)
        here = count // len(noises) + (place < count % len(noises))
        for k in range(here):
            start = begin * seconds + max((end - begin) * seconds - 1, 0) * k / max(here - 1, 1)
            rows.append(
                Row(Stretch(path, start, 1.0), label, f"silence/{path.stem}/{split}{k}", f"{path.stem}/{split}")
            )
    return rows
