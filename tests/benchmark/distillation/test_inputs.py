"""A method's inputs: its state is in checkpoints, and neither network is changed by being looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from benchmark.config.schema import Recipe
from benchmark.distillation.distill import distill
from benchmark.training.callbacks import Interrupted
from benchmark.training.checkpoints import Checkpoints
from doubles import StopAfter
from modalities.base import Draws, SegmentStream
from modalities.errors import BadInput

CPU = torch.device("cpu")


class Noise(SegmentStream):
    shape, batch_size = (3, 8, 8), 8

    def batch(self, step):
        values = Draws(0, "noise/").normal(step, "values", 8 * 192)
        return torch.from_numpy(values).float().reshape(8, 3, 8, 8)


def network(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
    )


RECIPE = Recipe(name="quick", steps=60, batch=8, lr=1e-2, mixing="none", precision="float32", compile="none")


class Learning:
    """Adds a tensor of its own, which learns from the student, and whose optimiser has a state."""

    def __init__(self, setup):
        self.setup, self.steps = setup, 0
        self.own = torch.zeros(3, 8, 8, requires_grad=True)
        self.optimiser = torch.optim.Adam([self.own], lr=0.1)

    def batch(self, step):
        segments, student = self.setup.segments.batch(step), self.setup.student.eval()
        (-student(segments + self.own).logsumexp(1).mean()).backward(inputs=[self.own])
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.steps += 1
        return segments + self.own

    def state_dict(self):
        return {"own": self.own.detach(), "optimiser": self.optimiser.state_dict(), "steps": self.steps}

    def load_state_dict(self, state):
        self.own.data.copy_(state["own"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.steps = state["steps"]

    def costs(self):
        return {"generator_steps": self.steps, "teacher_forwards": 7}


def test_a_stopped_run_continues_bit_for_bit(tmp_path):
    whole, parts = network(2), network(2)
    straight = distill(Noise(), network(1), whole, RECIPE, seed=3, device=CPU, method=Learning)
    checkpoints = Checkpoints(tmp_path, "student")
    with pytest.raises(Interrupted):
        distill(Noise(), network(1), parts, RECIPE, seed=3, device=CPU, checkpoints=checkpoints,
                callback=StopAfter(25), method=Learning)  # fmt: skip
    parts = network(2)
    resumed = distill(Noise(), network(1), parts, RECIPE, seed=3, device=CPU, checkpoints=checkpoints, method=Learning)
    assert all(torch.equal(whole.state_dict()[name], value) for name, value in parts.state_dict().items())
    assert resumed == straight


def test_costs_count_the_methods_own(tmp_path):
    found = distill(Noise(), network(1), network(2), RECIPE, seed=3, device=CPU, method=Learning)
    assert found.costs == {"student_steps": 60, "teacher_forwards": 60 * 8 + 7, "generator_steps": 60}
    plain = distill(Noise(), network(1), network(2), RECIPE, seed=3, device=CPU)
    assert plain.costs == {"student_steps": 60, "teacher_forwards": 480}


def test_a_method_that_passes_segments_on_is_no_method():
    first, second = network(2), network(2)
    distill(Noise(), network(1), first, RECIPE, seed=3, device=CPU)
    distill(Noise(), network(1), second, RECIPE, seed=3, device=CPU, method=lambda setup: setup.segments)
    assert all(torch.equal(first.state_dict()[name], value) for name, value in second.state_dict().items())


def test_the_student_is_in_training_mode_after_a_method_looked_at_it():
    class Looks:
        def __init__(self, setup):
            self.setup, self.modes = setup, []

        def batch(self, step):
            self.modes.append(self.setup.student.training)
            self.setup.student.eval()
            return self.setup.segments.batch(step)

    looked, plain = network(2), network(2)
    distill(Noise(), network(1), looked, RECIPE, seed=3, device=CPU, method=Looks)
    distill(Noise(), network(1), plain, RECIPE, seed=3, device=CPU)
    assert all(torch.equal(looked.state_dict()[name], value) for name, value in plain.state_dict().items())


def test_a_method_is_told_what_it_works_on():
    seen = []

    def method(setup):
        seen.append(setup)
        return setup.segments

    teacher, student = network(1), network(2)
    distill(Noise(), teacher, student, replace(RECIPE, steps=2), seed=3, device=CPU, method=method)
    (setup,) = seen
    assert (setup.classes, setup.steps, setup.seed, setup.device) == (5, 2, 3, CPU)
    assert setup.teacher is teacher and setup.student is student and not setup.teacher.training


@pytest.mark.parametrize("wrong", [lambda x: x[:3], lambda x: x.double(), lambda x: 1], ids=["fewer", "double", "none"])
def test_inputs_of_another_form_are_refused(wrong):
    class Wrong:
        def __init__(self, setup):
            self.setup = setup

        def batch(self, step):
            return wrong(self.setup.segments.batch(step))

    with pytest.raises(BadInput, match="the method made"):
        distill(Noise(), network(1), network(2), RECIPE, seed=3, device=CPU, method=Wrong)


def test_costs_that_no_table_knows_are_refused_before_the_first_step():
    class Unknown(Learning):
        def costs(self):
            return {"hours": 0}

    with pytest.raises(BadInput, match=r"costs\(\) names hours; known are teacher_forwards, student_forwards"):
        distill(Noise(), network(1), network(2), RECIPE, seed=3, device=CPU, method=Unknown)


def test_a_loss_of_ones_own_is_given_the_step_and_what_both_saw():
    seen = []

    def loss(student, teacher, segments, step):
        seen.append((step, segments.shape, student.dtype, teacher.requires_grad))
        return (student - teacher).square().mean()

    distill(Noise(), network(1), network(2), replace(RECIPE, steps=3), seed=3, device=CPU, loss=loss, micro_batches=2)
    assert seen == [(step, (4, 3, 8, 8), torch.float32, False) for step in range(3) for _ in range(2)]
