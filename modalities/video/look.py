"""Which view fits a dataset of clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median_low

import numpy as np

from modalities.base import Suggestion
from modalities.datasets.samples import read_each
from modalities.video.decode import decode, frame_times

SUFFIXES = (".mp4", ".avi", ".mkv", ".webm", ".mov")
SHORTEST, LONGEST = 0.2, 2.0  # seconds of a clip


def suggest_view(files: Sequence[Path]) -> Suggestion:
    """Suggest clips as long as the median video, up to two seconds. Raises BadInput."""
    found = read_each(files, _length)
    length = median_low(seconds for seconds, _ in found)
    side = median_low(side for _, side in found)
    seen = f"the median of {len(found)} videos lasts {length:.2f} s; the shorter side has {side} pixels"
    return Suggestion({"seconds": round(min(max(length, SHORTEST), LONGEST), 1)}, seen)


def _length(path: Path) -> tuple[float, int]:
    """Return seconds from the first frame to the end of the last, and pixels of the shorter side."""
    times = frame_times(path)
    step = float(times[-1]) / max(len(times) - 1, 1)
    first = decode(path, np.zeros(1, np.int64))
    return float(times[-1]) + step, min(first.shape[1:3])
