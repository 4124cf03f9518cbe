"""What float32 means on a GPU: all of its bits, also where fewer would be quicker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.backends import cuda, cudnn, mkldnn


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
