"""The files through which jobs and the command that submitted them communicate, in ``DIR/<profile>/jobs``.

``NAME.json`` is a job's report, ``NAME.job`` the note of a job in the queue, and ``NAME.stop`` asks the job to stop.
"""

from __future__ import annotations

import json
from dataclasses import field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from benchmark.launch.progress import Step
from benchmark.records.json_checks import STRICT, first_problem
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write

REPORT: ConfigDict = {**STRICT, "allow_inf_nan": True}  # a phase without a loss has the loss NaN


@dataclass(frozen=True, config=REPORT)
class RunningCell(Step):
    """A cell that a worker of the job is running, and its last step."""

    cell: str = field(kw_only=True)  # id


class Report(BaseModel):
    """The progress of a job."""

    model_config = REPORT

    begun: list[str] = []  # ids of the cells that a worker was given
    ended: dict[str, str] = {}  # id -> status of the record that was written
    now: dict[str, RunningCell] = {}  # index of the worker -> what it is running
    starts: int = 0  # of the job; more than one if it was requeued
    left: bool = False  # whether the job stopped on request, with cells still to run


class JobNote(BaseModel):
    """A submitted job, noted so that a later call finds it again; ``teacher`` and ``needs`` as in ``jobs.Group``."""

    model_config = STRICT

    cluster: str
    id: Annotated[str, Field(pattern=r"^[0-9]{1,20}(_[0-9]{1,20})?$")]
    cells: list[str]  # ids
    teacher: str
    needs: str


def read_report(folder: Path, name: str) -> Report:
    """Read a job's report; an empty one if there is none, or if the file is damaged (anyone may have written it)."""
    try:
        return Report.model_validate_json((folder / f"{name}.json").read_bytes())
    except (OSError, ValueError):
        return Report()


def write_report(folder: Path, name: str, report: Report) -> None:
    atomic_write(folder / f"{name}.json", json.dumps(report.model_dump()))


def note_paths(folder: Path) -> list[Path]:
    """Return the paths of all notes; the job of each may be in a queue."""
    return sorted(folder.glob("*.job"))


def read_note(path: Path) -> JobNote:
    """Read a note. Raises BadInput if it is damaged: unlike a report, it may stand for a job that is in the queue."""
    try:
        return JobNote.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else first_problem(error)
        raise BadInput(f"{path} is not a valid job note ({why}); delete it once its job has ended.") from error


def write_note(folder: Path, name: str, note: JobNote) -> None:
    atomic_write(folder / f"{name}.job", json.dumps(note.model_dump()))


def stop_request(folder: Path, name: str) -> Path:
    """Return the path of the empty file that asks a running job to write checkpoints and stop."""
    return folder / f"{name}.stop"


def remove_job_files(folder: Path, name: str) -> None:
    """Remove the note of a job that has ended, and its stop request; the report stays."""
    for suffix in ("job", "stop"):
        (folder / f"{name}.{suffix}").unlink(missing_ok=True)
