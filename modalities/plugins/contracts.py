"""What a plug-in of each kind is: one object of a fixed name in one Python file, and what is asked of it.

A plain function is enough wherever ``__call__`` is all there is. Everything random has to depend on what is passed in
(draws, step, seed) alone, so that a run that was killed continues with the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from modalities.base import Draws, SegmentStream


COSTS = ("teacher_forwards", "student_forwards", "generator_steps")


class Loss(Protocol):
    """``LOSS``: how far a student is from its teacher."""

    def __call__(self, student: Tensor, teacher: Tensor, segments: Tensor, step: int) -> Tensor:
        """Return the mean loss of some segments, a scalar that can be differentiated.

        Args:
            student, teacher: logits, (B, classes) float32; the teacher's without gradient.
            segments: what both saw, (B, *view.shape), normalised.
            step: of the training, from 0.
        """
        ...


class Policy(Protocol):
    """``POLICY``: what is done to segments after those of another policy, its ``base``.

    ``base`` is the name of a policy of the modality; without that attribute it is the one that the target has anyway.
    """

    def __call__(self, segments: Tensor, draws: Draws, step: int) -> Tensor:
        """Return changed segments, (B, *view.shape) float32 as they came: on their device, normalised.

        ``draws`` gives random numbers, such as ``draws.uniform(step, "any name", count)`` in [0, 1).
        """
        ...


class SourceMaker(Protocol):
    """``SOURCE``: one datum, made from a seed (``source.image=mine.py:7``; 0 if none is given)."""

    def __call__(self, seed: int) -> Any:
        """Return what the modality learns from.

        image: an array (H, W, 3) uint8. audio: a pair of an array (samples,) of floats and samples per second. video: a
        pair of an array (frames, H, W, 3) uint8 and frames per second.
        """
        ...


class NetworkMaker(Protocol):
    """``NETWORK``: an architecture, for students and teachers."""

    def __call__(self, shape: tuple[int, ...], classes: int) -> nn.Module:
        """Return a network from (B, *shape) to (B, classes) logits, with weights from torch's generator."""
        ...


@dataclass(frozen=True)
class Setup:
    """What a method is given: the cell's segments, both networks, and how long it lasts."""

    segments: SegmentStream  # of the one datum; batch(step) is (B, *shape), normalised
    teacher: nn.Module  # frozen, in eval mode: (B, *shape) to (B, classes) logits
    student: nn.Module  # as it is trained, step by step; a method may look at it, and must leave it as it is
    classes: int
    steps: int  # of the student
    seed: int
    device: torch.device


class LearningStream(Protocol):
    """What a method makes: the student's inputs step by step, in order, which may depend on all that was before.

    Without ``state_dict`` and ``load_state_dict``, batches have to depend on the step alone.
    """

    def batch(self, step: int) -> Tensor:
        """Return the inputs of a step: (B, *shape) float32, on the device, normalised."""
        ...

    def state_dict(self) -> Mapping[str, Any]:
        """Return all that later batches depend on (tensors, numbers, lists and dicts), for checkpoints."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        ...

    def costs(self) -> Mapping[str, float]:
        """Return what was spent so far beyond the student's own steps: some of COSTS.

        Forwards count single inputs, and are added to those of the student's own steps; ``generator_steps`` counts
        updates of weights or of inputs.
        """
        ...


class Method(Protocol):
    """``METHOD``: another way to make a student's inputs than segments alone."""

    def __call__(self, setup: Setup) -> Any:
        """Return a ``LearningStream``; of that only ``batch`` is required."""
        ...
