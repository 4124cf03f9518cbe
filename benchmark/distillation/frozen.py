"""A frozen teacher made ready for inference: batch normalisation folded into its convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

TOLERANCE = 1e-4  # largest difference of any logit, relative to the largest logit, that counts as rounding


def fold_batch_norms(network: nn.Module, inputs: Tensor) -> nn.Module:
    """Return a copy of a frozen network with each batch normalisation folded into the convolution in front of it.

    In eval mode a batch normalisation is affine with constant coefficients, so that scaling the convolution's weights
    gives the same function up to rounding, in less time (Jacob et al., CVPR 2018, section 3.2). ``network`` is left as
    it is, and returned where nothing can be folded: no such layers, a forward function that torch.fx cannot
    trace, hooks, or logits of ``inputs`` that differ by more than rounding (``TOLERANCE``).

    Args:
        network: in eval mode, from (B, *shape) to (B, classes) logits.
        inputs: (B, *shape), the inputs on which both are compared.
    """
    modules = list(network.modules())
    if not all(any(isinstance(module, kind) for module in modules) for kind in (_BatchNorm, _ConvNd)):
        return network
    if any(module._forward_hooks or module._forward_pre_hooks for module in modules):
        return network  # tracing would look through the modules that have them
    try:
        folded: nn.Module = fuse(network).eval().requires_grad_(False)
        with torch.no_grad():
            expected, actual = network(inputs).float(), folded(inputs).float()
    except Exception:  # whatever a network's own code does when it meets torch.fx's symbols instead of tensors
        return network
    close = (actual - expected).abs().max() <= TOLERANCE * expected.abs().max()
    return folded if close else network  # NaN is not close
