"""Speech Commands v0.02 on disk, shared by its 12-class and its 35-class task."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from math import ceil
from pathlib import Path

from modalities.audio.decode import Stretch, duration
from modalities.audio.policies import AudioView
from modalities.audio.targets._base import AudioTarget, download_and_unpack
from modalities.audio.targets._speechcommands_words import LISTED, LISTS, NOISE, WORDS, published_side
from modalities.datasets.index import Index, Paths, index
from modalities.datasets.listing import Row
from modalities.datasets.lists import FETCH_AGAIN, is_safe_path, lines, plain_path, unmatched
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

    If the lists are not whole, a file that neither names is a training file only if the rule says so by which the lists
    were made (``published_side``); the others are left out.

    Validation files are left out, so that sizes and results compare with published ones. The task of ten commands has
    two more classes, always of the same items. ``unknown`` takes the other 25 words of the split: the files with the
    lowest SHA-256 of their name, a tenth as many as there are commands. ``silence`` has as many items: one-second
    stretches of the background noises, evenly spaced, for training from the first four fifths of each recording and
    for the test from the rest.
    """

    files = 105_829
    archive = "speech_commands_v0.02.tar.gz"
    folders = (
        str(FOLDER), "SpeechCommands", "speech_commands_v0.02", "speechcommands", "speechcommands35", "speech_commands",
        "speechcommands/speech_commands_v0.02", "speech_commands/speech_commands_v0.02",
    )  # fmt: skip
    contents = (*LISTS.values(), NOISE, *WORDS)
    layout = f"WORD/*.wav beside {', '.join(LISTS.values())} and {NOISE} in a folder such as {FOLDER}"

    def home(self, root: Path) -> Path:
        """Return the folder of the words and lists."""
        return self._unpacked(root)

    def _subfolders(self, sounds: Path) -> Sequence[str]:
        return WORDS

    def _missing(self, root: Path, found: Index) -> list[str]:
        home = self.home(root)
        missing = [name for name in (*LISTS.values(), NOISE) if not (home / name).exists()]
        missing += super()._missing(root, found)
        if len(found) and all((home / name).is_file() for name in LISTS.values()):
            on_disk, listed = set(found.names), _listed(home)
            for split, file in LISTS.items():
                names = [name for name, side in listed.items() if side == split]
                missing += self._differing_counts(root, {f"list {file}": LISTED[split]}, {f"list {file}": len(names)})
                missing += unmatched(home / file, [name for name in names if name not in on_disk], self.unit)
        return missing

    def fetch(self, root: Path) -> None:
        """Download and unpack 2.4 GB."""
        if self.status(root).state != "ready":  # the archive has no folder of its own
            home = self.home(root)
            download_and_unpack(URL, home.parent / Path(URL).name, home, sha256=SHA256, size=BYTES)

    def write_sample(self, root: Path, seed: int) -> None:
        """Write the stand-in that both tasks share."""
        from modalities.audio.targets._speechcommands_standin import write

        write(root / FOLDER, seed)
        mark(root / FOLDER, "speechcommands speechcommands35", seed)

    def _rows(self, root: Path, view: AudioView, fold: int, *, test: bool) -> list[Row]:
        folder, split = self.home(root), "test" if test else "train"
        for name in LISTS.values():
            self._required(root, folder / name)
        split_of = _listed(folder)
        whole = Counter(split_of.values()) == LISTED
        rows: list[Row] = []
        others: list[Row] = []
        words = [name for name in self.info.classes if name in WORDS]
        for path in self._paths(root):
            item, word = f"{path.parent.name}/{path.name}", path.parent.name
            speaker = path.name.partition("_nohash_")[0]
            side = split_of.get(item) or ("train" if whole else published_side(speaker))
            if side == split and (item in split_of or side == "train"):
                label = words.index(word) if word in words else len(words) + 1
                row = Row(path, label, item, speaker)
                (rows if word in words else others).append(row)
        if "silence" in self.info.classes and rows:
            count = ceil(EXTRA_SHARE * len(rows))
            others.sort(key=lambda row: hashlib.sha256(row.item_id.encode("utf-8", "backslashreplace")).digest())
            rows += _silence(folder / NOISE, split, count, len(words)) + others[:count]
        return rows


def _listed(folder: Path) -> dict[str, str]:
    """Return recording → validation or test, in the lists' order.

    Raises BadInput for a line that is not a recording's, and for a recording in both lists.
    """
    split_of: dict[str, str] = {}
    for split, file in LISTS.items():
        for line in filter(None, map(str.strip, lines(folder / file))):
            item = plain_path(line)
            word, _, name = item.partition("/")
            if word not in WORDS or "/" in name or not name.endswith(".wav") or not is_safe_path(name):
                raise BadInput(f"{folder / file} holds '{line}', which is not WORD/FILE.wav; {FETCH_AGAIN}.")
            if split_of.setdefault(item, split) != split:
                both = " and ".join(LISTS.values())
                raise BadInput(f"{folder} has {both} that both name {item}; fetch the two lists again.")
    return split_of


def _silence(folder: Path, split: str, count: int, label: int) -> list[Row]:
    noises = Paths(folder, index(folder, (".",), ".wav").with_content(folder).names)
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
