"""Windows of long recordings as training items of their own, cut when they are read."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from modalities.audio.decode import Stretch, opened, read_windows
from modalities.datasets.listing import Listing, Row

if TYPE_CHECKING:
    from torch import Tensor

    from modalities.audio.policies import AudioView


class Part(NamedTuple):
    """One of ``parts`` equal parts of a file, whatever its length."""

    path: Path
    number: int
    parts: int

    def __str__(self) -> str:
        return str(self.path)


def seconds(path: Path) -> float:
    """Length of a sound file by its header. Raises BadInput."""
    with opened(path) as file:
        return float(file.frames / file.samplerate)


def read_part(where: Part, rate: int, samples: int) -> Tensor:
    """The window in the middle of a part, (1, samples) int16; parts too short for one overlap evenly."""
    import torch

    share = seconds(where.path) / where.parts
    if share * rate < samples:
        return torch.from_numpy(read_windows(where.path, rate, samples, where.parts)[where.number : where.number + 1])
    return torch.from_numpy(read_windows(Stretch(where.path, share * where.number, share), rate, samples, 1))


def in_parts(rows: Iterable[tuple[Row, int]], view: AudioView) -> Listing:
    """Training data of rows of whole files, each cut into so many parts."""
    cut = [
        Row(Part(row.where, number, parts), row.label, f"{row.item_id}/{number}", row.group)
        for row, parts in rows
        for number in range(parts)
    ]
    return Listing(cut, partial(read_part, rate=view.rate, samples=view.samples))
