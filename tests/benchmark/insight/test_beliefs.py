"""Which segments of a training are looked at, and the figures of a teacher's beliefs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.evaluation.teacher_only import teacher_only
from benchmark.insight import beliefs as b


class Numbered:
    """A stream whose segments say their step and place."""

    shape, batch_size = (2,), 5

    def batch(self, step):
        return torch.tensor([[step, place] for place in range(self.batch_size)], dtype=torch.float32)


def test_the_first_middle_and_last_hundred_steps_are_looked_at():
    assert b.windows(1000) == {
        "first 100": range(100), "middle 100": range(450, 550), "last 100": range(900, 1000)
    }  # fmt: skip
    assert b.windows(101)["last 100"] == range(1, 101)
    assert b.windows(100) == {"all": range(100)} and b.windows(40) == {"all": range(40)}


def test_every_tenth_step_gives_its_first_segments():
    found = torch.cat(list(b.segments_of(Numbered(), range(30, 130), most=20))).tolist()
    assert found == [[step, place] for step in range(30, 130, 10) for place in (0, 1)]
    assert len(torch.cat(list(b.segments_of(Numbered(), range(100), most=1000)))) == 50, "no more than there are"
    assert len(torch.cat(list(b.segments_of(Numbered(), range(100), most=11)))) == 20, "as many of each step"


def test_probabilities_are_those_of_the_network():
    network = nn.Linear(2, 3)
    inputs = [torch.randn(4, 2), torch.randn(1, 2)]
    expected = network(torch.cat(inputs)).softmax(1).detach().numpy()
    assert b.probabilities(network, iter(inputs)) == pytest.approx(expected, abs=1e-6)


def test_figures_of_beliefs():
    sure, unsure = [1.0, 0.0, 0.0, 0.0], [0.25] * 4
    found = b.beliefs(np.array([sure, sure, unsure, [0.0, 0.5, 0.5, 0.0]]))
    assert found["segments"] == 4 and found["mean"] == [0.5625, 0.1875, 0.1875, 0.0625]
    assert found["share"] == [0.75, 0.25, 0, 0]
    assert found["mean_entropy"] == pytest.approx(0.75) and found["most_entropy"] == 2
    assert sum(found["entropy"]) == 4
    assert (found["entropy"][0], found["entropy"][b.BINS // 2], found["entropy"][-1]) == (2, 1, 1)
    assert "spread" not in found, "too few segments for it"


def test_enough_segments_have_the_figures_of_the_teacher_alone():
    many = np.random.default_rng(0).dirichlet([1, 1, 1], 64)
    assert b.beliefs(many).items() >= teacher_only(many).items()
    assert "spread" not in b.beliefs(many[:63])
