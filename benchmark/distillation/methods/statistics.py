"""How far inputs are from what a network's batch normalisations have seen, and other measures of inputs."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from modalities.errors import BadInput


class NormStatistics:
    """Collects, while a frozen network runs, how far each batch normalisation's inputs are from its running statistics.

    The distance is that of DeepInversion (Yin et al., CVPR 2020, equation 4): the norms of the differences of means
    and of variances, summed over layers. A context; hooks are removed at its end.
    """

    def __init__(self, network: nn.Module, method: str) -> None:
        self._layers = [
            layer for layer in network.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats
        ]
        if not self._layers:
            raise BadInput(
                f"the method {method} needs a teacher with batch normalisation; choose such a teacher.network."
            )
        self._distances: list[Tensor] = []
        self._handles: list[Any] = []

    def __enter__(self) -> NormStatistics:
        self._handles = [layer.register_forward_pre_hook(self._collect) for layer in self._layers]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()

    def _collect(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        axes = [0, *range(2, inputs[0].dim())]
        variance, mean = torch.var_mean(inputs[0], axes, correction=0)
        assert isinstance(layer, _BatchNorm) and layer.running_mean is not None and layer.running_var is not None
        self._distances.append((mean - layer.running_mean).norm() + (variance - layer.running_var).norm())

    def total(self) -> Tensor:
        """Return the distance of the last forward pass, a scalar, and forget it."""
        distance = torch.stack(self._distances).sum()
        self._distances = []
        return distance


def total_variation(inputs: Tensor) -> Tensor:
    """Return the mean squared difference of neighbours on the last two axes, a scalar."""
    down, right = inputs[..., 1:, :] - inputs[..., :-1, :], inputs[..., 1:] - inputs[..., :-1]
    return down.square().mean() + right.square().mean()


def balanced_labels(count: int, classes: int, first: int, device: torch.device) -> Tensor:
    """Return labels that go through the classes in turn, beginning at ``first``: (count,) int64."""
    return (torch.arange(count, device=device) + first) % classes
