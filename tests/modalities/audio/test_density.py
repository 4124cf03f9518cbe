"""Densities of recordings beside formulas in NumPy, and sounds whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest

from modalities.audio import density

RATE = 16_000
WHITE = np.random.default_rng(0).normal(0, 0.1, 4 * RATE).astype(np.float32)


def by_hand(wave: np.ndarray) -> float:
    """Geometric by arithmetic mean of the power in each frame under a periodic Hann window, padded with zeros."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    padded = np.pad(wave.astype(np.float64), 1024)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2048)[::512] * window
    power = np.maximum(np.abs(np.fft.rfft(frames)) ** 2, 1e-10)
    return float(np.mean(np.exp(np.log(power).mean(1)) / power.mean(1)))


def test_flatness_is_the_geometric_by_the_arithmetic_mean_of_the_power() -> None:
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)
    for wave in (WHITE, tone, 0.5 * tone + 0.05 * WHITE[:RATE]):
        assert density.spectral_flatness(wave) == pytest.approx(by_hand(wave), rel=1e-3)
    assert density.spectral_flatness(WHITE) == pytest.approx(np.exp(-np.euler_gamma), abs=0.01)
    assert density.spectral_flatness(tone) < 0.01


@pytest.mark.parametrize("clicks", [8, 20])
def test_onsets_are_counted_per_second(clicks: int) -> None:
    wave, seconds = 1e-3 * WHITE, len(WHITE) / RATE
    time = np.arange(3200) / RATE
    burst = np.minimum(time / 0.002, 1) * np.exp(-time / 0.05) * np.hanning(6400)[3200:]
    burst *= sum(np.sin(2 * np.pi * tone * time) for tone in (220, 440, 660, 880))
    for start in (np.arange(clicks) + 0.5) / clicks * (len(wave) - 3200):
        wave[int(start) : int(start) + 3200] += burst
    assert density.onset_rate(wave, RATE) == pytest.approx(clicks / seconds)


def test_silence_and_even_noise_have_no_onset() -> None:
    assert density.onset_rate(np.zeros(RATE, np.float32), RATE) == 0
    assert density.onset_rate(WHITE, RATE) == 0


def test_named_recordings_differ_as_they_sound() -> None:
    found = {name: density.density(name) for name in ("noise", "pink", "chirps", "speech")}
    assert found["noise"]["flatness"] > found["pink"]["flatness"] > found["speech"]["flatness"]
    assert found["speech"]["onsets"] > 3 and found["noise"]["onsets"] < 0.1
    assert found["chirps"]["flatness"] < 0.1
