"""Worker processes: cells side by side, each to itself; a death, a fault or a stop costs one cell and no number."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from benchmark.launch import local as workers
from benchmark.launch.local import run_cells
from benchmark.launch.progress import Outcome, Step
from benchmark.planning.cell import Cell
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.running.run_cell import run_cell
from benchmark.system.devices import device_kind, worker_devices
from benchmark.training.callbacks import IgnorePhases
from modalities.errors import BadInput


class Seen:
    """A display that notes everything, and does something when a cell reaches a phase."""

    def __init__(self, at: Callable[[int, Cell, Step], None] = lambda *_: None) -> None:
        self.at, self.cells, self.phases, self.results = at, {}, {}, {}

    def started(self, worker: int, cell: Cell) -> None:
        self.cells[worker] = cell

    def moved(self, worker: int, step: Step) -> None:
        cell = self.cells[worker]
        self.phases.setdefault(cell.id, []).append(step.phase)
        self.at(worker, cell, step)

    def ended(self, worker: int, cell: Cell, record: Record | None) -> None:
        self.results[cell.id] = record and record.status


def kill(worker: int) -> None:
    (process,) = [child for child in multiprocessing.active_children() if child.name == f"worker {worker + 1}"]
    os.kill(process.pid, signal.SIGKILL)


def same_numbers(cell: Cell, one: Store, other: Store) -> bool:
    paths = [store.cell(cell.id) / "student.safetensors" for store in (one, other)]
    a, b = (load_file(path) for path in paths)
    logp = [store.predictions(cell.id).logp for store in (one, other)]
    return (logp[0] == logp[1]).all() and all((a[name] == b[name]).all() for name in a | b)


class Side(SimpleNamespace):
    """What came of four cells on two workers, one of which was killed and one of which had an impossible source."""

    store: Store
    outcome: Outcome
    seen: Seen
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

    seen = Seen(at)
    store = Store(folder / "smoke")
    order = [good[0], dead, bad, good[1]]
    outcome = run_cells(order, store.root, devices=["cpu", "cpu"], display=seen, stop=lambda: False)
    return Side(store=store, outcome=outcome, seen=seen, good=good, dead=dead, bad=bad)


def test_a_worker_that_is_killed_costs_its_own_cell_and_no_other(side_by_side):
    found = side_by_side.outcome.records
    assert found[side_by_side.dead.id].status == "failed"
    assert "died (signal 9)" in found[side_by_side.dead.id].reason
    assert [found[cell.id].status for cell in side_by_side.good] == ["done", "done"]
    assert side_by_side.outcome.interrupted == []
    on_disk = side_by_side.store.read(side_by_side.dead.id)
    assert on_disk.status == "failed"
    assert on_disk.provenance["threads"] == 1


def test_a_source_that_cannot_be_decoded_costs_its_own_cell_and_no_other(side_by_side):
    record = side_by_side.store.read(side_by_side.bad.id)
    assert record.status == "failed"
    assert "letter.jpg is not an image that can be read; give a PNG, JPEG or similar file." in record.reason
    assert record.traceback == ""


def test_side_by_side_gives_the_same_numbers_as_one_after_another(side_by_side, ran):
    assert side_by_side.good[0].id == ran.cell.id
    assert same_numbers(ran.cell, side_by_side.store, ran.store)


def test_only_one_worker_makes_the_teacher_that_others_wait_for(side_by_side):
    trained = [id for id, phases in side_by_side.seen.phases.items() if "teacher: train" in phases]
    assert len(trained) == 1
    assert len(list((side_by_side.store.root / "teachers").iterdir())) == 1


def test_the_display_is_told_of_every_cell_and_its_phases(side_by_side):
    statuses = {side_by_side.dead.id: "failed", side_by_side.bad.id: "failed"}
    assert side_by_side.seen.results == {cell.id: "done" for cell in side_by_side.good} | statuses
    phases = side_by_side.seen.phases[side_by_side.good[1].id]
    assert [name for name in dict.fromkeys(phases) if not name.startswith("teacher")] == [
        "data", "untrained student", "distill", "evaluate", "write",
    ]  # fmt: skip


def test_no_process_is_left_behind(side_by_side):
    assert not [child for child in multiprocessing.active_children() if child.name.startswith("worker ")]


def test_a_run_that_is_stopped_goes_on_to_the_numbers_of_one_that_was_not(cells, tmp_path):
    first, second = cells("recipe.steps=240", "seeds=[0,1]")
    asked = []
    seen = Seen(lambda worker, cell, step: asked.append(cell.id) if step.phase == "distill" else None)
    stopped = Store(tmp_path / "stopped")
    outcome = run_cells([first, second], stopped.root, devices=["cpu"], display=seen, stop=lambda: bool(asked))
    assert {cell.id for cell in outcome.interrupted} == {first.id, second.id}
    assert outcome.records == {}
    assert asked[0] == first.id
    assert seen.results == {first.id: None}, "the second never began"
    (checkpoint,) = stopped.attempt(first.id).glob("*.ckpt")
    assert 0 < int(checkpoint.stem.rpartition("-")[2]) < 400

    straight = Store(tmp_path / "straight")
    for store in (stopped, straight):
        assert run_cell(first, store, device="cpu", callback=IgnorePhases()).status == "done"
    assert same_numbers(first, stopped, straight)


def test_results_that_cannot_be_written_end_the_run_with_a_sentence(ran, monkeypatch):
    pool = workers._Pool.__new__(workers._Pool)
    worker = workers._Worker(0, None, None, ran.cell)
    with pytest.raises(BadInput, match="cannot be written"):
        pool._take(worker, "fatal", BadInput("results/x cannot be written (disk full)."), Outcome())


def test_a_cell_waits_when_its_worker_died_before_it_was_handed_over(ran):
    class Gone:
        def send(self, content: object) -> None:
            raise BrokenPipeError

    pool = workers._Pool.__new__(workers._Pool)
    pool._stopped_at, pool._display, pool._store = None, Seen(), ran.store
    pool.note([ran.cell])
    pool._workers = [workers._Worker(0, None, Gone())]
    waiting = workers.deque([ran.cell])
    pool.hand_out(waiting)
    assert list(waiting) == [ran.cell]
    assert pool._workers[0].cell is None


class Lives:
    """A worker process that is alive, and must not be waited for."""

    def is_alive(self) -> bool:
        return True

    def join(self, timeout: float | None = None) -> None:
        pytest.fail("waited for a worker that lives")


def listening(monkeypatch, worker: workers._Worker, display: object) -> workers._Pool:
    pool = workers._Pool.__new__(workers._Pool)
    pool._workers, pool._display, pool._stopped_at = [worker], display, None
    worker.process.sentinel = object()
    monkeypatch.setattr(workers, "wait", lambda sources, timeout: sources)
    return pool


def test_a_display_that_fails_is_not_taken_for_a_dead_worker(ran, monkeypatch):
    def full(worker: int, cell: Cell, step: Step) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    ours, theirs = multiprocessing.Pipe()
    seen = Seen(full)
    seen.started(0, ran.cell)
    pool = listening(monkeypatch, workers._Worker(0, Lives(), ours, ran.cell), seen)
    theirs.send(("step", Step("distill")))
    with pytest.raises(OSError, match="No space left"):
        pool.listen(Outcome())


def test_a_dead_worker_is_known_for_dead_although_a_child_of_its_own_keeps_the_pipe_open(monkeypatch, ran):
    class Dead(Lives):
        def is_alive(self) -> bool:
            return False

        def join(self, timeout: float | None = None) -> None: ...

    ours, theirs = multiprocessing.Pipe()
    pool, outcome = listening(monkeypatch, workers._Worker(0, Dead(), ours, ran.cell), Seen()), Outcome()
    buried: list[int] = []
    monkeypatch.setattr(pool, "_replace_worker", lambda worker, outcome: buried.append(worker.index))
    theirs.send(("record", ran.record))
    pool.listen(outcome)
    assert outcome.records == {ran.cell.id: ran.record}, "its last words are heard"
    assert buried == [0]


def test_while_a_run_is_stopped_one_worker_may_end_before_the_others():
    pool = workers._Pool.__new__(workers._Pool)
    pool._workers = []
    for index in range(2):
        ours, theirs = multiprocessing.Pipe()
        sentinel, _ = multiprocessing.Pipe(duplex=False)
        process = SimpleNamespace(sentinel=sentinel, is_alive=lambda: True)
        pool._workers.append(SimpleNamespace(index=index, pipe=ours, process=process, theirs=theirs))
    pool._workers[0].pipe.close()
    pool.listen(Outcome())


def test_folders_of_cells_that_cannot_be_used_cost_their_own_cells_and_no_other(cells, tmp_path):
    no_attempt, no_folder, odd, good = cells("seeds=[0,1,2,3]")
    store = Store(tmp_path / "smoke")
    store.cell(no_attempt.id).mkdir(parents=True)
    (store.cell(no_attempt.id) / "attempt").write_text("a file")
    store.cell(no_folder.id).write_text("a file")
    (store.attempt(odd.id) / "curve.csv").mkdir()
    seen = Seen()
    order = [no_attempt, no_folder, odd, good]
    outcome = run_cells(order, store.root, devices=["cpu"], display=seen, stop=lambda: False)
    assert seen.results == {no_attempt.id: "failed", no_folder.id: "failed", odd.id: "failed", good.id: "done"}
    assert store.read(no_attempt.id).reason.startswith("attempt cannot be written (File exists); free it")
    assert "curve.csv cannot be used (" in store.read(odd.id).reason
    assert f"{store.cell(no_folder.id)} cannot be written (File exists)" in outcome.records[no_folder.id].reason
    assert outcome.records[no_folder.id].reason.count("cannot be written") == 1
    assert store.cell(no_folder.id).read_text() == "a file"


# --- who runs where --------------------------------------------------------------------------------------------


def test_cpu_workers_fill_the_cores_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(workers.machine, "cores", lambda: 8)
    assert worker_devices("cpu", "auto", threads=1) == ["cpu"] * 8
    assert worker_devices("cpu", "auto", threads=3) == ["cpu"] * 2
    assert worker_devices("cpu", "auto", threads=16) == ["cpu"]
    assert worker_devices("cpu", "3", threads=16) == ["cpu"] * 3


def test_gpu_workers_go_round_the_devices(monkeypatch):
    monkeypatch.setattr("benchmark.system.devices.cuda_devices", lambda: 2)
    assert device_kind("auto") == "cuda"
    assert worker_devices("auto", "auto", threads=2) == ["cuda:0", "cuda:1"]
    assert worker_devices("cuda", "3", threads=2) == ["cuda:0", "cuda:1", "cuda:0"]
    assert worker_devices("cuda:1", "2", threads=2) == ["cuda:1", "cuda:1"]


def test_auto_means_the_cpu_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr("benchmark.system.devices.cuda_devices", lambda: 0)
    assert device_kind("auto") == "cpu"


@pytest.mark.parametrize("jobs", ["0", "-1", "many", "1.5", ""])
def test_a_number_of_jobs_that_is_none_is_refused(jobs):
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
def test_a_gpu_that_is_not_here_is_refused_unless_another_machine_is_meant(monkeypatch, count, device, said):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    with pytest.raises(BadInput) as caught:
        device_kind(device)
    assert str(caught.value) == said
    assert device_kind(device, elsewhere=True) == "cuda"


def test_a_gpu_that_is_here_is_taken(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [device_kind(device) for device in ("cuda", "cuda:0", "cuda:1")] == ["cuda"] * 3


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "mps", "", "cpu:0"])
def test_a_device_that_is_none_is_refused(device):
    with pytest.raises(BadInput, match="choose auto, cpu, cuda or cuda:N"):
        device_kind(device)
