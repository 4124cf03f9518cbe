"""Distillation of a student from segments alone: it is handed a stream, a teacher and a recipe, and no dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from benchmark.config.schema import Recipe
from benchmark.distillation.loss import distillation_loss
from benchmark.distillation.mixing import mix
from benchmark.distillation.prefetch import Prefetcher, TeacherOutputs
from benchmark.system.ranks import SINGLE_PROCESS, Ranks
from benchmark.training.callbacks import ProgressCallback
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.loop import Curve, LossAt, optimise
from benchmark.training.precision import apply_memory_format, autocast, compiled, in_memory_format
from modalities.base import Draws, SegmentStream


def distill(
    stream: SegmentStream,
    teacher: nn.Module,
    student: nn.Module,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
    slices: int = 1,
    ahead: bool = False,
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
        slices: how many parts of a batch go through the networks one after another, for want of memory; gradients
            add up to those of the whole batch, but batch normalisation and dropout see a slice at a time.
        ahead: make the lessons of the next step while the student learns those of this one; see ``can_work_ahead``.
        ranks: the processes that distil this student together.

    Returns:
        The loss curve. The student's weights are those of the LAST step: nothing is selected.

    Raises:
        ValueError: the stream's batch is not the recipe's.
        Diverged, Interrupted: see ``optimise``.
    """
    if stream.batch_size != recipe.batch:
        raise ValueError(f"the stream makes batches of {stream.batch_size}, the recipe wants {recipe.batch}")
    teacher.eval().requires_grad_(False)
    apply_memory_format(teacher, recipe)
    apply_memory_format(student, recipe)
    if slices > 1 and recipe.compile == "reduce-overhead":
        recipe = replace(recipe, compile="default")  # a slice's graph would write over the gradients of the last one
    segments_at = mixed_segments(stream, recipe, seed, ranks)
    outputs_at = teacher_outputs(segments_at, compiled(teacher, recipe), recipe, device, slices)
    if ahead:
        outputs_at = Prefetcher(outputs_at, recipe.steps, device)
    learner = ranks.wrap(compiled(student, recipe))
    loss_at = loss_fn(outputs_at, learner, recipe, device, recipe.batch // ranks.world_size)
    return optimise(
        student, loss_at, recipe,
        seed=seed + (ranks.rank << 16),  # dropout of its own on every rank
        device=device, checkpoints=checkpoints, callback=callback, ranks=ranks,
    )  # fmt: skip


def can_work_ahead(recipe: Recipe, device: torch.device) -> bool:
    """Whether lessons can be made a step ahead: on a GPU, but not with CUDA graphs, which share their memory."""
    return recipe.ahead and device.type == "cuda" and recipe.compile != "reduce-overhead"


def mixed_segments(
    stream: SegmentStream, recipe: Recipe, seed: int, ranks: Ranks = SINGLE_PROCESS
) -> Callable[[int], Tensor]:
    """Step -> this rank's share of the mixed segments: all of a step that is not one of its two networks."""
    draws = Draws(seed, "mixing/")

    def segments_at(step: int) -> Tensor:
        return mix(
            stream.batch(step), recipe.mixing, recipe.mixing_alpha, recipe.mixing_per, draws, step,
            rank=ranks.rank, world_size=ranks.world_size,
        )  # fmt: skip

    return segments_at


def teacher_outputs(
    segments_at: Callable[[int], Tensor], teacher: nn.Module, recipe: Recipe, device: torch.device, slices: int = 1
) -> Callable[[int], TeacherOutputs]:
    """Step -> what the student is shown and what the teacher says of it, slice by slice."""

    def outputs_at(step: int) -> Iterator[tuple[Tensor, Tensor]]:
        for part in segments_at(step).chunk(slices):  # mixed as a whole: a segment's partner is in another slice
            inputs = in_memory_format(part, recipe)
            if recipe.compile == "reduce-overhead":
                torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
            with torch.no_grad(), autocast(recipe, device):
                wanted = teacher(inputs)
            yield inputs, wanted

    return outputs_at


def loss_fn(
    outputs_at: Callable[[int], TeacherOutputs], student: nn.Module, recipe: Recipe, device: torch.device, batch: int
) -> LossAt:
    """Step -> the parts of the student's loss, whose sum is the mean over the batch, wherever the lessons come from."""

    def loss_at(step: int) -> Iterator[Tensor]:
        for inputs, wanted in outputs_at(step):
            with autocast(recipe, device):
                got = student(inputs)
            loss = distillation_loss(got, wanted, recipe.temperature)
            yield loss if len(inputs) == batch else loss * (len(inputs) / batch)

    return loss_at
