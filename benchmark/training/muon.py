"""Muon: momentum whose direction is orthogonalised, for the weights of convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

# Of the Newton-Schulz iteration X → aX + (bA + cA²)X with A = XXᵀ (Jordan et al. 2024, "Muon").
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
UPDATE_RMS = 0.2  # that an update has per element, as AdamW's have (Liu et al. 2025, section 2.2)


class Muon(torch.optim.AdamW):
    """AdamW, but parameters of groups with ``orthogonal`` move by their orthogonalised momentum.

    A kernel (out, in, ...) counts as the matrix (out, in · ...). A learning rate means the same for both kinds, since
    updates are scaled to the size that AdamW's have; decay is decoupled in both.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, lr=lr, fused=True)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        for group in self.param_groups:
            if not group.get("orthogonal"):
                continue
            rate, momentum = group["lr"], group["betas"][0]
            for parameter in group["params"]:
                if (gradient := parameter.grad) is None:
                    continue
                state = self.state[parameter]
                if not state:  # by AdamW's names, and with a step, which AdamW looks for when it is loaded
                    state.update(step=torch.zeros(()), exp_avg=torch.zeros_like(parameter))
                average = state["exp_avg"]
                average.lerp_(gradient, 1 - momentum)
                matrix = gradient.lerp(average, momentum).flatten(1)
                size = UPDATE_RMS * max(matrix.shape) ** 0.5
                parameter.mul_(1 - rate * group["weight_decay"])
                parameter.add_(orthogonalised(matrix).view(parameter.shape), alpha=-rate * size)
                parameter.grad = None  # done: what remains is AdamW's
        return super().step(closure)


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return a matrix of the same singular vectors, whose singular values are near 1, mostly 0.7 to 1.2."""
    a, b, c = COEFFICIENTS
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    result: Tensor = wide / (wide.norm() + 1e-7)
    for _ in range(ITERATIONS):
        square = result @ result.T
        result = torch.addmm(result, torch.addmm(square, square, square, beta=b, alpha=c), result, beta=a)
    return result.T if matrix.shape[0] > matrix.shape[1] else result
