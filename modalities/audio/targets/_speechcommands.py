"""Speech Commands v0.02 on disk, shared by its 12-class and its 35-class task."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import ceil
from pathlib import Path

from modalities.audio.decode import Stretch, duration
from modalities.audio.policies import AudioView
from modalities.audio.targets._base import AudioTarget, download_and_unpack
from modalities.audio.targets._speechcommands_words import LISTS, NOISE, WORDS
from modalities.datasets.index import Index, Paths, index
from modalities.datasets.listing import Row
from modalities.datasets.lists import lines
from modalities.datasets.standin import mark
from modalities.errors import BadInput

FOLDER = Path("SpeechCommands") / "speech_commands_v0.02"
URL = "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
SHA256 = "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"
BYTES = 2_428_923_189

EXTRA_SHARE = 0.1  # unknown words, and silence, per command of the same split: the official 10 %
NOISE_FOR_TRAINING = 0.8  # the first part of each noise recording; the rest is for the test


class SpeechCommands(AudioTarget):
    """One task over the dataset. The official lists name test and validation files; all others are training files.

    Validation files are left out, so that sizes and results compare with published ones. The task of ten commands has
    two more classes, always of the same items. ``unknown`` takes the other 25 words of the split: the files with the
    lowest SHA-256 of their name, a tenth as many as there are commands. ``silence`` has as many items: one-second
    stretches of the background noises, evenly spaced, for training from the first four fifths of each recording and
    for the test from the rest.
    """

    folder = str(FOLDER)
    files = 105_829
    archive = "speech_commands_v0.02.tar.gz"

    def _subfolders(self, sounds: Path) -> Sequence[str]:
        return WORDS

    def _missing(self, root: Path, found: Index) -> list[str]:
        names = (*LISTS.values(), NOISE)
        return [name for name in names if not (root / FOLDER / name).exists()] + super()._missing(root, found)

    def fetch(self, root: Path) -> None:
        """Download and unpack 2.4 GB."""
        if self.status(root).state != "ready":  # the archive has no folder of its own
            download_and_unpack(URL, root / FOLDER.parent / Path(URL).name, root / FOLDER, sha256=SHA256, size=BYTES)

    def write_sample(self, root: Path, seed: int) -> None:
        """Write the stand-in that both tasks share."""
        from modalities.audio.targets._speechcommands_standin import write

        write(root / FOLDER, seed)
        mark(root / FOLDER, "speechcommands speechcommands35", seed)

    def _rows(self, root: Path, view: AudioView, fold: int, *, test: bool) -> list[Row]:
        folder, split = root / FOLDER, "test" if test else "train"
        split_of: dict[str, str] = {}
        for name, file in LISTS.items():
            items = (item for line in lines(self._required(root, folder / file)) for item in line.split())
            split_of |= dict.fromkeys(items, name)
        rows: list[Row] = []
        others: list[Row] = []
        words = [name for name in self.info.classes if name in WORDS]
        for path in self._paths(root):
            item, word = f"{path.parent.name}/{path.name}", path.parent.name
            if split_of.get(item, "train") == split:
                label = words.index(word) if word in words else len(words) + 1
                row = Row(path, label, item, path.name.partition("_nohash_")[0])
                (rows if word in words else others).append(row)
        if "silence" in self.info.classes and rows:
            count = ceil(EXTRA_SHARE * len(rows))
            others.sort(key=lambda row: hashlib.sha256(row.item_id.encode("utf-8", "backslashreplace")).digest())
            rows += _silence(folder / NOISE, split, count, len(words)) + others[:count]
        return rows


def _silence(folder: Path, split: str, count: int, label: int) -> list[Row]:
    noises = Paths(folder, index(folder, (".",), ".wav").names)
    if not noises:
        raise BadInput(f"{folder} holds no noise recordings, which make up the class silence; fetch them again.")
    rows = []
    for place, path in enumerate(noises):
        seconds = duration(path)
        begin, end = (0.0, NOISE_FOR_TRAINING) if split == "train" else (NOISE_FOR_TRAINING, 1.0)
        stretches = count // len(noises) + (place < count % len(noises))
        for k in range(stretches):
            start = begin * seconds + max((end - begin) * seconds - 1, 0) * k / max(stretches - 1, 1)
            item, group = f"silence/{path.stem}/{split}{k}", f"{path.stem}/{split}"
            rows.append(Row(Stretch(path, start, 1.0), label, item, group))
    return rows
