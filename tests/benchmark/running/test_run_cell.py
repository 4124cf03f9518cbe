"""One cell to one record: the status of each outcome, and the same numbers from the same cell."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from benchmark.config.schema import Student
from benchmark.data.locate import DataLocation
from benchmark.planning.cell import Cell, state_of
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.running import run_cell as runner
from benchmark.running.run_cell import run_cell
from benchmark.training.callbacks import IgnorePhases, Interrupted
from doubles import FirstSteps, OnPhase, StopAfter
from modalities import registry
from modalities.base import Item
from modalities.errors import BadInput

TIMES = ("provenance", "seconds", "peak_memory_bytes")


def run(cell: Cell, folder: Path, **given) -> tuple[Store, Record]:
    store = Store(folder)
    return store, run_cell(cell, store, device="cpu", callback=given.pop("callback", IgnorePhases()), **given)


def numbers(store: Store, cell: Cell) -> tuple[dict, np.ndarray, dict[str, torch.Tensor], list]:
    """Everything about a cell that must repeat: its record but for times, predictions, weights, curve."""
    found, predictions = store.read(cell.id), store.predictions(cell.id)
    record = {key: value for key, value in asdict(found).items() if key not in TIMES}
    return record, predictions.logp, load_file(store.cell(cell.id) / "student.safetensors"), store.curve(cell.id)


def same(one, other) -> bool:
    (a, b, c, d), (e, f, g, h) = one, other
    return a == e and (b == f).all() and all(torch.equal(c[name], g[name]) for name in c | g) and d == h


# --- a cell that works -----------------------------------------------------------------------------------------


def test_a_record_says_everything_about_its_cell(ran):
    record = ran.record
    assert (record.status, record.reason, record.traceback) == ("done", "", "")
    assert (record.target, record.seed, record.data) == ("digits", 0, "shipped")
    assert record.segments == 40 * 16
    assert set(record.controls) == {"chance", "majority", "untrained", "teacher_top1"}
    assert record.controls["chance"] == 0.1
    assert set(record.seconds) == {"data", "teacher", "untrained student", "distill", "evaluate"}
    assert record.peak_memory_bytes > 10**6
    assert record.provenance["threads"] == 1
    assert record.provenance["ended"] >= record.provenance["started"]
    assert record.source["name"] == "photo.png"


def test_metrics_are_those_of_the_stored_predictions(ran):
    cell, store, record = ran
    found = store.predictions(cell.id)
    teacher = np.load(store.root / "teachers" / cell.teacher_key / "predictions.npz")["logp"]
    test = registry.target("digits").test(Path(), cell.config.view)
    assert found.labels.tolist() == test.labels.tolist()
    assert list(found.item_ids) == list(test.item_ids)
    agree = (found.logp.argmax(1) == teacher.argmax(1)).mean()
    assert record.metrics["top1"] == pytest.approx((found.logp.argmax(1) == test.labels).mean())
    assert record.metrics["fidelity"] == pytest.approx(agree)
    assert record.controls["teacher_top1"] == pytest.approx((teacher.argmax(1) == test.labels).mean())
    assert record.controls["majority"] == pytest.approx(np.bincount(test.labels).max() / len(test))


def test_stored_weights_give_the_stored_predictions(ran):
    cell, store, _ = ran
    modality = registry.modality("image")
    student = modality.network(cell.config.student.network, cell.config.view, 10)
    student.load_state_dict(load_file(store.cell(cell.id) / "student.safetensors"))
    test = registry.target("digits").test(Path(), cell.config.view)
    raw = torch.cat([test[i].data for i in range(20)])
    with torch.inference_mode():
        logits = student.eval()(modality.prepare(raw, cell.config.view))
    stored = store.predictions(cell.id).logp[:20].astype(np.float32)
    np.testing.assert_allclose(logits.log_softmax(1).numpy(), stored, rtol=2e-3, atol=2e-3)


def test_the_same_cell_gives_the_same_record_but_for_times(ran, tmp_path):
    cell, store, _ = ran
    other, _ = run(cell, tmp_path)
    assert same(numbers(store, cell), numbers(other, cell))


def test_another_seed_gives_another_student_and_the_same_teacher(ran, cells, tmp_path):
    (cell,) = cells("seeds=[1]")
    store, record = run(cell, tmp_path)
    assert record.controls["teacher_top1"] == ran.record.controls["teacher_top1"]
    assert (store.predictions(cell.id).logp != ran.store.predictions(ran.cell.id).logp).any()


def test_torchs_own_generator_and_the_callers_results_do_not_depend_on_each_other(ran, tmp_path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    store, _ = run(ran.cell, tmp_path)
    assert torch.equal(before, torch.get_rng_state())
    assert same(numbers(ran.store, ran.cell), numbers(store, ran.cell))


@pytest.mark.parametrize(
    ("phase", "steps"),
    [("teacher: train", 20), ("teacher: test items", 1), ("untrained student", 1), ("distill", 20), ("evaluate", 1)],
)
def test_a_cell_stopped_in_any_phase_continues_to_the_very_same_numbers(ran, tmp_path, phase, steps):
    with pytest.raises(Interrupted):
        run(ran.cell, tmp_path, callback=StopAfter(steps, phase))
    store = Store(tmp_path)
    assert store.read(ran.cell.id) is None, "an interrupted cell has no record"
    if phase == "distill":
        assert [path.name for path in store.attempt(ran.cell.id).glob("*.ckpt")] == ["student-000000020.ckpt"]
    again = FirstSteps()
    store, _ = run(ran.cell, tmp_path, callback=again)
    assert same(numbers(ran.store, ran.cell), numbers(store, ran.cell))
    if phase == "distill":
        assert again.first["distill"] == 40, "it continued from step 20"
        assert "teacher: train" not in again.first


# --- the two splits stay where they belong ---------------------------------------------------------------------


class Poisoned:
    """A split whose labels and names may be known, and whose items may not be touched while it is ``closed``."""

    def __init__(self, data) -> None:
        self._data, self.closed, self.touched = data, True, 0
        self.labels, self.item_ids, self.groups = data.labels, data.item_ids, data.groups

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> Item:
        self.touched += 1
        assert not self.closed, "this split must not be read now"
        return self._data[index]


class Guard(IgnorePhases):
    """Opens and closes the splits as the phases allow."""

    def __init__(self, allowed: dict[str, set[str]]) -> None:
        self.allowed, self.splits, self.phases = allowed, {}, []

    def phase(self, name: str) -> None:
        self.phases.append(name)
        for split, data in self.splits.items():
            data.closed = name not in self.allowed[split]


def test_training_reads_no_test_item_and_distillation_reads_no_item_of_the_target_at_all(ran, tmp_path, monkeypatch):
    """Only evaluation may read the test split, and only the teacher the training split; both streamed, not cached."""
    guard = Guard(
        {
            "train": {"teacher: data", "teacher: train", "teacher: held-out part"},
            "test": {"data", "teacher: test items", "untrained student", "evaluate"},
        }
    )
    adapter = registry.target("digits")

    def guarded(split: str) -> Callable:
        real = getattr(adapter, split)

        def read(root, view, fold=1):
            guard.splits[split] = Poisoned(real(root, view, fold))
            guard.phase(guard.phases[-1])
            return guard.splits[split]

        return read

    for split in ("train", "test"):
        monkeypatch.setattr(adapter, split, guarded(split), raising=False)
    monkeypatch.setattr(runner, "_TEST_SPLITS", runner.BatchesCache())
    # Nothing fits into memory, so every item is read when it is needed, and not before.
    monkeypatch.setattr("benchmark.data.batches.share_of_memory", lambda: 0)
    store, record = run(ran.cell, tmp_path, callback=guard)
    assert record.status == "done", record.reason + record.traceback
    assert same(numbers(ran.store, ran.cell), numbers(store, ran.cell))
    assert guard.splits["train"].touched > 60 * 32
    assert guard.splits["test"].touched >= 3 * len(guard.splits["test"])
    assert "distill" in guard.phases


def test_the_guard_itself_notices_a_read(ran):
    data = Poisoned(registry.target("digits").test(Path(), ran.cell.config.view))
    with pytest.raises(AssertionError, match="must not be read now"):
        data[0]


# --- a cell that does not work ---------------------------------------------------------------------------------


def outcome(cell: Cell, tmp_path: Path, **given) -> Record:
    store, record = run(cell, tmp_path, **given)
    assert store.read(cell.id) == replace(
        record, reason=store.read(cell.id).reason, traceback=store.read(cell.id).traceback
    )
    assert state_of(cell, store)[0] != "done"
    return store.read(cell.id)


def test_a_poor_teacher_is_refused_and_no_student_is_distilled(cells, tmp_path):
    (cell,) = cells("teacher.training.lr=1e-9", "teacher.times_chance=3")
    record = outcome(cell, tmp_path)
    assert record.status == "refused"
    assert "30.0% is required (chance is 10.0%)" in record.reason
    assert "distill" not in record.seconds
    assert record.metrics == {}


def test_absent_data_are_reported_with_what_to_do(cells, tmp_path):
    (cell,) = cells()
    nowhere = DataLocation("real", tmp_path, "absent", ready=False, instructions="absent: put them there.")
    record = outcome(replace(cell, data=nowhere), tmp_path)
    assert (record.status, record.reason, record.traceback) == ("no data", "absent: put them there.", "")


def test_a_loss_that_is_not_finite_is_diverged_at_its_step(cells, tmp_path):
    (cell,) = cells("recipe.lr=1e30", "recipe.clip=0", "recipe.optimiser=sgd", "recipe.schedule=constant")
    record = outcome(cell, tmp_path)
    assert record.status == "diverged"
    assert "the loss is not finite at step" in record.reason
    assert record.controls["teacher_top1"] > 0.2, "earlier results are kept"


@pytest.mark.parametrize(
    ("which", "lr", "phase"),
    [
        ("recipe", "1e30", "evaluate"),  # finite weights whose outputs are not finite
        ("recipe", "1e38", "evaluate"),
        ("teacher.training", "1e38", "teacher"),
    ],
)
def test_a_last_update_that_was_too_large_is_diverged_too(cells, tmp_path, which, lr, phase):
    """No loss follows it, so it shows in the outputs for the test items."""
    settings = (f"{which}.{text}" for text in ("steps=1", f"lr={lr}", "clip=0", "optimiser=sgd", "schedule=constant"))
    (cell,) = cells(*settings)
    record = outcome(cell, tmp_path)
    assert (record.status, record.traceback, record.metrics) == ("diverged", "", {})
    assert "the loss is not finite at step 1;" in record.reason
    assert next(reversed(record.seconds)) == phase


def test_a_finished_distillation_outlives_a_failure_of_its_evaluation(ran, tmp_path, monkeypatch):
    real = runner.predict

    def fails(*given):
        raise OSError("the disk went away")

    breaks = OnPhase("evaluate", lambda: monkeypatch.setattr(runner, "predict", fails))
    assert run(ran.cell, tmp_path, callback=breaks)[1].status == "failed"
    monkeypatch.setattr(runner, "predict", real)
    again = FirstSteps()
    store, record = run(ran.cell, tmp_path, callback=again)
    assert record.status == "done"
    assert "distill" not in again.first, "no step was taken again"
    assert same(numbers(ran.store, ran.cell), numbers(store, ran.cell))


def test_an_unknown_network_name_costs_no_teacher(cells, tmp_path):
    (cell,) = cells()
    cell = replace(cell, config=replace(cell.config, student=Student("cnnn-8")))
    record = outcome(cell, tmp_path)
    assert record.status == "failed"
    assert "cnnn-8" in record.reason
    assert record.traceback == ""
    assert not (tmp_path / "teachers").exists()


class Breaks(nn.Module):
    """A network that raises a given error in its first distillation step."""

    def __init__(self, fault: BaseException) -> None:
        super().__init__()
        self.layer, self.fault = nn.Linear(3 * 8 * 8, 10), fault

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            raise self.fault
        return self.layer(x.flatten(1))


def allocation_fault() -> RuntimeError:
    """The one that torch raises on a CPU."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    return caught.value


FULL = OSError(errno.ENOSPC, "No space left on device", "/some/folder/student.ckpt")


@pytest.mark.parametrize(
    ("fault", "status", "message", "traced"),
    [
        (RuntimeError("shapes differ"), "failed", "RuntimeError: shapes differ", True),
        (BadInput("b.wav is damaged; replace it."), "failed", "b.wav is damaged; replace it.", False),
        (FULL, "failed", "No space left on device: student.ckpt; free it and run again.", False),
        (OSError("odd"), "failed", "OSError: odd", True),
        (MemoryError(), "out of memory", "a smaller recipe.batch, or fewer jobs", True),
        (torch.OutOfMemoryError("CUDA out of memory."), "out of memory", "a smaller recipe.batch", True),
        (allocation_fault(), "out of memory", "a smaller recipe.batch", True),
    ],
)
def test_whatever_goes_wrong_becomes_a_status_and_a_reason(ran, tmp_path, fault, status, message, traced):
    # Reuse the teacher that has been made.
    (tmp_path / "teachers").symlink_to(ran.store.root / "teachers")
    record = outcome(replace(ran.cell, id="digits-broken-s0-0"), tmp_path, student=Breaks(fault))
    assert record.status == status
    assert message in record.reason
    assert bool(record.traceback) == traced
    assert str(Path(__file__).parent) not in record.traceback, "a traceback names no folders"


def test_a_student_whose_outputs_are_not_finite_has_no_metrics(ran, tmp_path):
    class NotANumber(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3 * 8 * 8, 10)

        def forward(self, x):
            return self.layer(x.flatten(1)) * (1.0 if self.training else float("nan"))

    (tmp_path / "teachers").symlink_to(ran.store.root / "teachers")
    record = outcome(replace(ran.cell, id="digits-broken-s0-0"), tmp_path, student=NotANumber())
    assert (record.status, record.metrics) == ("failed", {})
    assert "not finite" in record.reason


@pytest.mark.parametrize(
    ("phase", "less"),
    [("teacher: train", "a smaller teacher.training.batch"), ("evaluate", "a smaller network or view")],
)
def test_a_lack_of_memory_names_what_needs_less_in_its_phase(ran, tmp_path, phase, less):
    class RunsOutOfMemory(FirstSteps):
        def step(self, done: int, total: int, loss: float) -> None:
            if self.now == phase:
                raise MemoryError

    record = outcome(replace(ran.cell, id="digits-broken-s0-0"), tmp_path, callback=RunsOutOfMemory())
    assert record.status == "out of memory"
    assert f"memory ran out; {less}" in record.reason
    assert "recipe.batch" not in record.reason


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Interrupted])
def test_a_request_to_stop_is_not_a_failure_and_leaves_no_record(ran, tmp_path, stop):
    (tmp_path / "teachers").symlink_to(ran.store.root / "teachers")
    with pytest.raises(stop):
        run(ran.cell, tmp_path, student=Breaks(stop()))
    assert Store(tmp_path).read(ran.cell.id) is None


def test_a_later_attempt_replaces_a_failed_one(ran, tmp_path):
    (tmp_path / "teachers").symlink_to(ran.store.root / "teachers")
    assert outcome(ran.cell, tmp_path, student=Breaks(RuntimeError("first"))).status == "failed"
    store, record = run(ran.cell, tmp_path)
    assert record.status == "done"
    assert same(numbers(ran.store, ran.cell), numbers(store, ran.cell))
