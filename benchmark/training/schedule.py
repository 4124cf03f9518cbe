"""Optimisers, and learning rate and momentum as pure functions of the step: resuming needs no scheduler state."""

from __future__ import annotations

import math

import torch
from torch import nn

from benchmark.config.schema import Training
from benchmark.training.muon import Muon

BASE_MOMENTUM, MAX_MOMENTUM = 0.85, 0.95
START_DIVISOR, END_DIVISOR = 25.0, 1e4


def learning_rate(training: Training, step: int) -> float:
    """Learning rate of a step (0 … steps-1).

    ``constant``; ``step``; ``cosine`` to zero (Loshchilov & Hutter 2017), after a linear warm-up; ``onecycle`` with
    two cosine phases, from lr/25 up to lr and down to lr/250,000 (Smith & Topin 2018, as in torch's OneCycleLR).
    """
    total, warm = training.steps, training.warmup * training.steps
    if training.schedule == "onecycle":
        position, falling = _onecycle_phase(training, step)
        start = training.lr / START_DIVISOR
        if falling:
            return _anneal(training.lr, start / END_DIVISOR, position)
        return _anneal(start, training.lr, position)
    if step < warm:
        return training.lr * (step + 1) / math.ceil(warm)
    if training.schedule == "cosine":
        return _anneal(training.lr, 0.0, (step - warm) / max(1.0, total - warm))
    if training.schedule == "step":
        passed = sum(step >= share * total for share in training.milestones)
        return training.lr * training.gamma**passed
    return training.lr


def momentum(training: Training, step: int) -> float | None:
    """Momentum (or beta1) of a step under ``onecycle``, which falls as the learning rate grows; otherwise None."""
    if training.schedule != "onecycle":
        return None
    position, falling = _onecycle_phase(training, step)
    return _anneal(BASE_MOMENTUM, MAX_MOMENTUM, position) if falling else _anneal(MAX_MOMENTUM, BASE_MOMENTUM, position)


def _onecycle_phase(training: Training, step: int) -> tuple[float, bool]:
    """Return the position in [0, 1] of a step within its phase, and whether the learning rate falls in that phase."""
    peak = training.warmup * training.steps - 1
    last = training.steps - 1
    if step <= peak:
        return (step / peak if peak > 0 else 1.0), False
    return (step - peak) / max(1e-9, last - peak), True


def _anneal(start: float, end: float, position: float) -> float:
    """Interpolate along half a cosine from start (position 0) to end (position 1)."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * min(1.0, position)))


def make_optimiser(network: nn.Module, training: Training) -> torch.optim.Optimizer:
    """Make the optimiser that a recipe names.

    Biases and the parameters of normalisation (tensors of one axis) have no weight decay unless ``decay`` is ``all``.
    """
    fewest_axes = 0 if training.decay == "all" else 2
    decayed = [p for p in network.parameters() if p.requires_grad and p.dim() >= fewest_axes]
    spared = [p for p in network.parameters() if p.requires_grad and p.dim() < fewest_axes]
    groups = [{"params": decayed, "weight_decay": training.weight_decay}, {"params": spared, "weight_decay": 0.0}]
    if training.optimiser == "sgd":
        # On CPUs the default, which is not the fused one: that rounds differently.
        fused = True if next(network.parameters()).device.type == "cuda" else None
        return torch.optim.SGD(groups, lr=training.lr, momentum=0.9, nesterov=True, fused=fused)
    if training.optimiser == "muon":
        kernels = [p for p in decayed if p.dim() > 2]
        groups[0]["params"] = [p for p in decayed if p.dim() <= 2]
        groups.append({"params": kernels, "weight_decay": training.weight_decay, "orthogonal": True})
        return Muon(groups, training.lr)
    kind = torch.optim.AdamW if training.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, lr=training.lr, fused=True)


def apply_schedule(optimiser: torch.optim.Optimizer, training: Training, step: int) -> None:
    """Set the learning rate and momentum of a step."""
    rate, first = learning_rate(training, step), momentum(training, step)
    for group in optimiser.param_groups:
        group["lr"] = rate
        if first is not None:
            if "betas" in group:
                group["betas"] = (first, group["betas"][1])
            else:
                group["momentum"] = first
