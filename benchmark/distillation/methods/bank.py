"""Inputs that were made once and are shown many times, each time shifted and mirrored anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modalities.base import Draws, to_device

SHIFT = 1 / 8  # largest shift either way, share of the side: 4 pixels of 32, as usual on CIFAR
MOST = 4096  # inputs that are kept; the oldest go first


class Bank:
    """The newest ``MOST`` inputs, in float16, so that checkpoints stay small and a resumed run sees the same ones."""

    def __init__(self, shape: tuple[int, ...], device: torch.device, draws: Draws) -> None:
        self._inputs = torch.empty((0, *shape), dtype=torch.float16, device=device)
        self._draws = draws

    def __len__(self) -> int:
        return len(self._inputs)

    def add(self, inputs: Tensor) -> None:
        """Keep some inputs, (n, *shape)."""
        self._inputs = torch.cat([self._inputs, inputs.detach().to(torch.float16)])[-MOST:]

    def sample(self, step: int, count: int) -> Tensor:
        """Return inputs drawn with replacement, each shifted and, with probability 1/2, mirrored: (count, *shape)."""
        device = self._inputs.device
        chosen = self._draws.integers(step, "which", count, len(self))
        return moved(self._inputs[to_device(chosen, device)].float(), self._draws, step)

    def state_dict(self) -> dict[str, Any]:
        return {"inputs": self._inputs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._inputs = state["inputs"].to(self._inputs.device)


def moved(inputs: Tensor, draws: Draws, step: int, name: str = "") -> Tensor:
    """Return inputs, (n, ..., H, W), each shifted with reflection at its borders and, by chance, mirrored."""
    count, (height, width) = len(inputs), inputs.shape[-2:]
    index = []
    for side, axis in ((height, "down"), (width, "right")):
        most = round(side * SHIFT)
        shift = draws.integers(step, f"{name}{axis}", count, 2 * most + 1) - most
        place = np.abs(np.arange(side)[None] + shift[:, None])
        index.append(np.minimum(place, 2 * (side - 1) - place))
    mirrored = draws.chance(step, f"{name}mirror", count, 0.5)
    index[1] = np.where(mirrored[:, None], index[1][:, ::-1], index[1])
    rows, columns = (to_device(np.ascontiguousarray(one), inputs.device) for one in index)
    flat = inputs.flatten(1, -3) if inputs.dim() > 3 else inputs[:, None]
    rows = rows[:, None, :, None].expand(*flat.shape)
    columns = columns[:, None, None, :].expand(*flat.shape)
    return flat.gather(2, rows).gather(3, columns).reshape(inputs.shape)
