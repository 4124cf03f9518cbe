"""Where a whole batch does not fit, slices of it give its gradients, and the record says so."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmark.config.schema import Recipe
from benchmark.distillation.distill import distill
from benchmark.records.store import Store
from benchmark.running import teacher as teachers
from benchmark.running.run_cell import run_cell
from benchmark.training.callbacks import IgnorePhases
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.micro_batches import with_micro_batches
from killing import cells_of
from modalities.base import Draws

CPU = torch.device("cpu")
BRIEF = ("teacher.training.steps=20", "recipe.steps=20", "recipe.batch=16")


class NoiseStream:
    """Sixteen segments of noise at every step."""

    shape, batch_size = (1, 6, 6), 16

    def batch(self, step: int) -> torch.Tensor:
        return torch.tensor(Draws(0).normal(step, "noise", (16, 1, 6, 6)), dtype=torch.float32)


def network(seed: int) -> nn.Module:
    """Without batch statistics: its slices add up to the batch."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(36, 24), nn.LayerNorm(24), nn.ReLU(), nn.Linear(24, 5))


@pytest.mark.parametrize("slices", [2, 3, 16])
def test_slices_add_up_to_the_batch(slices):
    """Also where they are unequal (6 + 6 + 4): each counts by its share of the samples."""
    recipe = Recipe(name="test", steps=30, batch=16, lr=0.1, warmup=0.3, temperature=2.0, optimiser="sgd")
    whole, parts = network(2), network(2)
    one = distill(NoiseStream(), network(1), whole, recipe, seed=0, device=CPU)
    other = distill(NoiseStream(), network(1), parts, recipe, seed=0, device=CPU, slices=slices)
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert one.rows[-1][2] == pytest.approx(other.rows[-1][2], rel=1e-4)


class Hungry(nn.Module):
    """A network that has memory for so many samples at a time while it is trained."""

    def __init__(self, inner: nn.Module, most: int) -> None:
        super().__init__()
        self.inner, self.most, self.largest = inner, most, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        if self.training:
            self.largest = max(self.largest, len(x))
        return self.inner(x)


def small_student() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 10))


def test_a_student_that_does_not_fit_is_distilled_in_slices_and_its_record_says_so(tmp_path):
    # Plain descent: Adam would make a difference in the last digit of a small gradient a large one.
    (cell,) = cells_of("image", tmp_path, *BRIEF, "recipe.optimiser=sgd", "recipe.lr=0.01")
    hungry, whole = Hungry(small_student(), most=5), Hungry(small_student(), most=16)
    record = run_cell(cell, Store(tmp_path / "a"), device="cpu", callback=IgnorePhases(), student=hungry)
    assert record.status == "done", record.reason
    assert hungry.largest == 4
    (said,) = record.deviations
    assert said.startswith("recipe.batch=16 went through the networks in 4 slices, for want of memory")
    assert run_cell(cell, Store(tmp_path / "b"), device="cpu", callback=IgnorePhases(), student=whole).deviations == []
    for a, b in zip(hungry.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_a_student_of_which_no_slice_fits_is_a_row(tmp_path):
    (cell,) = cells_of("image", tmp_path, *BRIEF)
    record = run_cell(
        cell, Store(tmp_path), device="cpu", callback=IgnorePhases(), student=Hungry(small_student(), most=1)
    )
    assert record.status == "out of memory"
    assert "a smaller recipe.batch" in record.reason


def test_a_teacher_that_does_not_fit_is_trained_in_slices_and_every_cell_of_its_says_so(tmp_path, monkeypatch):
    made = teachers.make_network
    monkeypatch.setattr(teachers, "make_network", lambda *given: Hungry(made(*given), most=8))
    one, other = cells_of("image", tmp_path, *BRIEF, "seeds=[0,1]")
    for cell in (one, other):
        record = run_cell(cell, Store(tmp_path), device="cpu", callback=IgnorePhases())
        assert record.status == "done", record.reason
        assert [text.partition(", for")[0] for text in record.deviations] == [
            "teacher.training.batch=16 went through the networks in 2 slices"
        ]


def test_each_number_of_slices_starts_anew_with_checkpoints_of_its_own(tmp_path):
    student = nn.Linear(3, 2)
    first = student.weight.detach().clone()
    seen: list[tuple[int, str, bool]] = []

    def train(slices: int, ahead: bool, checkpoints: Checkpoints | None) -> str:
        seen.append((slices, checkpoints.prefix, torch.equal(student.weight, first)))
        checkpoints.save(20, student, torch.optim.SGD(student.parameters(), lr=1), [], [])
        nn.init.zeros_(student.weight)
        if slices < 4:
            raise MemoryError
        return "trained"

    assert with_micro_batches(train, student, 64, tmp_path, "student") == ("trained", 4)
    assert seen == [(1, "student", True), (2, "student.2", True), (4, "student.4", True)]
    names = [path.name for path in sorted(tmp_path.glob("*.ckpt"))]
    assert names == ["student-000000020.ckpt", "student.2-000000020.ckpt", "student.4-000000020.ckpt"]
    assert Checkpoints(tmp_path, "student").newest().step == 20


def test_what_is_made_ahead_is_given_up_before_the_batch_is_cut(tmp_path):
    """It changes no number: so the same checkpoints serve, and the record has nothing to say."""
    seen: list[tuple[int, bool, str]] = []

    def train(slices: int, ahead: bool, checkpoints: Checkpoints | None) -> str:
        seen.append((slices, ahead, checkpoints.prefix))
        if len(seen) < 3:
            raise MemoryError
        return "trained"

    assert with_micro_batches(train, nn.Linear(3, 2), 64, tmp_path, "student", ahead=True) == ("trained", 2)
    assert seen == [(1, True, "student"), (1, False, "student"), (2, False, "student.2")]


def test_other_faults_are_not_taken_for_want_of_memory(tmp_path):
    def train(slices: int, ahead: bool, checkpoints: Checkpoints | None) -> None:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        with_micro_batches(train, nn.Linear(3, 2), 64, tmp_path, "student")
