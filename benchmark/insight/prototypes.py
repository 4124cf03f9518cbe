"""Class prototypes: inputs that a network takes for a class, found by changing the phases of the datum's spectrum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.insight.spectrum import Spectrum
from benchmark.statistics.intervals import wilson_interval
from benchmark.statistics.paired import mcnemar
from benchmark.training.precision import full_float32
from modalities.base import Draws, to_device

HEADLINE = 8  # steps after which prototypes are counted
CHECKPOINTS = (0, 2, 4, HEADLINE, 16, 32, 64)
STARTS = 8  # prototypes of one class, each from phases of its own
RATE = 0.1  # of Adam: radians per step, about
JITTER = 0.1  # of the length of an axis, either way: 3 of 32 pixels
NOISE = 0.1  # standard deviation of what is added to inputs, whose own is about 1
MOST_VALUES = 2_000_000  # numbers in all prototypes of one network
MOST_CLASSES = 100


def labels_of(classes: int, shape: Sequence[int]) -> NDArray[np.int64]:
    """Return the class of each prototype, (n,): STARTS or fewer of each class, or one of each of evenly spaced classes.

    All together have at most MOST_VALUES numbers in the ``shape`` of an input, so that a CPU can do it in minutes.
    """
    values = math.prod(shape)
    kept = max(1, min(classes, MOST_CLASSES, MOST_VALUES // values))
    starts = max(1, min(STARTS, MOST_VALUES // (values * kept)))
    chosen = np.linspace(0, classes - 1, kept).round().astype(np.int64)
    return np.repeat(chosen, starts)


@full_float32()
def prototypes(network: nn.Module, spectrum: Spectrum, labels: NDArray[np.int64], *, seed: int) -> dict[int, Tensor]:
    """Return inputs, (n, *shape), that a network in eval mode takes for the classes ``labels``, by number of steps.

    All start from random phases, the same ones for every network, and climb the log-probability of their class by Adam
    together. In every step each is shifted by up to JITTER and gets NOISE, so that no single pixel decides. The same
    call gives the same inputs.
    """
    device, count, axes = spectrum.magnitude.device, len(labels), len(spectrum.size)
    wanted, draws = to_device(labels, device), Draws(seed, "insight/prototypes/")

    def drawn(values: NDArray[np.float64]) -> Tensor:
        return to_device(values.astype(np.float32), device)

    phase = spectrum.random_phases(draws, count).requires_grad_()
    optimiser, unmoved, found = torch.optim.Adam([phase], RATE), torch.zeros(count, axes, device=device), {}
    for step in range(CHECKPOINTS[-1] + 1):
        if step in CHECKPOINTS:
            with torch.no_grad():
                found[step] = spectrum.compose(phase, unmoved)
        if step == CHECKPOINTS[-1]:
            break
        inputs = spectrum.compose(phase, drawn(draws.uniform(step, "shift", (count, axes), -JITTER, JITTER)))
        noisy = inputs + NOISE * drawn(draws.normal(step, "noise", tuple(inputs.shape)))
        # The sum, since the prototypes have nothing to do with each other.
        loss = nn.functional.cross_entropy(network(noisy), wanted, reduction="sum")
        (phase.grad,) = torch.autograd.grad(loss, phase)
        optimiser.step()
    return found


@full_float32()
@torch.inference_mode()
def judged(teacher: nn.Module, inputs: Tensor) -> NDArray[np.float64]:
    """Return a teacher's probabilities, (n, classes), of prototypes."""
    return np.asarray(teacher(inputs).float().softmax(1).double().cpu().numpy())


def recognised(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which prototypes have the class for which they were made, (n,), by a teacher's probabilities."""
    return np.asarray(probabilities.argmax(axis=1) == labels)


def share(right: NDArray[np.bool_]) -> dict[str, float]:
    """Return the share of prototypes that are recognised, with Wilson's interval for other starts of these classes."""
    of = float(right.mean())
    low, high = wilson_interval(of, len(right))
    return {"share": of, "low": low, "high": high, "prototypes": len(right)}


def against(student: NDArray[np.bool_], control: NDArray[np.bool_]) -> dict[str, Any]:
    """Return what a student's prototypes have over those of a control from the same starts, with McNemar's mid-p."""
    only_student, only_control = int((student & ~control).sum()), int((control & ~student).sum())
    difference = float(student.mean() - control.mean())
    return {"difference": difference, "p": mcnemar(only_student, only_control)}
