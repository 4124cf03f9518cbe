"""Inversion of the teacher: inputs optimised until it sees its classes, and what its batch normalisations have seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.distillation.methods.bank import Bank, moved
from benchmark.distillation.methods.statistics import NormStatistics, balanced_labels, total_variation
from modalities.base import Draws
from modalities.plugins.contracts import Setup

BATCH = 128  # inputs that are optimised together
BATCHES = 4  # of them in all
ITERATIONS = 200  # published: 2,000
EVERY = 10  # steps of the student from one batch to the next, until all are there
RATE = 0.1  # of Adam
NORMS, VARIATION, SIZE = 0.1, 0.05, 1e-4  # weights beside the cross-entropy


class Inversion:
    """Statistics-matching inversion, after DeepInversion (Yin et al., CVPR 2020) without its adversarial term.

    Batches of inputs start as noise and are optimised with Adam for the cross-entropy of labels in turn, the distance
    of batch statistics (``NormStatistics``), total variation and their size; at each iteration they are shifted and
    mirrored. The budget is a tenth of the published one. The datum is not looked at.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup, self._draws = setup, Draws(setup.seed, "inversion/")
        self._bank = Bank(setup.segments.shape, setup.device, Draws(setup.seed, "inversion bank/"))
        self._statistics = NormStatistics(setup.teacher, "inversion")
        self._made = 0  # batches

    def batch(self, step: int) -> Tensor:
        """Return a sample of what is there; every EVERY steps, until there are BATCHES, more is made before."""
        if self._made < BATCHES and step >= EVERY * self._made:
            self._bank.add(self._invert(self._made))
            self._made += 1
        return self._bank.sample(step, self._setup.segments.batch_size)

    @torch.enable_grad()
    def _invert(self, number: int) -> Tensor:
        setup = self._setup
        size = BATCH * int(np.prod(setup.segments.shape))
        noise = torch.from_numpy(self._draws.normal(number, "noise", size).astype(np.float32))
        inputs = noise.reshape(BATCH, *setup.segments.shape).to(setup.device).requires_grad_()
        labels = balanced_labels(BATCH, setup.classes, number * BATCH, setup.device)
        optimiser = torch.optim.Adam([inputs], lr=RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, ITERATIONS)
        with self._statistics as statistics:
            for iteration in range(ITERATIONS):
                seen = moved(inputs, self._draws, number * ITERATIONS + iteration)
                logits = setup.teacher(seen)
                loss = F.cross_entropy(logits, labels) + NORMS * statistics.total()
                loss = loss + VARIATION * total_variation(inputs) + SIZE * inputs.flatten(1).norm(dim=1).mean()
                (inputs.grad,) = torch.autograd.grad(loss, inputs)
                optimiser.step()
                schedule.step()
        return inputs

    def costs(self) -> dict[str, float]:
        done = self._made * ITERATIONS
        return {"teacher_forwards": done * BATCH, "generator_steps": done}

    def state_dict(self) -> dict[str, Any]:
        return {"bank": self._bank.state_dict(), "made": self._made}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._bank.load_state_dict(state["bank"])
        self._made = int(state["made"])
