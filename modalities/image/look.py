"""Which view fits a dataset of image files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median_low

from modalities.base import Suggestion
from modalities.datasets.samples import read_each
from modalities.image.decode import decode_picture

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
SMALLEST, LARGEST = 16, 64  # pixels; more than the latter is slow without a GPU


def suggest_view(files: Sequence[Path]) -> Suggestion:
    """Suggest the median of the shorter sides, in steps of 8 pixels from 16 to 64. Raises BadInput."""
    sides = read_each(files, lambda path: min(decode_picture(path).size))
    side = median_low(sides)
    size = min(max(side // 8 * 8, SMALLEST), LARGEST)
    return Suggestion({"size": size}, f"the shorter side of {len(sides)} pictures is {side} pixels in the median")
