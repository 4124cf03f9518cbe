"""What makes a step quicker on a GPU and changes nothing else: compiled networks, and lessons made a step ahead.

``torch.backends.cudnn.benchmark`` stays off on purpose: it chooses algorithms by timing them, so that a run that was
stopped and continued might not end with the bits of one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

TeacherOutputs = Iterable[tuple[Tensor, Tensor]]


class Prefetcher:
    """Makes the lessons of the next step on a CUDA stream of its own while the student learns those of this one.

    The numbers are the same: only when they are computed changes. Never run on a GPU here.

    Args:
        outputs_at: step -> lessons.
        steps: how many steps there are.
        device: a CUDA device.
    """

    def __init__(self, outputs_at: Callable[[int], TeacherOutputs], steps: int, device: torch.device) -> None:
        self._lessons_at, self._steps, self._device = outputs_at, steps, device
        self._stream: Any = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        # The datum and the teacher's weights may still be on their way to the device.
        self._stream.wait_stream(torch.cuda.current_stream(device))
        self._coming: dict[int, tuple[list[tuple[Tensor, Tensor]], Any]] = {}

    def __call__(self, step: int) -> TeacherOutputs:
        teacher_outputs, made = self._coming.pop(step) if step in self._coming else self._make(step)
        student = torch.cuda.current_stream(self._device)
        student.wait_event(made)
        for inputs, wanted in teacher_outputs:  # so that their memory is not given away before the student is through
            inputs.record_stream(student)
            wanted.record_stream(student)
        if step + 1 < self._steps:
            self._coming[step + 1] = self._make(step + 1)
        return teacher_outputs

    def _make(self, step: int) -> tuple[list[tuple[Tensor, Tensor]], Any]:
        with torch.cuda.stream(self._stream):
            return list(self._lessons_at(step)), self._stream.record_event()
