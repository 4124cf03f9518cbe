"""Training windows from equal parts of long recordings, cut when they are read."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from modalities.audio.decode import Stretch, duration, read_windows
from modalities.audio.policies import AudioView
from modalities.datasets.listing import Listing, Row

if TYPE_CHECKING:
    from torch import Tensor


class Part(NamedTuple):
    """One of ``parts`` equal parts of a file, whatever its length."""

    path: Path
    number: int
    parts: int

    def __str__(self) -> str:
        return str(self.path)


def read_part(where: Part, rate: int, samples: int) -> Tensor:
    """Return the middle window of a part, (1, samples) int16; parts shorter than a window overlap evenly."""
    import torch

    seconds = duration(where.path) / where.parts
    if seconds * rate < samples:
        return torch.from_numpy(read_windows(where.path, rate, samples, where.parts)[where.number : where.number + 1])
    return torch.from_numpy(read_windows(Stretch(where.path, seconds * where.number, seconds), rate, samples, 1))


def in_parts(rows: Iterable[tuple[Row, int]], view: AudioView) -> Listing:
    """Return training data of whole files, each cut into the number of parts that stands beside it."""
    whole = list(rows)
    cut = [
        Row(Part(row.where, number, parts), row.label, f"{row.item_id}/{number}", row.group)
        for row, parts in whole
        for number in range(parts)
    ]
    return Listing(cut, partial(read_part, rate=view.rate, samples=view.samples), files=len(whole))
