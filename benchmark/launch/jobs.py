"""What one job does on its machine: it runs some cells, as a local run would, and reports its progress in a file."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.launch.job_files import RunningCell, read_report, stop_request, write_report
from benchmark.launch.local import run_cells
from benchmark.launch.progress import Step
from benchmark.launch.schedulers import import_submitit, is_ending_this_job
from benchmark.planning.cell import Cell, state_of
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.system.devices import worker_devices
from modalities.errors import BadInput

REPORT_SECONDS = 5.0  # between two progress reports of a job: many jobs share a file system
STOP_POLL_SECONDS = 2.0  # between two checks for a request to stop


@dataclass(frozen=True)
class Group:
    """The cells of one job; one that only trains a teacher stops its cell then, and a later job continues the cell."""

    name: str  # of the job's files, unique within a results folder
    cells: tuple[Cell, ...]
    teacher: str = ""  # key, if the job only trains that teacher
    needs: str = ""  # name of the group that trains the teacher; empty if the job need not wait


@dataclass(frozen=True)
class Job:
    """A group to run. submitit pickles the job, calls it, and calls it again after each requeue.

    After a signal (the scheduler's before the time limit, or SIGTERM) running cells write a checkpoint, and the job
    asks to be requeued to continue from there.
    """

    group: Group
    folder: Path  # of all jobs, DIR/<profile>/jobs
    results: Path  # DIR/<profile>
    device: str  # this and ``jobs`` as on the command line
    jobs: str
    parent: int = 0  # id of the process without which the job must stop; 0 for none

    def __call__(self) -> None:
        signals = _SchedulerSignals()
        reporter = _Reporter(self.folder, self.group.name)
        if cells := self._cells_to_run(reporter):
            threads = max(cell.config.threads for cell in cells)
            devices = worker_devices(self.device, self.jobs, threads)
            outcome = run_cells(cells, self.results, devices=devices, display=reporter, stop=_StopPoll(self, signals))
            reporter.report.left = bool(outcome.interrupted)
            reporter.write()
        signals.requeue_or_exit()

    def checkpoint(self) -> Any:
        """What submitit submits at a requeue: the same job, since all progress is on disk."""
        return import_submitit().helpers.DelayedSubmission(self)

    def _cells_to_run(self, reporter: _Reporter) -> list[Cell]:
        """Skip cells that have a record from this job before a requeue, from the teacher's job or from another run."""
        ended, store = reporter.report.ended, Store(self.results)
        ended_in_teacher_job = read_report(self.folder, self.group.needs).ended if self.group.needs else {}
        for cell in self.group.cells:
            if cell.id in ended_in_teacher_job:
                ended.setdefault(cell.id, ended_in_teacher_job[cell.id])
            elif cell.id not in ended and state_of(cell, store)[0] == "done":
                ended[cell.id] = "done"
        reporter.write()
        return [cell for cell in self.group.cells if cell.id not in ended]


class _Reporter:
    """The display of a job's worker pool: it keeps the job's report up to date."""

    def __init__(self, folder: Path, name: str) -> None:
        before = read_report(folder, name)
        self.report = before.model_copy(update={"now": {}, "starts": before.starts + 1, "left": False})
        self._folder, self._name = folder, name
        self.write()

    def write(self) -> None:
        self._written_at = time.monotonic()
        with contextlib.suppress(BadInput):  # a report that cannot be written must not end the job
            write_report(self._folder, self._name, self.report)

    def started(self, worker: int, cell: Cell) -> None:
        if cell.id not in self.report.begun:
            self.report.begun.append(cell.id)
        self.report.now[str(worker)] = RunningCell("starting", cell=cell.id)
        self.write()

    def moved(self, worker: int, step: Step) -> None:
        before = self.report.now[str(worker)]
        self.report.now[str(worker)] = RunningCell(cell=before.cell, **asdict(step))
        if before.phase != step.phase or time.monotonic() - self._written_at > REPORT_SECONDS:
            self.write()

    def ended(self, worker: int, cell: Cell, record: Record | None) -> None:
        del self.report.now[str(worker)]
        if record is not None:
            self.report.ended[cell.id] = record.status
        self.write()


class _SchedulerSignals:
    """Signals by which a scheduler asks a job to end, deferred until its cells have written checkpoints."""

    def __init__(self) -> None:
        from submitit.core.job_environment import JobEnvironment

        self._preempt: signal.Signals = getattr(signal, f"SIG{JobEnvironment.USR_SIG}")
        self._handled: set[int] = set()
        self._submitit_handler = signal.getsignal(self._preempt)
        for number in (self._preempt, signal.SIGTERM):
            signal.signal(number, lambda number, frame: self._handled.add(number))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C at a terminal is for the command, which asks us to stop
        # Schedulers signal every process of a job: workers inherit this mask, so that none dies of it. Here a signal
        # stays pending, or is handled in a thread of a numerical library (and multiprocessing unblocks SIGTERM).
        signal.pthread_sigmask(signal.SIG_BLOCK, {self._preempt, signal.SIGTERM})

    def received(self) -> set[int]:
        """Return the numbers of the signals so far."""
        pending = signal.sigpending()
        return self._handled | {number for number in (self._preempt, signal.SIGTERM) if number in pending}

    def requeue_or_exit(self) -> None:
        """After a signal, ask the scheduler to requeue this job, unless it is already ending or requeuing it."""
        received = self.received()
        if not received:
            return
        if self._preempt not in received and is_ending_this_job():
            sys.exit(128 + signal.SIGTERM)  # without a result: Slurm may start this job again
        signal.signal(self._preempt, self._submitit_handler)
        os.kill(os.getpid(), self._preempt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {self._preempt})


class _StopPoll:
    """Says whether a job's cells should write a checkpoint and stop; looks into the file system every few seconds."""

    def __init__(self, job: Job, signals: _SchedulerSignals) -> None:
        self._job, self._signals = job, signals
        self._polled_at, self._stop = 0.0, False

    def __call__(self) -> bool:
        if self._signals.received():
            return True
        if time.monotonic() - self._polled_at > STOP_POLL_SECONDS:
            self._polled_at, job = time.monotonic(), self._job
            teacher_is_made = bool(job.group.teacher) and Store(job.results).has_teacher(job.group.teacher)
            self._stop = teacher_is_made or stop_request(job.folder, job.group.name).exists()
            try:
                if job.parent:
                    os.kill(job.parent, 0)
            except ProcessLookupError:  # it has ended
                self._stop = True
        return self._stop
