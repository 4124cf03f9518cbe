"""Free Spoken Digit Dataset: ten digits, six speakers, 8 kHz."""

from __future__ import annotations

import re
from pathlib import Path

from modalities.audio.policies import AudioView
from modalities.audio.targets._base import AudioTarget, download_and_unpack
from modalities.base import TargetInfo
from modalities.datasets.index import Index
from modalities.datasets.listing import Row

TEST_INDICES = 5  # recordings 0-4 of every digit and speaker are the test, says the dataset's own description
NAME = "*free-spoken-digit-dataset*"  # of a clone, of a release such as …-1.0.10, and of what archives of them hold
URL = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/heads/master.zip"
FILE = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")


class Fsdd(AudioTarget):
    """Reads ``recordings/{digit}_{speaker}_{index}.wav`` under fsdd or a clone or release of the repository."""

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
    archive = URL
    folders = ("fsdd", "free-spoken-digit-dataset", NAME, f"fsdd/{NAME}")
    contents = ("recordings", "[0-9]_*_*.wav")
    layout = (
        "recordings/DIGIT_SPEAKER_INDEX.wav in a folder that is named fsdd, or as a clone or a release is; releases "
        "before 1.0.10 have fewer speakers"
    )

    def home(self, root: Path) -> Path:
        """Return the folder of the dataset."""
        return self._unpacked(root)

    def _sounds(self, root: Path) -> Path:
        home = self.home(root)
        flat = not (home / "recordings").is_dir() and any(home.glob(self.contents[1]))
        return home if flat else home / "recordings"

    def _missing(self, root: Path, found: Index) -> list[str]:
        if missing := super()._missing(root, found):
            return missing
        known = {"train": self.info.train_items, "test": self.info.test_items}
        return self._differing_counts(
            root, known, {split: len(self._rows(root, None, 1, test=split == "test")) for split in known}
        )

    def fetch(self, root: Path) -> None:
        """Download the repository's archive, which has no published checksum, and unpack it."""
        if self.status(root).state != "ready":
            download_and_unpack(URL, root / "fsdd.zip", root, at_most=2 * self.info.download_bytes)

    def _rows(self, root: Path, view: AudioView | None, fold: int, *, test: bool) -> list[Row]:
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
