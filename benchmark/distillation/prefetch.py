"""Teacher outputs computed one step ahead on a GPU.

``torch.backends.cudnn.benchmark`` stays off on purpose: it chooses algorithms by timing them, so a run that was stopped
and continued might not give the bits of one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from benchmark.config.schema import Recipe

TeacherOutputs = Iterable[tuple[Tensor, Tensor]]  # per micro-batch: inputs, and the teacher's logits


def can_prefetch(recipe: Recipe, device: torch.device) -> bool:
    """Return whether teacher outputs are computed a step ahead: on a GPU, unless the recipe says otherwise."""
    return recipe.ahead and device.type == "cuda"


class Prefetcher:
    """Computes the teacher outputs of the next step on a separate CUDA stream. Not yet tested on a GPU."""

    def __init__(self, outputs_at: Callable[[int], TeacherOutputs], steps: int, device: torch.device) -> None:
        self._outputs_at, self._steps, self._device = outputs_at, steps, device
        self._stream: Any = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        # Copies of the datum and of the teacher's weights to the device may still be in progress.
        self._stream.wait_stream(torch.cuda.current_stream(device))
        self._prefetched: dict[int, tuple[list[tuple[Tensor, Tensor]], Any]] = {}

    def __call__(self, step: int) -> TeacherOutputs:
        outputs, ready = self._prefetched.pop(step) if step in self._prefetched else self._compute(step)
        main = torch.cuda.current_stream(self._device)
        main.wait_event(ready)
        for inputs, targets in outputs:  # so that their memory is not reused before the student is done with it
            inputs.record_stream(main)
            targets.record_stream(main)
        if step + 1 < self._steps:
            self._prefetched[step + 1] = self._compute(step + 1)
        return outputs

    def _compute(self, step: int) -> tuple[list[tuple[Tensor, Tensor]], Any]:
        with torch.cuda.stream(self._stream):
            return list(self._outputs_at(step)), self._stream.record_event()
