"""Spread a run's cells over jobs, watch them, and gather what came of them: one run, many machines."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmark.launch.display import counted
from benchmark.launch.groups import group_cells
from benchmark.launch.jobs import Group, Job, Report, read_report
from benchmark.launch.progress import Display, Outcome, Step
from benchmark.launch.schedulers import UNDER_WAY, Cluster, Local
from benchmark.planning.cell import Cell
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.running.failures import note_failure
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write
from modalities.storage.locks import LockHeld, do_not_wait

TICK = 1.0  # seconds between two looks at the reports
SLOW_FILES = 60.0  # seconds that a record may take from the machine that wrote it to this one


def launch_cells(
    cells: Sequence[Cell], store: Store, cluster: Cluster, *,
    device: str, jobs: str, per_job: str, display: Display, deadline: float,
) -> Outcome:  # fmt: skip
    """Run cells as jobs of a cluster until all of them are over.

    Jobs of an earlier call that are still in the queue are waited for, not submitted again. A job that dies costs the
    cells it was at: each gets a ``failed`` record with the reason, and its other cells go on in a new job. A job that
    is cancelled writes checkpoints and leaves its cells to a later call.

    Ctrl-C leaves Slurm's jobs where they are (the same call waits for them again) and stops jobs on this machine in
    good order; so does ``deadline``, a time of ``time.monotonic``, with jobs anywhere.

    Raises:
        BadInput: the cluster takes no jobs, or the results folder cannot be written.
    """
    launch = _Launch(cells, store, cluster, device, jobs, per_job, display)
    with _sigterm_as_ctrl_c():
        while launch.busy():
            try:
                launch.turn()
                if time.monotonic() > deadline:
                    launch.ask_to_stop()
                time.sleep(TICK)
            except KeyboardInterrupt:
                if launch.left() or launch.stopping:
                    break
                launch.ask_to_stop()
    launch.give_up_the_rest()
    return launch.outcome


@dataclass
class _Ticket:
    """A group that was submitted."""

    group: Group
    id: str
    missed: int = 0  # questions in a row that the cluster answered with: it is not there
    over_at: float = 0.0
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
    tickets: dict[str, _Ticket] = field(default_factory=dict)  # by the group's name
    waiting: list[Group] = field(default_factory=list)
    slots: dict[str, int] = field(default_factory=dict)  # id of a cell that was shown -> its place on the display
    asked_at: float = 0.0

    def __post_init__(self) -> None:
        self.folder = self.store.jobs
        self.by_id = {cell.id: cell for cell in self.cells}
        self.expected_stamp = {
            cell.id: self.store.stamp(cell.id) for cell in self.cells
        }  # records that led to this call
        self._adopt()
        taken = {cell.id for ticket in self.tickets.values() if not ticket.group.teacher for cell in ticket.group.cells}
        self._plan([cell for cell in self.cells if cell.id not in taken])

    def busy(self) -> bool:
        return bool(self.waiting or self.tickets)

    def give_up_the_rest(self) -> None:
        """What has no record now is for a later call."""
        self.outcome.interrupted += [cell for cell in self.cells if cell.id not in self.outcome.records]
        for cell in self.outcome.interrupted:
            if cell.id in self.slots:
                self.display.ended(self.slots[cell.id], cell, None)

    def turn(self) -> None:
        """Submit what may start, show how far the jobs are, and close those that are over."""
        self._submit()
        self._ask_the_cluster()
        for ticket in list(self.tickets.values()):
            over = ticket.missed > 1 or self.cluster.finished(ticket.id)
            report = read_report(self.folder, ticket.group.name)
            self._show(ticket, report)
            if over and self._complete(ticket, report):
                self._close(ticket, report)

    def ask_to_stop(self) -> None:
        """Jobs that run write checkpoints and leave; the others never start."""
        if self.stopping:
            return
        self.stopping = True
        self.waiting.clear()
        print("\nstopping: running cells write a checkpoint first", file=sys.stderr)
        for name in self.tickets:
            atomic_write(self.folder / f"{name}.stop", "")
        self.cluster.withdraw([ticket.id for ticket in self.tickets.values()])

    def left(self) -> bool:
        """After Ctrl-C: whether the jobs go on without us; then says how to get back to them."""
        if isinstance(self.cluster, Local) or self.stopping:
            return False
        ids = " ".join(sorted({ticket.id.split("_")[0] for ticket in self.tickets.values()}, key=int))
        print(
            f"\nthe jobs go on without this command; the same command waits for them again.\n"
            f"`scancel {ids}` would end them; running cells write a checkpoint first.",
            file=sys.stderr,
        )
        self.slots.clear()  # nothing on the display has stopped
        return True

    # --- submitting ---

    def _adopt(self) -> None:
        """Take over the jobs of an earlier call that are still in the queue."""
        notes = {path: _read_note(path) for path in sorted(self.folder.glob("*.job"))}
        own = {path: note for path, note in notes.items() if note["cluster"] == self.cluster.name}
        states = self.cluster.under_way([note["id"] for note in own.values()])
        if states is None:
            raise BadInput("the cluster does not say which jobs are in its queue (squeue); try again when it does.")
        for path, note in own.items():
            cells = tuple(self.by_id[id] for id in note["cells"] if id in self.by_id)
            if states.get(note["id"]) in UNDER_WAY:
                if cells:
                    self.tickets[path.stem] = _Ticket(
                        Group(path.stem, cells, note["teacher"], note["needs"]), note["id"]
                    )
            else:
                path.unlink(missing_ok=True)
        if self.tickets:
            print(f"in the queue: {counted(len(self.tickets), 'job')} of an earlier call", file=sys.stderr)

    def _plan(self, cells: Sequence[Cell]) -> None:
        making = {ticket.group.teacher: name for name, ticket in self.tickets.items() if ticket.group.teacher}
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
        self.waiting += group_cells(
            cells, kept=self.store.has_teacher, being_made=making,
            per_job=self.per_job, stamp=stamp,
        )  # fmt: skip

    def _submit(self) -> None:
        """What may go now: all of it where the cluster keeps a queue, the first few whose teacher is there else."""
        room = self.cluster.room()
        while self.waiting and (room is None or room > 0):
            needs = self.waiting[0].needs
            if room is not None and needs in self.tickets:
                return
            batch = [group for group in self.waiting if group.needs == needs][:room]
            after = self.tickets[needs].id if needs in self.tickets else ""
            parent = 0 if room is None else os.getpid()
            ids = self.cluster.submit(
                [Job(group, self.folder, self.store.root, self.device, self.jobs, parent) for group in batch], after
            )
            for group, id in zip(batch, ids, strict=True):
                self.waiting.remove(group)
                self._note(group, id)
            room = room and room - len(batch)

    def _note(self, group: Group, id: str) -> None:
        """Keep a job where a later call finds it."""
        self.tickets[group.name] = _Ticket(group, id)
        note = {
            "cluster": self.cluster.name, "id": id, "cells": [cell.id for cell in group.cells],
            "teacher": group.teacher, "needs": group.needs,
        }  # fmt: skip
        atomic_write(self.folder / f"{group.name}.job", json.dumps(note))
        subject = f"the teacher of {group.cells[0].key.target}" if group.teacher else counted(len(group.cells), "cell")
        print(f"job {id}: {subject}", file=sys.stderr)

    # --- watching ---

    def _ask_the_cluster(self) -> None:
        if time.monotonic() - self.asked_at < self.cluster.patience:
            return
        self.asked_at = time.monotonic()
        states = self.cluster.under_way([ticket.id for ticket in self.tickets.values()])
        for ticket in self.tickets.values() if states is not None else ():
            ticket.state = (states or {}).get(ticket.id, "gone from the queue")
            ticket.missed = 0 if ticket.state in UNDER_WAY else ticket.missed + 1

    def _show(self, ticket: _Ticket, report: Report) -> None:
        """Pass a report on to the display, and gather the records it speaks of."""
        if not ticket.group.teacher:
            for step in report.now.values():
                cell = self.by_id.get(step["cell"])
                if cell is not None and cell.id not in self.outcome.records:
                    self._begin(cell)
                    fields = {key: value for key, value in step.items() if key != "cell"}
                    self.display.moved(self.slots[cell.id], Step(**fields))
        for id, status in report.ended.items():
            cell = self.by_id.get(id)
            if cell is not None and id not in self.outcome.records and (record := self._record(cell, status)):
                self._finish(cell, record)

    def _begin(self, cell: Cell) -> None:
        if cell.id not in self.slots:
            self.slots[cell.id] = len(self.slots)
            self.display.started(self.slots[cell.id], cell)

    def _finish(self, cell: Cell, record: Record) -> None:
        self._begin(cell)
        self.outcome.records[cell.id] = record
        self.display.ended(self.slots[cell.id], cell, record)

    def _record(self, cell: Cell, status: str) -> Record | None:
        """The record that a job wrote; None while this machine does not see it yet, or sees an earlier one."""
        try:
            record = self.store.read(cell.id)
        except BadInput:
            return None
        return record if record is not None and record.status == status else None

    def _complete(self, ticket: _Ticket, report: Report) -> bool:
        """Whether every record that the job speaks of has arrived, or is not going to."""
        ticket.over_at = ticket.over_at or time.monotonic()
        arrived = all(id in self.outcome.records for id in report.ended if id in self.by_id)
        return arrived or time.monotonic() - ticket.over_at > SLOW_FILES

    def _close(self, ticket: _Ticket, report: Report) -> None:
        """A job is over: its cells are done, or stopped with it, or lost with it, or go on in another job."""
        group = ticket.group
        del self.tickets[group.name]
        for ending in ("job", "stop"):
            (self.folder / f"{group.name}.{ending}").unlink(missing_ok=True)
        rest = [cell for cell in group.cells if cell.id not in self.outcome.records]
        if group.teacher or not rest or self.stopping or report.left:
            return
        running = {step["cell"] for step in report.now.values()} | set(report.ended)
        lost = [cell for cell in rest if cell.id in running]
        # Where a job took no cell at all the next one would not either: then all of them fail.
        others = [cell for cell in rest if cell.id not in running] if lost or report.ended else []
        words = self.cluster.last_words(ticket.id)
        how = ticket.state if ticket.state not in UNDER_WAY else ""
        died = f"its job {ticket.id} died{f' ({how})' if how else ''}{f': {words}' if words else ''}."
        lost_record = f"its job {ticket.id} is over, and the record that it speaks of is not to be found."
        for cell in rest:
            reason = lost_record if cell.id in report.ended else died
            if cell not in others and (record := self._record_of_dead(cell, reason)):
                self._finish(cell, record)
        if others:
            print(f"job {ticket.id} died; {len(others)} of its cells go on in another job", file=sys.stderr)
            self._plan(others)

    def _record_of_dead(self, cell: Cell, reason: str) -> Record | None:
        """What is recorded of a cell whose job died; None when another run is at the cell: a later call sees to it."""
        device, expected_stamp = self.device, self.expected_stamp[cell.id]
        try:
            return note_failure(
                cell, self.store, reason, device=device, expected_stamp=expected_stamp, waiting=do_not_wait
            )
        except LockHeld:
            return None


def _read_note(path: Path) -> dict[str, Any]:
    """What ``_Launch._note`` wrote; unlike a report, one that is damaged may stand for a job that is in the queue."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        if not _is_note(note):
            raise ValueError("no note of a job")
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path} cannot be read ({error}); delete it once its job is over.") from error
    return dict(note)


def _is_note(note: Any) -> bool:
    if not isinstance(note, dict) or note.keys() != {"cluster", "id", "cells", "teacher", "needs"}:
        return False
    texts = (note["cluster"], note["id"], note["teacher"], note["needs"])
    ids = note["cells"]
    return (
        all(isinstance(text, str) for text in texts)
        and re.fullmatch(r"[0-9]{1,20}(_[0-9]{1,20})?", note["id"]) is not None
        and isinstance(ids, list)
        and all(isinstance(id, str) for id in ids)
    )


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
