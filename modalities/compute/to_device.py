"""Numbers on their way from the host to the device, without the host waiting for what the device has still to do."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def to_device(values: NDArray[Any] | Tensor, device: torch.device) -> Tensor:
    """Numbers of one step on the device; on a CPU they stay where they are, and an array shares its memory.

    A copy to a GPU from ordinary memory waits until the GPU has done all that was asked of it before. From pinned
    memory it does not. The pinned buffer may go out of scope here while the copy is under way: torch's allocator of
    pinned memory notes the CUDA stream of every copy with ``non_blocking=True``, and hands the buffer out again only
    when that stream is past the copy.
    """
    import torch

    tensor = values if isinstance(values, torch.Tensor) else torch.from_numpy(np.ascontiguousarray(values))
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


@cache
def constant(values: tuple[float, ...], device: torch.device) -> Tensor:
    """A few numbers that are the same at every step, float32, copied to a device once; never to be changed in place.

    That one copy does wait, so that the numbers are there for every CUDA stream.
    """
    import torch

    # Evaluation may be the first to ask, and what inference mode makes is no good where gradients are wanted.
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=torch.float32, device=device)
