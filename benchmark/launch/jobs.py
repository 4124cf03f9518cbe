"""What one job does on its machine: some cells, as a local run would, and a file that says how far it is."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmark.launch.local import run_cells
from benchmark.launch.progress import Step
from benchmark.planning.cell import Cell, state_of
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.system.devices import worker_devices
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write

REPORT_EVERY = 5.0  # seconds between two progress reports of a job: a shared file system serves many jobs
LOOK_EVERY = 2.0  # seconds between two looks for a request to stop


@dataclass(frozen=True)
class Group:
    """The cells of one job.

    Attributes:
        name: of its files, unique within a results folder.
        teacher: a key where the job only makes this teacher: it runs its one cell until the teacher is kept, then
            leaves; the cell goes on from its checkpoint in a job that needs this one.
        needs: name of the group that makes the teacher; empty where there is nothing to wait for.
    """

    name: str
    cells: tuple[Cell, ...]
    teacher: str = ""
    needs: str = ""


@dataclass
class Report:
    """How far a job is, as its file says."""

    begun: list[str] = field(default_factory=list)  # ids of cells that a worker was given
    ended: dict[str, str] = field(default_factory=dict)  # id -> status of the record that was written
    now: dict[str, dict[str, Any]] = field(default_factory=dict)  # worker -> id of its cell, and its step
    starts: int = 0  # of the job: more than one after it was requeued
    left: bool = False  # in good order, with cells to go


def read_report(folder: Path, name: str) -> Report:
    """A group's report; an empty one where there is none yet, or something else than a report.

    It is replaced whole, so never half written; but whoever may write in the results folder may have written it.
    """
    try:
        report = Report(**json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return Report()
    return report if _well_formed(report) else Report()


_STEP: dict[str, tuple[type, ...]] = {
    "cell": (str,), "phase": (str,), "done": (int,), "total": (int,), "loss": (int, float), "per_second": (int, float),
}  # fmt: skip


def _well_formed(report: Report) -> bool:
    def step(value: Any) -> bool:
        if not isinstance(value, dict) or value.keys() != _STEP.keys():
            return False
        return all(type(value[key]) in types for key, types in _STEP.items())  # a truth value is no number

    return (
        isinstance(report.begun, list) and all(isinstance(id, str) for id in report.begun)
        and isinstance(report.ended, dict) and all(isinstance(status, str) for status in report.ended.values())
        and isinstance(report.now, dict) and all(map(step, report.now.values()))
        and type(report.starts) is int and type(report.left) is bool
    )  # fmt: skip


class _Reporter:
    """The display of a job's worker pool: it keeps the job's report up to date."""

    def __init__(self, path: Path, report: Report) -> None:
        self.path, self.report, self._written = path, report, 0.0

    def write(self) -> None:
        self._written = time.monotonic()
        with contextlib.suppress(BadInput):  # progress is not worth a job
            atomic_write(self.path, json.dumps(asdict(self.report)))

    def started(self, worker: int, cell: Cell) -> None:
        if cell.id not in self.report.begun:
            self.report.begun.append(cell.id)
        self.report.now[str(worker)] = {"cell": cell.id, **asdict(Step("starting"))}
        self.write()

    def moved(self, worker: int, step: Step) -> None:
        shown = self.report.now[str(worker)]
        new_phase = shown["phase"] != step.phase
        shown.update(asdict(step))
        if new_phase or time.monotonic() - self._written > REPORT_EVERY:
            self.write()

    def ended(self, worker: int, cell: Cell, record: Record | None) -> None:
        del self.report.now[str(worker)]
        if record is not None:
            self.report.ended[cell.id] = record.status
        self.write()


@dataclass(frozen=True)
class Job:
    """Runs a group; submitit pickles it, and calls it once more whenever the job is requeued.

    A signal (the scheduler's before the time limit, or SIGTERM) makes running cells write a checkpoint; the job then
    asks to be requeued and goes on where it was.

    Args:
        folder: of all jobs, ``DIR/<profile>/jobs``: ``NAME.json`` is the report, ``NAME.stop`` asks to leave.
        results: ``DIR/<profile>``.
        device, jobs: as on the command line.
        parent: process without which the job has no reason to go on; 0 for none.
    """

    group: Group
    folder: Path
    results: Path
    device: str
    jobs: str
    parent: int = 0

    def __call__(self) -> None:
        signals = _Signals()
        before = read_report(self.folder, self.group.name)
        report = replace(before, now={}, starts=before.starts + 1, left=False)
        reporter = _Reporter(self.folder / f"{self.group.name}.json", report)
        reporter.write()
        if cells := self._open_cells(reporter):
            threads = max(cell.config.threads for cell in cells)
            devices = worker_devices(self.device, self.jobs, threads)
            stop = _Stop(self, signals)
            report.left = bool(run_cells(cells, self.results, devices=devices, display=reporter, stop=stop).interrupted)
            reporter.write()
        signals.obey()

    def checkpoint(self) -> Any:
        """What submitit runs after a requeue: the same again, for everything that was done is on disk."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def _open_cells(self, reporter: _Reporter) -> list[Cell]:
        """Cells that nobody has brought to a record: not this job before a requeue, nor its teacher's job."""
        ended, store, found = reporter.report.ended, Store(self.results), []
        before = read_report(self.folder, self.group.needs).ended if self.group.needs else {}
        for cell in self.group.cells:
            if cell.id in before:
                ended.setdefault(cell.id, before[cell.id])
            elif cell.id not in ended and state_of(cell, store)[0] == "done":
                ended[cell.id] = "done"
            if cell.id not in ended:
                found.append(cell)
        reporter.write()
        return found


class _Signals:
    """The signals with which a scheduler asks a job to leave, put off until its cells have written checkpoints."""

    def __init__(self) -> None:
        from submitit.core.job_environment import JobEnvironment

        self._preempt: signal.Signals = getattr(signal, f"SIG{JobEnvironment.USR_SIG}")
        self._noted: set[int] = set()
        self._requeue = signal.getsignal(self._preempt)
        for number in (self._preempt, signal.SIGTERM):
            signal.signal(number, lambda number, frame: self._noted.add(number))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C at a terminal is for the run, which asks us to stop
        # Schedulers signal every process of a job: workers inherit this mask, so that none dies of it. Here a signal
        # waits, or comes through a thread of a numerical library (and multiprocessing unblocks SIGTERM).
        signal.pthread_sigmask(signal.SIG_BLOCK, {self._preempt, signal.SIGTERM})

    def came(self) -> set[int]:
        """Numbers of the signals so far."""
        return self._noted | {number for number in (self._preempt, signal.SIGTERM) if number in signal.sigpending()}

    def obey(self) -> None:
        """After a signal: put this job back into the queue and end it, unless the scheduler is doing that."""
        came = self.came()
        if not came:
            return
        if self._preempt not in came and _being_ended():
            sys.exit(128 + signal.SIGTERM)  # without a result: Slurm may start this job again
        signal.signal(self._preempt, self._requeue)
        os.kill(os.getpid(), self._preempt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {self._preempt})


class _Stop:
    """Whether a job's cells should write a checkpoint and leave; the file system is asked every few seconds only."""

    def __init__(self, job: Job, signals: _Signals) -> None:
        self._job, self._signals = job, signals
        self._looked, self._found = 0.0, False

    def __call__(self) -> bool:
        if self._signals.came():
            return True
        if time.monotonic() - self._looked > LOOK_EVERY:
            self._looked, job = time.monotonic(), self._job
            made = job.group.teacher and Store(job.results).has_teacher(job.group.teacher)
            self._found = bool(made) or (job.folder / f"{job.group.name}.stop").exists() or _gone(job.parent)
        return self._found


def _being_ended() -> bool:
    """Whether Slurm is ending this job: it was cancelled, or Slurm requeues it. A request of ours would revive it."""
    if os.environ.get("SUBMITIT_EXECUTOR") != "slurm":
        return False
    command = ["squeue", "--noheader", "--format=%T", f"--jobs={os.environ['SLURM_JOB_ID']}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return answer.stdout.strip() != "RUNNING"


def _gone(process: int) -> bool:
    try:
        if process:
            os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False
