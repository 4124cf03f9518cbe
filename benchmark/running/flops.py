"""Floating-point operations of networks, counted by torch: a multiply-add is two, and only products count."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count


class Flops(NamedTuple):
    """Floating-point operations of one input: a pass forward, and one forward and backward."""

    forward: float
    training: float


def count_flops(network: nn.Module, shape: Sequence[int]) -> Flops:
    """Count the operations that a network needs for an input of this shape, without computing anything.

    Convolutions and matrix products count, as in ``torch.utils.flop_counter``; normalisation, activations and pooling
    do not. The network itself is not changed.
    """
    network = copy.deepcopy(network).to("meta").train().requires_grad_(True)
    inputs = torch.empty((2, *shape), device="meta")  # batch statistics need two
    with FlopCounterMode(display=False, custom_mapping=_BACKWARD) as counter:
        outputs = network(inputs)
        forward = counter.get_total_flops()
        outputs.sum().backward()
    return Flops(forward / 2, counter.get_total_flops() / 2)


def _convolution_backward(
    grad_shape: Any, input_shape: Any, weight_shape: Any, _bias: Any, _stride: Any, _padding: Any, _dilation: Any,
    transposed: bool, _output_padding: Any, _groups: Any, output_mask: Sequence[bool], out_shape: Any = None,
) -> int:  # fmt: skip
    """Count a pass forward for each gradient, of the input and of the weights, that is computed.

    torch 2.11 itself ignores the groups of a convolution when it counts the gradient of its weights, and so finds nine
    times the operations of X3D, whose convolutions are depthwise.
    """
    return sum(output_mask[:2]) * conv_flop_count(input_shape, weight_shape, grad_shape, transposed=transposed)


_BACKWARD = {torch.ops.aten.convolution_backward: _convolution_backward}
