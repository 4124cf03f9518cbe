"""Sounds that stand-ins are made of: synthetic speech, filtered noise and harmonic tones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modalities.audio.standins import write_wave

Wave = NDArray[np.float64]
Gain = Callable[[Wave], Wave]  # frequencies in Hz to amplitudes

# First three formants in Hz, averages of Peterson and Barney (JASA 1952, table II, men).
VOWELS = {"i": (270, 2290, 3010), "e": (530, 1840, 2480), "a": (730, 1090, 2440), "o": (570, 840, 2410),
          "u": (300, 870, 2240)}  # fmt: skip
HUM = (250, 1100, 2100)


@dataclass(frozen=True)
class Voice:
    """How a speaker sounds."""

    pitch: float  # Hz
    tract: float  # factor on all formants
    tilt: float  # dB per octave above 500 Hz
    breath: float  # noise beside the voice, 0 to 1


@dataclass(frozen=True)
class Manner:
    """How a language sounds; the words are random."""

    rate: float  # sounds per second
    vowels: str  # of "ieaou"
    consonants: str  # of s (hiss), t (stop and burst), m (hum)
    closed: float  # probability that a syllable also ends in a consonant
    melody: float  # rise of the pitch within a syllable, in octaves


def filtered(wave: Wave, rate: int, gain: Gain) -> Wave:
    """Return a wave after a zero-phase filter."""
    return np.asarray(
        np.fft.irfft(np.fft.rfft(wave) * gain(np.asarray(np.fft.rfftfreq(len(wave), 1 / rate), np.float64)), len(wave))
    )


def hiss(samples: int, rate: int, rng: np.random.Generator, gain: Gain) -> Wave:
    """Return noise with a given spectrum, of mean square 1."""
    wave = filtered(rng.standard_normal(samples), rate, gain)
    return np.asarray(wave / (np.sqrt(np.mean(wave**2)) + 1e-9))


def in_noise(wave: Wave, rate: int, rng: np.random.Generator) -> Wave:
    """Return a sound in stationary noise of random slope, level, beginning and end, so that noise tells no class."""
    slope = rng.uniform(-0.25, 1)
    noise = hiss(len(wave), rate, rng, lambda f: np.maximum(f, 60) ** -slope)
    length = rng.uniform(0.3, 1.7)  # of the whole; more than that is the whole
    place = np.linspace(0, 1, len(wave)) - rng.uniform(0, max(1 - length, 0))
    level = 10 ** (-rng.uniform(-6, 18) / 20) * np.sqrt(np.mean(wave**2))
    return np.asarray(wave + level * noise * ((place >= 0) & (place <= length)))


def peaks(centres: tuple[float, ...], width: float) -> Gain:
    """Return resonances at ``centres`` Hz, each 1.5 times as strong as the next, above a low floor."""

    def gain(frequency: Wave) -> Wave:
        levels = (1.5**-k / (1 + ((frequency - centre) / width) ** 2) for k, centre in enumerate(centres))
        return np.asarray(sum(levels, np.full_like(frequency, 0.01)))

    return gain


def faded(wave: Wave, samples: int) -> Wave:
    """Return a sound with linear fades of ``samples`` at both ends."""
    place = np.arange(len(wave))
    return np.asarray(wave * np.clip(np.minimum(place, place[::-1]) / max(samples, 1), 0, 1))


def tone(pitch: Wave, rate: int, partials: list[Wave | float]) -> Wave:
    """Return harmonics of a moving pitch in Hz, each with a level or a curve of levels; none above half the rate."""
    turn = np.exp(2j * np.pi * np.cumsum(pitch) / rate)
    wave, power = np.zeros(len(pitch)), np.ones(len(pitch), complex)
    top = float(pitch.max())
    for k, level in enumerate(partials, 1):
        power = power * turn
        if k * top >= 0.48 * rate:
            break
        wave += level * power.imag
    return wave


def voiced(pitch: Wave, vowels: str, tract: float, rate: int) -> Wave:
    """Return harmonics up to 4 kHz of a moving pitch in Hz, under the formants of vowels that glide into each other."""
    place = np.clip(np.linspace(-0.3, 1.3, len(pitch)), 0, 1) * (len(vowels) - 1)
    paths = [np.interp(place, range(len(vowels)), [tract * VOWELS[v][k] for v in vowels]) for k in range(2)]
    levels: list[Wave | float] = []
    for k in range(1, int(4_000 / pitch.max()) + 1):
        near = (s / (1 + ((k * pitch - path) / w) ** 2) for path, w, s in zip(paths, (70, 110), (1, 0.6), strict=True))
        levels.append(np.asarray(sum(near, np.full(len(pitch), 0.01))))
    return tone(pitch, rate, levels)


def talk(voice: Voice, manner: Manner, seconds: float, rate: int, rng: np.random.Generator) -> Wave:
    """Return a random utterance with a peak of 1."""
    samples, at, phase = int(seconds * rate), 0, 0.0
    wave = np.zeros(samples + rate)
    while at < samples:
        sounds = rng.choice(list(manner.consonants)) + rng.choice(list(manner.vowels))
        if rng.random() < manner.closed:
            sounds += rng.choice(list(manner.consonants))
        start = voice.pitch * rng.uniform(0.88, 1.14)
        for sound in sounds:
            length = int(rate / manner.rate * rng.uniform(0.75, 1.25) * (1.4 if sound in VOWELS else 0.8))
            rise = manner.melody * np.linspace(0, 1, length) if sound in VOWELS else np.zeros(length)
            turns = phase + np.cumsum(start * 2**rise) / rate
            phase = float(turns[-1] % 1)
            wave[at : at + length] += faded(_sound(sound, turns % 1, voice, rate, rng), rate // 100)[: len(wave) - at]
            at += length
    return np.asarray(wave[:samples] / (np.abs(wave[:samples]).max() + 1e-9))


def _sound(sound: str, phase: Wave, voice: Voice, rate: int, rng: np.random.Generator) -> Wave:
    """Return one speech sound; ``phase`` of the voice in turns."""
    noise = rng.standard_normal(len(phase))
    if sound == "s":
        return 0.12 * hiss(len(phase), rate, rng, peaks((3200 * voice.tract, 2600 * voice.tract), 500))
    if sound == "t":
        burst = noise * np.exp(-np.linspace(-3, 9, len(phase)).clip(0)) * (np.linspace(0, 1, len(phase)) > 0.25)
        return 0.3 * filtered(burst, rate, peaks((1800 * voice.tract,), 1500))
    centres = tuple(formant * voice.tract for formant in VOWELS.get(sound, HUM))

    def gain(frequency: Wave) -> Wave:
        return peaks(centres, 90)(frequency) * (np.maximum(frequency, 500) / 500) ** (voice.tilt / 6.02)

    strength = 0.5 if sound == "m" else 1.0
    return strength * filtered((1 - voice.breath) * (2 * phase - 1) + voice.breath * noise, rate, gain)


def any_voice(rng: np.random.Generator) -> Voice:
    """Return a random voice."""
    return Voice(rng.uniform(90, 240), rng.uniform(0.88, 1.16), rng.uniform(-6, 3), rng.uniform(0.02, 0.15))


def write_talk(path: Path, voice: Voice, manner: Manner, seconds: float, rate: int, rng: np.random.Generator) -> None:
    """Write a random utterance at a random level, with a little noise."""
    wave = talk(voice, manner, seconds, rate, rng)
    noise = rng.uniform(0.001, 0.01) * rng.standard_normal(len(wave))
    write_wave(path, rng.uniform(0.2, 0.7) * wave + noise, rate)
