"""What a student is trained on: the segments of the one datum, or what a method makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from modalities.base import SegmentStream
from modalities.errors import BadInput
from modalities.plugins.contracts import COSTS, Method, Setup


class Inputs:
    """The inputs of each step, and the state that those of a method depend on."""

    def __init__(
        self, segments: SegmentStream, method: Method | None, teacher: nn.Module, student: nn.Module, *,
        steps: int, seed: int, device: torch.device,
    ) -> None:  # fmt: skip
        self._student, self._shape = student, (segments.batch_size, *segments.shape)
        self._stream: Any = segments
        self.learns = method is not None
        if method is not None:
            with torch.no_grad():
                classes = teacher(segments.batch(0)[:1]).shape[1]
            self._stream = method(Setup(segments, teacher, student, classes, steps, seed, device))
            if unknown := sorted(self.costs().keys() - set(COSTS)):
                raise BadInput(f"the method's costs() names {unknown[0]}; known are {', '.join(COSTS)}.")

    def batch(self, step: int) -> Tensor:
        """Return the inputs of a step. Raises BadInput if a method's have another shape or type than segments."""
        inputs: Tensor = self._stream.batch(step)
        if not self.learns:
            return inputs
        self._student.train()  # a method may have looked at it in eval mode
        if getattr(inputs, "shape", None) != self._shape or inputs.dtype != torch.float32:
            got = f"{tuple(inputs.shape)} {inputs.dtype}" if isinstance(inputs, Tensor) else type(inputs).__name__
            raise BadInput(f"the method made {got} at step {step}; a batch is {self._shape} torch.float32.")
        return inputs.detach()

    def state_dict(self) -> dict[str, Any]:
        """Return what later batches depend on; empty if that is the step alone."""
        return dict(self._stream.state_dict()) if self.learns and hasattr(self._stream, "state_dict") else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        if state:
            self._stream.load_state_dict(state)

    def costs(self) -> dict[str, float]:
        """Return what a method spent beyond the student's own steps."""
        return dict(self._stream.costs()) if self.learns and hasattr(self._stream, "costs") else {}
