"""A generator that learns from teacher and student, and is adapted anew to every batch that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.distillation.methods.bank import Bank, moved
from benchmark.distillation.methods.statistics import NormStatistics, balanced_labels
from modalities.base import Draws
from modalities.errors import BadInput
from modalities.plugins.contracts import Setup

BATCH, NOISE, WIDTH = 128, 128, 32  # inputs made at once, size of their noise, channels of the last layer
EVERY = 10  # steps of the student from one batch to the next
INNER = 2  # iterations by which generator and noise are adapted to a batch; published: 2, 5 or 10
INNER_RATE, META_RATE = 5e-3, 0.5  # of Adam; share of the way to the adapted generator that the kept one goes
NOISE_RATE = 1e-2
NORMS, ADVERSARIAL = 0.1, 1.0  # weights beside the cross-entropy


class Generator(nn.Module):
    """Noise (B, NOISE) to inputs (B, C, H, W): two doublings from a quarter of the size (Radford et al., ICLR 2016)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        channels, height, width = shape
        self._size, self._start = (height, width), (4 * WIDTH, -(-height // 4), -(-width // 4))
        self.first = nn.Linear(NOISE, int(np.prod(self._start)))
        self.layers = nn.Sequential(
            nn.BatchNorm2d(4 * WIDTH), nn.Upsample(scale_factor=2),
            nn.Conv2d(4 * WIDTH, 2 * WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(2 * WIDTH), nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(2 * WIDTH, WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(WIDTH), nn.LeakyReLU(0.2),
            nn.Conv2d(WIDTH, channels, 3, padding=1), nn.BatchNorm2d(channels, affine=False),
        )  # fmt: skip

    def forward(self, noise: Tensor) -> Tensor:
        made: Tensor = self.layers(self.first(noise).reshape(-1, *self._start))
        return made[..., : self._size[0], : self._size[1]]


class MetaGenerator:
    """A generator with meta-initialisation, in the spirit of Fast-Datafree (Fang et al., AAAI 2022).

    For each batch, a copy of the kept generator and fresh noise are adapted for INNER iterations to labels in turn, to
    the teacher's batch statistics, and to inputs on which the student disagrees with the teacher; the kept generator
    then moves towards the copy (Reptile, Nichol et al. 2018). What is made goes into a bank, from which the student
    learns. The datum is not looked at.
    """

    def __init__(self, setup: Setup) -> None:
        if len(setup.segments.shape) != 3:
            raise BadInput("the method generator makes images and spectrograms; choose another method for clips.")
        self._setup, self._draws = setup, Draws(setup.seed, "generator/")
        self._bank = Bank(setup.segments.shape, setup.device, Draws(setup.seed, "generator bank/"))
        self._statistics = NormStatistics(setup.teacher, "generator")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(setup.seed)
            self._kept = Generator(setup.segments.shape).to(setup.device)
        self._made = 0  # batches

    def batch(self, step: int) -> Tensor:
        """Return a sample of what is there; every EVERY steps more is made before."""
        if step >= EVERY * self._made:
            self._bank.add(self._make(self._made))
            self._made += 1
        return self._bank.sample(step, self._setup.segments.batch_size)

    @torch.enable_grad()
    def _make(self, number: int) -> Tensor:
        setup, adapted = self._setup, deepcopy(self._kept).train()
        values = self._draws.normal(number, "noise", BATCH * NOISE).astype(np.float32)
        noise = torch.from_numpy(values).reshape(BATCH, NOISE).to(setup.device).requires_grad_()
        labels = balanced_labels(BATCH, setup.classes, number * BATCH, setup.device)
        weights = list(adapted.parameters())
        optimiser = torch.optim.Adam(
            [{"params": weights, "lr": INNER_RATE}, {"params": [noise], "lr": NOISE_RATE}], betas=(0.5, 0.999)
        )
        student = setup.student.eval()
        with self._statistics as statistics:
            for iteration in range(INNER):
                seen = moved(adapted(noise), self._draws, number * INNER + iteration)
                logits = setup.teacher(seen)
                loss = F.cross_entropy(logits, labels) + NORMS * statistics.total()
                loss = loss - ADVERSARIAL * _disagreement(student(seen), logits)
                gradients = torch.autograd.grad(loss, [*weights, noise])
                for value, gradient in zip([*weights, noise], gradients, strict=True):
                    value.grad = gradient
                optimiser.step()
        with torch.no_grad():
            for kept, new in zip(self._kept.parameters(), weights, strict=True):
                kept.lerp_(new, META_RATE)
            for old, seen_by in zip(self._kept.buffers(), adapted.buffers(), strict=True):
                old.copy_(seen_by)
            made: Tensor = adapted(noise)
        return made

    def costs(self) -> dict[str, float]:
        done = self._made * INNER
        return {"teacher_forwards": done * BATCH, "student_forwards": done * BATCH, "generator_steps": done}

    def state_dict(self) -> dict[str, Any]:
        return {"bank": self._bank.state_dict(), "made": self._made, "generator": self._kept.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._bank.load_state_dict(state["bank"])
        self._kept.load_state_dict(state["generator"])
        self._made = int(state["made"])


def _disagreement(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the mean Jensen-Shannon divergence, at most ln 2, over inputs that both give the same class (ibid.)."""
    s, t = student.log_softmax(1), teacher.log_softmax(1)
    middle = torch.logaddexp(s, t) - float(np.log(2))
    divergence = 0.5 * ((s.exp() * (s - middle)).sum(1) + (t.exp() * (t - middle)).sum(1))
    agree = (student.argmax(1) == teacher.argmax(1)).float()
    return (divergence * agree).mean()
