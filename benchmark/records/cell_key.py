"""The axes by which people tell cells apart: typed once, shared by plans, manifests, records and tables."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from benchmark.records.json_checks import STRICT

DataKind = Literal["real", "stand-in", "shipped"]


def _not_empty(name: str) -> str:  # pydantic's own bound refuses what no file name can be decoded to
    if not name:
        raise ValueError("a name should not be empty")
    return name


Name = Annotated[str, AfterValidator(_not_empty)]
Whole = Annotated[int, Field(gt=-(2**63), lt=2**63)]
Count = Annotated[Whole, Field(ge=0)]
Positive = Annotated[Whole, Field(ge=1)]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CellAxes:
    """The axes of a cell; cells that agree in all but ``seed`` share a row of the leaderboard."""

    modality: Name
    target: Name
    fold: Positive
    source: Any  # a name in a key, an object with name, hash and description in a record
    policy: Name
    recipe: Name
    teacher: Name  # network
    student: Name  # network
    profile: Name
    data: DataKind
    seed: Whole


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CellKey(CellAxes):
    """What a cell is called, axis by axis."""

    source: Name
