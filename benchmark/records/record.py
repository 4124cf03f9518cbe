"""What a cell produced: the record, checked field by field where it is read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from benchmark.records.cell_key import CellKey, DataKind
from benchmark.records.identity import SCHEMA_VERSION
from modalities.errors import BadInput

Status = Literal["done", "failed", "refused", "no data", "diverged", "out of memory"]


REAL_TRAINING_ITEMS = "real-training-items"
"""Source name of the one control that is not a single datum; its rows stand in a block of their own."""


_CONTROLS = ("chance", "majority", "untrained", "teacher_top1")


_SOURCE = ("name", "sha256", "description")


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one cell produced, JSON-ready throughout. Accuracies are fractions; a figure that is missing is None."""

    schema_version: int = SCHEMA_VERSION
    id: str  # of the cell, see cell_id
    row: str  # shared by the seeds of one row, see row_id
    target: str
    modality: str
    fold: int
    seed: int
    status: Status
    reason: str = ""  # one sentence, for every status but "done"
    traceback: str = ""
    source: dict[str, str]  # name, sha256, description
    policy: str
    recipe: str
    teacher: str  # network
    student: str  # network
    profile: str
    data: DataKind
    config: dict[str, Any]  # resolved
    data_fingerprint: str = ""
    teacher_key: str | None = None
    provenance: dict[str, Any]
    metrics: dict[str, float | None] = field(default_factory=dict)  # of the student, see metrics.evaluate_predictions
    controls: dict[str, float | None] = field(default_factory=dict)  # chance, majority, untrained, teacher_top1
    segments: int = 0  # shown to the student
    seconds: dict[str, float] = field(default_factory=dict)  # by phase
    peak_memory_bytes: int | None = None
    deviations: list[str] = field(default_factory=list)  # from the published setting, in words

    def to_json(self) -> str:
        """The record as text.

        Raises:
            ValueError: when a field has a value that ``from_json`` would refuse.
        """
        content = asdict(self)
        problem = _problem(content)
        if problem:
            raise ValueError(f"record of cell '{self.id}': {problem}")
        return json.dumps(content, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str | Path = "a record") -> Record:
        """Read ``to_json``'s text strictly.

        Args:
            where: file that an error names.

        Raises:
            BadInput: not JSON, missing or unknown keys, a value of the wrong type, another schema version.
        """
        remedy = "; delete the file and run its cell again"
        try:
            content = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{where} is not a record ({error}){remedy}.") from error
        if not isinstance(content, dict):
            raise BadInput(f"{where} is not a record (no JSON object){remedy}.")
        version = content.get("schema_version")
        if version != SCHEMA_VERSION:
            raise BadInput(
                f"{where} has record schema version {version!r} and this package reads {SCHEMA_VERSION}; "
                "use the version of the package that wrote it, or run its cell again."
            )
        problem = _problem(content)
        if problem:
            raise BadInput(f"{where} is not a record ({problem}){remedy}.")
        return cls(**content)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return _whole(value) or (isinstance(value, float) and math.isfinite(value))


def _figures(value: Any) -> bool:
    return isinstance(value, dict) and all(_text(k) and (v is None or _number(v)) for k, v in value.items())


_Check = tuple[Callable[[Any], bool], str]


_NAME: _Check = (lambda v: _text(v) and v != "", "a name")


_WORDS: _Check = (_text, "text")


_COUNT: _Check = (lambda v: _whole(v) and v >= 0, "a whole number of 0 or more")


_OBJECT: _Check = (lambda v: isinstance(v, dict) and all(map(_text, v)), "an object")


_CHECKS: dict[str, _Check] = {
    "schema_version": _COUNT,
    **dict.fromkeys(("id", "row", "target", "modality", "policy", "recipe", "teacher", "student", "profile"), _NAME),
    **dict.fromkeys(("reason", "traceback", "data_fingerprint"), _WORDS),
    **dict.fromkeys(("config", "provenance"), _OBJECT),
    "fold": (lambda v: _whole(v) and v >= 1, "a whole number of 1 or more"),
    "seed": (_whole, "a whole number"),
    "status": (lambda v: v in get_args(Status), f"one of {', '.join(get_args(Status))}"),
    "data": (lambda v: v in get_args(DataKind), f"one of {', '.join(get_args(DataKind))}"),
    "source": (
        lambda v: isinstance(v, dict) and set(v) == set(_SOURCE) and all(map(_text, v.values())),
        f"an object of texts: {', '.join(_SOURCE)}",
    ),
    "teacher_key": (lambda v: v is None or _text(v), "text or null"),
    "metrics": (_figures, "an object of finite numbers or nulls"),
    "controls": (lambda v: _figures(v) and set(v) <= set(_CONTROLS), f"figures among {', '.join(_CONTROLS)}"),
    "segments": _COUNT,
    "seconds": (lambda v: _figures(v) and None not in v.values(), "an object of finite numbers"),
    "peak_memory_bytes": (lambda v: v is None or (_whole(v) and v >= 0), "a whole number of 0 or more, or null"),
    "deviations": (lambda v: isinstance(v, list) and all(map(_text, v)), "a list of texts"),
}


def _problem(content: Mapping[str, Any]) -> str | None:
    known = {entry.name for entry in fields(Record)}
    if missing := sorted(known - set(content)):
        return f"missing: {', '.join(missing)}"
    if unknown := sorted(set(content) - known):
        return f"unknown: {', '.join(unknown)}"
    for name, (fits, expected) in _CHECKS.items():
        if not fits(content[name]):
            return f"'{name}' is not {expected}"
    return None


@dataclass(frozen=True, kw_only=True)
class ManifestEntry(CellKey):
    """A cell that a run requested: enough to give it a row before it has a record."""

    id: str
    row: str
    teacher_key: str | None = None  # None in a manifest of an earlier version

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            fits, expected = _CHECKS[name] if name in ("fold", "seed", "data", "teacher_key") else _NAME
            if not fits(value):
                raise TypeError(f"'{name}' is not {expected}")
