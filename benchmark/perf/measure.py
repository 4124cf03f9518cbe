"""Measurements of each modality and profile: segments, steps, evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch

from benchmark.config.compose import compose_target
from benchmark.config.schema import Config
from benchmark.data.locate import ensure, locate
from benchmark.evaluation.predict import evaluation_batches, predict
from benchmark.perf.steps import measure_step
from benchmark.perf.timing import alternate
from benchmark.planning.auto import resolve_auto
from benchmark.running.networks import make_network
from benchmark.system import memory
from benchmark.training.callbacks import IgnoreProgress
from benchmark.training.precision import full_float32
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
                resolve_auto(config, device.type, modality.name)
                if number == 0:
                    found["segments"] += _segments(modality, profile, config, device, say)
                brief = profile == "paper" and device.type == "cpu"  # a full batch takes minutes on a CPU
                if brief:
                    config.recipe.batch = min(config.recipe.batch, PAPER_BATCH_ON_CPU)
                say(f"{target}, {profile}: a step")
                found["steps"].append(measure_step(modality, target, config, device))
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
        ways |= {other.name: other.make for other in others if other.make}
        memory.reset_peak(device)
        seconds = alternate(ways, device)
        ours = batch / seconds["ours"]
        beside = {o.name: o.segments / seconds[o.name] if o.make else None for o in others}  # None: not installed
        yield {
            "modality": modality.name, "profile": profile, "policy": policy_name, "source": source.ref.name,
            "shape": list(view.shape), "batch": batch, "per_second": ours,
            "others": [{"name": n, "per_second": rate, "ratio": rate and ours / rate} for n, rate in beside.items()],
            "peak_memory_bytes": memory.peak(device),
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
