"""The loop: it learns, resumes bit for bit, stops on request, notices divergence, and can see no dataset."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

import benchmark.distillation
from benchmark.config.schema import Recipe
from benchmark.distillation.distill import DistillationStep, distill
from benchmark.distillation.loss import distillation_loss
from benchmark.distillation.mixing import mix
from benchmark.system.ranks import Ranks
from benchmark.training.callbacks import Interrupted
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.loop import Diverged, optimise
from doubles import CPU, NoiseStream, StopAfter, as_read, same_weights, small_network
from modalities.base import Draws, SegmentStream
from modalities.plugins.contracts import Setup


def recipe(**changes) -> Recipe:
    base = {"name": "test", "steps": 120, "batch": 16, "lr": 1e-2, "warmup": 0.3, "temperature": 2.0}
    return Recipe(**{name: as_read(value) for name, value in {**base, **changes}.items()})


def test_a_student_comes_to_agree_with_its_teacher_on_segments_it_never_saw():
    teacher, student = small_network(1), small_network(2)
    fresh = NoiseStream(seed=99).batch(0)
    teacher.eval()

    def agreement() -> float:
        return (student.eval()(fresh).argmax(1) == teacher(fresh).argmax(1)).float().mean().item()

    before = agreement()
    curve, _ = distill(NoiseStream(), teacher, student, recipe(steps=800, mixing="none"), seed=0, device=CPU)
    assert curve.rows[-1][2] < curve.rows[0][2] / 4
    assert agreement() >= max(0.8, before + 0.2)


@pytest.mark.parametrize("optimiser", ["adamw", "adam", "sgd"])
def test_an_interrupted_run_ends_with_the_very_weights_of_an_uninterrupted_one(tmp_path, optimiser):
    made = recipe(optimiser=optimiser)
    whole, parts = small_network(3, dropout=0.3), small_network(3, dropout=0.3)
    straight = distill(NoiseStream(), small_network(1), whole, made, seed=5, device=CPU)
    for stop_after in (20, 60, 10**9):
        checkpoints = Checkpoints(tmp_path, "student")
        try:
            resumed = distill(
                NoiseStream(), small_network(1), parts, made, seed=5, device=CPU,
                checkpoints=checkpoints, callback=StopAfter(stop_after),
            )  # fmt: skip
        except Interrupted:
            parts = small_network(77, dropout=0.3)  # a new process would begin with other weights
    assert same_weights(whole, parts)
    assert resumed == straight


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CHECKPOINT_SECONDS", "0")
    made, checkpoints = recipe(), Checkpoints(tmp_path, "student")
    whole = small_network(3)
    distill(NoiseStream(), small_network(1), whole, made, seed=5, device=CPU, checkpoints=checkpoints)
    older, newest = sorted(tmp_path.glob("*.ckpt"))
    newest.write_bytes(newest.read_bytes()[:-7])
    assert checkpoints.newest().step == int(older.stem.split("-")[1])
    parts = small_network(4)
    distill(NoiseStream(), small_network(1), parts, made, seed=5, device=CPU, checkpoints=checkpoints)
    assert same_weights(whole, parts)


def test_a_checkpoint_that_is_a_pickle_with_code_is_not_run(tmp_path):
    import pickle

    class Bomb:
        def __reduce__(self):
            return (Path(tmp_path / "exploded").touch, ())

    (tmp_path / "student-000000020.ckpt").write_bytes(pickle.dumps(Bomb()))
    assert Checkpoints(tmp_path, "student").newest() is None
    assert not (tmp_path / "exploded").exists()


def test_the_global_generator_is_neither_read_nor_set():
    states = []
    students = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        students.append(small_network(3, dropout=0.5))
        distill(NoiseStream(), small_network(1), students[-1], recipe(), seed=0, device=CPU)
        states.append(torch.equal(before, torch.get_rng_state()))
    assert states == [True, True]
    assert same_weights(*students)


def test_a_loss_that_is_not_finite_ends_the_run_with_its_step():
    student = small_network(2)

    def loss_at(step: int) -> Iterator[torch.Tensor]:
        yield student(NoiseStream().batch(step)).square().mean() * (float("nan") if step == 27 else 1.0)

    with pytest.raises(Diverged) as caught:
        optimise(student, loss_at, recipe(), seed=0, device=CPU)
    assert caught.value.step == 27


def test_the_teacher_keeps_its_weights_its_statistics_and_its_eval_mode():
    teacher, untouched = small_network(1), small_network(1)
    distill(NoiseStream(), teacher, small_network(2), recipe(steps=20), seed=0, device=CPU)
    assert same_weights(teacher, untouched)
    assert not teacher.training
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_teacher_and_student_see_the_same_mixed_tensor():
    seen: dict[str, list[torch.Tensor]] = {"teacher": [], "student": []}

    class Spy(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name, self.inner = name, small_network(1)

        def forward(self, x):
            seen[self.name].append(x)
            return self.inner(x)

    distill(NoiseStream(), Spy("teacher"), Spy("student"), recipe(steps=3), seed=0, device=CPU)
    for step, (t, s) in enumerate(zip(seen["teacher"], seen["student"], strict=True)):
        assert t is s
        assert not torch.equal(t, NoiseStream().batch(step))


def test_gradient_clipping_bounds_the_step_of_plain_descent():
    def moved(clip: float) -> float:
        student = small_network(2)
        before = torch.cat([p.detach().flatten().clone() for p in student.parameters()])

        def loss_at(step: int) -> Iterator[torch.Tensor]:
            yield 1e4 * student(NoiseStream().batch(step)).square().mean()

        made = recipe(steps=1, optimiser="sgd", schedule="constant", warmup=0.0, lr=1.0, clip=clip)
        optimise(student, loss_at, made, seed=0, device=CPU)
        return (torch.cat([p.detach().flatten() for p in student.parameters()]) - before).norm().item()

    assert moved(0.5) <= 0.5 * 1.9 + 1e-4  # the first Nesterov step is (1 + momentum) times the gradient
    assert moved(0.0) > 10


def test_a_stream_of_another_batch_size_is_refused():
    with pytest.raises(ValueError, match="batches of 16"):
        distill(NoiseStream(), small_network(1), small_network(2), recipe(batch=8), seed=0, device=CPU)


def test_a_large_batch_is_compared_by_its_number(monkeypatch):
    monkeypatch.setattr(NoiseStream, "batch_size", int("300"))
    DistillationStep(NoiseStream(), small_network(1), small_network(2), recipe(batch=300), seed=0, device=CPU)


def test_unless_told_otherwise_a_batch_goes_through_the_networks_whole_and_nothing_is_prefetched(monkeypatch):
    monkeypatch.setattr("benchmark.distillation.distill.Prefetcher", None)
    assert len(list(step_of(recipe()).loss(0))) == 1
    assert (
        len(distill(NoiseStream(), small_network(1), small_network(2), recipe(steps=1), seed=0, device=CPU).curve.rows)
        == 1
    )


def test_the_core_is_given_a_stream_and_no_dataset():
    kinds = inspect.get_annotations(distill, eval_str=True)
    assert set(kinds) == {
        "stream", "teacher", "student", "recipe", "seed", "device", "micro_batches", "prefetch", "checkpoints",
        "callback", "ranks", "loss", "method", "return",
    }  # fmt: skip
    assert kinds["stream"] is SegmentStream
    assert set(inspect.get_annotations(Setup)) == {
        "segments", "teacher", "student", "classes", "steps", "seed", "device",
    }  # fmt: skip
    assert not {"__getitem__", "labels", "item_ids"} & set(dir(SegmentStream))


def test_no_file_of_the_core_can_name_a_dataset():
    package = Path(benchmark.__file__).parent
    files = [*package.glob("distillation/**/*.py"), *package.glob("training/*.py")]
    assert len(files) > 13
    allowed = {"COSTS", "Draws", "rank_slice", "SegmentStream", "to_device", "BadInput", "Loss", "Method", "Setup"}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            core = "distillation" in path.parts
            if core and isinstance(node, ast.ImportFrom) and (node.module or "").startswith("modalities"):
                assert {alias.name for alias in node.names} <= allowed, path.name
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for forbidden in ("benchmark.data", "benchmark.running", "benchmark.evaluation", "modalities.datasets",
                              "modalities.registry", "torch.utils.data"):  # fmt: skip
                assert not any(f"{name}.".startswith(f"{forbidden}.") for name in names), (path.name, names)


# --- values of the recipe and seeds


def step_of(made: Recipe, seed: int = 0, **more) -> DistillationStep:
    return DistillationStep(NoiseStream(), small_network(1), small_network(2), made, seed=seed, device=CPU, **more)


def test_another_seed_mixes_otherwise_and_every_step_too():
    made = recipe()
    one = step_of(made, seed=1)
    assert torch.equal(one.segments(0), step_of(made, seed=1).segments(0))
    for other in (step_of(made, seed=2).segments(0), step_of(made, seed=0).segments(0)):
        assert not torch.equal(one.segments(0), other)
    where = [one.segments(step) != NoiseStream().batch(step) for step in (0, 1)]
    assert not torch.equal(*where)


@pytest.mark.parametrize("changes", [
    {"mixing": "mixup"}, {"mixing_alpha": 0.2}, {"mixing_per": "batch"}, {"mixing": "none"},
])  # fmt: skip
def test_mixing_is_the_recipes(changes):
    made = recipe(**changes)
    expected = mix(
        NoiseStream().batch(3), made.mixing, made.mixing_alpha, made.mixing_per, Draws(7, "mixing/"), 3
    )  # fmt: skip
    assert torch.equal(step_of(made, seed=7).segments(3), expected)
    assert not torch.equal(step_of(recipe(), seed=7).segments(3), expected)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 8.0])
@pytest.mark.parametrize("micro_batches", [1, 3])
def test_the_loss_is_that_of_the_recipes_temperature_whatever_the_micro_batches(temperature, micro_batches):
    made, student = recipe(temperature=temperature), small_network(2).eval()
    step = DistillationStep(
        NoiseStream(), small_network(1), student, made, seed=0, device=CPU, micro_batches=micro_batches
    )  # fmt: skip
    inputs, teacher = step.segments(5), small_network(1).eval()
    parts = list(step.loss(5))
    assert len(parts) == micro_batches
    expected = distillation_loss(student(inputs), teacher(inputs), temperature)
    assert sum(parts).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize(("rank", "expected"), [(0, 3), (1, 3 + 2**16), (2, 3 + 2**17)])
def test_dropout_differs_between_ranks_and_follows_the_seed(monkeypatch, rank, expected):
    seen = {}
    monkeypatch.setattr("benchmark.distillation.distill.optimise", lambda *given, **named: seen.update(named))
    ranks = Ranks()
    ranks.rank, ranks.world_size = rank, 3
    distill(NoiseStream(), small_network(1), small_network(2), recipe(), seed=3, device=CPU, ranks=ranks)
    assert seen["seed"] == expected
