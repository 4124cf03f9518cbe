"""What float32 means on a GPU: all of its bits, also where fewer would be quicker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.backends import cuda, cudnn, mkldnn

from benchmark.config.schema import Training


@contextmanager
def full_float32() -> Iterator[None]:
    """Within, convolutions and matrix products of float32 tensors are float32; afterwards all is as it was.

    By itself torch lets cuDNN read the inputs of convolutions as TF32, with 10 bits of mantissa for 23, on Ampere and
    later, and an environment variable of some containers has it do so in matrix products
    (https://pytorch.org/docs/main/notes/cuda.html#tensorfloat-32-tf32-on-ampere-and-later-devices). What autocast
    takes to bfloat16 stays there. The settings are those of the process: its other threads feel them.
    """
    # Older settings stand beside these; torch raises where something, torch.compile say, reads an older one that
    # contradicts its newer one. So both are set, and the older ones read with care.
    newer: list[Any] = [cudnn.conv, cudnn.rnn, cuda.matmul, mkldnn.matmul]  # type: ignore[attr-defined]
    before = [part.fp32_precision for part in newer]
    try:
        products = torch.get_float32_matmul_precision()
    except RuntimeError:  # the caller has set newer ones alone, so this one is as torch starts
        products = "highest"
    cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    for part in newer:
        part.fp32_precision = "ieee"
    try:
        yield
    finally:
        cudnn.allow_tf32 = before[:2] == ["tf32", "tf32"]
        torch.set_float32_matmul_precision(products)
        for part, was in zip(newer, before, strict=True):
            part.fp32_precision = was


FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


def autocast(training: Training, device: torch.device) -> AbstractContextManager[object]:
    """Mixed precision as the recipe says; the plan has resolved ``auto``."""
    if training.precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def apply_memory_format(network: nn.Module, training: Training) -> None:
    """Put a network's weights into the memory format that the recipe asks for, in place."""
    if training.channels_last:
        for weight in network.parameters():
            weight.data = in_memory_format(weight.data, training)


def in_memory_format(tensor: Tensor, training: Training) -> Tensor:
    """A tensor of 4 or 5 axes in channels-last order where the recipe asks for it; the same values."""
    if not training.channels_last or tensor.dim() not in FORMATS:
        return tensor
    return tensor.contiguous(memory_format=FORMATS[tensor.dim()])


def compiled(network: nn.Module, training: Training) -> nn.Module:
    """The network to call: itself, or compiled as the recipe says (the plan has resolved ``auto``).

    What is compiled shares its weights with ``network``, whose names on disk stay plain. Compilation happens at the
    first call, for each shape once. ``reduce-overhead`` uses CUDA graphs and was never run on a GPU here, nor was
    ``default``; on CPUs ``default`` is tested.
    """
    if training.compile in ("auto", "none"):
        return network
    return cast(nn.Module, torch.compile(network, mode=training.compile, dynamic=False))
