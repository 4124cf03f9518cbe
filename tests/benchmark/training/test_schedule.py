"""Optimisers and schedules: every value of a recipe as it is used, and both ends of every schedule."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from benchmark.config.schema import OPTIMISERS, Training
from benchmark.training.schedule import apply_schedule, learning_rate, make_optimiser, momentum
from doubles import as_read


def training(**changes) -> Training:
    given = {"steps": 20, "batch": 2, "lr": 0.4, "warmup": 0.3, **changes}
    return Training(**{name: as_read(value) for name, value in given.items()})


class Mixed(nn.Module):
    """A parameter of every number of axes, and one that is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.scalar = nn.Parameter(torch.ones(()))
        self.linear, self.norm = nn.Linear(3, 4), nn.BatchNorm1d(4)
        self.conv1, self.conv2, self.conv3 = nn.Conv1d(1, 2, 3), nn.Conv2d(1, 2, 3), nn.Conv3d(1, 2, 3)
        self.embedding = nn.Embedding(5, 6)
        self.frozen = nn.Parameter(torch.ones(3, 3), requires_grad=False)


DECAYED = {"linear.weight", "conv1.weight", "conv2.weight", "conv3.weight", "embedding.weight"}


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_weight_decay_is_the_recipes_for_every_weight_of_two_axes_or_more_and_0_elsewhere(optimiser):
    network = Mixed()
    made = make_optimiser(network, training(optimiser=optimiser, weight_decay=0.3))
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    decay = {names[id(p)]: group["weight_decay"] for group in made.param_groups for p in group["params"]}
    trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert decay == {name: 0.3 if name in DECAYED else 0.0 for name in trained}


@pytest.mark.parametrize("optimiser", ["adamw", "adam", "sgd"])
def test_the_values_of_an_optimiser_are_those_of_torch_but_for_the_recipes(optimiser):
    kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimiser]
    made = make_optimiser(nn.Linear(2, 2), training(optimiser=optimiser))
    assert type(made) is kind
    known = kind([nn.Parameter(torch.zeros(1))]).param_groups[0]
    given = {"lr": 0.4, "weight_decay": 0.0}
    given |= {"momentum": 0.9, "nesterov": True} if optimiser == "sgd" else {"fused": True}
    for group in made.param_groups:
        assert {name: value for name, value in group.items() if name != "params"} == {
            name: given.get(name, value) for name, value in known.items() if name != "params"
        }


def test_decay_shrinks_weights_and_no_bias():
    for optimiser in ("adamw", "adam", "sgd"):
        network = nn.Linear(3, 2)
        for parameter in network.parameters():
            nn.init.ones_(parameter)
            parameter.grad = torch.zeros_like(parameter)
        made = make_optimiser(network, training(optimiser=optimiser, weight_decay=0.5, lr=0.1))
        made.step()
        assert (network.weight < 1).all(), optimiser
        assert (network.bias == 1).all(), optimiser


# --- schedules


@pytest.mark.parametrize("steps", [2, 10, 57])
@pytest.mark.parametrize("warmup", [0.0, 0.3, 0.5])
def test_onecycle_begins_at_a_25th_and_ends_at_a_250000th_of_its_peak(steps, warmup):
    made = training(schedule="onecycle", steps=steps, warmup=warmup)
    rates = [learning_rate(made, step) for step in range(steps)]
    peak = warmup * steps - 1
    if peak > 0:
        assert rates[0] == pytest.approx(0.4 / 25)
        assert momentum(made, 0) == pytest.approx(0.95)
    if peak == int(peak) and peak >= 0:
        assert rates[int(peak)] == pytest.approx(0.4)
        assert momentum(made, int(peak)) == pytest.approx(0.85)
    assert rates[-1] == pytest.approx(0.4 / 25 / 1e4)
    assert momentum(made, steps - 1) == pytest.approx(0.95)
    assert max(rates) <= 0.4
    assert all(0.85 <= momentum(made, step) <= 0.95 for step in range(steps))


def test_onecycle_of_a_single_step_is_finite():
    for warmup in (0.0, 0.3, 1.0):
        made = training(schedule="onecycle", steps=1, warmup=warmup)
        assert 0 < learning_rate(made, 0) <= 0.4
        assert 0.85 <= momentum(made, 0) <= 0.95


def test_onecycle_with_a_warm_up_to_the_last_step_ends_at_its_peak():
    made = training(schedule="onecycle", steps=10, warmup=1.0)
    assert learning_rate(made, 9) == pytest.approx(0.4)
    assert learning_rate(made, 0) == pytest.approx(0.4 / 25)


def test_onecycle_whose_peak_is_its_first_step_begins_there():
    made = training(schedule="onecycle", steps=10, warmup=0.1)
    assert learning_rate(made, 0) == pytest.approx(0.4)
    assert momentum(made, 0) == pytest.approx(0.85)
    assert learning_rate(made, 1) < 0.4


def test_half_way_down_a_phase_the_rate_is_half_way_along_half_a_cosine():
    made = training(schedule="onecycle", steps=21, warmup=11 / 21)  # the peak is step 10
    assert learning_rate(made, 5) == pytest.approx((0.4 / 25 + 0.4) / 2)
    assert learning_rate(made, 15) == pytest.approx((0.4 + 0.4 / 25e4) / 2)
    quarter = 0.4 + (0.4 / 25 - 0.4) * (1 + math.cos(math.pi / 5)) / 2
    assert learning_rate(made, 2) == pytest.approx(quarter)
    assert momentum(made, 5) == momentum(made, 15) == pytest.approx(0.9)


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine"])
def test_a_warm_up_is_linear_and_reaches_the_full_rate_at_its_last_step(schedule):
    made = training(schedule=schedule, steps=20, warmup=0.25, milestones=[])
    rates = [learning_rate(made, step) for step in range(6)]
    assert rates[:5] == pytest.approx([0.08, 0.16, 0.24, 0.32, 0.4])
    assert rates[5] == pytest.approx(0.4)
    assert all(momentum(made, step) is None for step in range(20))


def test_a_warm_up_of_part_of_a_step_still_ends_at_the_full_rate():
    made = training(schedule="constant", steps=10, warmup=0.25)  # two and a half steps
    assert [learning_rate(made, step) for step in range(4)] == pytest.approx([0.4 / 3, 0.8 / 3, 0.4, 0.4])


def test_cosine_after_a_warm_up_falls_to_zero_over_the_steps_that_are_left():
    made = training(schedule="cosine", steps=20, warmup=0.2)
    for step in range(4, 20):
        assert learning_rate(made, step) == pytest.approx(0.2 * (1 + math.cos(math.pi * (step - 4) / 16)))
    assert learning_rate(made, 20) == pytest.approx(0.0, abs=1e-12)
    short = training(schedule="cosine", steps=2, warmup=0.75)
    assert [learning_rate(short, step) for step in (0, 1)] == pytest.approx([0.2, 0.4])


def test_gamma_applies_at_each_milestone_and_stays():
    made = training(schedule="step", steps=20, warmup=0.0, milestones=[0.5, 0.75], gamma=0.1)
    assert [learning_rate(made, step) for step in (0, 9, 10, 14, 15, 19)] == pytest.approx(
        [0.4, 0.4, 0.04, 0.04, 0.004, 0.004]
    )


@pytest.mark.parametrize("optimiser", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("schedule", ["onecycle", "constant", "cosine"])
def test_every_group_gets_the_rate_of_a_step_and_momentum_under_onecycle_alone(optimiser, schedule):
    made = training(optimiser=optimiser, schedule=schedule)
    network = make_optimiser(nn.Linear(2, 2), made)
    for step in (0, 3, 5, 12, 19):
        apply_schedule(network, made, step)
        for group in network.param_groups:
            assert group["lr"] == learning_rate(made, step)
            expected = momentum(made, step)
            if optimiser == "sgd":
                assert group["momentum"] == (0.9 if expected is None else expected)
            else:
                assert group["betas"] == (0.9 if expected is None else expected, 0.999)
