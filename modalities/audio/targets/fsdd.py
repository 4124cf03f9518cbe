"""Free Spoken Digit Dataset: ten digits, six speakers, 8 kHz."""

from __future__ import annotations

import re
from pathlib import Path

from modalities.audio.policies import AudioView
from modalities.audio.targets._base import AudioTarget, download_and_unpack
from modalities.base import TargetInfo
from modalities.datasets.listing import Row

TEST_INDICES = 5  # recordings 0-4 of every digit and speaker are the test, says the dataset's own description
FOLDERS = ("fsdd", "free-spoken-digit-dataset", "free-spoken-digit-dataset-master")
URL = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/heads/master.zip"
FILE = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")


class Fsdd(AudioTarget):
    """Reads ``{digit}_{speaker}_{index}.wav`` under fsdd/recordings or free-spoken-digit-dataset/recordings."""

    info = TargetInfo(
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
    files = 3_000

    def home(self, root: Path) -> Path:
        """Return the folder of the recordings."""
        existing = (root / name for name in FOLDERS if (root / name / "recordings").is_dir())
        return next(existing, root / FOLDERS[0])

    def _sounds(self, root: Path) -> Path:
        return self.home(root) / "recordings"

    def instructions(self, root: Path) -> str:
        return f"run 'benchmark data fetch {self.info.name}', or put the recordings into {self._sounds(root)}."

    def fetch(self, root: Path) -> None:
        """Download the repository's archive, which has no published checksum, and unpack it."""
        if self.status(root).state != "ready":
            download_and_unpack(URL, root / "fsdd.zip", root, at_most=2 * self.info.download_bytes)

    def _rows(self, root: Path, view: AudioView, fold: int, *, test: bool) -> list[Row]:
        matches = ((path, FILE.fullmatch(path.name)) for path in self._paths(root))
        return [
            Row(path, int(match[1]), path.stem, path.stem)
            for path, match in matches
            if match and (int(match[3]) < TEST_INDICES) == test
        ]

    def _write_sample(self, home: Path, seed: int) -> None:
        from modalities.audio.targets._fsdd_standin import write

        write(home / "recordings", seed)


TARGET = Fsdd()
