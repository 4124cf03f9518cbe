"""Run cells in parallel in worker processes. A worker runs one cell after another, so heavy imports happen once."""

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
from typing import Any

from benchmark.launch.progress import TICK, Display, Outcome, Progress
from benchmark.launch.signals import signals_blocked
from benchmark.planning.cell import Cell, describe
from benchmark.planning.expected import expected_times, longest_first
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.running.failures import note_failure
from benchmark.system import allocator
from benchmark.system import resources as machine
from modalities.errors import BadInput
from modalities.storage.locks import LockHeld, do_not_wait, is_locked

STOP_SECONDS = 25.0  # that a worker has to write its checkpoint and end
STOP_SECONDS_WITHOUT_CHECKPOINT = 5.0
PHASES_WITH_CHECKPOINT = ("teacher: train", "distill", "write")


def run_cells(
    cells: Sequence[Cell], results: Path, *, devices: Sequence[str], display: Display, stop: Callable[[], bool]
) -> Outcome:
    """Run every cell in one of ``len(devices)`` worker processes; those expected to take longest start first.

    While a teacher is trained on several threads (``teacher.threads``), only as many cells run beside it as there are
    cores left.

    A worker that dies costs only its own cell (a ``failed`` record) and is replaced. A cell's folder that cannot be
    used costs only that cell too; if not even a record can be written to it, the outcome holds the only one. Cells
    that another run is working on come last: a worker waits for the other run and takes its record.

    ``stop`` is polled often; once true, running cells write a checkpoint and stop, and no other cell starts. Raise
    BadInput if nothing can be written in ``results``, the folder ``DIR/<profile>``.
    """
    pool = _Pool(results, devices[: len(cells)], display)
    pool.remember_records(cells)
    times = expected_times(cells, devices[0], Store(results).has_teacher)
    waiting = deque(longest_first(cells, times))
    outcome = Outcome()
    try:
        while waiting or pool.busy():
            if stop():
                pool.stop()
                outcome.interrupted += waiting
                waiting.clear()
            pool.assign(waiting)
            pool.receive(outcome)
    finally:
        pool.close()
    return outcome


@dataclass
class _Worker:
    index: int
    process: Any
    pipe: Connection
    cell: Cell | None = None
    trains_teacher: bool = False  # as far as is known: its cell may be training a teacher that other cells need
    phase: str = ""


def _extra_threads(worker: _Worker) -> int:
    """Return how many threads more than other cells a worker's cell uses now: those of a teacher's training."""
    assert worker.cell is not None
    config = worker.cell.config
    return max(0, config.teacher.threads - config.threads) if worker.trains_teacher else 0


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

    def remember_records(self, cells: Sequence[Cell]) -> None:
        """Remember which records exist, to recognise those that another run writes from now on."""
        self._expected_stamp = {cell.id: self._store.stamp(cell.id) for cell in cells}

    def busy(self) -> bool:
        return any(worker.cell for worker in self._workers)

    def stop(self) -> None:
        """Ask every worker to stop its cell; later calls kill those that have not stopped in time."""
        if self._stopped_at is None:
            self._stop.set()
            self._stopped_at = time.monotonic()
            return
        elapsed = time.monotonic() - self._stopped_at
        for worker in self._workers:
            has_checkpoint = worker.phase in PHASES_WITH_CHECKPOINT
            if elapsed > (STOP_SECONDS if has_checkpoint else STOP_SECONDS_WITHOUT_CHECKPOINT):
                worker.process.kill()

    def assign(self, waiting: deque[Cell]) -> None:
        """Give each idle worker a cell whose teacher no other worker is training, if a core is free for it."""
        for worker in self._workers:
            if worker.cell is not None or self._stopped_at is not None or not self._core_is_free(worker):
                continue
            in_training = {w.cell.teacher_key for w in self._workers if w.cell and w.trains_teacher}
            candidates = [cell for cell in waiting if cell.teacher_key not in in_training]
            unlocked = (cell for cell in candidates if not self._is_locked(cell))
            cell = next(unlocked, candidates[0] if candidates else None)
            if cell is None:
                continue
            try:
                worker.pipe.send((cell, self._expected_stamp[cell.id]))
            except OSError:  # the worker died while idle: ``receive`` replaces it, and the cell stays in the queue
                continue
            waiting.remove(cell)
            worker.cell, worker.trains_teacher, worker.phase = cell, True, ""
            self._display.started(worker.index, cell)

    def _core_is_free(self, worker: _Worker) -> bool:
        """Whether cells that train a teacher on several threads leave a core for another; on GPUs one always is."""
        running = [other for other in self._workers if other.cell]
        cores = max(machine.cores(), len(self._workers))
        return (
            not running
            or self._devices[worker.index] != "cpu"
            or sum(map(_extra_threads, running)) + len(running) < cores
        )

    def _is_locked(self, cell: Cell) -> bool:
        """Whether another run is working on a cell; False if its folder cannot be used, which the worker reports."""
        with contextlib.suppress(BadInput):
            return is_locked(self._store.cell(cell.id))
        return False

    def receive(self, outcome: Outcome) -> None:
        """Handle the workers' messages and deaths, waiting for at most one tick."""
        sources: dict[Any, _Worker] = {}
        for worker in self._workers:
            if not worker.pipe.closed:  # while the run stops, a worker that ended is not replaced
                sources[worker.pipe] = sources[worker.process.sentinel] = worker
        for index in sorted({sources[source].index for source in wait(list(sources), timeout=TICK)}):
            worker = self._workers[index]
            messages, alive = _messages_of(worker)
            for kind, content in messages:
                self._handle(worker, kind, content, outcome)
            if not alive:
                _end(worker.process, seconds=5)
                self._replace_worker(worker, outcome)

    def _handle(self, worker: _Worker, kind: str, content: Any, outcome: Outcome) -> None:
        if kind == "step":
            past_teacher = content.phase.startswith(("untrained", "prune", "distill", "waiting"))
            worker.trains_teacher = worker.trains_teacher and not past_teacher
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
        """Fail the cell of a dead worker (or count it as interrupted) and start another worker."""
        cell, stopping = worker.cell, self._stopped_at is not None
        record = None if cell is None or stopping else self._failed_record(worker, cell)
        if cell is not None and (stopping or record):
            self._finish(worker, record, outcome)
        worker.pipe.close()
        if stopping:
            return
        replacement = self._workers[worker.index] = self._start(worker.index)
        if worker.cell is not None:  # another run is already working on its cell: the replacement waits for its record
            replacement.pipe.send((cell, self._expected_stamp[worker.cell.id]))
            replacement.cell = cell

    def _failed_record(self, worker: _Worker, cell: Cell) -> Record | None:
        """Record the failure of a cell whose worker died; None if another run has just taken the cell over."""
        reason = f"the worker process of this cell died {_cause_of_death(worker.process.exitcode)}."
        device, expected_stamp = self._devices[worker.index], self._expected_stamp[cell.id]
        return record_death(cell, self._store, reason, device=device, expected_stamp=expected_stamp)

    def close(self) -> None:
        """End idle workers, and kill busy ones: after an error of ours, or when a user stops the run at once."""
        for worker in self._workers:
            with contextlib.suppress(OSError):
                worker.pipe.send(None)
        for worker in self._workers:
            _end(worker.process, seconds=0 if worker.cell else 5)
            worker.pipe.close()


def _cause_of_death(code: int) -> str:
    """Return in a few words how a process ended, and the remedy if there is one."""
    if code >= 0:
        return f"(exit code {code})"
    if code == -signal.SIGKILL:
        return f"(signal {-code}); the machine may be short of memory"
    return f"(signal {-code}), probably in a compiled library; another network or precision=float32 may avoid it"


def record_death(cell: Cell, store: Store, reason: str, *, device: str, expected_stamp: str) -> Record | None:
    """Write a ``failed`` record of a cell whose process died; None if another run has just taken the cell over."""
    try:
        return note_failure(cell, store, reason, device=device, expected_stamp=expected_stamp, waiting=do_not_wait)
    except LockHeld:
        return None


def _messages_of(worker: _Worker) -> tuple[list[tuple[str, Any]], bool]:
    """Receive a worker's messages so far; also return whether more may come, as its process and its pipe are alive."""
    messages: list[tuple[str, Any]] = []
    alive = bool(worker.process.is_alive())  # first: if it is dead, all its messages are in the pipe already
    try:
        while worker.pipe.poll():
            messages.append(worker.pipe.recv())
    except (EOFError, OSError):
        alive = False
    return messages, alive


def _end(process: Any, seconds: float) -> None:
    """Wait for a process to end; kill it after ``seconds``."""
    process.join(timeout=seconds)
    if process.is_alive():
        process.kill()
        process.join()


def _work(pipe: Connection, stop: Any, results: Path, device: str) -> None:
    """Run cells from the pipe until it brings None; the main function of a worker process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent receives them and asks us to stop
    if os.name != "nt":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    from benchmark.running.run_cell import run_cell
    from benchmark.training.callbacks import Interrupted, waiting_callback

    store = Store(results)

    def record_of(cell: Cell, expected_stamp: str, callback: Progress) -> Record:
        try:
            return run_cell(cell, store, device=device, callback=callback, expected_stamp=expected_stamp)
        except ConnectionError:  # the parent has ended, and this process is about to
            raise
        except (BadInput, OSError) as error:  # the cell's folder cannot be used, or no record can be written to it
            reason = str(error)
            if isinstance(error, OSError):
                what, why = error.filename or "a file", error.strerror or error
                reason = f"{what} cannot be used ({why}); free it, or choose another results folder."
            waiting = waiting_callback(callback, "this cell")
            return note_failure(cell, store, reason, device=device, expected_stamp=expected_stamp, waiting=waiting)

    while (order := pipe.recv()) is not None:
        cell, expected_stamp = order
        try:
            callback = Progress(lambda step: pipe.send(("step", step)), stop.is_set)
            pipe.send(("record", record_of(cell, expected_stamp, callback)))
        except Interrupted:
            pipe.send(("record", None))
        except BadInput as error:
            pipe.send(("fatal", BadInput(f"{describe(cell)}: {error}", about=error.about)))


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
