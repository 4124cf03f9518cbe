"""How networks compute: full float32, mixed precision, memory format, compilation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeGuard, cast

import torch
from torch import Tensor, nn
from torch.backends import cuda, cudnn, mkldnn

from benchmark.config.schema import Training
from modalities.storage.paths import cache_root

COMPILED = "compiled"  # folder of torch.compile's files, below the cache


@contextmanager
def full_float32() -> Iterator[None]:
    """Within this context, convolutions and matrix products of float32 tensors use all bits; restore settings at exit.

    By default, torch lets cuDNN read the inputs of convolutions as TF32, with 10 instead of 23 bits of mantissa, and an
    environment variable that some containers set does the same for matrix products
    (https://pytorch.org/docs/main/notes/cuda.html#tensorfloat-32-tf32-on-ampere-and-later-devices). The settings are
    those of the whole process. Autocast to bfloat16 is not affected.
    """
    # There are older settings for the same thing; torch raises if code such as torch.compile reads an older one that
    # contradicts its newer one. So set both, and be careful when reading the older ones.
    newer: list[Any] = [cudnn.conv, cudnn.rnn, cuda.matmul, mkldnn.matmul]  # type: ignore[attr-defined]
    before = [part.fp32_precision for part in newer]
    try:
        products = torch.get_float32_matmul_precision()
    except RuntimeError:  # the caller has set newer ones only, so this one has its default
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
    """Return the context of mixed precision that the recipe requests; planning has resolved ``auto``."""
    if training.precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def apply_memory_format(network: nn.Module, training: Training) -> None:
    """Convert a network's weights in place to the memory format that the recipe requests."""
    if not training.channels_last:
        return
    for weight in network.parameters():
        weight.data = in_memory_format(weight.data, training)
    if training.precision == "bfloat16":
        for module in network.modules():
            if _crashes_on_cpus(module) and _contiguous_input not in module._forward_pre_hooks.values():
                module.weight.data = module.weight.data.contiguous()
                module.register_forward_pre_hook(_contiguous_input)


def _crashes_on_cpus(module: nn.Module) -> TypeGuard[nn.Conv2d | nn.Conv3d]:
    """Return whether a convolution leaves its memory in a backward pass in bfloat16, channels last, on a CPU.

    Those of size 1 with a stride and fewer than 16 input channels do, for some sizes of images (torch 2.11, shown by an
    allocator with guard pages); the process dies of it, or not at once. Those of 16 channels and more do not.
    """
    if not isinstance(module, nn.Conv2d | nn.Conv3d) or module.weight.device.type != "cpu":
        return False
    return set(module.kernel_size) == {1} and set(module.stride) != {1} and module.in_channels < 16


def _contiguous_input(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(tensor.contiguous() for tensor in inputs)


def in_memory_format(tensor: Tensor, training: Training) -> Tensor:
    """Return a tensor in channels-last order if the recipe requests it and the tensor has 4 or 5 axes."""
    if not training.channels_last or tensor.dim() not in FORMATS:
        return tensor
    return tensor.contiguous(memory_format=FORMATS[tensor.dim()])


def compile_if_requested(network: nn.Module, training: Training) -> nn.Module:
    """Return the network to call: the network itself, or compiled as the recipe says; planning has resolved ``auto``.

    The compiled network shares its weights with ``network``, whose state dict keeps plain names. What the compiler
    writes is kept in the cache, for other processes and later runs, unless TORCHINDUCTOR_CACHE_DIR names a folder.
    Tested on CPUs only.
    """
    if training.compile in ("auto", "none"):
        return network
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_root() / COMPILED))
    return cast(nn.Module, torch.compile(network, mode=training.compile, dynamic=False))
