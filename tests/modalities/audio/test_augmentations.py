"""The batched augmentations follow their formulas."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modalities.audio import augmentations
from modalities.base import Draws


@given(st.floats(0.1, 1.0), st.floats(-20, 3))
@settings(max_examples=20, deadline=None)
def test_reverberation_decays_by_60_db_in_its_time_and_has_its_level(seconds: float, level: float) -> None:
    hop = 0.01
    hall = augmentations.reverb_matrix(torch.tensor([seconds]), torch.tensor([level]), 400, hop)[0].double()
    impulse = torch.zeros(400, dtype=torch.float64)
    impulse[0] = 1
    answer = (impulse @ hall).numpy()
    assert answer[0] == 1
    slope = np.polyfit(np.arange(1, 50) * hop, 10 * np.log10(answer[1:50]), 1)[0]
    assert slope == pytest.approx(-60 / seconds, rel=1e-3)
    assert 10 * np.log10(answer[1:].sum()) == pytest.approx(level, abs=0.05)


def test_reverberation_never_reaches_back_in_time() -> None:
    hall = augmentations.reverb_matrix(torch.tensor([0.5]), torch.tensor([0.0]), 30, 0.01)[0]
    assert torch.equal(hall.tril(-1), torch.zeros(30, 30)) and torch.equal(hall.diagonal(), torch.ones(30))


@given(st.integers(-5, 5))
def test_a_whole_shift_moves_bands_and_leaves_empty_ones(shift: int) -> None:
    power = torch.rand(1, 20, 7, generator=torch.Generator().manual_seed(0))
    moved = augmentations.band_matrix(torch.tensor([float(shift)]), torch.zeros(1, augmentations.KNOTS), 20) @ power
    expected = torch.zeros_like(power)
    for band in range(20):
        if 0 <= band - shift < 20:
            expected[0, band] = power[0, band - shift]
    torch.testing.assert_close(moved, expected)


def test_a_fractional_shift_shares_a_band_between_two() -> None:
    power = torch.zeros(1, 8, 1)
    power[0, 3] = 1
    moved = augmentations.band_matrix(torch.tensor([0.25]), torch.zeros(1, augmentations.KNOTS), 8) @ power
    torch.testing.assert_close(moved[0, :, 0], torch.tensor([0, 0, 0, 0.75, 0.25, 0, 0, 0]))


def test_the_equaliser_joins_its_knots_by_straight_lines_in_decibels() -> None:
    knots = np.array([3.0, -6.0, 0.0, 8.0, -2.0, 1.0])
    matrix = augmentations.band_matrix(torch.zeros(1), torch.tensor(knots[None], dtype=torch.float32), 64)
    gain = 10 * torch.log10(matrix[0].diagonal())
    expected = np.interp(np.arange(64), np.linspace(0, 63, augmentations.KNOTS), knots)
    np.testing.assert_allclose(gain.numpy(), expected, atol=1e-4)


def test_a_mask_hides_exactly_its_stretch() -> None:
    picture = torch.ones(2, 1, 10, 20)
    masked = augmentations.mask(picture, 3, torch.tensor([0.0, 0.999]), torch.tensor([0.25, 0.1]))
    assert torch.equal(masked[0, 0, 0], torch.tensor([0.0] * 5 + [1.0] * 15))
    assert torch.equal(masked[1, 0, 0], torch.tensor([1.0] * 18 + [0.0] * 2))
    assert augmentations.mask(picture, 2, torch.zeros(2), torch.full((2,), 0.5))[:, :, :5].abs().sum() == 0


def test_noise_colours_fall_by_0_3_and_6_db_per_octave() -> None:
    bank = augmentations.noise_bank(16_000, torch.device("cpu")).double().numpy()
    np.testing.assert_allclose((bank**2).mean(1), 1, rtol=1e-4)
    power = np.abs(np.fft.rfft(bank)) ** 2
    size = power.shape[1]
    low, high = power[:, size // 16 : size // 8].mean(1), power[:, size // 8 : size // 4].mean(1)
    np.testing.assert_allclose(10 * np.log10(high / low), [0, -3.01, -6.02], atol=0.3)


def test_an_envelope_that_fills_the_segment_is_one() -> None:
    assert torch.equal(augmentations.envelope(torch.zeros(1), torch.ones(1), 500), torch.ones(1, 500))


def test_the_noise_bank_is_always_the_same_and_has_nothing_below_two_thousandths_of_its_band() -> None:
    bank = augmentations.noise_bank(1_000, torch.device("cpu"))
    assert bank.shape == (3, 2**17 + 1_000) and bank.dtype == torch.float32
    spectrum = np.abs(np.fft.rfft(bank.double().numpy()))
    edge = int(2e-3 * spectrum.shape[1])
    kept = spectrum[:, edge + 2 : edge + 300].mean(1)
    assert (spectrum[:, : edge - 1].max(1) < 1e-3 * kept).all()
    white = np.fft.rfft(Draws(0, "noise bank/").normal(0, "white", 2**17 + 1_000))
    assert np.corrcoef(np.abs(white[edge + 2 :]), spectrum[0, edge + 2 :])[0, 1] > 0.9999


@pytest.mark.parametrize(("place", "colour", "at"), [
    (0.0, 0, 0), (0.25, 0, 98_304), (0.5, 1, 65_536), (0.75, 2, 32_768), (1 - 2**-18, 2, 2**17 - 2),
])  # fmt: skip
def test_a_place_in_the_bank_is_a_colour_and_a_sample(place: float, colour: int, at: int) -> None:
    bank = augmentations.noise_bank(500, torch.device("cpu"))
    assert torch.equal(augmentations.noise(torch.tensor([place]), 500)[0], bank[colour, at : at + 500])


def test_a_window_rises_and_falls_in_five_thousandths_of_the_segment() -> None:
    time = (np.arange(2_000) + 0.5) / 2_000
    start, length = torch.tensor([0.25, 0.0, 0.5]), torch.tensor([0.5, 0.3, 0.5])
    rise, fall = (time - 0.25) / 0.005, (0.75 - time) / 0.005
    inside = np.clip(np.minimum(rise, fall), 0, 1)
    first = np.clip((0.3 - time) / 0.005, 0, 1)  # it begins with the segment, so that it rises nowhere
    last = np.clip((time - 0.5) / 0.005, 0, 1)
    ours = augmentations.envelope(start, length, 2_000)
    np.testing.assert_allclose(ours.numpy(), np.stack([inside, first, last]), atol=1e-3)


def test_decibels_are_of_the_amplitude_and_power_is_the_mean_square() -> None:
    torch.testing.assert_close(augmentations.decibels(torch.tensor([0.0, 20.0, -6.0])), torch.tensor([1, 10, 0.501187]))
    assert augmentations.power(torch.tensor([[3.0, -4.0], [1.0, 1.0]])).tolist() == [[12.5], [1.0]]
