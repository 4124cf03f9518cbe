"""Distillation of a student from segments alone: given a stream, a teacher and a recipe, and no dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass

import torch
from torch import Tensor, nn

from benchmark.config.schema import Recipe
from benchmark.distillation.loss import distillation_loss
from benchmark.distillation.mixing import mix
from benchmark.distillation.prefetch import Prefetcher, TeacherOutputs
from benchmark.system.ranks import SINGLE_PROCESS, Ranks
from benchmark.training.callbacks import ProgressCallback
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.loop import Curve, optimise
from benchmark.training.precision import apply_memory_format, autocast, compile_if_requested, in_memory_format
from modalities.base import Draws, SegmentStream


@dataclass
class DistillationStep:
    """What a step of distillation computes: mixed segments, the teacher's outputs, the student's loss.

    Puts the teacher into eval mode, without gradients, and both networks into the recipe's memory format, in place.
    The fields are explained in ``distill``.

    Raises:
        ValueError: the stream's batch is not the recipe's.
    """

    stream: SegmentStream
    teacher: nn.Module
    student: nn.Module
    recipe: Recipe
    _: KW_ONLY
    seed: int
    device: torch.device
    micro_batches: int = 1
    prefetch: bool = False
    ranks: Ranks = SINGLE_PROCESS

    def __post_init__(self) -> None:
        recipe = self.recipe
        if self.stream.batch_size != recipe.batch:
            raise ValueError(
                f"the stream makes batches of {self.stream.batch_size}, but the recipe's are {recipe.batch}"
            )
        for network in (self.teacher.eval().requires_grad_(False), self.student):
            apply_memory_format(network, recipe)
        self._draws = Draws(self.seed, "mixing/")
        self._call_teacher = compile_if_requested(self.teacher, recipe)
        self._call_student = self.ranks.wrap(compile_if_requested(self.student, recipe))
        self._outputs_at: Callable[[int], TeacherOutputs] = self.teacher_outputs
        if self.prefetch:
            self._outputs_at = Prefetcher(self.teacher_outputs, recipe.steps, self.device)

    def segments(self, step: int) -> Tensor:
        """Return this rank's share of the mixed segments of a step: (batch / world size, *stream.shape)."""
        recipe, ranks = self.recipe, self.ranks
        return mix(
            self.stream.batch(step), recipe.mixing, recipe.mixing_alpha, recipe.mixing_per, self._draws, step,
            rank=ranks.rank, world_size=ranks.world_size,
        )  # fmt: skip

    def teacher_outputs(self, step: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the inputs and the teacher's logits of a step, one micro-batch after another."""
        # Split only after mixing: a segment's partner is in another micro-batch.
        for part in self.segments(step).chunk(self.micro_batches):
            inputs = in_memory_format(part, self.recipe)
            yield inputs, self.targets(inputs)

    def targets(self, inputs: Tensor) -> Tensor:
        """Return the teacher's logits."""
        with torch.no_grad(), autocast(self.recipe, self.device):
            targets: Tensor = self._call_teacher(inputs)
        return targets

    def student_loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the student's loss, the mean over ``inputs``."""
        with autocast(self.recipe, self.device):
            logits = self._call_student(inputs)
        return distillation_loss(logits, targets, self.recipe.temperature)

    def loss(self, step: int) -> Iterator[Tensor]:
        """Yield the loss of a step as one summand per micro-batch; the sum is the mean over this rank's batch."""
        batch = self.recipe.batch // self.ranks.world_size
        for inputs, targets in self._outputs_at(step):
            loss = self.student_loss(inputs, targets)
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
) -> Curve:
    """Train ``student`` in place to match ``teacher`` on mixed segments (METHOD; Asano & Saeed, ICLR 2023).

    The teacher is in eval mode, without gradient, and sees exactly the tensor that the student sees.

    Args:
        stream: segments of ONE datum, already on the device and normalised; this rank's share of each batch.
        teacher, student: networks from (B, *stream.shape) to (B, classes) logits, on the device.
        recipe: optimiser, schedule, temperature, mixing; ``recipe.batch`` must be the stream's.
        seed: of mixing and dropout (segments have the stream's own).
        micro_batches: number of parts of a batch that go through the networks one after another, to save memory.
            Gradients add up to those of the whole batch, but batch normalisation and dropout see one part at a time.
        prefetch: compute the teacher outputs of the next step while the student trains; see ``can_prefetch``.
        ranks: the processes that distil this student together.

    Returns:
        The loss curve. The student's weights are those of the LAST step: nothing is selected.

    Raises:
        ValueError: the stream's batch is not the recipe's.
        Diverged, Interrupted: see ``optimise``.
    """
    step = DistillationStep(
        stream, teacher, student, recipe, seed=seed, device=device, micro_batches=micro_batches, prefetch=prefetch,
        ranks=ranks,
    )  # fmt: skip
    return optimise(
        student, step.loss, recipe,
        seed=seed + (ranks.rank << 16),  # so that dropout differs between ranks
        device=device, checkpoints=checkpoints, callback=callback, ranks=ranks,
    )  # fmt: skip
