"""Loggers are told of a cell from its first phase to its end, change no number, and cannot end a run."""

from __future__ import annotations

import json
import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.cli.run import log_to
from benchmark.records.store import Store
from benchmark.running.loggers import VARIABLE, check_loggers
from benchmark.running.run_cell import run_cell
from benchmark.training.callbacks import IgnoreProgress
from modalities.errors import BadInput, UnknownName

CALLBACK = """
import json
class CALLBACK:
    def __init__(self, cell, folder):
        self.path = folder / f"{cell['id']}.jsonl"
        self.write("begin", cell["target"], cell["settings"]["recipe"]["steps"])
    def write(self, *told):
        with self.path.open("a") as file:
            file.write(json.dumps(told) + "\\\\n")
    def phase(self, name): self.write("phase", name)
    def step(self, done, total, loss): self.write("step", done, total, loss)
    def end(self, metrics, status): self.write("end", status, metrics["top1"])
""".replace("\\\\", "\\")


@pytest.fixture
def logged(ran, tmp_path, monkeypatch):
    """Run the cell of ``ran`` again with loggers; returns its record and the folder."""

    def run(names: str):
        monkeypatch.setenv(VARIABLE, names)
        store = Store(tmp_path / "smoke")
        return run_cell(ran.cell, store, device="cpu", callback=IgnoreProgress()), store

    return run


def test_a_file_is_told_of_everything_and_changes_nothing(ran, logged, tmp_path):
    (tmp_path / "mine.py").write_text(CALLBACK)
    record, store = logged(str(tmp_path / "mine.py"))
    told = [json.loads(line) for line in (store.root / f"{record.id}.jsonl").read_text().splitlines()]
    assert told[0] == ["begin", "digits", 40] and told[-1] == ["end", "done", record.metrics["top1"]]
    phases = [name for kind, *rest in told for name in rest[:1] if kind == "phase"]
    assert [name for name in phases if name in ("teacher: train", "distill", "evaluate")] == [
        "teacher: train", "distill", "evaluate",
    ]  # fmt: skip
    curve = {row["step"]: row["loss"] for row in store.curve(record.id)}
    start = told.index(["phase", "distill"])
    steps = [rest for kind, *rest in told[start:] if kind == "step" and not math.isnan(rest[2])]
    assert steps == [[20, 40, curve[20]], [40, 40, curve[40]]]
    assert record.metrics == ran.record.metrics
    assert np.array_equal(store.predictions(record.id).logp, ran.store.predictions(record.id).logp)


@pytest.mark.parametrize("method", ["phase", "step", "end"])
def test_one_that_raises_is_left_out_and_the_cell_goes_on(logged, tmp_path, capsys, method):
    (tmp_path / "mine.py").write_text(CALLBACK + f"    def {method}(self, *told): 1 / 0\n")
    record, _ = logged(str(tmp_path / "mine.py"))
    assert record.status == "done"
    assert capsys.readouterr().err.count("is left out from now on: ZeroDivisionError") == 1


def test_what_tensorboard_wrote_is_the_curve(logged):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    record, store = logged("tensorboard")
    found = events.EventAccumulator(str(store.root / "tensorboard" / record.id)).Reload()
    losses = [(event.step, event.value) for event in found.Scalars("distill/loss")]
    assert losses == [(row["step"], pytest.approx(row["loss"], rel=1e-5)) for row in store.curve(record.id)]
    assert found.Scalars("metrics/top1")[-1].value == pytest.approx(record.metrics["top1"])


def test_weights_and_biases_is_given_the_same(logged, monkeypatch):
    seen, summary = [], {}
    run = SimpleNamespace(log=seen.append, summary=summary, finish=lambda exit_code: seen.append(exit_code))
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=lambda **given: seen.append(given) or run))
    record, store = logged("wandb")
    assert seen[0]["name"] == record.id and seen[0]["config"]["settings"] == record.config
    assert [told["distill/loss"] for told in seen[1:-1] if "distill/loss" in told] == [
        row["loss"] for row in store.curve(record.id)
    ]
    assert summary["top1"] == record.metrics["top1"] and seen[-1] == 0


def test_names_are_checked_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("os.environ", {})
    with pytest.raises(UnknownName, match="did you mean tensorboard"):
        log_to("tensorbord")
    with pytest.raises(BadInput, match="cannot be read"):
        check_loggers(str(tmp_path / "none.py"))
    log_to("tensorboard,wandb")
    import os

    assert os.environ == {VARIABLE: "tensorboard,wandb"}


def test_a_package_that_is_missing_is_named(logged, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(BadInput, match=r"wandb is not installed .*single-datum-benchmark\[wandb\]"):
        logged("wandb")
