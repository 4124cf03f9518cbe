"""Measurements of each modality and profile: segments, the cost of a step beyond its networks, evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch

from benchmark.config.compose import compose_target
from benchmark.config.schema import Config
from benchmark.data.locate import ensure, locate
from benchmark.distillation.distill import DistillationStep
from benchmark.distillation.prefetch import can_prefetch
from benchmark.evaluation.predict import evaluation_batches, predict
from benchmark.perf.timing import ROUNDS, alternate, clock
from benchmark.planning.plan import resolve_auto
from benchmark.running.networks import Role, make_network
from benchmark.system import memory
from benchmark.training.callbacks import IgnoreProgress
from benchmark.training.loop import take_step, update
from benchmark.training.precision import full_float32
from benchmark.training.schedule import make_optimiser
from modalities import registry
from modalities.base import Modality
from modalities.storage.paths import data_root

PROFILES = ("demo", "small", "paper")
# Targets whose sizes, networks and recipe represent a modality. Segments are timed for the first one only.
TARGETS: dict[str, dict[str, tuple[str, ...]]] = {
    "image": {"demo": ("cifar10", "digits"), "small": ("cifar10", "digits"), "paper": ("imagenet", "cifar10")},
    "audio": {
        "demo": ("speechcommands",), "small": ("speechcommands", "fsdd"), "paper": ("speechcommands",),
    },
    "video": {"demo": ("ucf101",), "small": ("ucf101",), "paper": ("ucf101",)},
}  # fmt: skip
STEPS = 5  # per timed call
LONG_STEP = 2.0  # seconds; a longer step is timed alone, and in fewer rounds
LARGEST_ON_CPU = 20_000_000  # values in one timed batch of segments, so that a round takes seconds at most
PAPER_BATCH_ON_CPU = 8
COMPARED = ("published", "standard")  # policies timed beside other libraries, as is the profile's own

Row = dict[str, Any]
Say = Callable[[str], None]


@full_float32()  # as in training, whose steps are timed here without its loop
def measure(
    modalities: Sequence[str], overrides: Sequence[str], device: torch.device, say: Say
) -> dict[str, list[Row]]:
    """Measure everything and return rows by kind; ``say`` is called with a line before each measurement."""
    found: dict[str, list[Row]] = {"segments": [], "steps": [], "evaluation": []}
    for modality in map(registry.modality, modalities):
        for profile in PROFILES:
            for number, target in enumerate(TARGETS[modality.name][profile]):
                config = compose_target(target, overrides, profile=profile, suite="all")
                resolve_auto(config, device.type)
                if number == 0:
                    found["segments"] += _segments(modality, profile, config, device, say)
                brief = profile == "paper" and device.type == "cpu"  # a full batch takes minutes on a CPU
                if brief:
                    config.recipe.batch = min(config.recipe.batch, PAPER_BATCH_ON_CPU)
                say(f"{target}, {profile}: a step")
                found["steps"].append(_step(modality, target, config, device))
                if not brief:
                    say(f"{target}, {profile}: evaluation")
                    found["evaluation"].append(_evaluation(modality, target, config, device))
    return found


def _segments(modality: Modality, profile: str, config: Config, device: torch.device, say: Say) -> Iterator[Row]:
    """Time the segments of every policy, beside other libraries for the policies that are compared."""
    view, name = config.view, str(getattr(config.source, modality.name))
    source = modality.load_source(name, view, device)
    values = torch.Size(view.shape).numel()
    batch = config.recipe.batch
    if device.type == "cpu":
        batch = max(2, min(batch, LARGEST_ON_CPU // values))
    for policy_name, policy in modality.policies().items():
        say(f"{modality.name}, {profile}: segments of the policy {policy_name}")
        stream = modality.stream(source, view, policy, batch_size=batch, seed=0, device=device)
        compared = policy_name in (*COMPARED, config.policy.name)
        others = list(modality.references(name, view, policy, device)) if compared else []
        ways: dict[str, Callable[[int], object]] = {"ours": stream.batch}
        ways |= {other.name: other.make for other in others}
        memory.reset_peak(device)
        seconds = alternate(ways, device)
        ours = batch / seconds["ours"]
        beside = {other.name: other.segments / seconds[other.name] for other in others}
        yield {
            "modality": modality.name, "profile": profile, "policy": policy_name, "source": source.ref.name,
            "shape": list(view.shape), "batch": batch, "per_second": ours,
            "others": [{"name": n, "per_second": rate, "ratio": ours / rate} for n, rate in beside.items()],
            "peak_memory_bytes": memory.peak(device),
        }  # fmt: skip


def _step(modality: Modality, target: str, config: Config, device: torch.device) -> Row:
    """A whole step, and the same step by bare networks on one batch that is in memory already."""
    view, recipe = config.view, config.recipe
    classes = len(registry.target(target).info.classes)
    source = modality.load_source(str(getattr(config.source, modality.name)), view, device)
    stream = modality.stream(source, view, config.policy, batch_size=recipe.batch, seed=0, device=device)
    # Random weights do as well, and need no download.
    names = [role.network.removeprefix("torchvision:").partition(":")[0] for role in (config.teacher, config.student)]
    roles: tuple[Role, ...] = ("teacher", "student", "student")
    teacher, student, bare = (
        make_network(modality, name, view, classes, role, 0, device)
        for name, role in zip((*names, names[1]), roles, strict=True)
    )
    prefetch = can_prefetch(recipe, device)
    step = DistillationStep(stream, teacher, student.train(), recipe, seed=0, device=device, prefetch=prefetch)
    networks = DistillationStep(stream, teacher, bare.train(), recipe, seed=0, device=device)
    optimiser, bare_optimiser = make_optimiser(student, recipe), make_optimiser(bare, recipe)
    ((fixed, _),) = networks.teacher_outputs(0)

    def whole(number: int) -> None:
        for index in range(steps * number, steps * (number + 1)):
            take_step(student, optimiser, step.loss, recipe, index, 0)

    def networks_alone(number: int) -> None:
        for _ in range(steps):
            torch.autograd.backward(networks.student_loss(fixed, networks.targets(fixed)))
            update(bare, bare_optimiser, recipe)

    memory.reset_peak(device)
    steps = 1
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        networks_alone(0)  # whatever is set up at first
        began = clock(device)
        networks_alone(0)
        quick = clock(device) - began < LONG_STEP
        steps, rounds = (STEPS, ROUNDS) if quick else (1, 3)
        seconds = alternate({"whole": whole, "networks": networks_alone}, device, rounds)
    return {
        "modality": modality.name, "profile": config.profile.name, "target": target, "policy": config.policy.name,
        "teacher": names[0], "student": names[1], "batch": recipe.batch, "precision": recipe.precision,
        "mixing": recipe.mixing, "step_seconds": seconds["whole"] / steps,
        "networks_seconds": seconds["networks"] / steps, "overhead": seconds["whole"] / seconds["networks"] - 1,
        "segments_per_second": recipe.batch * steps / seconds["whole"], "peak_memory_bytes": memory.peak(device),
    }  # fmt: skip


def _evaluation(modality: Modality, target: str, config: Config, device: torch.device) -> Row:
    """Test items per second through a student, once they are decoded, on the stand-in."""
    adapter = registry.target(target)
    place = locate(adapter, "stand-in", data_root(None))
    ensure(place, adapter)
    data = adapter.test(place.root, config.view)
    network = make_network(
        modality, config.student.network, config.view, len(adapter.info.classes), "student", 0, device
    )
    batches = evaluation_batches(data, device=device)

    prepare = partial(modality.prepare, view=config.view)
    memory.reset_peak(device)
    seconds = alternate({"evaluate": lambda _: predict(network, batches, prepare, device, IgnoreProgress())}, device)
    return {
        "modality": modality.name, "profile": config.profile.name, "target": target,
        "network": config.student.network,
        "items": len(data), "items_per_second": len(data) / seconds["evaluate"],
        "peak_memory_bytes": memory.peak(device),
    }  # fmt: skip
