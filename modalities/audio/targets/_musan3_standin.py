"""The stand-in of MUSAN: chords with a tune, random talk and noises; some files are long and some very short."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from modalities.audio.standins import write_wave
from modalities.audio.targets._synthesis import Manner, Wave, any_voice, faded, hiss, talk, tone
from modalities.datasets.splits import held_out

RATE = 16_000
SOURCES = {"music": ("fma", "jamendo"), "speech": ("librivox", "us-gov"), "noise": ("free-sound", "sound-bible")}
FILES = {False: 30, True: 24}  # of each class, for training and test
CHORDS = ((0, 4, 7), (0, 3, 7), (0, 5, 9), (-1, 2, 7))


def music(seconds: float, rng: np.random.Generator) -> Wave:
    """Chords and a tune above them, at a steady beat; half of the pieces have a voice."""
    wave = np.zeros(int(seconds * RATE))
    beat = int(rng.uniform(0.15, 0.4) * RATE)
    root, decay, slope = rng.uniform(110, 260), rng.uniform(1, 6), rng.uniform(0.4, 0.8)
    partials: list[Wave | float] = [slope**k for k in range(8)]
    for number, at in enumerate(range(0, len(wave), beat)):
        chord = CHORDS[number // 4 % len(CHORDS)]
        notes = [chord[number % 3] + 12, *(chord if number % 4 == 0 else ())]
        for semitone in notes:
            length = min((4 if semitone < 12 and number % 4 == 0 else 1) * beat, len(wave) - at)
            pitch = np.full(length, root * 2 ** (semitone / 12))
            wave[at : at + length] += faded(np.exp(-decay * np.arange(length) / RATE) * tone(pitch, RATE, partials), 80)
    if rng.random() < 0.5:
        wave += rng.uniform(0.5, 1.2) * speech(seconds, rng)
    return wave


def noise(seconds: float, rng: np.random.Generator) -> Wave:
    """Rumble, hiss, a humming machine, clatter, gusts or an alarm."""
    samples = int(seconds * RATE)
    kind = rng.integers(6)
    power, corner = rng.uniform(0, 2), rng.uniform(100, 3000)
    wave = hiss(samples, RATE, rng, lambda f: 1 / (1 + (f / corner) ** 2) ** (power / 2 + 0.01))
    if kind == 2:
        hum = tone(np.full(samples, rng.uniform(45, 110)), RATE, [rng.uniform(0.2, 1) for _ in range(20)])
        wave = 0.6 * wave + hum / hum.std()
    if kind == 3:
        clicks = (rng.random(samples) < rng.uniform(4, 20) / RATE) * rng.uniform(0.3, 1, samples)
        ring = hiss(RATE // 20, RATE, rng, lambda f: f / (f + corner)) * np.exp(-np.linspace(0, 7, RATE // 20))
        wave = 0.02 * wave + np.convolve(clicks, ring)[:samples]
    if kind == 4:
        gust = np.interp(np.arange(samples), np.linspace(0, samples, 6), rng.uniform(0.1, 1, 6))
        wave = wave * gust**2
    if kind == 5:
        on = np.sin(2 * np.pi * rng.uniform(1, 6) * np.arange(samples) / RATE) > rng.uniform(-0.8, 0.5)
        wave = 0.1 * wave + on * tone(np.full(samples, rng.uniform(300, 1500)), RATE, [1.0, 0.5, 0.3])
    return wave


def speech(seconds: float, rng: np.random.Generator) -> Wave:
    """Random talk of a random speaker in a random manner."""
    voice = any_voice(rng)
    manner = Manner(rng.uniform(6, 11), "ieaou", "stm", rng.uniform(0.1, 0.6), rng.uniform(-0.3, 0.3))
    return talk(voice, manner, seconds, RATE, rng)


MAKERS = {"music": music, "speech": speech, "noise": noise}


def write(folder: Path, split: str, seed: int) -> None:
    """Write files and annotations in the native layout; the split's own rule decides each file's side."""
    rng = np.random.default_rng(seed)
    for name, sources in SOURCES.items():
        needed, number = dict(FILES), 0
        notes: dict[str, list[str]] = {source: [] for source in sources}
        while any(needed.values()):
            source, number = sources[number % 2], number + 1
            stem = f"{name}-{source}-{number // 2:04}"
            test = held_out(stem, split)
            if not needed[test]:
                continue
            needed[test] -= 1
            # A few are shorter than any window, and one of each class is long.
            seconds = 0.4 if needed[test] == 1 else 20.0 if needed[test] == 2 and not test else rng.uniform(1.5, 3)
            wave = MAKERS[name](seconds, rng)
            background = hiss(len(wave), RATE, rng, lambda f: 1 / (1 + f / 500)) * 10 ** rng.uniform(-2, -0.8)
            level = rng.uniform(0.1, 0.6)
            write_wave(folder / "musan" / name / source / f"{stem}.wav",
                       level * (wave / np.abs(wave).max() + background), RATE)  # fmt: skip
            notes[source].append(f"{stem} none N nobody\n" if name == "music" else f"{stem}\n")
        for source, lines in notes.items():
            (folder / "musan" / name / source / "ANNOTATIONS").write_text("".join(lines), encoding="utf-8")
