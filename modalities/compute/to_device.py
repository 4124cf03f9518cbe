"""Copies from the host to the device that do not wait for the work queued on the device."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def to_device(values: NDArray[Any] | Tensor, device: torch.device) -> Tensor:
    """Return numbers of one step on the device; on a CPU an array shares its memory with the result.

    A copy to a GPU from pageable memory waits until the GPU has finished everything queued before; from pinned memory
    it does not. The pinned buffer may go out of scope during the copy: torch's pinned-memory allocator records the
    CUDA stream of every copy with ``non_blocking=True``, and reuses the buffer only when that stream is past the copy.
    """
    import torch

    tensor = values if isinstance(values, torch.Tensor) else torch.from_numpy(np.ascontiguousarray(values))
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


@cache
def constant(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Return a few numbers that are the same at every step, float32, copied to a device once; do not modify in place.

    That one copy does wait, so that the numbers are visible to every CUDA stream.
    """
    import torch

    # Evaluation may call this first, and tensors made in inference mode cannot take part in autograd.
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=torch.float32, device=device)
