"""Several processes on one cell: shares that lose and repeat nothing, one result, and no process left hanging."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn

from benchmark.config.schema import Training
from benchmark.evaluation.predict import in_order, predict
from benchmark.records.store import Store
from benchmark.running.run_cell import run_cell
from benchmark.system import ranks as distributed
from benchmark.system.ranks import SINGLE_PROCESS, Ranks, interleave, join, share
from benchmark.training.callbacks import IgnorePhases, IgnoreProgress, Interrupted
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.loop import Diverged, optimise
from modalities.base import Item
from modalities.errors import BadInput

CPU = torch.device("cpu")


class Split:
    """Items of CLIPS clips whose numbers are drawn from their index; notes what is decoded."""

    def __init__(self, items: int, clips: int) -> None:
        self.labels = np.zeros(items, np.int64)
        self.item_ids = self.groups = [str(i) for i in range(items)]
        self.clips, self.read = clips, []

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Item:
        self.read.append(index)
        numbers = np.random.default_rng(index).integers(-9, 9, (self.clips, 4))
        return Item(torch.from_numpy(numbers.astype(np.int16)), 0, str(index))


class Raw:
    @staticmethod
    def prepare(raw: torch.Tensor, view: object) -> torch.Tensor:
        return raw.float()


class Pretended(Ranks):
    """One of several ranks in one process: notes what it has for the others, and is told what they have."""

    def __init__(self, rank: int, world_size: int) -> None:
        self.rank, self.world_size = rank, world_size
        self.mine: list = []

    def gather(self, make):
        self.mine = make()
        return [self.mine]


# --- shares ----------------------------------------------------------------------------------------------------


@given(count=st.integers(0, 60), ranks=st.integers(1, 9))
def test_shares_put_together_are_the_whole_in_its_order(count, ranks):
    parts = [list(share(count, rank, ranks)) for rank in range(ranks)]
    assert interleave(parts) == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("parts", [[[0, 2], [1], [3, 4, 5]], [[0], [1, 2]], [[], [0]]])
def test_parts_that_are_no_shares_of_one_list_are_refused(parts):
    with pytest.raises(ValueError, match="size"):
        interleave(parts)


@settings(max_examples=25, deadline=None)
@given(items=st.integers(1, 1200), clips=st.integers(1, 3), ranks=st.integers(1, 7))
def test_predictions_gathered_from_any_number_of_ranks_are_those_of_one_to_the_bit(items, clips, ranks):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Linear(4, 3)
    whole = predict(network, in_order(Split(items, clips)), Raw, None, CPU, IgnoreProgress())
    parts, decoded = [], []
    for rank in range(ranks):
        split, one = Split(items, clips), Pretended(rank, ranks)
        try:
            predict(network, in_order(split, one), Raw, None, CPU, IgnoreProgress(), one)
        except ValueError:  # nothing to put together here: this rank has no item at all
            assert not one.mine
        parts.append(one.mine)
        decoded += sorted(set(split.read) - {0}) + [0] * (rank == 0)
    assert sorted(decoded) == list(range(items)), "each item is decoded on one rank (and the first for its shape)"
    gathered = np.concatenate(interleave(parts))
    assert gathered.shape == (items, 3)
    assert (gathered == whole).all()


def test_a_batch_that_has_no_mirrored_shares_is_refused_in_one_sentence():
    three = Pretended(0, 3)
    three.check(12)
    SINGLE_PROCESS.check(13)
    with pytest.raises(BadInput, match=r"recipe\.batch=16 cannot be shared by 3 processes .* multiple of 6"):
        three.check(16)


# --- asking whether to stop --------------------------------------------------------------------------------------


class Threads(Ranks):
    """Ranks that are threads of this process: what they say to each other goes over a barrier."""

    def __init__(self, rank: int, table: list, barrier: threading.Barrier) -> None:
        self.rank, self.world_size, self._table, self._barrier = rank, len(table), table, barrier
        self.questions = 0

    def _all(self, mine):
        self._table[self.rank] = mine
        self._barrier.wait(20)
        told = list(self._table)
        self._barrier.wait(20)
        return told

    def mean(self, values):
        return torch.stack(self._all(values)).mean(0)

    def any(self, flag):
        self.questions += 1
        return any(self._all(flag))

    def from_main(self, make):
        return self._all(make() if self.is_main else None)[0]


class Late(IgnoreProgress):
    """Is asked to stop after so many steps."""

    def __init__(self, stop_after: int) -> None:
        self.left = stop_after

    def should_stop(self) -> bool:
        return self.left <= 0


def train_together(folder: Path, steps: int, stop_after: tuple[int, ...], seconds: float) -> list[Threads]:
    """Every rank's steps last so long by a clock of its own; the folder has the checkpoint at which they stop."""
    table, barrier = [None] * len(stop_after), threading.Barrier(len(stop_after))
    ranks = [Threads(rank, table, barrier) for rank in range(len(stop_after))]
    training = Training(steps=steps, batch=4, lr=1e-3, warmup=0.3)

    def run(one: Threads) -> str:
        network, callback = nn.Linear(3, 2), Late(stop_after[one.rank])

        def loss_at(step: int):
            clock.passed[one.rank] += seconds
            callback.left -= 1
            yield network(torch.ones(4, 3)).square().mean()

        clock.of[threading.get_ident()] = one.rank
        try:
            optimise(
                network, loss_at, training, seed=0, device=CPU, checkpoints=Checkpoints(folder, "student"),
                callback=callback, ranks=one,
            )  # fmt: skip
        except Interrupted:
            return "interrupted"
        return "finished"

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(len(ranks)) as pool:
        clock = Clocks(len(ranks))
        patch.setattr("benchmark.training.loop.time", clock)
        ended = set(pool.map(run, ranks))
    assert len(ended) == 1, "all stop or none"
    return ranks


class Clocks:
    """A clock for each thread."""

    def __init__(self, ranks: int) -> None:
        self.passed, self.of = [0.0] * ranks, {}

    def monotonic(self) -> float:
        return self.passed[self.of[threading.get_ident()]]


def last_checkpoint(folder: Path) -> int:
    return max(int(path.stem.rpartition("-")[2]) for path in folder.glob("*.ckpt"))


@pytest.mark.parametrize("asked", [3, 27, 45])
@pytest.mark.parametrize("seconds", [3.0, 1.2, 0.5])
def test_ranks_stop_at_one_step_within_some_seconds_of_the_first_request(tmp_path, asked, seconds):
    """Only the second one is asked to, as a scheduler's signals come one after another."""
    train_together(tmp_path, 80, (1000, asked), seconds)
    late = (last_checkpoint(tmp_path) - asked) * seconds
    assert 0 <= late <= 2.0


def test_ranks_whose_steps_are_quick_ask_no_more_often_than_they_read_the_loss(tmp_path):
    (first, second) = train_together(tmp_path, 120, (1000, 1000), 0.01)
    assert first.questions == second.questions == 20 + 5
    assert last_checkpoint(tmp_path) == 120


# --- joining ---------------------------------------------------------------------------------------------------


@pytest.fixture
def in_torchrun(monkeypatch):
    """The variables of the second of two processes."""
    given = {"RUN_ID": "none"}, {"RANK": 1, "LOCAL_RANK": 1, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    for name, value in {**{f"TORCHELASTIC_{k}": v for k, v in given[0].items()}, **given[1]}.items():
        monkeypatch.setenv(name, str(value))


def test_outside_torchrun_and_in_a_torchrun_of_one_process_there_is_nobody_else(monkeypatch):
    assert join("auto") is SINGLE_PROCESS
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert join("auto") is SINGLE_PROCESS


@pytest.mark.usefixtures("in_torchrun")
def test_what_torchrun_cannot_have_is_one_sentence(monkeypatch):
    with pytest.raises(BadInput, match="names one device; under torchrun give cuda"):
        join("cuda:1")
    monkeypatch.setattr("benchmark.system.devices.cuda_devices", lambda: 1)
    with pytest.raises(BadInput, match="2 processes were started and there are 1 GPUs"):
        join("cuda")
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(BadInput, match=r"pip install 'single-datum-benchmark\[distributed\]'"):
        join("cpu")


def test_what_ends_a_rank_can_be_told_to_the_others():
    class Local(Exception):
        """Cannot be pickled: it has no name in its module."""

    def raising(error: Exception):
        def make() -> None:
            raise error

        return make

    assert distributed._tell(lambda: 5) == (5, None)
    assert distributed._tell(raising(Diverged(7))).error.step == 7
    told = distributed._tell(raising(Local("why"))).error
    assert isinstance(told, RuntimeError)
    assert str(told) == "Local: why"


# --- real processes --------------------------------------------------------------------------------------------

GROUPED = ("student.network=resnet-s-16-gn", "teacher.network=cnn-8")


def torchrun(*arguments: str, **given) -> subprocess.Popen:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[3], **given,
    )  # fmt: skip


def started(cell, results: Path) -> subprocess.Popen:
    """Two processes on the very cell."""
    source = ("source.image=" + cell.source_path, "view.size=8", "teacher.training.steps=60", "recipe.batch=16")
    recipe = cell.config.recipe
    more = ("teacher.training.batch=32", f"recipe.steps={recipe.steps}", f"recipe.lr={recipe.lr}", *GROUPED)
    chosen = ("run", "--target", "digits", "--results", str(results), "--device", "cpu", "profile=smoke")
    return torchrun("-m", "benchmark", *chosen, *source, *more)


def ended(process: subprocess.Popen, seconds: float = 240) -> tuple[int, str]:
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, said


def differences(one: Store, other: Store, cell) -> dict[str, float]:
    """The largest ones between two runs of a cell."""
    a, b = (load_file(store.cell(cell.id) / "student.safetensors") for store in (one, other))
    loss = [np.array([row["loss"] for row in store.curve(cell.id)]) for store in (one, other)]
    logp = [np.exp(store.predictions(cell.id).logp.astype(np.float64)) for store in (one, other)]
    return {
        "weights": max((a[name] - b[name]).abs().max().item() for name in a | b),
        "loss": np.abs(loss[0] - loss[1]).max(),
        "probabilities": np.abs(logp[0] - logp[1]).max(),
    }


@pytest.mark.slow
def test_two_processes_give_what_one_gives_with_the_same_global_batch(cells, tmp_path):
    # Learning slowly: at high rates one ReLU that rounding opens makes another network of it within some steps.
    (cell,) = cells(*GROUPED, "recipe.lr=1e-3")
    two, one = Store(tmp_path / "two" / "smoke"), Store(tmp_path / "one" / "smoke")
    code, said = ended(started(cell, tmp_path / "two"))
    assert code == 0, said
    run_cell(cell, one, device="cpu", callback=IgnorePhases())
    found = differences(one, two, cell)
    assert found["weights"] < 1e-5, found
    assert found["loss"] < 1e-5, found
    assert found["probabilities"] < 2e-3, found  # they are kept in eleven bits
    record, alone = two.read(cell.id), one.read(cell.id)
    assert record.provenance["ranks"] == 2
    assert record.deviations == []
    assert record.controls == alone.controls
    assert record.segments == alone.segments
    curve = [row["loss"] for row in one.curve(cell.id)]
    assert curve[-1] < 0.9 * curve[0], "a student that learns nothing would prove nothing"


@pytest.mark.slow
def test_two_processes_that_a_scheduler_stops_leave_a_checkpoint_that_one_process_continues(cells, tmp_path):
    # Learning slowly, as above.
    (cell,) = cells(*GROUPED, "recipe.steps=1000", "recipe.lr=3e-5")
    stopped, straight = Store(tmp_path / "stopped" / "smoke"), Store(tmp_path / "straight" / "smoke")
    process = started(cell, tmp_path / "stopped")
    for line in process.stdout:
        if "distill" in line:
            break
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    _, said = ended(process)
    assert time.monotonic() - began < 25, "torchrun would have killed them after 30 s"
    assert stopped.read(cell.id) is None, said
    (checkpoint,) = stopped.attempt(cell.id).glob("student-*.ckpt")
    assert 0 < int(checkpoint.stem.split("-")[1]) < 1000
    run_cell(cell, stopped, device="cpu", callback=IgnorePhases())
    run_cell(cell, straight, device="cpu", callback=IgnorePhases())
    found = differences(straight, stopped, cell)
    assert found["loss"] < 1e-3, found
    assert found["probabilities"] < 5e-3, found
    assert stopped.read(cell.id).provenance.get("ranks") is None


SCRIPT = """
import json, sys
from datetime import timedelta
from pathlib import Path
from benchmark.system import ranks as distributed
from benchmark.launch import torchrun
from benchmark.planning.plan import Request, make_plan
from benchmark.records.store import Store
from benchmark.running.run_cell import run_cell
from benchmark.running.teacher import IgnorePhases

distributed.PATIENCE = timedelta(seconds=5)
ranks, store = distributed.join("cpu"), Store(Path(sys.argv[1]))
request = Request(profile="smoke", targets=("digits",), overrides=tuple(sys.argv[2:]), root=Path("nowhere"))

def plan(*more):
    return make_plan(Request(**{**request.__dict__, "overrides": (*request.overrides, *more)}))[0]

def attempt(make):
    try:
        return make()
    except Exception as error:
        return f"{type(error).__name__}: {error}"

class Failing(IgnorePhases):
    now = ""

    def phase(self, name):
        self.now = name

    def step(self, done, total, loss):
        if self.now == "distill" and ranks.rank == 1:
            raise ZeroDivisionError("on one rank only")

said = {
    "gathered": ranks.gather(lambda: ranks.rank),
    "any": [ranks.any(ranks.rank == 1), ranks.any(False)],
    "of the first": attempt(lambda: ranks.from_main(lambda: 1 // ranks.rank)),
    "of the second": attempt(lambda: ranks.gather(lambda: 1 // (1 - ranks.rank))),
}
record = run_cell(plan("recipe.batch=18"), store, device="cpu", watch=IgnorePhases(), ranks=ranks)
said["uneven"] = [record.status, record.reason]
record = run_cell(plan(), store, device="cpu", watch=IgnorePhases(), ranks=ranks)
said["batch norm"] = [record.status, record.deviations]
Path(f"{sys.argv[1]}/said-{ranks.rank}.json").write_text(json.dumps(said))
try:
    run_cell(plan("seeds=[1]"), store, device="cpu", watch=Failing(), ranks=ranks)
except distributed.Alone as error:
    torchrun.leave(error, 1)
"""


@pytest.mark.slow
def test_ranks_tell_each_other_how_things_ended_and_a_failure_on_one_ends_all(cells, quick, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    code, printed = ended(torchrun(str(script), str(tmp_path), *quick))
    assert code != 0, printed
    first, second = (json.loads((tmp_path / f"said-{rank}.json").read_text()) for rank in (0, 1))
    assert first == second, "every rank knows the same"
    assert first["gathered"] == [0, 1]
    assert first["any"] == [True, False]
    assert first["of the first"].startswith("ZeroDivisionError")
    assert first["of the second"].startswith("ZeroDivisionError")
    assert first["uneven"][0] == "failed"
    assert "cannot be shared by 2 processes in mirrored pairs" in first["uneven"][1]
    assert first["batch norm"] == [
        "done", ["batch statistics are those of 1/2 of the batch: one share per process"]
    ]  # fmt: skip
    (cell,) = cells("seeds=[1]")
    record = Store(tmp_path).read(cell.id)
    assert (record.status, record.reason) == ("failed", "ZeroDivisionError: on one rank only")
