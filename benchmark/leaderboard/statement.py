"""What somebody who hands in predictions says of them: shown beside the row, never checked and never computed with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic.dataclasses import dataclass

from benchmark.records.cell_key import Count, Name, Positive, Whole
from benchmark.records.json_checks import STRICT, first_problem
from modalities.errors import BadInput

NOT_STATED = "not stated"
UNSEEN = "predictions handed in: training not seen by this tool"
_OF_FILE = ("file", "file_sha256")  # the same predictions may come in several files


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Statement:
    """The content of the YAML file beside a file of predictions; ``target`` and ``label`` are needed."""

    target: Name
    label: Name  # of the row
    fold: Positive = 1
    seed: Whole = 0  # files of one label and several seeds are one row
    items_sha256: str = ""  # of the ids of the test items in their order, as the predictions were made on them
    source: str = ""  # the one datum that the student learned from
    segments: Count | None = None  # that the student saw
    teacher: str = ""  # network
    student: str = ""  # network
    teacher_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    reference: str = ""  # citation or address

    @property
    def said(self) -> dict[str, Any]:
        """What is stated, but for what names the row and its items."""
        names = ("target", "label", "fold", "seed", "items_sha256")
        return {key: value for key, value in asdict(self).items() if key not in names and value not in (None, "")}


def read_statement(predictions: Path) -> Statement:
    """Read the statement beside a file of predictions: of the same name, ending in ``.yaml``.

    Raises BadInput if there is none, or if it says something else than a statement does.
    """
    from benchmark.config.yaml_files import read_sections

    path = predictions.with_suffix(".yaml")
    if not path.is_file():
        raise BadInput(
            f"{path} is not there, which says what the predictions of {predictions.name} are; write it, with at least "
            "the lines 'target: NAME' and 'label: NAME OF THE ROW'."
        )
    try:
        return Statement(**read_sections(path, "target: cifar10"))
    except ValidationError as error:
        known = ", ".join(entry.name for entry in fields(Statement))
        raise BadInput(f"{path} is not usable ({first_problem(error)}); correct it: the keys are {known}.") from error


def content_of(handed_in: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was handed in (``Record.handed_in``), but for the file that it came in.

    Two files with the same content are the same predictions.
    """
    return {key: value for key, value in handed_in.items() if key not in _OF_FILE}


def stated(handed_in: Mapping[str, Any]) -> str:
    """Return what was stated with predictions that were handed in (``Record.handed_in``), as a text for people."""
    shown = {
        "datum": handed_in.get("source"), "segments": _counted(handed_in.get("segments")),
        "teacher": handed_in.get("teacher"), "student": handed_in.get("student"),
        "teacher's accuracy": _percent(handed_in.get("teacher_accuracy")),
        "reference": handed_in.get("reference"),
    }  # fmt: skip
    said = "; ".join(f"{name} {value}" for name, value in shown.items() if value)
    return f"stated and not checked: {said}" if said else "nothing is stated"


def _counted(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _percent(value: Any) -> str:
    return f"{100 * value:.1f} %" if isinstance(value, int | float) else ""
