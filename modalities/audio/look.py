"""Which view fits a dataset of sound files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median_low

from modalities.audio.sound import open_sound
from modalities.base import Suggestion
from modalities.datasets.samples import read_each

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
HIGHEST_RATE = 16_000  # samples per second, up to which the default bands reach
SHORTEST, LONGEST = 0.2, 2.0  # seconds of a window
MOST_CLIPS = 10


def suggest_view(files: Sequence[Path]) -> Suggestion:
    """Suggest the most frequent rate up to 16 kHz, and windows as long as the median recording, up to two seconds.

    Longer recordings are tested by as many windows as they hold, up to ten. Raises BadInput.
    """
    found = read_each(files, _rate_and_seconds)
    ((rate, _),) = Counter(rate for rate, _ in found).most_common(1)
    length = median_low(seconds for _, seconds in found)
    window = round(min(max(length, SHORTEST), LONGEST), 1)
    clips = min(max(round(length / window), 1), MOST_CLIPS)
    seen = f"most of {len(found)} recordings have {rate:,} Hz, and the median length is {length:.2f} s"
    return Suggestion({"rate": min(rate, HIGHEST_RATE), "seconds": window, "test_clips": clips}, seen)


def _rate_and_seconds(path: Path) -> tuple[int, float]:
    with open_sound(path) as sound:
        return sound.rate, sound.frames / sound.rate
