"""The stand-in of LibriSpeech: readers who say random things in one language, so that only voices differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from modalities.audio.targets._synthesis import Manner, Voice, write_talk

RATE = 16_000
CHAPTERS, UTTERANCES = 2, 24  # of each reader, of each chapter
MANNER = Manner(8, "ieaou", "stm", 0.2, -0.1)


def write(folder: Path, speakers: Sequence[str], seed: int) -> None:
    """Write chapters of twelve readers with their transcripts."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(12)
    for place, speaker in enumerate(speakers):
        voice = Voice(
            85 * 2.9 ** (place / 11), 0.84 + 0.36 * (order[place] / 11), (-7, 0, 6)[place % 3], (0.03, 0.25)[place % 2]
        )
        for _ in range(CHAPTERS):
            chapter = str(rng.integers(10_000, 200_000))
            lines = []
            for number in range(UTTERANCES):
                name = f"{speaker}-{chapter}-{number:04}"
                path = folder / speaker / chapter / f"{name}.flac"
                write_talk(path, voice, MANNER, rng.uniform(1.0, 1.6), RATE, rng)
                lines.append(f"{name} NOTHING THAT ANYBODY EVER SAID\n")
            (folder / speaker / chapter / f"{speaker}-{chapter}.trans.txt").write_text("".join(lines), encoding="utf-8")
