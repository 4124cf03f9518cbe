"""The generated recordings by name, each a function of a seed and the rate: noises, chirps, chords."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from modalities.assembly.generators import Generator
from modalities.audio.sound import Wave
from modalities.compute.draws import Array, Draws

VERSION = 1  # increment if a generator's samples change
SECONDS = 60
TOP = 0.45  # highest frequency of a chirp or an overtone, as a share of the rate


def white(seed: int, rate: int) -> Wave:
    """White Gaussian noise."""
    return Draws(seed, "noise source/").normal(0, "wave", SECONDS * rate).astype(np.float32)


def pink(seed: int, rate: int) -> Wave:
    """Gaussian noise whose power falls with frequency f as 1/f, from 20 Hz up."""
    count = SECONDS * rate
    spectrum = np.fft.rfft(Draws(seed, "pink source/").normal(0, "wave", count))
    frequency = np.fft.rfftfreq(count, 1 / rate)
    shaped = np.where(frequency < 20, 0, spectrum / np.sqrt(np.maximum(frequency, 20)))
    return np.fft.irfft(shaped, count).astype(np.float32)


def chirps(seed: int, rate: int) -> Wave:
    """Ten overlapping chirps a second: frequency glides exponentially between two tones, in 0.05 to 1 s."""
    draws, count = Draws(seed, "chirps source/"), 10 * SECONDS
    low, high = math.log(80), math.log(TOP * rate)
    first, last = np.exp(draws.uniform(0, "tones", (2, count), low, high))
    seconds = 0.05 * 20 ** draws.uniform(0, "seconds", count)
    level = 10 ** (draws.uniform(0, "level", count, -18, 0) / 20)
    start = (draws.uniform(0, "start", count) * (SECONDS - seconds) * rate).astype(np.int64)
    wave = np.zeros(SECONDS * rate)
    for i in range(count):
        time = np.arange(int(seconds[i] * rate)) / rate
        growth = np.log(last[i] / first[i]) / seconds[i]
        phase = first[i] * (time if abs(growth) < 1e-9 else np.expm1(growth * time) / growth)
        wave[start[i] : start[i] + len(time)] += level[i] * np.hanning(len(time)) * np.sin(2 * np.pi * phase)
    return wave.astype(np.float32)


CHORDS = ((0, 4, 7), (0, 3, 7), (0, 4, 7, 11), (0, 3, 7, 10), (0, 5, 7), (0, 3, 6, 9))  # semitones above the root


def chords(seed: int, rate: int) -> Wave:
    """Two chords a second of plucked tones with up to eight overtones, in equal temperament, each a timbre of its own.

    The power of overtone n falls as n^−2·brightness; all decay exponentially, the higher the faster.
    """
    draws, count = Draws(seed, "chords source/"), 2 * SECONDS
    root = 110 * 2 ** (draws.integers(0, "root", count, 30) / 12)
    kind, brightness = draws.integers(0, "kind", count, len(CHORDS)), draws.uniform(0, "brightness", count, 0.5, 2)
    decay = draws.uniform(0, "decay", count, 0.15, 0.8)
    level = 10 ** (draws.uniform(0, "level", count, -12, 0) / 20)
    start = np.sort(draws.uniform(0, "start", count) * (SECONDS - 1) * rate).astype(np.int64)
    wave = np.zeros(SECONDS * rate)
    for i in range(count):
        time = np.arange(min(2 * rate, len(wave) - start[i])) / rate
        tones = root[i] * 2 ** (np.array(CHORDS[kind[i]]) / 12)
        wave[start[i] : start[i] + len(time)] += level[i] * _pluck(tones, time, decay[i], brightness[i], TOP * rate)
    return wave.astype(np.float32)


def _pluck(tones: Array, time: Array, decay: float, brightness: float, top: float) -> NDArray[np.float64]:
    """Return the sum of tones with their overtones below ``top``, all in Hz, that fade in within 5 ms and decay."""
    sound = np.zeros_like(time)
    for tone in tones:
        for overtone in range(1, 9):
            if overtone * tone < top:
                fading = np.exp(-time * (1 + 0.3 * overtone) / decay)
                sound += overtone**-brightness * fading * np.sin(2 * np.pi * overtone * tone * time)
    faded: NDArray[np.float64] = sound * np.minimum(time / 0.005, 1) * np.minimum((time[-1] - time) / 0.02, 1)
    return faded


GENERATORS: dict[str, Generator] = {
    "noise": Generator(white, "white Gaussian noise, 60 s (generated)"),
    "pink": Generator(pink, "pink noise, its power is 1/f, 60 s (generated)"),
    "chirps": Generator(chirps, "ten overlapping chirps a second, 60 s (generated)"),
    "chords": Generator(chords, "two plucked chords a second, 60 s (generated)"),
}
