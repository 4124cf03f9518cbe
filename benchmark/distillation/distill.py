"""Distillation of a student from segments alone: given a stream, a teacher and a recipe, and no dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmark.config.schema import Recipe
from benchmark.distillation.frozen import fold_batch_norms
from benchmark.distillation.inputs import Inputs
from benchmark.distillation.loss import recipe_loss
from benchmark.distillation.mixing import mix
from benchmark.distillation.prefetch import Prefetcher, TeacherOutputs
from benchmark.system.ranks import SINGLE_PROCESS, Ranks
from benchmark.training.callbacks import ProgressCallback
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.loop import Curve, optimise
from benchmark.training.precision import apply_memory_format, autocast, compile_if_requested, in_memory_format
from modalities.base import Draws, SegmentStream
from modalities.plugins.contracts import Loss, Method

PROBES = 8  # segments on which the teacher's copy is compared with the teacher


class Distilled(NamedTuple):
    """What a distillation leaves beside the student's weights."""

    curve: Curve
    costs: dict[str, float]  # student_steps, teacher_forwards (of single inputs), and what a method adds


class DistillationStep:
    """What a step of distillation computes: mixed segments, the teacher's outputs, the student's loss.

    Both networks are put into the recipe's memory format in place, and compiled if the recipe says so; see ``distill``.
    The teacher's outputs are those of a copy that is made for inference (``fold_batch_norms``).
    """

    def __init__(
        self,
        stream: SegmentStream,
        teacher: nn.Module,
        student: nn.Module,
        recipe: Recipe,
        *,
        seed: int,
        device: torch.device,
        micro_batches: int = 1,
        prefetch: bool = False,
        ranks: Ranks = SINGLE_PROCESS,
        loss: Loss | None = None,
        method: Method | None = None,
    ) -> None:
        if stream.batch_size != recipe.batch:
            raise ValueError(f"the stream makes batches of {stream.batch_size}, but the recipe's are {recipe.batch}")
        self._recipe, self._device = recipe, device
        self._micro_batches, self._ranks, self._draws = micro_batches, ranks, Draws(seed, "mixing/")
        self._loss, teacher = loss, teacher.eval().requires_grad_(False)
        self.inputs = Inputs(stream, method, teacher, student, steps=recipe.steps, seed=seed, device=device)
        frozen = fold_batch_norms(teacher, stream.batch(0)[:PROBES])
        for network in (frozen, student):
            apply_memory_format(network, recipe)
        self._teacher = compile_if_requested(frozen, recipe)
        self._student = ranks.wrap(compile_if_requested(student, recipe))
        self._outputs_at: Callable[[int], TeacherOutputs] = self.teacher_outputs
        if prefetch:
            self._outputs_at = Prefetcher(self.teacher_outputs, recipe.steps, device)

    def segments(self, step: int) -> Tensor:
        """Return this rank's share of the mixed segments of a step: (batch / world size, *stream.shape)."""
        recipe, ranks = self._recipe, self._ranks
        return mix(
            self.inputs.batch(step), recipe.mixing, recipe.mixing_alpha, recipe.mixing_per, self._draws, step,
            partner=recipe.mixing_partner, rank=ranks.rank, world_size=ranks.world_size,
        )  # fmt: skip

    def teacher_outputs(self, step: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the inputs and the teacher's logits of a step, one micro-batch after another."""
        # Split only after mixing: a segment's partner is in another micro-batch.
        for part in self.segments(step).chunk(self._micro_batches):
            inputs = in_memory_format(part, self._recipe)
            yield inputs, self.targets(inputs)

    def targets(self, inputs: Tensor) -> Tensor:
        """Return the teacher's logits."""
        with torch.no_grad(), autocast(self._recipe, self._device):
            targets: Tensor = self._teacher(inputs)
        return targets

    def student_loss(self, inputs: Tensor, targets: Tensor, step: int = 0) -> Tensor:
        """Return the student's loss, the mean over ``inputs``: a plug-in's, or that of the recipe."""
        with autocast(self._recipe, self._device):
            logits = self._student(inputs)
        if self._loss is None:
            return recipe_loss(logits, targets, self._recipe)
        return self._loss(logits.float(), targets.float(), inputs, step)

    def loss(self, step: int) -> Iterator[Tensor]:
        """Yield the loss of a step as one summand per micro-batch; the sum is the mean over this rank's batch."""
        batch = self._recipe.batch // self._ranks.world_size
        for inputs, targets in self._outputs_at(step):
            loss = self.student_loss(inputs, targets, step)
            yield loss if len(inputs) == batch else loss * (len(inputs) / batch)


def distill(
    stream: SegmentStream,
    teacher: nn.Module,
    student: nn.Module,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
    micro_batches: int = 1,
    prefetch: bool = False,
    checkpoints: Checkpoints | None = None,
    callback: ProgressCallback | None = None,
    ranks: Ranks = SINGLE_PROCESS,
    loss: Loss | None = None,
    method: Method | None = None,
) -> Distilled:
    """Train ``student`` in place to match ``teacher`` on mixed segments (Asano & Saeed, ICLR 2023).

    The teacher is in eval mode, without gradient, and sees exactly the tensor that the student sees.

    Args:
        stream: segments of ONE datum, already on the device and normalised; this rank's share of each batch.
        teacher, student: networks from (B, *stream.shape) to (B, classes) logits, on the device.
        seed: of mixing and dropout (segments have the stream's own).
        micro_batches: number of parts of a batch that go through the networks one after another, to save memory.
            Batch normalisation and dropout see one part at a time.
        loss, method: those of a plug-in, instead of the recipe's loss and of segments alone.

    Return the loss curve and the costs. The student's weights are those of the LAST step: nothing is selected. Raise
    ValueError if the stream's batch is not the recipe's, and Diverged and Interrupted as ``optimise`` does.
    """
    step = DistillationStep(
        stream, teacher, student, recipe, seed=seed, device=device, micro_batches=micro_batches, prefetch=prefetch,
        ranks=ranks, loss=loss, method=method,
    )  # fmt: skip
    curve = optimise(
        student, step.loss, recipe,
        seed=seed + (ranks.rank << 16),  # so that dropout differs between ranks
        device=device, checkpoints=checkpoints, callback=callback, ranks=ranks, inputs=step.inputs,
    )  # fmt: skip
    spent = step.inputs.costs()
    forwards = recipe.steps * recipe.batch + spent.pop("teacher_forwards", 0)
    return Distilled(curve, {"student_steps": recipe.steps, "teacher_forwards": forwards, **spent})
