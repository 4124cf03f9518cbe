"""Two runs at once in one results folder: every cell is computed once, the other run waits, and both end alike."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmark.launch import local as workers
from benchmark.records.provenance import provenance
from benchmark.records.store import Store
from benchmark.running.run_cell import run_cell
from benchmark.training.callbacks import IgnoreProgress, Interrupted, waiting_callback
from killing import cells_of, settings_of
from modalities.errors import BadInput
from modalities.storage import locks
from modalities.storage.locks import check_locks, exclusive_lock, is_locked

HOLD = """
import sys, time
from pathlib import Path
from modalities.storage.locks import exclusive_lock
with exclusive_lock(Path(sys.argv[1]), lambda holder: None):
    print("held", flush=True)
    time.sleep(600)
"""


def holder_of(folder: Path) -> subprocess.Popen[str]:
    """A process that holds a folder's lock until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_is_held_by_one_and_freed_by_the_death_of_its_holder(tmp_path):
    folder = tmp_path / "cell"
    process = holder_of(folder)
    holders: list[str] = []
    try:
        assert is_locked(folder)

        def waiting(holder: str) -> None:
            holders.append(holder)
            if len(holders) == 2:
                process.kill()

        with exclusive_lock(folder, waiting):
            assert process.wait(10) == -signal.SIGKILL
            assert is_locked(folder)
        assert not is_locked(folder)
        assert holders[0].startswith(f"process {process.pid} on ")
    finally:
        process.kill()
        process.wait()


def test_a_process_that_waits_reports_for_what_and_stops_on_request(tmp_path):
    class Impatient(IgnoreProgress):
        def __init__(self) -> None:
            self.phases: list[str] = []

        def phase(self, name: str) -> None:
            self.phases.append(name)

        def should_stop(self) -> bool:
            return len(self.phases) >= 2

    callback = Impatient()
    with exclusive_lock(tmp_path, waiting_callback(callback, "")), pytest.raises(Interrupted):  # noqa: SIM117 (the inner one waits)
        with exclusive_lock(tmp_path, waiting_callback(callback, "the teacher")):
            pytest.fail("two hold the lock")
    assert re.fullmatch(rf"waiting for the teacher, which process {os.getpid()} on \S+ is making", callback.phases[0])


def test_only_one_of_many_threads_holds_the_lock(tmp_path):
    inside, worst = 0, 0
    guard = threading.Lock()

    def visit() -> None:
        nonlocal inside, worst
        with exclusive_lock(tmp_path, lambda holder: None):
            with guard:
                inside += 1
                worst = max(worst, inside)
            time.sleep(0.01)
            with guard:
                inside -= 1

    visitors = [threading.Thread(target=visit) for _ in range(8)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert worst == 1


def test_what_killed_writers_left_is_removed_by_the_next_one(tmp_path):
    (tmp_path / ".record.json.0123abcd.tmp").write_text("half")
    (tmp_path / "record.json").write_text("whole")
    with exclusive_lock(tmp_path, lambda holder: None):
        assert {path.name for path in tmp_path.iterdir()} == {"record.json", locks.LOCK, locks.HOLDER}


def test_a_file_system_without_locks_is_refused_before_the_first_step(tmp_path, monkeypatch):
    import fcntl

    def unsupported(file: object, operation: int) -> None:
        raise OSError(38, "Function not implemented")

    check_locks(tmp_path)
    monkeypatch.setattr(fcntl, "flock", unsupported)
    with pytest.raises(BadInput, match=r"has no file locks .Function not implemented.*mount it with flock"):
        Store(tmp_path).check_writable()


def test_cells_that_another_run_is_working_on_come_last(tmp_path, monkeypatch):
    """The pool hands out free cells first, and locked ones only if no others are left."""

    class Pipe:
        def __init__(self) -> None:
            self.to_device: list[str] = []

        def send(self, order: tuple[object, str]) -> None:
            self.to_device.append(order[0].id)

    class Display:
        def started(self, worker: int, cell: object) -> None: ...

    class Stub:
        def __init__(self, id: str) -> None:
            self.id, self.teacher_key = id, id

    store, pipe = Store(tmp_path), Pipe()
    pool = workers._Pool.__new__(workers._Pool)
    pool._stopped_at, pool._display, pool._store = None, Display(), store
    cells = [Stub("a"), Stub("b"), Stub("c")]
    pool.remember_records(cells)
    pool._workers = [workers._Worker(0, None, pipe)]
    waiting = workers.deque(cells)
    with exclusive_lock(store.cell("a"), lambda holder: None), exclusive_lock(store.cell("b"), lambda holder: None):
        for _ in range(2):
            pool.assign(waiting)
            pool._workers[0].cell = None
    assert pipe.to_device == ["c", "a"]


class Dead:
    """A worker process that was killed."""

    exitcode = -signal.SIGKILL


def test_a_worker_that_dies_after_its_last_write_has_finished_its_cell(tmp_path):
    """Neither its own finished record nor another run's is overwritten with a failure."""
    (cell,) = cells_of("image", tmp_path)
    store = Store(tmp_path / "smoke")
    pool = workers._Pool.__new__(workers._Pool)
    pool._store, pool._devices = store, ["cpu"]
    pool.remember_records([cell])
    dead = workers._Worker(0, Dead(), None, cell)
    done = cell.record("done", provenance=provenance("cpu", 1))
    store.write(done)
    assert pool._failed_record(dead, cell) == done
    with exclusive_lock(store.cell(cell.id), lambda holder: None):
        assert pool._failed_record(dead, cell) is None, "another run is working on it, and will record the outcome"
    assert store.read(cell.id) == done
    pool.remember_records([cell])  # it was there before this run began
    assert pool._failed_record(dead, cell).status == "failed"


def test_a_record_of_another_run_is_returned_whatever_its_status(tmp_path):
    (cell,) = cells_of("image", tmp_path)
    store = Store(tmp_path / "smoke")
    seen = store.stamp(cell.id)
    theirs = cell.record("diverged", "the loss is not finite at step 3.", provenance=provenance("cpu", 1))
    store.write(theirs)
    assert run_cell(cell, store, device="cpu", callback=IgnoreProgress(), expected_stamp=seen) == theirs


class Writes(threading.Thread):
    """Polls whether a file was written again: a cell or teacher that is made twice is seen twice."""

    def __init__(self, folder: Path, patterns: tuple[str, ...]) -> None:
        super().__init__()
        self.folder, self.patterns, self.over = folder, patterns, threading.Event()
        self.seen: dict[str, set[tuple[int, int]]] = {}

    def run(self) -> None:
        while not self.over.wait(0.02):
            for path in [path for pattern in self.patterns for path in self.folder.glob(pattern)]:
                with contextlib.suppress(OSError):
                    found = path.stat()
                    self.seen.setdefault(str(path), set()).add((found.st_ino, found.st_mtime_ns))


@pytest.mark.slow
def test_two_runs_at_once_compute_every_cell_once_and_end_alike(tmp_path):
    words = ["run", "--target", "digits,fsdd", "--jobs", "1", "--results", str(tmp_path / "results")]
    words += [*settings_of("image", tmp_path), "seeds=[0,1,2]"]
    command = [sys.executable, "-c", "from benchmark.cli.app import main; main()", *words]
    store = Store(tmp_path / "results" / "smoke")
    writes = Writes(store.root, ("cells/*/record.json", "teachers/*/teacher.json"))
    writes.start()
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=500) for process in both]
    writes.over.set()
    writes.join()
    assert [process.returncode for process in both] == [0, 0], outputs
    assert len(writes.seen) == 6 + 2
    assert {path: len(times) for path, times in writes.seen.items() if len(times) != 1} == {}
    tables = [out.partition("wrote ")[0] for out, _ in outputs]
    assert tables[0] == tables[1]
    assert [line.split()[0] for line in tables[0].splitlines()[1:3]] == ["digits", "fsdd"]
    assert {store.read(path.name).status for path in (store.root / "cells").iterdir()} == {"done"}
    assert "waiting for " in outputs[0][1] + outputs[1][1]
