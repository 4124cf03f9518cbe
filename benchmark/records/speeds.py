"""How long work took on this machine before: a small file in the cache, from which expected times are computed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from statistics import median
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from pydantic.dataclasses import dataclass

from benchmark.records.json_checks import STRICT
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write
from modalities.storage.locks import path_lock
from modalities.storage.paths import cache_root

FILE = "speeds.json"
VERSION: Literal[1] = 1
LAST = 5  # measurements of each kind of work that are kept; their median counts
MOST = 2000  # kinds of work that are kept; those measured longest ago go first

Seconds = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, config=STRICT)
class Work:
    """A kind of work, whose time does not depend on anything else: a step of training, or the rest of a cell."""

    kind: Literal["step", "rest"]
    role: Literal["teacher", "student"]
    device: str  # the name of the processor or of the GPUs
    threads: int
    modality: str
    networks: str  # of a student: its teacher's and its own
    view: str
    target: str  # and the kind of its data, if time depends on it
    batch: int  # of a step
    mode: str  # precision and compilation
    optimiser: str = ""  # of a step
    method: str = ""  # of a student's step, unless it is segments alone


class Figure(BaseModel):
    """The newest measurements of a kind of work, in seconds, and its floating-point operations (0: not known)."""

    model_config = STRICT

    work: Work
    seconds: Annotated[list[Seconds], Field(min_length=1, max_length=LAST)]
    flops: Annotated[float, Field(ge=0)] = 0.0

    @property
    def median(self) -> float:
        return median(self.seconds)


class _Content(BaseModel):
    model_config = STRICT

    version: Literal[1]
    figures: list[Figure]


def read_speeds() -> dict[Work, Figure]:
    """Return what was measured on this machine; nothing if the file is absent, damaged or of another version."""
    try:
        content = _Content.model_validate_json((cache_root() / FILE).read_bytes())
    except (OSError, ValueError, BadInput):
        return {}
    return {figure.work: figure for figure in content.figures}


def keep_speeds(measured: Mapping[Work, tuple[float, float]]) -> None:
    """Add measurements, (seconds, operations) by kind of work. If the cache cannot be written, nothing is kept."""
    with contextlib.suppress(OSError, BadInput):
        path = cache_root() / FILE
        with path_lock(path):
            figures = read_speeds()
            for work, (seconds, flops) in measured.items():
                before = figures.pop(work, None)  # the newest come last
                earlier = before.seconds if before else []
                figures[work] = Figure(work=work, seconds=[*earlier, seconds][-LAST:], flops=flops)
            newest = list(figures.values())[-MOST:]
            atomic_write(path, _Content(version=VERSION, figures=newest).model_dump_json(indent=1) + "\n")
