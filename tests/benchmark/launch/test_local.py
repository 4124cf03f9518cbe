"""Worker processes: cells run in parallel; a death, an error or a stop costs one cell and changes no number."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from benchmark.launch import local
from benchmark.launch.local import _cause_of_death, run_cells
from benchmark.launch.progress import Outcome, Step
from benchmark.planning.cell import Cell
from benchmark.records.store import Store
from benchmark.running.run_cell import run_cell
from benchmark.system.devices import device_kind, worker_devices
from benchmark.training.callbacks import IgnoreProgress
from displays import RecordingDisplay
from modalities.errors import BadInput


def kill(worker: int) -> None:
    (process,) = [child for child in multiprocessing.active_children() if child.name == f"worker {worker + 1}"]
    os.kill(process.pid, signal.SIGKILL)


def same_numbers(cell: Cell, one: Store, other: Store) -> bool:
    paths = [store.cell(cell.id) / "student.safetensors" for store in (one, other)]
    a, b = (load_file(path) for path in paths)
    logp = [store.predictions(cell.id).logp for store in (one, other)]
    return (logp[0] == logp[1]).all() and all((a[name] == b[name]).all() for name in a | b)


class Side(SimpleNamespace):
    """The outcome of four cells on two workers: one worker was killed, and one cell had a source that is no image."""

    store: Store
    outcome: Outcome
    display: RecordingDisplay
    good: list[Cell]
    dead: Cell
    bad: Cell


@pytest.fixture(scope="module")
def side_by_side(cells, tmp_path_factory) -> Side:
    folder = tmp_path_factory.mktemp("side")
    text = folder / "letter.jpg"
    text.write_text("Dear Sir or Madam")
    good, (dead,), (bad,) = cells("seeds=[0,1]"), cells("seeds=[7]"), cells(f"source.image={text}")

    def at(worker: int, cell: Cell, step: Step) -> None:
        if cell.id == dead.id and step.phase == "distill":
            kill(worker)

    display = RecordingDisplay(at)
    store = Store(folder / "smoke")
    order = [good[0], dead, bad, good[1]]
    outcome = run_cells(order, store.root, devices=["cpu", "cpu"], display=display, stop=lambda: False)
    return Side(store=store, outcome=outcome, display=display, good=good, dead=dead, bad=bad)


def test_a_worker_that_is_killed_costs_only_its_own_cell(side_by_side):
    found = side_by_side.outcome.records
    assert found[side_by_side.dead.id].status == "failed"
    assert "died (signal 9); the machine may be short of memory." in found[side_by_side.dead.id].reason
    assert [found[cell.id].status for cell in side_by_side.good] == ["done", "done"]
    assert side_by_side.outcome.interrupted == []
    on_disk = side_by_side.store.read(side_by_side.dead.id)
    assert on_disk.status == "failed"
    assert on_disk.provenance["threads"] == 1


def test_a_source_that_cannot_be_decoded_costs_only_its_own_cell(side_by_side):
    record = side_by_side.store.read(side_by_side.bad.id)
    assert record.status == "failed"
    assert "letter.jpg is not an image that can be read; give an intact image file" in record.reason
    assert record.traceback == ""


def test_side_by_side_gives_the_same_numbers_as_one_after_another(side_by_side, ran):
    assert side_by_side.good[0].id == ran.cell.id
    assert same_numbers(ran.cell, side_by_side.store, ran.store)


def test_only_one_worker_trains_the_teacher_that_others_wait_for(side_by_side):
    trained = [id for id, phases in side_by_side.display.phases.items() if "teacher: train" in phases]
    assert len(trained) == 1
    assert len(list((side_by_side.store.root / "teachers").iterdir())) == 1


def test_the_display_gets_every_cell_and_its_phases(side_by_side):
    statuses = {side_by_side.dead.id: "failed", side_by_side.bad.id: "failed"}
    assert side_by_side.display.results == {cell.id: "done" for cell in side_by_side.good} | statuses
    phases = side_by_side.display.phases[side_by_side.good[1].id]
    assert [name for name in dict.fromkeys(phases) if not name.startswith("teacher")] == [
        "data", "untrained student", "distill", "evaluate", "write",
    ]  # fmt: skip


def test_no_process_is_left_behind(side_by_side):
    assert not [child for child in multiprocessing.active_children() if child.name.startswith("worker ")]


def test_a_stopped_run_continues_to_the_numbers_of_one_that_was_not_stopped(cells, tmp_path):
    first, second = cells("recipe.steps=240", "seeds=[0,1]")
    distilling = []
    display = RecordingDisplay(
        lambda worker, cell, step: distilling.append(cell.id) if step.phase == "distill" else None
    )
    stopped = Store(tmp_path / "stopped")
    outcome = run_cells([first, second], stopped.root, devices=["cpu"], display=display, stop=lambda: bool(distilling))
    assert {cell.id for cell in outcome.interrupted} == {first.id, second.id}
    assert outcome.records == {}
    assert distilling[0] == first.id
    assert display.results == {first.id: None}, "the second never began"
    (checkpoint,) = stopped.attempt(first.id).glob("*.ckpt")
    assert 0 < int(checkpoint.stem.rpartition("-")[2]) < 400

    straight = Store(tmp_path / "straight")
    for store in (stopped, straight):
        assert run_cell(first, store, device="cpu", callback=IgnoreProgress()).status == "done"
    assert same_numbers(first, stopped, straight)


def test_results_that_cannot_be_written_end_the_run_with_a_sentence(ran, monkeypatch):
    pool = local._Pool.__new__(local._Pool)
    worker = local._Worker(0, None, None, ran.cell)
    with pytest.raises(BadInput, match="cannot be written"):
        pool._handle(worker, "fatal", BadInput("results/x cannot be written (disk full)."), Outcome())


def test_a_cell_stays_in_the_queue_if_its_worker_died_before_it_was_sent(ran):
    class ClosedPipe:
        def send(self, content: object) -> None:
            raise BrokenPipeError

    pool = local._Pool.__new__(local._Pool)
    pool._stopped_at, pool._display, pool._store = None, RecordingDisplay(), ran.store
    pool.remember_records([ran.cell])
    pool._workers = [local._Worker(0, None, ClosedPipe())]
    waiting = local.deque([ran.cell])
    pool.assign(waiting)
    assert list(waiting) == [ran.cell]
    assert pool._workers[0].cell is None


class OpenPipe:
    def send(self, content: object) -> None:
        pass


def assigned(cells_of_workers: list[tuple[Cell | None, bool]], waiting: list[Cell], monkeypatch, cores: int = 2) -> int:
    """How many of the waiting cells start beside those that run; each of these may be training its teacher."""
    monkeypatch.setattr(local.machine, "cores", lambda: cores)
    pool = local._Pool.__new__(local._Pool)
    pool._stopped_at, pool._display, pool._devices = None, RecordingDisplay(), ["cpu"] * len(cells_of_workers)
    pool._store = Store("never-written")
    pool.remember_records(waiting)
    pool._workers = [
        local._Worker(index, None, OpenPipe(), cell, trains) for index, (cell, trains) in enumerate(cells_of_workers)
    ]
    left = local.deque(waiting)
    pool.assign(left)
    return len(waiting) - len(left)


def test_a_teacher_on_two_threads_has_two_cores_and_students_share_them(cells, monkeypatch):
    first, *others = cells("teacher.threads=2", "seeds=[0,1,2]")
    other_teacher = cells("teacher.threads=2", "teacher.training.steps=9")
    assert assigned([(None, False), (None, False)], other_teacher + others, monkeypatch) == 1
    assert assigned([(first, True), (None, False)], other_teacher, monkeypatch) == 0
    assert assigned([(first, False), (None, False)], others, monkeypatch) == 1
    assert assigned([(first, True), (None, False)], other_teacher, monkeypatch, cores=3) == 1
    plain = cells("seeds=[0]", "teacher.training.steps=9")
    assert assigned([(first, False), (None, False)], plain, monkeypatch) == 1
    assert assigned([(plain[0], True), (None, False)], other_teacher, monkeypatch) == 1
    two = cells("teacher.training.steps=8") + cells("teacher.training.steps=7")
    assert assigned([(plain[0], True), (None, False), (None, False)], two, monkeypatch) == 2, "three were asked for"


class AliveProcess:
    """A worker process that is alive and must not be joined."""

    def is_alive(self) -> bool:
        return True

    def join(self, timeout: float | None = None) -> None:
        pytest.fail("joined a worker that is alive")


def pool_of(monkeypatch, worker: local._Worker, display: object) -> local._Pool:
    pool = local._Pool.__new__(local._Pool)
    pool._workers, pool._display, pool._stopped_at = [worker], display, None
    worker.process.sentinel = object()
    monkeypatch.setattr(local, "wait", lambda sources, timeout: sources)
    return pool


def test_an_error_of_the_display_is_not_mistaken_for_a_dead_worker(ran, monkeypatch):
    def full(worker: int, cell: Cell, step: Step) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    ours, theirs = multiprocessing.Pipe()
    display = RecordingDisplay(full)
    display.started(0, ran.cell)
    pool = pool_of(monkeypatch, local._Worker(0, AliveProcess(), ours, ran.cell), display)
    theirs.send(("step", Step("distill")))
    with pytest.raises(OSError, match="No space left"):
        pool.receive(Outcome())


def test_a_worker_counts_as_dead_even_if_a_child_of_its_own_keeps_the_pipe_open(monkeypatch, ran):
    class DeadProcess(AliveProcess):
        def is_alive(self) -> bool:
            return False

        def join(self, timeout: float | None = None) -> None: ...

    ours, theirs = multiprocessing.Pipe()
    display, outcome = RecordingDisplay(), Outcome()
    display.started(0, ran.cell)
    pool = pool_of(monkeypatch, local._Worker(0, DeadProcess(), ours, ran.cell), display)
    replaced: list[int] = []
    monkeypatch.setattr(pool, "_replace_worker", lambda worker, outcome: replaced.append(worker.index))
    theirs.send(("record", ran.record))
    pool.receive(outcome)
    assert outcome.records == {ran.cell.id: ran.record}, "its last message is handled"
    assert replaced == [0]


def test_while_a_run_is_stopped_one_worker_may_end_before_the_others():
    pool = local._Pool.__new__(local._Pool)
    pool._workers = []
    for index in range(2):
        ours, theirs = multiprocessing.Pipe()
        sentinel, _ = multiprocessing.Pipe(duplex=False)
        process = SimpleNamespace(sentinel=sentinel, is_alive=lambda: True)
        pool._workers.append(SimpleNamespace(index=index, pipe=ours, process=process, theirs=theirs))
    pool._workers[0].pipe.close()
    pool.receive(Outcome())


def test_folders_of_cells_that_cannot_be_used_cost_only_their_own_cells(cells, tmp_path):
    no_attempt, no_folder, odd, good = cells("seeds=[0,1,2,3]")
    store = Store(tmp_path / "smoke")
    store.cell(no_attempt.id).mkdir(parents=True)
    (store.cell(no_attempt.id) / "attempt").write_text("a file")
    store.cell(no_folder.id).write_text("a file")
    (store.attempt(odd.id) / "curve.csv").mkdir(parents=True)
    display = RecordingDisplay()
    order = [no_attempt, no_folder, odd, good]
    outcome = run_cells(order, store.root, devices=["cpu"], display=display, stop=lambda: False)
    assert display.results == {no_attempt.id: "failed", no_folder.id: "failed", odd.id: "failed", good.id: "done"}
    assert store.read(no_attempt.id).reason.startswith("attempt cannot be written (File exists); free it")
    assert "curve.csv cannot be used (" in store.read(odd.id).reason
    assert f"{store.cell(no_folder.id)} cannot be written (File exists)" in outcome.records[no_folder.id].reason
    assert outcome.records[no_folder.id].reason.count("cannot be written") == 1
    assert store.cell(no_folder.id).read_text() == "a file"


# --- devices of workers --------------------------------------------------------------------------------------------


def test_cpu_workers_fill_the_cores_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(local.machine, "cores", lambda: 8)
    assert worker_devices("cpu", "auto", threads=1) == ["cpu"] * 8
    assert worker_devices("cpu", "auto", threads=3) == ["cpu"] * 2
    assert worker_devices("cpu", "auto", threads=16) == ["cpu"]
    assert worker_devices("cpu", "3", threads=16) == ["cpu"] * 3


def test_gpu_workers_take_the_devices_in_turn(monkeypatch):
    monkeypatch.setattr("benchmark.system.devices.cuda_devices", lambda: 2)
    assert device_kind("auto") == "cuda"
    assert worker_devices("auto", "auto", threads=2) == ["cuda:0", "cuda:1"]
    assert worker_devices("cuda", "3", threads=2) == ["cuda:0", "cuda:1", "cuda:0"]
    assert worker_devices("cuda:1", "2", threads=2) == ["cuda:1", "cuda:1"]


def test_auto_is_the_cpu_if_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr("benchmark.system.devices.cuda_devices", lambda: 0)
    assert device_kind("auto") == "cpu"


@pytest.mark.parametrize("jobs", ["0", "-1", "many", "1.5", ""])
def test_an_invalid_number_of_jobs_is_refused(jobs):
    with pytest.raises(BadInput, match="give auto or a number from 1 up"):
        worker_devices("cpu", jobs, 1)


@pytest.mark.parametrize(
    ("count", "device", "said"),
    [
        (0, "cuda", "the device cuda does not exist: torch finds 0 GPUs on this machine; choose cpu."),
        (
            2,
            "cuda:2",
            "the device cuda:2 does not exist: torch finds 2 GPUs on this machine; choose cuda:0, cuda:1 or cpu.",
        ),
    ],
)
def test_a_gpu_that_does_not_exist_is_refused_unless_it_may_be_another_machines(monkeypatch, count, device, said):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    with pytest.raises(BadInput) as caught:
        device_kind(device)
    assert str(caught.value) == said
    assert device_kind(device, elsewhere=True) == "cuda"


def test_a_gpu_that_is_here_is_taken(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [device_kind(device) for device in ("cuda", "cuda:0", "cuda:1")] == ["cuda"] * 3


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "mps", "", "cpu:0"])
def test_an_invalid_device_is_refused(device):
    with pytest.raises(BadInput, match="choose auto, cpu, cuda or cuda:N"):
        device_kind(device)


def test_only_a_kill_is_blamed_on_memory():
    assert "memory" in _cause_of_death(-9)
    assert "memory" not in _cause_of_death(-11) and "(signal 11), probably in a compiled library" in _cause_of_death(
        -11
    )
    assert _cause_of_death(3) == "(exit code 3)"
