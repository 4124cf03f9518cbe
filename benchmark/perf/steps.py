"""A step of distillation: what it costs beyond its networks, what it consists of, and how well it uses the device."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from benchmark.config.schema import Config
from benchmark.distillation.distill import DistillationStep
from benchmark.distillation.prefetch import can_prefetch
from benchmark.perf.timing import ROUNDS, alternate, clock
from benchmark.running.flops import count_flops
from benchmark.running.networks import Role, make_network
from benchmark.system import memory
from benchmark.training.loop import take_step, update
from benchmark.training.schedule import make_optimiser
from modalities import registry
from modalities.base import Modality

STEPS = 5  # per timed call
LONG_STEP = 2.0  # seconds; a longer step is timed alone, and in fewer rounds
MATRIX_SIDE = {"cpu": 1024, "cuda": 8192}  # of the square matrices whose product shows what the device can do
PARTS = ("segments", "mixing", "teacher forward", "student forward", "backward", "update")

Row = dict[str, Any]


class _Steps:
    """The networks, segments and optimisers of a target's step, and functions that take ``per_call`` steps a call."""

    def __init__(self, modality: Modality, target: str, config: Config, device: torch.device) -> None:
        view, self.recipe, self.device, self.per_call = config.view, config.recipe, device, 1
        batch, classes = self.recipe.batch, len(registry.target(target).info.classes)
        source = modality.load_source(str(getattr(config.source, modality.name)), view, device)
        self.stream = modality.stream(source, view, config.policy, batch_size=batch, seed=0, device=device)
        # Random weights do as well, and need no download.
        names = [one.network.removeprefix("torchvision:").partition(":")[0] for one in (config.teacher, config.student)]
        self.teacher_name, self.student_name = names
        roles: tuple[Role, ...] = ("teacher", "student", "student")
        teacher, self.student, self.bare = (
            make_network(modality, name, view, classes, role, 0, device)
            for name, role in zip((*names, names[1]), roles, strict=True)
        )
        self.teacher_flops = batch * count_flops(teacher, view.shape).forward
        self.student_flops = batch * count_flops(self.student, view.shape).training
        prefetch = can_prefetch(self.recipe, device)
        self.step, self.networks = (
            DistillationStep(self.stream, teacher, student.train(), self.recipe, seed=0, device=device, prefetch=ahead)
            for student, ahead in ((self.student, prefetch), (self.bare, False))
        )
        self.optimiser, self.bare_optimiser = (make_optimiser(one, self.recipe) for one in (self.student, self.bare))
        ((self.inputs, _),) = self.networks.teacher_outputs(0)
        side = MATRIX_SIDE[device.type]
        self.matrices = torch.rand(2, side, side, device=device)
        self.taken: list[list[float]] = []  # of each step of ``parts``, the seconds from mark to mark

    def _indices(self, number: int) -> range:
        return range(self.per_call * number, self.per_call * (number + 1))

    def whole(self, number: int) -> None:
        for index in self._indices(number):
            take_step(self.student, self.optimiser, self.step.loss, self.recipe, index, 0)

    def networks_alone(self, number: int) -> None:
        for _ in self._indices(number):
            torch.autograd.backward(self.networks.student_loss(self.inputs, self.networks.targets(self.inputs)))
            update(self.bare, self.bare_optimiser, self.recipe)

    def parts(self, number: int) -> None:
        for index in self._indices(number):
            marks = [clock(self.device)]
            self.stream.batch(index)
            marks.append(clock(self.device))
            self.networks.segments(index)
            marks.append(clock(self.device))
            targets = self.networks.targets(self.inputs)
            marks.append(clock(self.device))
            loss = self.networks.student_loss(self.inputs, targets)
            marks.append(clock(self.device))
            torch.autograd.backward(loss)
            marks.append(clock(self.device))
            update(self.bare, self.bare_optimiser, self.recipe)
            marks.append(clock(self.device))
            if number:  # the first call does not count
                self.taken.append([after - before for before, after in pairwise(marks)])

    def matrix_product(self, number: int) -> Tensor:
        return self.matrices[0] @ self.matrices[1]


def measure_step(modality: Modality, target: str, config: Config, device: torch.device) -> Row:
    """Time a whole step, its parts, the networks alone on one batch in memory, and a matrix product, in turns."""
    steps = _Steps(modality, target, config, device)
    memory.reset_peak(device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        steps.networks_alone(0)  # whatever is set up at first
        began = clock(device)
        steps.networks_alone(0)
        quick = clock(device) - began < LONG_STEP
        steps.per_call, rounds = (STEPS, ROUNDS) if quick else (1, 3)
        ways = {"whole": steps.whole, "networks": steps.networks_alone, "parts": steps.parts}
        seconds = alternate({**ways, "matrix": steps.matrix_product}, device, rounds)
    peak = memory.peak(device)
    whole, networks = (seconds[name] / steps.per_call for name in ("whole", "networks"))
    rate = (steps.teacher_flops + steps.student_flops) / whole
    matrix_rate = 2 * MATRIX_SIDE[device.type] ** 3 / seconds["matrix"]
    recipe = config.recipe
    return {
        "modality": modality.name, "profile": config.profile.name, "target": target, "policy": config.policy.name,
        "teacher": steps.teacher_name, "student": steps.student_name, "batch": recipe.batch,
        "precision": recipe.precision, "mixing": recipe.mixing, "step_seconds": whole, "networks_seconds": networks,
        "overhead": whole / networks - 1, "segments_per_second": recipe.batch / whole, "peak_memory_bytes": peak,
        "parts": composition(steps.taken, whole),
        "teacher_flops": steps.teacher_flops, "student_flops": steps.student_flops,
        "flops_per_second": rate, "matrix_flops_per_second": matrix_rate, "utilisation": rate / matrix_rate,
    }  # fmt: skip


def composition(taken: Sequence[Sequence[float]], whole: float) -> dict[str, float]:
    """Return the seconds of each part of a step, the medians of many; they add up to the whole step.

    Args:
        taken: of each step, the seconds of segments, of the same mixed, and of the other ``PARTS`` in their order.
        whole: seconds of a step whose parts are not timed.

    ``other`` is what the whole takes beyond the parts: waiting, the memory layout of segments, the seeding of
    generators. It is negative if parts overlap, as on a GPU that prefetches.
    """
    each = [(segments, mixed - segments, *others) for segments, mixed, *others in taken]
    parts = dict(zip(PARTS, map(statistics.median, zip(*each, strict=True)), strict=True))
    return {**parts, "other": whole - sum(parts.values())}
