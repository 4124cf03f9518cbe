"""Test doubles: small splits, streams, networks and callbacks that several tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmark.planning.cell import Cell
from benchmark.records.record import Record
from benchmark.training.callbacks import IgnoreProgress
from modalities.base import Draws, Item

CPU = torch.device("cpu")


class Split:
    """Items that are rows of ``raw`` (items, clips, features), by default (index, clip, index); records reads."""

    def __init__(self, items: int = 30, groups: list[str] | None = None, raw: np.ndarray | None = None) -> None:
        if raw is None:
            raw = np.stack([np.full((items, 2), np.arange(items)[:, None])] * 3, axis=-1).astype(np.int16)
            raw[:, :, 1] = np.arange(2)
        self.raw, self.labels = raw, np.arange(items) % 3
        self.item_ids = [f"item {i}" for i in range(items)]
        self.groups = groups or [f"unit {i}" for i in range(items)]
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.item_ids)

    def __getitem__(self, index: int) -> Item:
        self.read.append(index)
        return Item(torch.from_numpy(self.raw[index]), int(self.labels[index]), self.item_ids[index])


def of_the_run(cell: Cell, record: Record) -> list[str]:
    """The deviations of a record that its settings do not have already."""
    return record.deviations[len(cell.record("failed", "no run", provenance={}).deviations) :]


def noise_split(items: int, clips: int, features: int) -> Split:
    """A split whose raw values are drawn at random."""
    return Split(items, raw=np.random.default_rng(items).integers(-9, 9, (items, clips, features)).astype(np.int16))


class NoiseStream:
    """Segments of counter-based noise."""

    batch_size = 16

    def __init__(self, shape: tuple[int, ...] = (1, 6, 6), *, seed: int = 0, device: torch.device = CPU) -> None:
        self.shape, self._draws, self._device = shape, Draws(seed), device

    def batch(self, step: int) -> torch.Tensor:
        noise = self._draws.normal(step, "noise", (self.batch_size, *self.shape))
        return torch.tensor(noise, dtype=torch.float32, device=self._device)


def as_read(value: Any) -> Any:
    """A value as a configuration file gives it: a text is equal to its literal, and another object."""
    return "".join(list(value)) if isinstance(value, str) else value


def seeded(seed: int, make: Callable[[], nn.Module]) -> nn.Module:
    """A network whose random weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def small_network(seed: int, norm: type[nn.Module] = nn.BatchNorm1d, dropout: float = 0.0) -> nn.Module:
    """A network from segments of ``NoiseStream`` to five logits."""
    return seeded(seed, lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(36, 24), norm(24), nn.ReLU(), nn.Dropout(dropout), nn.Linear(24, 5)
    ))  # fmt: skip


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


class StopAfter(IgnoreProgress):
    """Requests a stop once a number of steps of one phase, or of any, are done."""

    def __init__(self, steps: int, phase: str | None = None) -> None:
        self.steps, self.expected, self.now, self.done = steps, phase, "", 0

    def phase(self, name: str) -> None:
        self.now, self.done = name, 0

    def step(self, done: int, total: int, loss: float) -> None:
        self.done = done

    def should_stop(self) -> bool:
        return self.expected in (None, self.now) and self.done >= self.steps


class FirstSteps(IgnoreProgress):
    """Records the first number of steps that each phase reports."""

    def __init__(self) -> None:
        self.first: dict[str, int] = {}
        self.now = ""

    def phase(self, name: str) -> None:
        self.now = name

    def step(self, done: int, total: int, loss: float) -> None:
        self.first.setdefault(self.now, done)


class OnPhase(IgnoreProgress):
    """Calls ``action`` when a phase begins."""

    def __init__(self, phase: str, action: Callable[[], object]) -> None:
        self.expected, self.action = phase, action

    def phase(self, name: str) -> None:
        if name == self.expected:
            self.action()
