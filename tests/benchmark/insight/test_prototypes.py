"""Prototypes: a network finds inputs of its classes, the same ones every time, and their share is counted rightly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.insight import prototypes as p
from benchmark.insight.spectrum import spectrum_of
from benchmark.statistics.intervals import wilson_interval
from doubles import seeded

LABELS = np.repeat(np.arange(3), 2)


class Quadrants(nn.Module):
    """Knows three classes, by which part of a picture is bright: the upper half, the left half, or what is left."""

    def forward(self, x):
        rows, columns = x.mean((1, 3)), x.mean((1, 2))
        half = rows.shape[1] // 2
        up, left = (
            rows[:, :half].mean(1) - rows[:, half:].mean(1),
            columns[:, :half].mean(1) - columns[:, half:].mean(1),
        )
        return 9 * torch.stack([up, left, -up - left], 1)


@pytest.fixture
def spectrum():
    return spectrum_of(torch.randn(64, 3, 8, 8, generator=torch.Generator().manual_seed(0)))


def test_a_network_finds_inputs_of_its_classes_and_recognises_them(spectrum):
    made = p.prototypes(Quadrants(), spectrum, LABELS, seed=0)
    assert tuple(made) == p.CHECKPOINTS and made[0].shape == (6, 3, 8, 8)
    shares = {step: p.recognised(p.judged(Quadrants(), x), LABELS).mean() for step, x in made.items()}
    assert shares[0] < shares[p.HEADLINE] and shares[p.CHECKPOINTS[-1]] == 1
    probability = [p.judged(Quadrants(), x)[np.arange(6), LABELS].mean() for x in made.values()]
    assert probability[0] < probability[2] < probability[-1]


def test_the_same_call_gives_the_same_prototypes_from_the_same_start_for_all_networks(spectrum):
    one, again = (p.prototypes(Quadrants(), spectrum, LABELS, seed=3) for _ in range(2))
    assert all(torch.equal(one[step], again[step]) for step in p.CHECKPOINTS)
    other = seeded(1, lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 3)))
    of_other = p.prototypes(other, spectrum, LABELS, seed=3)
    assert torch.equal(of_other[0], one[0]) and not torch.equal(of_other[4], one[4])
    assert not torch.equal(p.prototypes(Quadrants(), spectrum, LABELS, seed=4)[0], one[0])
    assert not torch.equal(one[0][0], one[0][1]), "starts of one class differ"


def test_prototypes_do_not_depend_on_each_other(spectrum):
    together = p.prototypes(Quadrants(), spectrum, LABELS, seed=0)
    alone = p.prototypes(Quadrants(), spectrum, LABELS[:2], seed=0)
    torch.testing.assert_close(alone[64][0], together[64][0], atol=1e-3, rtol=1e-3)


def test_only_phases_change(spectrum):
    made = p.prototypes(Quadrants(), spectrum, LABELS, seed=0)
    rotated = torch.einsum("cd,bc...->bd...", spectrum.colours, made[4])
    found = torch.fft.rfft2(rotated, norm="ortho").abs()
    inside = found[..., 1:4, 1:4]  # not where a real signal ties phases, and up to what the range cuts
    torch.testing.assert_close(inside, spectrum.magnitude[..., 1:4, 1:4].expand_as(inside), atol=0.25, rtol=0.1)


def test_a_network_is_left_as_it_was(spectrum):
    network = seeded(1, lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 3)))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    p.prototypes(network, spectrum, LABELS, seed=0)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert network[1].weight.grad is None


@pytest.mark.parametrize(
    ("classes", "shape", "kept", "starts"),
    [(10, (3, 32, 32), 10, 8), (100, (3, 32, 32), 100, 6), (1000, (3, 32, 32), 100, 6), (1000, (3, 224, 224), 13, 1),
     (10, (3, 224, 224), 10, 1), (5, (3, 4, 400, 400), 1, 1), (2, (1, 8, 8), 2, 8)],
)  # fmt: skip
def test_as_many_prototypes_are_made_as_a_cpu_can_afford(classes, shape, kept, starts):
    labels = p.labels_of(classes, shape)
    assert len(np.unique(labels)) == kept and np.bincount(labels).max() == starts
    assert len(labels) * np.prod(shape) <= max(p.MOST_VALUES, np.prod(shape))
    assert (np.diff(labels) >= 0).all() and (kept == 1 or (labels[0], labels[-1]) == (0, classes - 1))


def test_shares_and_differences_are_counted():
    right = np.array([True] * 7 + [False])
    share = p.share(right)
    assert (share["share"], share["prototypes"]) == (7 / 8, 8)
    assert (share["low"], share["high"]) == wilson_interval(7 / 8, 8)
    control = np.array([True, False, False, False, False, False, False, True])
    against = p.against(right, control)
    assert against["difference"] == pytest.approx(5 / 8)
    assert against["p"] == pytest.approx(2 * (8 / 128) - 7 / 128), "mid-p of 6 against 1"
    assert p.recognised(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1])).tolist() == [True, False]


class Indifferent(nn.Module):
    """Keeps what it is asked and never prefers anything, so that phases stay as they are."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(x.detach().clone())
        return torch.zeros(len(x), 3) * x.sum()


def asked(spectrum, monkeypatch, **settings):
    for name, value in {"JITTER": 0.0, "NOISE": 0.0, **settings}.items():
        monkeypatch.setattr(p, name, value)
    network = Indifferent()
    return p.prototypes(network, spectrum, LABELS, seed=0), torch.stack(network.seen)


def test_without_shifts_and_noise_a_network_is_asked_about_the_prototypes(spectrum, monkeypatch):
    made, seen = asked(spectrum, monkeypatch)
    assert len(seen) == p.CHECKPOINTS[-1]
    torch.testing.assert_close(seen, made[64].expand_as(seen), atol=1e-5, rtol=0)


def test_every_step_adds_noise_of_its_own_to_each_input(spectrum, monkeypatch):
    made, seen = asked(spectrum, monkeypatch, NOISE=0.1)
    noise = (seen - made[0]).flatten(2)
    assert float(noise.std()) == pytest.approx(0.1, rel=0.02) and float(noise.mean()) == pytest.approx(0, abs=0.002)
    between_steps, between_inputs = noise[1:] - noise[:-1], noise[:, 1:] - noise[:, :-1]
    for difference in (between_steps, between_inputs):
        assert float(difference.std()) == pytest.approx(0.1 * 2**0.5, rel=0.02), "independent"


def test_every_step_shifts_each_input_anew_within_the_bounds(spectrum, monkeypatch):
    drawn, original = [], type(spectrum).compose

    def compose(self, phase, shift):
        drawn.append(shift)
        return original(self, phase, shift)

    monkeypatch.setattr(type(spectrum), "compose", compose)
    asked(spectrum, monkeypatch, JITTER=0.2)
    shifts = torch.stack([one for one in drawn if one.any()])
    assert shifts.shape == (p.CHECKPOINTS[-1], len(LABELS), 2)
    assert 0.19 < shifts.max() <= 0.2 and -0.2 <= shifts.min() < -0.19
    assert len(shifts.flatten().unique()) == shifts.numel()
