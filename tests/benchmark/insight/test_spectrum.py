"""Prototypes have the spectrum, the colours and the range of the datum's segments, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from benchmark.insight.spectrum import spectrum_of
from modalities.base import Draws


def segments(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def unlimited(spectrum):
    return type(spectrum)(
        spectrum.magnitude, spectrum.colours, spectrum.low - math.inf, spectrum.high + math.inf, spectrum.size
    )


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 10, 7), (3, 4, 6, 5)])
def test_a_segment_with_its_own_spectrum_and_phases_is_itself(shape):
    (one,) = segments(1, *shape)
    spectrum = spectrum_of(one[None])
    axes = tuple(range(2, 1 + len(shape)))
    rotated = torch.einsum("cd,c...->d...", spectrum.colours, one)
    phase = torch.fft.rfftn(rotated[None], dim=axes).angle()
    again = spectrum.compose(phase, torch.zeros(1, len(axes)))
    torch.testing.assert_close(again[0], one, atol=1e-4, rtol=1e-4)


def test_magnitudes_are_the_root_mean_square_and_colours_are_orthonormal():
    batch = segments(50, 3, 8, 8) * torch.tensor([1.0, 2.0, 3.0])[:, None, None]
    spectrum = spectrum_of(batch)
    torch.testing.assert_close(spectrum.colours @ spectrum.colours.T, torch.eye(3), atol=1e-5, rtol=0)
    rotated = torch.einsum("cd,bc...->bd...", spectrum.colours, batch)
    power = torch.fft.rfft2(rotated, norm="ortho").abs().square().mean(0)
    torch.testing.assert_close(spectrum.magnitude, power.sqrt(), atol=1e-4, rtol=1e-4)
    flat = rotated.transpose(0, 1).flatten(1)
    off = torch.cov(flat, correction=0).fill_diagonal_(0)
    assert off.abs().max() < 1e-3, "the axes of colour are uncorrelated"


def test_whatever_the_phases_the_power_is_that_of_the_segments():
    batch = segments(200, 3, 16, 16)
    spectrum = unlimited(spectrum_of(batch))
    phase = spectrum.random_phases(Draws(0), 300)
    made = spectrum.compose(phase, torch.zeros(300, 2))
    assert float(made.square().mean()) == pytest.approx(float(batch.square().mean()), rel=0.02)
    rotated = torch.einsum("cd,bc...->bd...", spectrum.colours, made)
    found = torch.fft.rfft2(rotated, norm="ortho").abs()
    found[..., 0, 0], expected = 0, spectrum.magnitude.clone()
    expected[..., 0, 0] = 0  # the mean goes from one sign to the other
    torch.testing.assert_close(found, expected.expand_as(found), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 9, 7), (2, 4, 6, 5)])
def test_random_phases_are_uniform_and_differ_from_input_to_input(shape):
    spectrum = spectrum_of(segments(20, *shape))
    phase = spectrum.random_phases(Draws(1), 2000)
    assert phase.shape == (2000, *spectrum.shape)
    means, others = phase[(..., *[0] * (len(shape) - 1))], phase[..., 1, 1]
    for part in (means, others):
        assert kstest(part.flatten().numpy(), "uniform", (-math.pi, 2 * math.pi)).pvalue > 1e-3
    assert abs(np.corrcoef(means[:, 0], others.reshape(2000, -1)[:, 0])[0, 1]) < 0.1
    assert torch.equal(spectrum.random_phases(Draws(1), 2), phase[:2])
    assert not torch.equal(spectrum.random_phases(Draws(2), 2), phase[:2])


def test_a_shift_turns_an_input_round_its_ends():
    spectrum = unlimited(spectrum_of(segments(20, 1, 8, 12)))
    phase = torch.zeros(2, *spectrum.shape) + segments(2, *spectrum.shape, seed=3)
    phase[..., 4, :], phase[..., 6] = 0, 0  # of the highest frequency, a shift has no phase
    still = spectrum.compose(phase, torch.zeros(2, 2))
    moved = spectrum.compose(phase, torch.tensor([[2 / 8, 3 / 12], [0, -1 / 12]]))
    torch.testing.assert_close(moved[0], still[0].roll((2, 3), (1, 2)), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(moved[1], still[1].roll(-1, 2), atol=1e-4, rtol=1e-4)


def test_values_stay_within_those_of_the_segments_by_channel():
    batch = segments(9, 3, 8, 8).clamp(-0.5, 0.5) * torch.tensor([1.0, 2.0, 4.0])[:, None, None]
    spectrum = spectrum_of(batch)
    made = spectrum.compose(segments(40, *spectrum.shape, seed=5), torch.zeros(40, 2))
    for channel, most in enumerate((0.5, 1.0, 2.0)):
        assert float(made[:, channel].max()) == pytest.approx(most)
        assert float(made[:, channel].min()) == pytest.approx(-most)
