"""Run cells as jobs of a cluster: submit the jobs, follow their reports, and collect the records."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from benchmark.launch import job_files
from benchmark.launch.groups import group_cells
from benchmark.launch.job_files import JobNote, Report, read_report
from benchmark.launch.jobs import Group, Job
from benchmark.launch.local import record_death
from benchmark.launch.progress import Display, Outcome, counted
from benchmark.launch.schedulers import ACTIVE_STATES, Cluster, Local
from benchmark.launch.signals import STOPPING, sigterm_as_ctrl_c
from benchmark.planning.cell import Cell
from benchmark.planning.expected import expected_times
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.running.failures import read_if_valid
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write

POLL_SECONDS = 1.0  # between two readings of the reports
MAX_RECORD_DELAY = 60.0  # seconds until a record that another machine wrote is visible on this one


def launch_cells(
    cells: Sequence[Cell], store: Store, cluster: Cluster, *,
    device: str, jobs: str, per_job: str, display: Display, deadline: float,
) -> Outcome:  # fmt: skip
    """Run cells as jobs of a cluster until all of them have ended.

    Jobs of an earlier call that are still in the queue are followed, not submitted again. If a job dies, each cell it
    was running gets a ``failed`` record with the reason, and its other cells run in a new job. A job that is cancelled
    writes checkpoints and leaves its cells to a later call.

    Ctrl-C leaves Slurm's jobs in the queue, where the same call finds them again; local jobs write checkpoints and
    stop. At ``deadline``, a time of ``time.monotonic``, jobs of either kind write checkpoints and stop. Raise BadInput
    if the cluster refuses the jobs, or if the results folder cannot be written.
    """
    launch = _Launch(cells, store, cluster, device, jobs, per_job, display)
    with sigterm_as_ctrl_c():
        while launch.waiting or launch.submitted:
            try:
                launch.poll()
                if time.monotonic() > deadline:
                    launch.stop_jobs()
                time.sleep(POLL_SECONDS)
            except KeyboardInterrupt:
                if launch.stopping or launch.detach():
                    break
                launch.stop_jobs()
    launch.mark_interrupted()
    return launch.outcome


@dataclass
class _SubmittedJob:
    group: Group
    id: str
    missed_polls: int = 0  # polls in a row in which the cluster did not list the job as active
    ended_at: float = 0.0
    state: str = ""


@dataclass
class _Launch:
    cells: Sequence[Cell]
    store: Store
    cluster: Cluster
    device: str
    jobs: str
    per_job: str
    display: Display
    stopping: bool = False
    outcome: Outcome = field(default_factory=Outcome)
    submitted: dict[str, _SubmittedJob] = field(default_factory=dict)  # by the group's name
    waiting: list[Group] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)  # id of a cell -> its place on the display
    polled_at: float = 0.0

    def __post_init__(self) -> None:
        self.folder = self.store.jobs
        self.by_id = {cell.id: cell for cell in self.cells}
        self.expected_stamp = {cell.id: self.store.stamp(cell.id) for cell in self.cells}
        self._resume_jobs()
        in_queue = {cell.id for job in self.submitted.values() if not job.group.teacher for cell in job.group.cells}
        self._group([cell for cell in self.cells if cell.id not in in_queue])

    def poll(self) -> None:
        """Submit what may start, show the progress of the jobs, and close those that have ended."""
        self._submit()
        self._poll_cluster()
        for job in list(self.submitted.values()):
            ended = job.missed_polls > 1 or self.cluster.finished(job.id)
            report = read_report(self.folder, job.group.name)
            self._show(job, report)
            if ended:
                job.ended_at = job.ended_at or time.monotonic()
                arrived = all(id in self.outcome.records for id in report.ended if id in self.by_id)
                if arrived or time.monotonic() - job.ended_at > MAX_RECORD_DELAY:
                    self._close(job, report)

    def stop_jobs(self) -> None:
        """Ask running jobs to write checkpoints and stop, and remove the others from the queue."""
        if self.stopping:
            return
        self.stopping = True
        self.waiting.clear()
        print(STOPPING, file=sys.stderr)
        for name in self.submitted:
            atomic_write(job_files.stop_request(self.folder, name), "")
        self.cluster.cancel_pending([job.id for job in self.submitted.values()])

    def detach(self) -> bool:
        """Leave jobs that continue without this process, and print how to return to them; False for local jobs."""
        if isinstance(self.cluster, Local):
            return False
        ids = " ".join(sorted({job.id.split("_")[0] for job in self.submitted.values()}, key=int))
        print(
            f"\nthe jobs continue without this command; run the same command to wait for them again.\n"
            f"`scancel {ids}` ends them; running cells write a checkpoint first.",
            file=sys.stderr,
        )
        self.rows.clear()  # no cell on the display has stopped
        return True

    def mark_interrupted(self) -> None:
        """Count every cell without a record as interrupted: a later call runs it."""
        self.outcome.interrupted += [cell for cell in self.cells if cell.id not in self.outcome.records]
        for cell in self.outcome.interrupted:
            if cell.id in self.rows:
                self.display.ended(self.rows[cell.id], cell, None)

    def _resume_jobs(self) -> None:
        """Follow the jobs of an earlier call that are still in the queue, and drop the notes of the others."""
        notes = {path: job_files.read_note(path) for path in job_files.note_paths(self.folder)}
        own = {path: note for path, note in notes.items() if note.cluster == self.cluster.name}
        states = self.cluster.states([note.id for note in own.values()])
        if states is None:
            raise BadInput("squeue does not answer, so jobs of an earlier call may be in the queue; try again later.")
        for path, note in own.items():
            if states.get(note.id) not in ACTIVE_STATES:
                path.unlink(missing_ok=True)
            elif cells := tuple(self.by_id[id] for id in note.cells if id in self.by_id):
                group = Group(path.stem, cells, note.teacher, note.needs)
                self.submitted[path.stem] = _SubmittedJob(group, note.id)
        if self.submitted:
            print(f"in the queue: {counted(len(self.submitted), 'job')} of an earlier call", file=sys.stderr)

    def _group(self, cells: Sequence[Cell]) -> None:
        in_training = {job.group.teacher: name for name, job in self.submitted.items() if job.group.teacher}
        times = expected_times(cells, "cuda" if self.device.startswith("cuda") else "cpu", self.store.has_teacher)
        seconds = {id: expected.seconds(with_teacher=False) for id, expected in times.items()}
        self.waiting += group_cells(
            cells, has_teacher=self.store.has_teacher, in_training=in_training, seconds=seconds, per_job=self.per_job,
            stamp=f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
        )  # fmt: skip

    def _submit(self) -> None:
        """Submit everything if the cluster has a queue, else as many jobs as can start now."""
        free = self.cluster.free_slots()
        while self.waiting and (free is None or free > 0):
            needs = self.waiting[0].needs
            if free is not None and needs in self.submitted:
                return
            batch = [group for group in self.waiting if group.needs == needs][:free]
            after = self.submitted[needs].id if needs in self.submitted else ""
            parent = 0 if free is None else os.getpid()
            ids = self.cluster.submit(
                [Job(group, self.folder, self.store.root, self.device, self.jobs, parent) for group in batch], after
            )
            for group, id in zip(batch, ids, strict=True):
                self.waiting.remove(group)
                self.submitted[group.name] = _SubmittedJob(group, id)
                cells = [cell.id for cell in group.cells]
                note = JobNote(cluster=self.cluster.name, id=id, cells=cells, teacher=group.teacher, needs=group.needs)
                job_files.write_note(self.folder, group.name, note)
                what = f"the teacher of {group.cells[0].key.target}" if group.teacher else counted(len(cells), "cell")
                print(f"job {id}: {what}", file=sys.stderr)
            free = free and free - len(batch)

    def _poll_cluster(self) -> None:
        if time.monotonic() - self.polled_at < self.cluster.poll_seconds:
            return
        self.polled_at = time.monotonic()
        states = self.cluster.states([job.id for job in self.submitted.values()])
        if states is None:
            return
        for job in self.submitted.values():
            job.state = states.get(job.id, "gone from the queue")
            job.missed_polls = 0 if job.state in ACTIVE_STATES else job.missed_polls + 1

    def _show(self, job: _SubmittedJob, report: Report) -> None:
        """Show a report's progress, and collect the records that it names."""
        for step in report.now.values() if not job.group.teacher else ():
            if step.cell in self.by_id and step.cell not in self.outcome.records:
                self.display.moved(self._row(self.by_id[step.cell]), step)
        for id, status in report.ended.items():
            if id in self.by_id and id not in self.outcome.records:
                record = read_if_valid(self.store, id)
                if record is not None and record.status == status:  # else it is not visible on this machine yet
                    self._finish(self.by_id[id], record)

    def _row(self, cell: Cell) -> int:
        """Return a cell's place on the display, which shows its start with the first call."""
        if cell.id not in self.rows:
            self.rows[cell.id] = len(self.rows)
            self.display.started(self.rows[cell.id], cell)
        return self.rows[cell.id]

    def _finish(self, cell: Cell, record: Record) -> None:
        self.outcome.records[cell.id] = record
        self.display.ended(self._row(cell), cell, record)

    def _close(self, job: _SubmittedJob, report: Report) -> None:
        """Fail the cells that a dead job was running, and group its other cells into new jobs."""
        del self.submitted[job.group.name]
        job_files.remove_job_files(self.folder, job.group.name)
        remaining = [cell for cell in job.group.cells if cell.id not in self.outcome.records]
        if job.group.teacher or not remaining or self.stopping or report.left:
            return
        started = {running.cell for running in report.now.values()} | set(report.ended)
        lost = [cell for cell in remaining if cell.id in started]
        if not lost and not report.ended:  # the job died before its first cell, and so would the next one
            lost = remaining
        for cell in lost:
            self._fail(cell, job, reported=cell.id in report.ended)
        if others := [cell for cell in remaining if cell not in lost]:
            print(f"job {job.id} died; its other {counted(len(others), 'cell')} will run in a new job", file=sys.stderr)
            self._group(others)

    def _fail(self, cell: Cell, job: _SubmittedJob, *, reported: bool) -> None:
        """Write a ``failed`` record, unless another run is working on the cell: then a later call sees its result."""
        if reported:
            reason = f"its job {job.id} ended, but the record that it reported cannot be found."
        else:
            state = f" ({job.state})" if job.state and job.state not in ACTIVE_STATES else ""
            line = self.cluster.last_log_line(job.id)
            reason = f"its job {job.id} died{state}{f': {line}' if line else ''}."
        stamp = self.expected_stamp[cell.id]
        if record := record_death(cell, self.store, reason, device=self.device, expected_stamp=stamp):
            self._finish(cell, record)
