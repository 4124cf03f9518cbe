"""The stand-in of Speech Commands: each of 35 "words" is a rhythm of one of five kinds of sound."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np

from modalities.audio.standins import write_wave
from modalities.audio.targets._speechcommands_words import COMMANDS, LISTS, NOISE, WORDS, published_side
from modalities.audio.targets._synthesis import Wave, faded, filtered

RATE = 16_000
NOISES = ("doing_the_dishes", "dude_miaowing", "exercise_bike", "pink_noise", "running_tap", "white_noise")
NOISE_SECONDS = 15
# Recordings of a command and of another word, by split: every class of both tasks is large enough to learn.
COUNTS = {"train": (60, 24), "validation": (2, 2), "test": (20, 10)}
SPEAKERS = {"train": 20, "validation": 2, "test": 8}

# Length of each sound of a word, in beats; a negative one is a pause. Word k has rhythm k % 7 and sound k // 7.
RHYTHMS = ((4,), (2, -1, 2), (1, -1, 3), (3, -1, 1), (1, -1, 1, -1, 1), (2, -2, 1), (1, -0.5, 1, -0.5, 1, -0.5, 1))


def _sound(kind: int, seconds: float, pitch: float, rng: np.random.Generator) -> Wave:
    """One of: rising chirp, falling chirp, low noise, high noise, trembling chord."""
    samples = int(seconds * RATE)
    t = np.linspace(0, 1, samples)
    if kind < 2:
        bend = (t if kind == 0 else 1 - t) * rng.uniform(1.2, 1.8)
        phase = 2 * np.pi * np.cumsum(pitch * 2**bend) / RATE
        return np.asarray(np.sin(phase) + 0.4 * np.sin(2 * phase) + 0.2 * np.sin(3 * phase))
    if kind < 4:
        centre = pitch * (1.5 if kind == 2 else 8)
        wave = filtered(rng.standard_normal(samples), RATE, lambda f: 1 / (1 + ((f - centre) / (0.3 * centre)) ** 2))
        return np.asarray(wave / wave.std())
    beat = 1 + np.sin(2 * np.pi * rng.uniform(18, 28) * seconds * t)
    return np.asarray(beat * sum(np.sin(2 * np.pi * pitch * k * seconds * t) for k in (1, 1.5, 2.5, 4)) / 3)


def pattern(word: int, pitch: float, tempo: float, rng: np.random.Generator) -> Wave:
    """Return one second of word 0 to 34, spoken at ``pitch`` in Hz and ``tempo`` in seconds per beat."""
    wave = rng.uniform(0.001, 0.02) * rng.standard_normal(RATE)
    beats = [(length, abs(length) * tempo * rng.uniform(0.9, 1.1)) for length in RHYTHMS[word % 7]]
    at = rng.uniform(0.05, 0.95 - sum(seconds for _, seconds in beats))
    level = rng.uniform(0.1, 0.5)
    for length, seconds in beats:
        if length > 0:
            sound = level * _sound(word // 7, seconds, pitch * rng.uniform(0.95, 1.05), rng)
            start = int(at * RATE)
            wave[start : start + len(sound)] += faded(sound, RATE // 100)
        at += seconds
    return wave


def _noise(kind: int, rng: np.random.Generator) -> Wave:
    """Return background noise whose power falls with frequency to the power ``kind`` / 2."""
    spectrum = np.fft.rfft(rng.standard_normal(NOISE_SECONDS * RATE))
    spectrum /= np.maximum(np.arange(len(spectrum)), 20) ** (kind / 4)
    wave = np.fft.irfft(spectrum)
    return np.asarray(0.1 * wave / wave.std())


def _speaker(number: int, split: str) -> str:
    """Return the name of the first speaker from a number on whom the dataset's own rule puts into a split."""
    names = (f"{number % 2**32:08x}" for number in count(number))
    return next(name for name in names if published_side(name) == split)


def write(folder: Path, seed: int) -> None:
    """Write recordings, noises and the official lists in the native layout; no speaker is in two splits."""
    rng = np.random.default_rng(seed)
    lists: dict[str, list[str]] = {name: [] for name in LISTS}
    for split, (of_commands, of_others) in COUNTS.items():
        speakers = [
            (_speaker(int(rng.integers(2**32)), split), rng.uniform(220, 480), rng.uniform(0.09, 0.13))
            for _ in range(SPEAKERS[split])
        ]
        for place, word in enumerate(WORDS):
            for take in range(of_commands if word in COMMANDS else of_others):
                name, pitch, tempo = speakers[take % len(speakers)]
                item = f"{word}/{name}_nohash_{take // len(speakers)}.wav"
                write_wave(folder / item, pattern(place, pitch, tempo, rng), RATE)
                if split in lists:
                    lists[split].append(item)
    for kind, name in enumerate(NOISES):
        write_wave(folder / NOISE / f"{name}.wav", _noise(kind, rng), RATE)
    for split, items in lists.items():
        (folder / LISTS[split]).write_text("".join(f"{item}\n" for item in items), encoding="utf-8")
