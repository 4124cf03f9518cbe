"""Run cells side by side in processes that live from cell to cell, so that each imports the heavy libraries once."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal

from benchmark.launch.progress import TICK, Display, Outcome, Progress, Step
from benchmark.launch.signals import signals_blocked
from benchmark.planning.cell import Cell, describe
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.running.failures import note_failure
from benchmark.system import allocator
from benchmark.system import resources as machine
from modalities.errors import BadInput
from modalities.storage.locks import LockHeld, do_not_wait, is_locked

PATIENCE = 25.0  # seconds that a worker has to write its checkpoint and leave
SHORT_PATIENCE = 5.0  # where it has nothing to save
WORTH_WAITING = ("teacher: train", "distill", "write")


def run_cells(
    cells: Sequence[Cell],
    results: Path,
    *,
    devices: Sequence[str],
    display: Display,
    stop: Callable[[], bool],
) -> Outcome:
    """Run every cell in one of ``len(devices)`` worker processes; the longest expected ones start first.

    A worker that dies costs its own cell only (a ``failed`` record) and is replaced. So does a folder of a cell that
    cannot be used; where it takes not even a record, the one in the outcome is all there is. A cell that another run
    is at comes last, and is waited for then: what that run makes of it is taken.

    Args:
        results: ``DIR/<profile>``.
        devices: one per worker, such as ``["cpu", "cpu"]``.
        stop: asked often; when true, running cells write a checkpoint and leave, and no further one begins.

    Raises:
        BadInput: nothing can be written in the results folder.
    """
    pool = _Pool(results, devices[: len(cells)], display)
    pool.note(cells)
    waiting = deque(sorted(cells, key=lambda cell: -cell.config.expected_seconds))
    outcome = Outcome()
    try:
        while waiting or pool.busy():
            if stop():
                pool.stop()
                outcome.interrupted += waiting
                waiting.clear()
            pool.hand_out(waiting)
            pool.listen(outcome)
    finally:
        pool.close()
    return outcome


@dataclass
class _Worker:
    index: int
    process: Any
    pipe: Connection
    cell: Cell | None = None
    needs_teacher: bool = False  # its cell may be training the teacher that others wait for
    phase: str = ""


class _Pool:
    def __init__(self, results: Path, devices: Sequence[str], display: Display) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._stop = self._context.Event()
        self._stopped_at: float | None = None
        self._store = Store(results)
        self._expected_stamp: dict[str, str] = {}
        self._results, self._devices, self._display = results, devices, display
        self._workers = [self._start(index) for index in range(len(devices))]

    def _start(self, index: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        arguments = (theirs, self._stop, self._results, self._devices[index])
        process = self._context.Process(target=_work, args=arguments, daemon=True, name=f"worker {index + 1}")
        with signals_blocked(), allocator.for_children(), machine.shared_by(len(self._devices)):
            process.start()
        theirs.close()
        return _Worker(index, process, ours)

    def note(self, cells: Sequence[Cell]) -> None:
        """Remember which records there are, to tell those that another run writes meanwhile."""
        self._expected_stamp = {cell.id: self._store.stamp(cell.id) for cell in cells}

    def busy(self) -> bool:
        return any(worker.cell for worker in self._workers)

    def stop(self) -> None:
        """Ask every worker to leave its cell; one that does not within PATIENCE is ended."""
        if self._stopped_at is None:
            self._stop.set()
            self._stopped_at = time.monotonic()
            return
        for worker in self._workers:
            patience = PATIENCE if worker.phase in WORTH_WAITING else SHORT_PATIENCE
            if time.monotonic() - self._stopped_at > patience:
                worker.process.kill()

    def hand_out(self, waiting: deque[Cell]) -> None:
        """Give idle workers cells whose teacher is not being made by another one just now."""
        for worker in self._workers:
            if worker.cell is not None or self._stopped_at is not None:
                continue
            being_made = {w.cell.teacher_key for w in self._workers if w.cell and w.needs_teacher}
            open_to_us = [cell for cell in waiting if cell.teacher_key not in being_made]
            free = (cell for cell in open_to_us if not self._taken(cell))
            cell = next(free, open_to_us[0] if open_to_us else None)
            if cell is None:
                continue
            try:
                worker.pipe.send((cell, self._expected_stamp[cell.id]))
            except OSError:  # it died while idle: ``listen`` replaces it, and the cell waits
                continue
            waiting.remove(cell)
            worker.cell, worker.needs_teacher, worker.phase = cell, True, ""
            self._display.started(worker.index, cell)

    def _taken(self, cell: Cell) -> bool:
        """Whether another run is at a cell; the worker that is given it says so where that cannot be found out."""
        with contextlib.suppress(BadInput):
            return is_locked(self._store.cell(cell.id))
        return False

    def listen(self, outcome: Outcome) -> None:
        """Take in what the workers say, for at most one tick."""
        sources: dict[Any, _Worker] = {}
        for worker in self._workers:
            if not worker.pipe.closed:  # while all are stopped, one that has ended has no heir
                sources[worker.pipe] = sources[worker.process.sentinel] = worker
        for index in sorted({sources[source].index for source in wait(list(sources), timeout=TICK)}):
            worker = self._workers[index]
            said, alive = _heard(worker)
            for kind, content in said:
                self._take(worker, kind, content, outcome)
            if not alive:
                _end(worker.process, patience=5)
                self._replace_worker(worker, outcome)

    def _take(self, worker: _Worker, kind: str, content: Any, outcome: Outcome) -> None:
        if kind == "step":
            elsewhere = content.phase.startswith(("untrained", "distill", "waiting"))
            worker.needs_teacher = worker.needs_teacher and not elsewhere
            worker.phase = content.phase
            self._display.moved(worker.index, content)
        elif kind == "fatal":
            raise content
        else:
            self._finish(worker, content, outcome)

    def _finish(self, worker: _Worker, record: Record | None, outcome: Outcome) -> None:
        cell, worker.cell = worker.cell, None
        assert cell is not None
        if record is None:
            outcome.interrupted.append(cell)
        else:
            outcome.records[cell.id] = record
        self._display.ended(worker.index, cell, record)

    def _replace_worker(self, worker: _Worker, outcome: Outcome) -> None:
        """A worker died: its cell fails with a reason (or counts as interrupted), and another worker takes over."""
        cell, stopping = worker.cell, self._stopped_at is not None
        record = None if cell is None or stopping else self._record_of_dead(worker, cell)
        if cell is not None and (stopping or record):
            self._finish(worker, record, outcome)
        worker.pipe.close()
        if stopping:
            return
        replacement = self._workers[worker.index] = self._start(worker.index)
        if worker.cell is not None:  # another run is at its cell already: the heir waits for what that makes of it
            replacement.pipe.send((cell, self._expected_stamp[worker.cell.id]))
            replacement.cell = cell

    def _record_of_dead(self, worker: _Worker, cell: Cell) -> Record | None:
        """What is recorded of a cell whose worker died; None when another run took it over in that moment."""
        code = worker.process.exitcode
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        reason = f"the worker process of this cell died ({how}); the machine may be short of memory."
        device, expected_stamp = self._devices[worker.index], self._expected_stamp[cell.id]
        try:
            return note_failure(
                cell, self._store, reason, device=device, expected_stamp=expected_stamp, waiting=do_not_wait
            )
        except LockHeld:
            return None

    def close(self) -> None:
        """Let idle workers leave and end busy ones: after a fault of ours, or when a user cannot wait."""
        for worker in self._workers:
            with contextlib.suppress(OSError):
                worker.pipe.send(None)
        for worker in self._workers:
            _end(worker.process, patience=0 if worker.cell else 5)
            worker.pipe.close()


def _heard(worker: _Worker) -> tuple[list[tuple[str, Any]], bool]:
    """What a worker has said by now, and whether there may come more: it lives, and so does the pipe to it."""
    said: list[tuple[str, Any]] = []
    alive = bool(worker.process.is_alive())  # asked first: all that a dead one ever said is in the pipe
    try:
        while worker.pipe.poll():
            said.append(worker.pipe.recv())
    except (EOFError, OSError):
        alive = False
    return said, alive


def _end(process: Any, patience: float) -> None:
    """Wait for a process, but not for ever."""
    process.join(timeout=patience)
    if process.is_alive():
        process.kill()
        process.join()


def _work(pipe: Connection, stop: Any, results: Path, device: str) -> None:
    """The life of a worker process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent hears them and asks us to stop
    if os.name != "nt":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    from benchmark.running.run_cell import run_cell
    from benchmark.training.callbacks import Interrupted, waiting_callback

    store = Store(results)

    def tell(step: Step) -> None:
        pipe.send(("step", step))

    def record_of(cell: Cell, expected_stamp: str, callback: Progress) -> Record:
        try:
            return run_cell(cell, store, device=device, callback=callback, expected_stamp=expected_stamp)
        except ConnectionError:  # the run is gone, and so are we in a moment
            raise
        except (BadInput, OSError) as error:  # its folder cannot be used, or takes no record
            waiting = waiting_callback(callback, "this cell")
            return note_failure(
                cell, store, _in_words(error), device=device, expected_stamp=expected_stamp, waiting=waiting
            )

    while (order := pipe.recv()) is not None:
        cell, expected_stamp = order
        reply: tuple[Literal["record", "fatal"], Any]
        try:
            reply = ("record", record_of(cell, expected_stamp, Progress(tell, stop.is_set)))
        except Interrupted:
            reply = ("record", None)
        except BadInput as error:
            reply = ("fatal", BadInput(f"{describe(cell)}: {error}", about=error.about))
        pipe.send(reply)


def _in_words(error: BadInput | OSError) -> str:
    if isinstance(error, BadInput):
        return str(error)
    what, why = error.filename or "a file", error.strerror or error
    return f"{what} cannot be used ({why}); free it, or choose another results folder."


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
