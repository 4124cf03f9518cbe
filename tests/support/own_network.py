"""A network of a user's own, as it is passed to ``benchmark.run``."""

from __future__ import annotations

import math

import torch
from torch import nn


class Mine(nn.Module):
    """A small network with weights of a seed, for images of 8 × 8."""

    def __init__(self, seed: int = 0, classes: int = 10) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.Sequential(nn.Flatten(), nn.Linear(192, 24), nn.BatchNorm1d(24), nn.Linear(24, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def make_mine(shape: tuple[int, ...], classes: int) -> nn.Module:
    """Make a small network with random weights from torch's generator."""
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 24), nn.ReLU(), nn.Linear(24, classes))
