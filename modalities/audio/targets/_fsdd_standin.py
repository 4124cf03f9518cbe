"""The stand-in of the spoken digits: each "digit" is two vowels and the glide between them, by synthetic speakers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modalities.audio.standins import write_wave

RATE = 8_000
SPEAKERS = ("ada", "ben", "cleo", "dan", "eve", "finn")
TAKES = 20  # of each digit by each speaker

# First and second formant in Hz, the classic averages of Peterson and Barney (JASA 1952, table II, men).
VOWELS = {"i": (270, 2290), "e": (530, 1840), "a": (730, 1090), "o": (570, 840), "u": (300, 870)}
WORDS = ("iu", "ua", "ei", "ao", "oi", "ie", "eo", "ai", "oa", "ue")  # for the digits 0 to 9


def write(folder: Path, seed: int) -> None:
    """Write the recordings of all speakers into a folder."""
    rng = np.random.default_rng(seed)
    for speaker in SPEAKERS:
        voice = rng.uniform(90, 230), rng.uniform(0.88, 1.18)
        for digit, word in enumerate(WORDS):
            for take in range(TAKES):
                write_wave(folder / f"{digit}_{speaker}_{take}.wav", spoken_vowels(word, *voice, rng), RATE)


def spoken_vowels(word: str, pitch: float, tract: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Two vowels: harmonics of a falling voice under two formants that glide from the first vowel to the second.

    ``pitch`` is in Hz; ``tract`` is a factor on all formants (a shorter vocal tract has higher ones).
    """
    samples = int(RATE * rng.uniform(0.3, 0.6))
    t = np.linspace(0, 1, samples)
    glide = 1 / (1 + np.exp(-(t - rng.uniform(0.4, 0.6)) / rng.uniform(0.03, 0.1)))
    first, second = (np.array(VOWELS[v]) * tract * rng.normal(1, 0.04, 2) for v in word)
    voice = pitch * rng.uniform(0.85, 1.2) * (1 - rng.uniform(0, 0.25) * t)
    phase = 2 * np.pi * np.cumsum(voice) / RATE
    wave = np.zeros(samples)
    # sin(k·phase) by Chebyshev's recurrence, sin((k+1)x) = 2 cos(x) sin(kx) - sin((k-1)x).
    twice, before, harmonic = 2 * np.cos(phase), np.zeros(samples), np.sin(phase)
    for k in range(1, int(0.95 * RATE / 2 / voice.max()) + 1):
        level = sum(
            strength / (1 + ((k * voice - (a + (b - a) * glide)) / width) ** 2)
            for a, b, width, strength in zip(first, second, (70, 110), (1.0, 0.6), strict=True)
        )
        wave += (level + 0.01) * harmonic
        before, harmonic = harmonic, twice * harmonic - before
    wave *= np.minimum(1, np.minimum(t, 1 - t) / 0.1) * (1 - 0.5 * t)
    wave *= rng.uniform(0.1, 0.6) / np.abs(wave).max()
    return wave + rng.uniform(0.0005, 0.01) * rng.standard_normal(samples)
