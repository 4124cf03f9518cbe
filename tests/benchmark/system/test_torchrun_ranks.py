"""The processes of a torchrun: they join, give the result of one process, and leave none hanging."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from benchmark.records.store import Store
from benchmark.running.run_cell import run_cell
from benchmark.system import torchrun_ranks as torchrun_module
from benchmark.system.ranks import SINGLE_PROCESS
from benchmark.system.torchrun_ranks import join
from benchmark.training.callbacks import IgnoreProgress
from benchmark.training.loop import Diverged
from doubles import of_the_run
from modalities.errors import BadInput

# --- joining ---------------------------------------------------------------------------------------------------


@pytest.fixture
def in_torchrun(monkeypatch):
    """The variables of the second of two processes."""
    given = {"RUN_ID": "none"}, {"RANK": 1, "LOCAL_RANK": 1, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    for name, value in {**{f"TORCHELASTIC_{k}": v for k, v in given[0].items()}, **given[1]}.items():
        monkeypatch.setenv(name, str(value))


def test_outside_torchrun_and_in_a_torchrun_of_one_process_there_is_a_single_process(monkeypatch):
    assert join("auto") is SINGLE_PROCESS
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert join("auto") is SINGLE_PROCESS


@pytest.mark.usefixtures("in_torchrun")
def test_what_torchrun_cannot_use_is_one_sentence(monkeypatch):
    with pytest.raises(BadInput, match="names one device; under torchrun give cuda"):
        join("cuda:1")
    monkeypatch.setattr("benchmark.system.torchrun_ranks.cuda_devices", lambda: 1)
    with pytest.raises(BadInput, match="2 processes were started and there are 1 GPUs"):
        join("cuda")
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(BadInput, match=r"pip install 'single-datum-benchmark\[distributed\]'"):
        join("cpu")


def test_the_error_that_ends_a_rank_can_be_sent_to_the_others():
    class Local(Exception):
        """Cannot be pickled: it has no name in its module."""

    def raising(error: Exception):
        def make() -> None:
            raise error

        return make

    assert torchrun_module._call(lambda: 5) == (5, None)
    assert torchrun_module._call(raising(Diverged(7))).error.step == 7
    sent = torchrun_module._call(raising(Local("why"))).error
    assert isinstance(sent, RuntimeError)
    assert str(sent) == "Local: why"


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
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, output


def differences(one: Store, other: Store, cell) -> dict[str, float]:
    """The largest differences between two runs of a cell."""
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
    code, output = ended(started(cell, tmp_path / "two"))
    assert code == 0, output
    run_cell(cell, one, device="cpu", callback=IgnoreProgress())
    found = differences(one, two, cell)
    assert found["weights"] < 1e-5, found
    assert found["loss"] < 1e-5, found
    assert found["probabilities"] < 2e-3, found  # they are stored with eleven bits
    record, alone = two.read(cell.id), one.read(cell.id)
    assert record.provenance["ranks"] == 2
    assert of_the_run(cell, record) == []
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
    _, output = ended(process)
    assert time.monotonic() - began < 25, "torchrun would have killed them after 30 s"
    assert stopped.read(cell.id) is None, output
    (checkpoint,) = stopped.attempt(cell.id).glob("student-*.ckpt")
    assert 0 < int(checkpoint.stem.split("-")[1]) < 1000
    run_cell(cell, stopped, device="cpu", callback=IgnoreProgress())
    run_cell(cell, straight, device="cpu", callback=IgnoreProgress())
    found = differences(straight, stopped, cell)
    assert found["loss"] < 1e-3, found
    assert found["probabilities"] < 5e-3, found
    assert stopped.read(cell.id).provenance.get("ranks") is None


SCRIPT = """
import json, sys
from datetime import timedelta
from pathlib import Path
from benchmark.launch.torchrun import leave
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from benchmark.records.store import Store
from benchmark.running.run_cell import run_cell
from benchmark.system import torchrun_ranks as torchrun
from benchmark.system.ranks import RankDesync
from benchmark.training.callbacks import IgnoreProgress

torchrun.OUTCOME_TIMEOUT = timedelta(seconds=5)
ranks, store = torchrun.join("cpu"), Store(Path(sys.argv[1]))
request = Request(profile="smoke", targets=("digits",), overrides=tuple(sys.argv[2:]), root=Path("nowhere"))

def plan(*more):
    return make_plan(Request(**{**request.__dict__, "overrides": (*request.overrides, *more)}))[0]

def attempt(make):
    try:
        return make()
    except Exception as error:
        return f"{type(error).__name__}: {error}"

class Failing(IgnoreProgress):
    now = ""

    def phase(self, name):
        self.now = name

    def step(self, done, total, loss):
        if self.now == "distill" and ranks.rank == 1:
            raise ZeroDivisionError("on one rank only")

results = {
    "gathered": ranks.gather(lambda: ranks.rank),
    "any": [ranks.any(ranks.rank == 1), ranks.any(False)],
    "of the first": attempt(lambda: ranks.from_main(lambda: 1 // ranks.rank)),
    "of the second": attempt(lambda: ranks.gather(lambda: 1 // (1 - ranks.rank))),
}
record = run_cell(plan("recipe.batch=18"), store, device="cpu", callback=IgnoreProgress(), ranks=ranks)
results["uneven"] = [record.status, record.reason]
record = run_cell(plan(), store, device="cpu", callback=IgnoreProgress(), ranks=ranks)
results["batch norm"] = [record.status, record.deviations[-1:]]
Path(f"{sys.argv[1]}/results-{ranks.rank}.json").write_text(json.dumps(results))
try:
    run_cell(plan("seeds=[1]"), store, device="cpu", callback=Failing(), ranks=ranks)
except RankDesync as error:
    leave(error, 1)
"""


@pytest.mark.slow
def test_ranks_exchange_results_and_errors_and_a_failure_on_one_ends_all(cells, quick, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    code, printed = ended(torchrun(str(script), str(tmp_path), *quick))
    assert code != 0, printed
    first, second = (json.loads((tmp_path / f"results-{rank}.json").read_text()) for rank in (0, 1))
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
