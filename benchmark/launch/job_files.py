"""The files by which jobs and the command that submitted them talk, all in ``DIR/<profile>/jobs``.

``NAME.json`` is a job's report, ``NAME.job`` the note of a job in the queue, and ``NAME.stop`` asks the job to stop.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write

STRICT = ConfigDict(strict=True, extra="forbid")  # NaN is allowed: the loss of a phase that has none


class RunningCell(BaseModel):
    """A cell that a worker of the job is running, and its last step (``progress.Step``)."""

    model_config = STRICT

    cell: str  # id
    phase: str
    done: int
    total: int
    loss: float
    per_second: float


class Report(BaseModel):
    """The progress of a job.

    Attributes:
        begun: ids of the cells that a worker was given.
        ended: id -> status of the record that was written.
        now: index of the worker -> what it is running.
        starts: how many times the job was started; more than once if it was requeued.
        left: whether the job stopped on request, with cells still to run.
    """

    model_config = STRICT

    begun: list[str] = []
    ended: dict[str, str] = {}
    now: dict[str, RunningCell] = {}
    starts: int = 0
    left: bool = False


class JobNote(BaseModel):
    """A submitted job, noted so that a later call finds it again.

    Attributes:
        cells: ids.
        teacher, needs: as in ``jobs.Group``.
    """

    model_config = STRICT

    cluster: str
    id: Annotated[str, Field(pattern=r"^[0-9]{1,20}(_[0-9]{1,20})?$")]
    cells: list[str]
    teacher: str
    needs: str


def read_report(folder: Path, name: str) -> Report:
    """Read a job's report; an empty one if there is none, or if the file is damaged.

    Reports are replaced atomically, but anyone with access to the results folder may have written one.
    """
    try:
        return Report.model_validate_json((folder / f"{name}.json").read_bytes())
    except (OSError, ValueError):
        return Report()


def write_report(folder: Path, name: str, report: Report) -> None:
    """Replace a job's report."""
    atomic_write(folder / f"{name}.json", json.dumps(report.model_dump()))


def note_paths(folder: Path) -> list[Path]:
    """Return the paths of all notes; the job of each may be in a queue."""
    return sorted(folder.glob("*.job"))


def read_note(path: Path) -> JobNote:
    """Read a note. Raises BadInput if it is damaged: unlike a report, it may stand for a job that is in the queue."""
    try:
        return JobNote.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a valid job note"
        raise BadInput(f"{path} cannot be read ({why}); delete it once its job has ended.") from error


def write_note(folder: Path, name: str, note: JobNote) -> None:
    """Note a submitted job."""
    atomic_write(folder / f"{name}.job", json.dumps(note.model_dump()))


def request_stop(folder: Path, name: str) -> None:
    """Ask a running job to write checkpoints and stop."""
    atomic_write(folder / f"{name}.stop", "")


def stop_requested(folder: Path, name: str) -> bool:
    """Return whether a job was asked to stop."""
    return (folder / f"{name}.stop").exists()


def remove_job_files(folder: Path, name: str) -> None:
    """Remove the note of a job that has ended, and its stop request; the report stays."""
    for suffix in ("job", "stop"):
        (folder / f"{name}.{suffix}").unlink(missing_ok=True)
