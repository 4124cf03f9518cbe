"""Settings that make a step faster: each gives the numbers it promises, and none changes a cell's id by accident."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from benchmark.config.schema import Recipe
from benchmark.distillation.distill import distill
from benchmark.distillation.mixing import mix
from benchmark.distillation.prefetch import Prefetcher
from benchmark.planning.auto import MIN_STEPS_ON_GPU
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from benchmark.training.callbacks import Interrupted
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.loop import _seed
from benchmark.training.precision import compile_if_requested
from doubles import CPU, NoiseStream, StopAfter, seeded
from modalities import registry
from modalities.base import Draws

HAS_COMPILER = any(map(shutil.which, ("g++", "clang++")))
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


def network(seed: int) -> nn.Module:
    image = registry.modality("image")
    return seeded(seed, lambda: image.network("resnet-s-8", image.view_type(size=16), 5))


def learned(device: torch.device = CPU, folder: Path | None = None, callback=None, **changes) -> tuple[nn.Module, list]:
    """A student after 40 steps, and its losses. Slow learning, so that last bits do not grow to everything."""
    base = {"name": "test", "steps": 40, "batch": 16, "lr": 1e-3, "temperature": 2.0, "precision": "float32"}
    student, checkpoints = network(2).to(device), None if folder is None else Checkpoints(folder, "student")
    curve, _ = distill(
        NoiseStream((3, 16, 16), device=device), network(1).to(device), student, Recipe(**base | changes), seed=0,
        device=device, checkpoints=checkpoints, callback=callback,
    )  # fmt: skip
    return student, [loss for _, _, loss in curve.rows]


def apart(one: nn.Module, other: nn.Module) -> float:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return max((a.double() - b.double()).abs().max().item() for a, b in pairs)


# --- the same student with and without -------------------------------------------------------------------------


def test_the_memory_format_changes_last_bits_only():
    (one, losses), (other, others) = learned(channels_last=True), learned(channels_last=False)
    weight = next(one.parameters())
    assert weight.is_contiguous(memory_format=torch.channels_last), "the setting does something"
    assert not weight.is_contiguous()
    assert losses == pytest.approx(others, rel=1e-4)
    assert apart(one, other) < 1e-3
    assert apart(one, network(2)) > 1e-2, "a student that learns nothing would prove nothing"


@pytest.mark.slow
@pytest.mark.skipif(not HAS_COMPILER, reason="torch.compile needs a C++ compiler, and there is none")
def test_a_compiled_student_is_the_plain_one_up_to_rounding_and_continues_from_plain_names(tmp_path):
    plain, losses = learned(compile="none")
    whole, others = learned(compile="default")
    assert losses == pytest.approx(others, rel=1e-4)
    assert 0 < apart(plain, whole) < 1e-3, "compiled code rounds differently"
    assert list(whole.state_dict()) == list(plain.state_dict())
    with pytest.raises(Interrupted):
        learned(compile="default", folder=tmp_path, callback=StopAfter(20))
    assert list(Checkpoints(tmp_path, "student").newest().network) == list(plain.state_dict())
    continued, _ = learned(compile="default", folder=tmp_path)
    assert apart(whole, continued) == 0
    finished_plainly, _ = learned(compile="none", folder=tmp_path)
    assert apart(whole, finished_plainly) < 1e-3


def test_prefetching_has_no_effect_on_a_cpu():
    (one, losses), (other, others) = learned(ahead=True), learned(ahead=False)
    assert apart(one, other) == 0
    assert losses == others


@needs_gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_prefetching_changes_no_result_on_a_gpu(precision):
    gpu = torch.device("cuda:0")
    (one, losses), (other, others) = (learned(gpu, ahead=ahead, precision=precision) for ahead in (True, False))
    assert losses == pytest.approx(others, rel=1e-2 if precision == "bfloat16" else 1e-4)
    assert apart(one, other) < 1e-2


@needs_gpu
@pytest.mark.slow
def test_compilation_changes_last_bits_only_on_a_gpu():
    gpu = torch.device("cuda:0")
    (one, losses), (other, others) = learned(gpu, compile="default"), learned(gpu, compile="none")
    assert losses == pytest.approx(others, rel=1e-2)
    assert apart(one, other) < 1e-2


# --- the order of prefetching, without a GPU -------------------------------------------------------------------


@pytest.fixture
def streams(monkeypatch):
    """Replaces CUDA streams and records the calls."""
    calls: list[str] = []

    class Stream:
        def __init__(self, name="side"):
            self.name = name

        def wait_stream(self, other):
            calls.append(f"{self.name} waits for {other.name}")

        def wait_event(self, event):
            calls.append(f"{self.name} waits for {event}")

        def record_event(self):
            return f"event {len(calls)}"

        def __enter__(self):
            calls.append(f"on {self.name}")

        def __exit__(self, *_):
            calls.append(f"off {self.name}")

    main = Stream("main")
    fake = SimpleNamespace(Stream=lambda device: Stream(), current_stream=lambda device: main, stream=lambda s: s)
    monkeypatch.setattr(torch, "cuda", fake)
    return calls


def test_the_next_outputs_are_begun_on_the_side_stream_before_these_are_used_and_the_student_waits_for_its_own(streams):
    class Part:
        def __init__(self, name: str) -> None:
            self.name = name

        def record_stream(self, stream):
            streams.append(f"{self.name} in use by {stream.name}")

    def outputs_at(step: int):
        streams.append(f"make {step}")
        yield Part(f"inputs {step}"), Part(f"targets {step}")

    prefetcher = Prefetcher(outputs_at, 9, torch.device("cuda:0"))
    assert streams == ["side waits for main"], "copies of the datum and the teacher may still be in progress"
    shown = [next(iter(prefetcher(step)))[0].name for step in (6, 7, 8)]  # as after a resume
    assert shown == ["inputs 6", "inputs 7", "inputs 8"]
    made = [line for line in streams if line.startswith("make")]
    assert made == ["make 6", "make 7", "make 8"], "each once, and none beyond the last step"
    second = streams[streams.index("make 7") + 2 :]
    assert second[0].startswith("main waits for event"), "before it reads what the side stream wrote"
    assert second[1:4] == ["inputs 7 in use by main", "targets 7 in use by main", "on side"]


# --- what else a step does -------------------------------------------------------------------------------------


def test_a_step_draws_from_torchs_generator_what_manual_seed_would_give():
    with torch.random.fork_rng():
        torch.manual_seed((3 << 32) + 7)
        targets = torch.rand(5)
        _seed((3 << 32) + 7, CPU)
        assert torch.equal(torch.rand(5), targets)


# --- defaults and names ----------------------------------------------------------------------------------------


def planned(*overrides: str, **given):
    (cell,) = make_plan(Request(targets=("digits",), overrides=overrides, root=Path("nowhere"), **given))
    return cell


def test_networks_are_compiled_by_default_on_gpus_in_long_runs_only(monkeypatch):
    monkeypatch.setattr("benchmark.planning.auto.which", lambda name: "/usr/bin/cc")
    long = f"recipe.steps={MIN_STEPS_ON_GPU}"
    assert planned(long, device="cuda").config.recipe.compile == "default"
    assert planned(long, device="cuda").config.teacher.training.compile == "none", "a teacher of some hundred steps"
    assert planned(long, device="cpu").config.recipe.compile == "none"
    for profile in ("smoke", "demo"):
        assert planned(device="cuda", profile=profile).config.recipe.compile == "none"
    monkeypatch.setattr("benchmark.planning.auto.which", lambda name: None)
    assert planned(long, device="cuda").config.recipe.compile == "none", "nothing could compile"


def test_what_changes_numbers_changes_the_id_and_what_does_not_leaves_it():
    plain = planned()
    assert planned("recipe.ahead=false").id == plain.id
    assert planned("recipe.compile=none", "teacher.training.compile=none").id == plain.id
    assert "compile" not in plain.identity["recipe"], "ids from before there was such a setting remain valid"
    assert planned("recipe.compile=default").id != plain.id
    assert planned("recipe.compile=default").teacher_key == plain.teacher_key
    assert planned("teacher.training.compile=default").teacher_key != plain.teacher_key


def test_a_network_that_is_not_compiled_is_called_as_it_is():
    made = nn.Linear(2, 2)
    for mode in ("none", "auto"):
        assert compile_if_requested(made, Recipe(name="test", steps=1, batch=2, lr=1.0, compile=mode)) is made


def test_mixing_leaves_the_segments_alone_and_its_values_exact():
    segments = torch.randn(8, 3, 9, 7) * 1e3
    before = segments.clone()
    mixed = mix(segments, "cutmix", 1.0, "sample", Draws(1), 2)
    assert torch.equal(segments, before)
    assert torch.all((mixed == segments) | (mixed == segments.flip(0)))
