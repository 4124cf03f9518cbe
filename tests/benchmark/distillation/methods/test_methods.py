"""The baselines keep the contract of methods, and do what their papers say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.spatial.distance import jensenshannon
from torch import nn

from benchmark.config.schema import METHODS
from benchmark.distillation.methods import BUILT_IN, generator, inversion
from benchmark.distillation.methods.bank import MOST, Bank, moved
from benchmark.distillation.methods.statistics import NormStatistics, balanced_labels, total_variation
from modalities.base import Draws, SegmentStream
from modalities.contract.plugins import ITEMS
from modalities.errors import BadInput
from modalities.plugins.contracts import Setup
from modalities.registry import modality

CPU = torch.device("cpu")


class Noise(SegmentStream):
    shape, batch_size = (3, 16, 16), 32

    def batch(self, step):
        values = Draws(0, "noise/").normal(step, "values", 32 * 768).astype(np.float32)
        return torch.from_numpy(values).reshape(32, 3, 16, 16)


class View:
    shape = (3, 16, 16)


@pytest.fixture(scope="module")
def setup():
    """A teacher that tells four textures apart, and a student that knows nothing."""
    torch.manual_seed(0)
    teacher, student = (modality("image").network("cnn-8", View(), 4) for _ in range(2))
    waves = torch.stack([torch.arange(16) * frequency for frequency in (0.4, 0.9, 1.5, 2.2)]).sin()
    optimiser = torch.optim.Adam(teacher.parameters(), lr=1e-2)
    for step in range(120):
        labels = torch.arange(64) % 4
        inputs = moved(waves[labels][:, None, None] + 0.3 * torch.randn(64, 3, 16, 16), Draws(1), step)
        optimiser.zero_grad()
        F.cross_entropy(teacher(inputs), labels).backward()
        optimiser.step()
    teacher.eval().requires_grad_(False)
    assert (teacher(inputs).argmax(1) == labels).float().mean() > 0.9
    return Setup(Noise(), teacher, student.train(), 4, 100, 0, CPU)


def test_every_method_has_a_name_in_the_settings():
    assert {"segments", *BUILT_IN} == set(METHODS)


@pytest.fixture
def short(monkeypatch):
    for module, name, value in (
        (inversion, "ITERATIONS", 30), (inversion, "BATCH", 32), (inversion, "BATCHES", 2), (inversion, "EVERY", 3),
        (generator, "BATCH", 32), (generator, "EVERY", 2), (generator, "INNER", 5),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("item", ITEMS["method"])
def test_the_contract_of_methods_is_kept(short, name, item):
    assert ITEMS["method"][item](BUILT_IN[name])


@pytest.mark.parametrize("name", BUILT_IN)
def test_seeds_make_other_inputs_and_the_same_seed_the_same(short, setup, name):
    from dataclasses import replace

    first, same = (BUILT_IN[name](setup).batch(0) for _ in range(2))
    assert torch.equal(first, same)
    assert not torch.equal(first, BUILT_IN[name](replace(setup, seed=1)).batch(0))


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_network_without_batch_normalisation_is_refused(setup, name):
    from dataclasses import replace

    plain = nn.Sequential(nn.Flatten(), nn.Linear(768, 4))
    with pytest.raises(BadInput, match=f"the method {name} needs a teacher with batch normalisation"):
        BUILT_IN[name](replace(setup, teacher=plain))


def test_the_generator_makes_no_clips(setup):
    from dataclasses import replace

    class Clips(Noise):
        shape = (3, 4, 16, 16)

    with pytest.raises(BadInput, match="choose another method for clips"):
        generator.MetaGenerator(replace(setup, segments=Clips()))


def test_inverted_inputs_are_what_the_teacher_wants_to_see(setup, monkeypatch):
    monkeypatch.setattr(inversion, "BATCH", 64)
    monkeypatch.setattr(inversion, "ITERATIONS", 100)
    made = inversion.Inversion(setup)._invert(0).detach()
    labels = balanced_labels(64, 4, 0, CPU)
    noise = Noise().batch(0).repeat(2, 1, 1, 1)
    with NormStatistics(setup.teacher, "test") as statistics, torch.no_grad():
        agrees = (setup.teacher(made).argmax(1) == labels).float().mean()
        near = statistics.total()
        setup.teacher(noise)
        far = statistics.total()
    assert agrees > 0.9 and near < far / 2
    assert total_variation(made) < total_variation(noise)


def test_the_generator_learns_over_batches(setup, monkeypatch):
    monkeypatch.setattr(generator, "BATCH", 64)
    monkeypatch.setattr(generator, "INNER", 5)
    method = generator.MetaGenerator(setup)
    labels = balanced_labels(64, 4, 0, CPU)

    def right(number):
        return (setup.teacher(method._make(number)).argmax(1) == labels).float().mean().item()

    first = right(0)
    for number in range(1, 20):
        last = right(number)
    assert last > max(first, 0.5)


def test_costs_are_those_of_the_optimisation(short, setup):
    made = inversion.Inversion(setup)
    for step in range(5):
        made.batch(step)
    assert made.costs() == {"teacher_forwards": 2 * 30 * 32, "generator_steps": 60}
    other = generator.MetaGenerator(setup)
    for step in range(5):
        other.batch(step)
    assert other.costs() == {
        "teacher_forwards": 3 * 5 * 32, "student_forwards": 3 * 5 * 32, "generator_steps": 15,
    }  # fmt: skip


def test_disagreement_is_scipys_and_counts_where_both_agree():
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 40, 5).unbind()
    expected = [
        jensenshannon(s, t) ** 2 if s.argmax() == t.argmax() else 0
        for s, t in zip(student.softmax(1).numpy(), teacher.softmax(1).numpy(), strict=True)
    ]
    assert 0 < np.count_nonzero(expected) < 40
    assert generator._disagreement(student, teacher).item() == pytest.approx(np.mean(expected), abs=1e-5)


def test_norm_statistics_by_hand():
    norm = nn.BatchNorm2d(2).eval()
    norm.running_mean.copy_(torch.tensor([3.0, 0.0]))
    inputs = torch.zeros(2, 2, 1, 2)
    inputs[0, 1] = 4.0  # channel 1: values 4, 4, 0, 0: mean 2, variance 4; channel 0: mean 0, variance 0
    with NormStatistics(nn.Sequential(norm), "test") as statistics:
        norm(inputs)
        total = statistics.total().item()
    # means differ by (-3, 2), variances by (-1, 3)
    assert total == pytest.approx(np.sqrt(13) + np.sqrt(10), abs=1e-5)
    assert not norm._forward_pre_hooks


def test_moved_inputs_are_numpys_padded_and_mirrored_ones():
    draws = Draws(0, "test/")
    inputs = torch.arange(6 * 2 * 16 * 24, dtype=torch.float32).reshape(6, 2, 16, 24)
    got = moved(inputs, draws, 5)
    down = draws.integers(5, "down", 6, 5) - 2
    right = draws.integers(5, "right", 6, 7) - 3
    mirror = draws.chance(5, "mirror", 6, 0.5)
    assert len(set(down)) > 1 and len(set(right)) > 1 and 0 < mirror.sum() < 6
    for item in range(6):
        padded = np.pad(inputs[item].numpy(), ((0, 0), (2, 2), (3, 3)), mode="reflect")
        window = padded[:, 2 + down[item] : 18 + down[item], 3 + right[item] : 27 + right[item]]
        assert np.array_equal(got[item].numpy(), window[..., ::-1] if mirror[item] else window)


def test_moving_keeps_the_shape_of_clips_and_of_one_channel():
    for shape in ((3, 1, 16, 16), (3, 3, 4, 16, 16), (3, 16, 16)):
        assert moved(torch.zeros(shape), Draws(0), 0).shape == shape


def test_the_bank_keeps_the_newest(monkeypatch):
    bank = Bank((1, 8, 8), CPU, Draws(0))
    bank.add(torch.zeros(MOST, 1, 8, 8))
    bank.add(torch.ones(MOST // 2, 1, 8, 8))
    assert len(bank) == MOST and bank.sample(0, 4000).mean().item() == pytest.approx(0.5, abs=0.05)


def test_labels_go_through_the_classes_in_turn():
    assert balanced_labels(5, 3, 4, CPU).tolist() == [1, 2, 0, 1, 2]
