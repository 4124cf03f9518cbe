"""What a cell produced, and what a manifest says of a cell: values are checked whenever one is made or read."""

from __future__ import annotations

import json
from dataclasses import asdict, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic.dataclasses import dataclass

from benchmark.records.cell_key import CellAxes, CellKey, Count, Name
from benchmark.records.identity import SCHEMA_VERSION
from benchmark.records.json_checks import STRICT, first_problem, read_json
from modalities.errors import BadInput

OWN_NETWORK = "own "
"""Beginning of the name of a caller's own network, which no name can build again; its type and a hash follow."""

REAL_TRAINING_ITEMS = "real-training-items"
"""Source of the one control that is not a single datum; what follows a colon says which items."""


HANDED_IN = "handed_in"
"""Key of the settings, and of the provenance, of a record whose predictions others made outside this package."""


def is_real_training_items(source: str) -> bool:
    """Return whether a source's name is one of that control, in any form; its rows form a block of their own."""
    return source.partition(":")[0] == REAL_TRAINING_ITEMS


Status = Literal["done", "failed", "refused", "no data", "diverged", "out of memory"]


def _check_only(figures: Any, check: ValidatorFunctionWrapHandler) -> Any:
    check(figures)
    return dict(figures)  # a whole number stays whole, so that a record is written as it was read


ACCURACIES = {"top-1": "top1", "mean per-class": "mean_per_class"}
"""By a target's metric, which figure among a record's metrics is the score."""

Control = Literal["chance", "majority", "untrained", "pruned", "teacher_top1"]
Source = Annotated[dict[Literal["name", "sha256", "description"], str], Field(min_length=3)]
TestSet = dict[Literal["items", "known_items", "ids_sha256"], Count | str | None]
"""The number of test items, how many the whole dataset has (None if unknown), and a hash of their ids in order."""

_LATER = {"metric", "test_set", "costs"}  # keys that records of earlier versions lack


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Record(CellAxes):
    """What one cell produced: the content of its ``record.json``.

    Accuracies are fractions in [0, 1]; a figure that is missing is None. Raises pydantic's ValidationError.
    """

    schema_version: Count = SCHEMA_VERSION
    id: Name  # of the cell, see cell_id
    row: Name  # shared by the seeds of one row, see row_id
    status: Status
    reason: str = ""  # one sentence, for every status but "done"
    traceback: str = ""
    source: Source
    config: dict[str, Any]  # the settings that the id covers
    data_fingerprint: str = ""
    metric: Literal["top-1", "mean per-class"] = "top-1"  # of the target: which accuracy is its score
    test_set: TestSet = field(default_factory=dict)
    teacher_key: str | None = None
    provenance: dict[str, Any]
    # Of the student, see evaluate_predictions.
    metrics: Annotated[dict[str, float | None], WrapValidator(_check_only)] = field(default_factory=dict)
    controls: Annotated[dict[Control, float | None], WrapValidator(_check_only)] = field(default_factory=dict)
    segments: Count = 0  # shown to the student
    # Of the distillation: student_steps, teacher_forwards (of single inputs), and what a method adds.
    costs: Annotated[dict[str, float], WrapValidator(_check_only)] = field(default_factory=dict)
    seconds: Annotated[dict[str, float], WrapValidator(_check_only)] = field(default_factory=dict)  # by phase
    peak_memory_bytes: Count | None = None
    deviations: list[str] = field(default_factory=list)  # from the published setting, one sentence each

    @property
    def score(self) -> float | None:
        """The student's accuracy by the target's metric, a fraction in [0, 1]; None unless the cell is done."""
        return self.metrics.get(ACCURACIES[self.metric])

    @property
    def is_handed_in(self) -> bool:
        """Whether others made the predictions outside this package, which scored them and saw nothing else."""
        return HANDED_IN in self.config

    @property
    def handed_in(self) -> dict[str, Any]:
        """What was handed in: file, hashes, and what was stated; empty for other records."""
        found = self.provenance.get(HANDED_IN)
        return found if isinstance(found, dict) else {}

    @property
    def settings(self) -> dict[str, Any]:
        """What the record's row has in common: everything that the id covers, except the seed."""
        return {key: value for key, value in self.config.items() if key != "seed"}

    def to_json(self) -> str:
        """Return the record as text. Raises ValueError if a number in it is not finite."""
        return json.dumps(asdict(self), indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, where: str | Path = "a record") -> Record:
        """Read the text that ``to_json`` made. Raise BadInput, which names ``where``, if it is anything else."""
        try:
            content = read_json(text)
        except (ValueError, RecursionError) as error:
            raise _not_a_record(where, str(error)) from error
        if not isinstance(content, dict):
            raise _not_a_record(where, "not a JSON object")
        version = content.get("schema_version")
        if version != SCHEMA_VERSION:
            raise BadInput(
                f"{where} has record schema version {version!r} and this package reads {SCHEMA_VERSION}; "
                "use the version of the package that wrote it, or run its cell again."
            )
        if not content.keys() >= _KEYS:  # with a default or not
            raise _not_a_record(where, f"missing: {', '.join(sorted(_KEYS - content.keys()))}")
        try:
            return cls(**content)
        except ValidationError as error:
            raise _not_a_record(where, first_problem(error)) from error


_KEYS = {entry.name for entry in fields(Record)} - _LATER


def _not_a_record(where: str | Path, problem: str) -> BadInput:
    return BadInput(f"{where} is not a record ({problem}); delete the file and run its cell again.")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ManifestEntry(CellKey):
    """A cell that a run requested: enough to give it a row before it has a record."""

    id: Name
    row: Name
    teacher_key: str | None = None  # None in a manifest of an earlier version


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Manifest:
    """The cells that one run requested: a suite, and what narrowed or changed it."""

    schema_version: Annotated[int, Field(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    suite: str
    selection: dict[str, Any]
    cells: list[ManifestEntry]
    # By row, what the ids cover, except the seed; empty in a manifest of an earlier version.
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Of a suite with variants: what they vary, the rows of each by label, and the claims about them.
    axis: str = ""
    variants: dict[str, list[Name]] = field(default_factory=dict)
    claims: list[dict[str, Any]] = field(default_factory=list)
    late_claims: list[str] = field(default_factory=list)  # names of those written after cells of the suite had results
