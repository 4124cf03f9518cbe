"""Free Spoken Digit Dataset: ten digits, six speakers, 8 kHz."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.audio.decode import Index, index, recordings, write_wave
from modalities.base import DataStatus, LabelledData, TargetInfo
from modalities.datasets.listing import Row
from modalities.datasets.standin import is_stand_in, mark
from modalities.errors import BadInput

if TYPE_CHECKING:
    from modalities.audio.policies import AudioView

RATE = 8_000
TEST_INDICES = 5  # recordings 0-4 of every digit and speaker, says the dataset's own description
FOLDERS = ("fsdd", "free-spoken-digit-dataset", "free-spoken-digit-dataset-master")
URL = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/heads/master.zip"
FILE = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")

INFO = TargetInfo(
    name="fsdd",
    title="Free Spoken Digit Dataset",
    modality="audio",
    classes=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    train_items=2_700,
    test_items=300,
    licence="CC BY-SA 4.0",
    citation=(
        "@misc{jackson2018fsdd, author={Zohar Jackson and C\\'esar Souza and Jason Flaks and Yuxin Pan and "
        "Hereman Nicolas and Adhish Thite}, title={Jakobovski/free-spoken-digit-dataset: v1.0.8}, year={2018}, "
        "doi={10.5281/zenodo.1342401}}"
    ),
    homepage="https://github.com/Jakobovski/free-spoken-digit-dataset",
    download_bytes=16_000_000,
    leak_unit="utterance",
    notes="Official split: indices 0-4 of every digit and speaker are the test; the same six speakers are in both.",
)


class Fsdd:
    """Reads ``{digit}_{speaker}_{index}.wav`` under fsdd/recordings or free-spoken-digit-dataset/recordings."""

    info = INFO

    def _folder(self, root: Path) -> Path:
        found = (root / name for name in FOLDERS if (root / name / "recordings").is_dir())
        return next(found, root / FOLDERS[0])

    def _index(self, root: Path) -> Index:
        return index(self._folder(root) / "recordings")

    def status(self, root: Path) -> DataStatus:
        folder, found = self._folder(root), self._index(root)
        count, expected = len(found.files), INFO.train_items + INFO.test_items
        if count >= expected or (count and is_stand_in(folder)):
            return DataStatus("ready", found.fingerprint, bytes=found.bytes)
        missing = (f"{expected - count:,} of {expected:,} recordings",)
        how = f"run 'benchmark data fetch fsdd', or put the recordings into {folder / 'recordings'}"
        return DataStatus("partial" if count else "absent", found.fingerprint, missing, how, found.bytes)

    def fetch(self, root: Path) -> None:
        """Download the repository's archive (it has no published checksum) and unpack it beside the other datasets."""
        from modalities.download.fetch import download, extract

        if self.status(root).state != "ready":
            extract(download(URL, root / "fsdd.zip", at_most=2 * INFO.download_bytes), root)

    def _rows(self, root: Path, *, test: bool) -> list[Row]:
        rows = []
        for path in self._index(root).files:
            match = FILE.fullmatch(path.name)
            if match and (int(match[3]) < TEST_INDICES) == test:
                rows.append(Row(path, int(match[1]), path.stem, path.stem))
        if not rows:
            raise BadInput(f"{self._folder(root) / 'recordings'} holds no digits; run 'benchmark data fetch fsdd'.")
        return rows

    def train(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        return recordings(self._rows(root, test=False), view, test=False)

    def test(self, root: Path, view: AudioView, fold: int = 1) -> LabelledData:
        return recordings(self._rows(root, test=True), view, test=True)

    def write_sample(self, root: Path, seed: int) -> None:
        """Ten "digits", each two vowels and the glide between them, by six synthetic speakers, 20 takes of each."""
        folder = root / FOLDERS[0]
        rng = np.random.default_rng(seed)
        for speaker in ("ada", "ben", "cleo", "dan", "eve", "finn"):
            voice = rng.uniform(90, 230), rng.uniform(0.88, 1.18)
            for digit in range(len(INFO.classes)):
                for take in range(20):
                    wave = spoken_vowels(WORDS[digit], *voice, rng)
                    write_wave(folder / "recordings" / f"{digit}_{speaker}_{take}.wav", wave, RATE)
        mark(folder, INFO.name, seed)


# First and second formant in Hz, the classic averages of Peterson and Barney (JASA 1952, table II, men).
VOWELS = {"i": (270, 2290), "e": (530, 1840), "a": (730, 1090), "o": (570, 840), "u": (300, 870)}
WORDS = ("iu", "ua", "ei", "ao", "oi", "ie", "eo", "ai", "oa", "ue")


def spoken_vowels(word: str, pitch: float, tract: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Two vowels: harmonics of a falling voice under two formants that glide from the first vowel to the second.

    Args:
        pitch: of the voice in Hz.
        tract: factor on all formants (a shorter vocal tract has higher ones).
    """
    samples = int(RATE * rng.uniform(0.3, 0.6))
    t = np.linspace(0, 1, samples)
    glide = 1 / (1 + np.exp(-(t - rng.uniform(0.4, 0.6)) / rng.uniform(0.03, 0.1)))
    first, second = (np.array(VOWELS[v]) * tract * rng.normal(1, 0.04, 2) for v in word)
    voice = pitch * rng.uniform(0.85, 1.2) * (1 - rng.uniform(0, 0.25) * t)
    phase = 2 * np.pi * np.cumsum(voice) / RATE
    wave = np.zeros(samples)
    # sin(k·phase) by Chebyshev's recurrence, sin((k+1)x) = 2 cos(x) sin(kx) - sin((k-1)x).
    twice, before, harmonic = 2 * np.cos(phase), np.zeros(samples), np.sin(phase)
    for k in range(1, int(0.95 * RATE / 2 / voice.max()) + 1):
        level = sum(
            strength / (1 + ((k * voice - (a + (b - a) * glide)) / width) ** 2)
            for a, b, width, strength in zip(first, second, (70, 110), (1.0, 0.6), strict=True)
        )
        wave += (level + 0.01) * harmonic
        before, harmonic = harmonic, twice * harmonic - before
    wave *= np.minimum(1, np.minimum(t, 1 - t) / 0.1) * (1 - 0.5 * t)
    wave *= rng.uniform(0.1, 0.6) / np.abs(wave).max()
    return wave + rng.uniform(0.0005, 0.01) * rng.standard_normal(samples)


TARGET = Fsdd()
