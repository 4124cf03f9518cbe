"""If a batch does not fit into memory, micro-batches give its gradients, and the record says so."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmark.config.schema import Recipe
from benchmark.distillation.distill import distill
from benchmark.records.store import Store
from benchmark.running import teacher as teachers
from benchmark.running.run_cell import run_cell
from benchmark.training.callbacks import IgnoreProgress
from benchmark.training.checkpoints import Checkpoint, Checkpoints
from benchmark.training.micro_batches import with_micro_batches
from doubles import CPU, NoiseStream, of_the_run, seeded
from doubles import small_network as with_norm
from killing import cells_of

BRIEF = ("teacher.training.steps=20", "recipe.steps=20", "recipe.batch=16")


def network(seed: int) -> nn.Module:
    """Without batch statistics, so that micro-batches add up to the batch."""
    return with_norm(seed, nn.LayerNorm)


@pytest.mark.parametrize("count", [2, 3, 16])
def test_micro_batches_add_up_to_the_batch(count):
    """Even if their sizes differ (6 + 6 + 4): each is weighted by its number of samples."""
    recipe = Recipe(name="test", steps=30, batch=16, lr=0.1, warmup=0.3, temperature=2.0, optimiser="sgd")
    whole, parts = network(2), network(2)
    one = distill(NoiseStream(), network(1), whole, recipe, seed=0, device=CPU)
    other = distill(NoiseStream(), network(1), parts, recipe, seed=0, device=CPU, micro_batches=count)
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert one.curve.rows[-1][2] == pytest.approx(other.curve.rows[-1][2], rel=1e-4)


class Hungry(nn.Module):
    """A network that runs out of memory in training with more than a number of samples at a time."""

    def __init__(self, inner: nn.Module, max_samples: int) -> None:
        super().__init__()
        self.inner, self.max_samples, self.largest = inner, max_samples, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and len(x) > self.max_samples:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        if self.training:
            self.largest = max(self.largest, len(x))
        return self.inner(x)


def small_student() -> nn.Module:
    return seeded(3, lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 10)))


def test_a_student_that_does_not_fit_is_distilled_in_micro_batches_and_its_record_says_so(tmp_path):
    # Plain descent: Adam would make a difference in the last digit of a small gradient a large one.
    (cell,) = cells_of("image", tmp_path, *BRIEF, "recipe.optimiser=sgd", "recipe.lr=0.01", "recipe.precision=float32")
    hungry, whole = Hungry(small_student(), max_samples=5), Hungry(small_student(), max_samples=16)
    record = run_cell(cell, Store(tmp_path / "a"), device="cpu", callback=IgnoreProgress(), student=hungry)
    assert record.status == "done", record.reason
    assert hungry.largest == 4
    (deviation,) = of_the_run(cell, record)
    assert deviation.startswith("recipe.batch=16 went through the networks in 4 micro-batches because memory ran out")
    other = run_cell(cell, Store(tmp_path / "b"), device="cpu", callback=IgnoreProgress(), student=whole)
    assert of_the_run(cell, other) == []
    for a, b in zip(hungry.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_a_student_of_which_no_micro_batch_fits_is_a_row(tmp_path):
    (cell,) = cells_of("image", tmp_path, *BRIEF)
    record = run_cell(
        cell, Store(tmp_path), device="cpu", callback=IgnoreProgress(), student=Hungry(small_student(), max_samples=1)
    )
    assert record.status == "out of memory"
    assert "a smaller recipe.batch" in record.reason


def test_a_teacher_that_does_not_fit_is_trained_in_micro_batches_and_each_of_its_cells_says_so(tmp_path, monkeypatch):
    made = teachers.make_network
    monkeypatch.setattr(teachers, "make_network", lambda *given: Hungry(made(*given), max_samples=8))
    one, other = cells_of("image", tmp_path, *BRIEF, "seeds=[0,1]")
    for cell in (one, other):
        record = run_cell(cell, Store(tmp_path), device="cpu", callback=IgnoreProgress())
        assert record.status == "done", record.reason
        assert [text.partition(" because")[0] for text in of_the_run(cell, record)] == [
            "teacher.training.batch=16 went through the networks in 2 micro-batches"
        ]


def test_each_number_of_micro_batches_starts_again_with_its_own_checkpoints(tmp_path):
    student = nn.Linear(3, 2)
    first = student.weight.detach().clone()
    seen: list[tuple[int, str, bool]] = []

    def train(count: int, prefetch: bool, checkpoints: Checkpoints | None) -> str:
        seen.append((count, checkpoints.prefix, torch.equal(student.weight, first)))
        optimiser = torch.optim.SGD(student.parameters(), lr=1)
        checkpoints.save(Checkpoint(20, student.state_dict(), optimiser.state_dict(), [], []))
        nn.init.zeros_(student.weight)
        if count < 4:
            raise MemoryError
        return "trained"

    assert with_micro_batches(train, student, 64, tmp_path, "student") == ("trained", 4)
    assert seen == [(1, "student", True), (2, "student.2", True), (4, "student.4", True)]
    names = [path.name for path in sorted(tmp_path.glob("*.ckpt"))]
    assert names == ["student-000000020.ckpt", "student.2-000000020.ckpt", "student.4-000000020.ckpt"]
    assert Checkpoints(tmp_path, "student").newest().step == 20


def test_prefetching_is_given_up_before_the_batch_is_split(tmp_path):
    """It does not change results, so the same checkpoints are used and nothing is recorded."""
    seen: list[tuple[int, bool, str]] = []

    def train(count: int, prefetch: bool, checkpoints: Checkpoints | None) -> str:
        seen.append((count, prefetch, checkpoints.prefix))
        if len(seen) < 3:
            raise MemoryError
        return "trained"

    assert with_micro_batches(train, nn.Linear(3, 2), 64, tmp_path, "student", prefetch=True) == ("trained", 2)
    assert seen == [(1, True, "student"), (1, False, "student"), (2, False, "student.2")]


def test_other_errors_are_raised(tmp_path):
    def train(count: int, prefetch: bool, checkpoints: Checkpoints | None) -> None:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        with_micro_batches(train, nn.Linear(3, 2), 64, tmp_path, "student")
