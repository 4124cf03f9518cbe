"""The names by which people tell cells apart: typed once, shared by plans, manifests, records and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DataKind = Literal["real", "stand-in", "shipped"]


@dataclass(frozen=True, kw_only=True)
class CellKey:
    """What a cell is called, axis by axis; cells that agree in all but ``seed`` share a row of the leaderboard."""

    modality: str
    target: str
    fold: int  # counts from 1
    source: str  # name of the source datum
    policy: str
    recipe: str
    teacher: str  # name of the network
    student: str  # name of the network
    profile: str
    data: DataKind
    seed: int
