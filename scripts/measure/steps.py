"""What folding, bfloat16 and compilation make of a step of distillation, all in one alternated run.

    python scripts/measure/steps.py [--targets cifar10,fsdd,ucf101] [--profile small] [--resume] [KEY=VALUE …]

A step is the teacher's forward pass, the student's forward and backward pass and its update, on one batch of segments
that is in memory already; the networks have random weights. `plain` is the teacher as it was trained, in float32.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmark.config.compose import compose_target
from benchmark.distillation.distill import DistillationStep
from benchmark.perf.timing import alternate
from benchmark.planning.auto import resolve_auto
from benchmark.running.networks import make_network
from benchmark.training.loop import update
from benchmark.training.precision import full_float32
from benchmark.training.schedule import make_optimiser
from harness import Parts, measure, parse_options, table
from modalities import registry

CPU = torch.device("cpu")
ROUNDS = 7
WAYS = {  # name -> precision, whether the teacher is folded, compilation
    "plain": ("float32", False, "none"),
    "folded": ("float32", True, "none"),
    "folded, compiled": ("float32", True, "default"),
    "bfloat16, folded": ("bfloat16", True, "none"),
    "bfloat16, folded, compiled": ("bfloat16", True, "default"),
}


class NotTraceable(nn.Module):
    """Keeps a network from being folded, without changing what it computes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        network.register_forward_pre_hook(lambda module, inputs: None)

    def forward(self, inputs: torch.Tensor) -> Any:
        return self.network(inputs)


@full_float32()
def measure_target(target: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Time a step in every way in turns; return a row per way."""
    torch.set_num_threads(1)
    config = compose_target(target, given.settings, profile=given.profile, suite="all")
    resolve_auto(config, "cpu", registry.target(target).info.modality)
    adapter = registry.target(target)
    modality, view, classes = registry.modality(adapter.info.modality), config.view, len(adapter.info.classes)
    source = modality.load_source(str(getattr(config.source, modality.name)), view, CPU)
    steps: dict[str, Callable[[int], object]] = {}
    compiling = {}
    for way, (precision, folds, compilation) in WAYS.items():
        recipe = replace(config.recipe, precision=precision, compile=compilation)
        stream = modality.stream(source, view, config.policy, batch_size=recipe.batch, seed=0, device=CPU)
        teacher = make_network(modality, config.teacher.network, view, classes, "teacher", 0, CPU)
        student = make_network(modality, config.student.network, view, classes, "student", 0, CPU).train()
        step = DistillationStep(
            stream, teacher if folds else NotTraceable(teacher), student, recipe, seed=0, device=CPU
        )
        optimiser = make_optimiser(student, recipe)
        inputs, _ = next(step.teacher_outputs(0))

        def take(_: int, step: DistillationStep = step, student: nn.Module = student, inputs: torch.Tensor = inputs,
                 optimiser: torch.optim.Optimizer = optimiser) -> None:  # fmt: skip
            torch.autograd.backward(step.student_loss(inputs, step.targets(inputs)))
            update(student, optimiser, config.recipe)

        began = time.process_time()
        take(0)
        compiling[way] = time.process_time() - began
        steps[way] = take
    seconds = alternate(steps, CPU, ROUNDS)
    return [
        {"target": target, "networks": f"{config.teacher.network} → {config.student.network}",
         "batch": config.recipe.batch, "way": way, "seconds": seconds[way],
         "ratio": seconds["plain"] / seconds[way], "first": compiling[way]}
        for way in WAYS
    ]  # fmt: skip


def body(found: Parts) -> list[str]:
    rows = [{**r, "ms": 1000 * r["seconds"]} for part in found.values() for r in part]
    columns = {"target": "{target}", "networks": "{networks}", "batch": "{batch}", "way": "{way}",
               "step, ms": "{ms:.1f}", "plain / this": "{ratio:.2f}", "first step, s": "{first:.1f}"}  # fmt: skip
    return [
        f"Processor time on one thread, medians of {ROUNDS} alternated rounds. The first step compiles.", "",
        *table(rows, columns),
    ]  # fmt: skip


def main() -> None:
    parser = parse_options(__doc__)
    parser.add_argument("--targets", default="cifar10,fsdd,ucf101")
    parser.add_argument("--profile", default="small")
    parser.add_argument("settings", nargs="*", help="settings, such as recipe.batch=64")
    given = parser.parse_args()
    parts = {target: partial(measure_target, target, given) for target in given.targets.split(",")}
    measure(given, "A step of distillation: folded, in bfloat16, compiled", parts, body)


if __name__ == "__main__":
    main()
