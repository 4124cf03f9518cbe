"""The stand-in of NSynth: notes of eleven families, which differ in spectrum, attack and decay."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from modalities.audio.standins import write_wave
from modalities.audio.targets._synthesis import Wave, faded, hiss, peaks, tone

RATE = 16_000
SECONDS = 1.0  # the original's notes last 4 s
INSTRUMENTS = {"train": 6, "valid": 1, "test": 2}  # of each family
NOTES = 9  # of each instrument
HARMONICS = 24


@dataclass(frozen=True)
class Timbre:
    """How an instrument sounds; ``slope`` and ``picked`` give the level of harmonic k."""

    low: int  # lowest and highest MIDI pitch
    high: int
    slope: float  # harmonic k has the level k ** -slope
    attack: float  # seconds
    decay: float  # per second
    picked: Callable[[int], float] = lambda k: 1.0
    brighter: float = 0.0  # how much faster higher harmonics decay
    vibrato: float = 0.0  # semitones
    breath: float = 0.0  # level of added noise
    stretch: float = 1.0  # factor on the pitch
    vowel: tuple[float, ...] = ()  # formants in Hz


FAMILIES = {
    "bass": Timbre(28, 43, 1.2, 0.01, 1.5, brighter=0.5),
    "brass": Timbre(48, 70, 0.3, 0.12, 0.0, brighter=-0.3),
    "flute": Timbre(62, 84, 3.0, 0.08, 0.0, breath=0.5, vibrato=0.2),
    "guitar": Timbre(45, 69, 1.0, 0.004, 3.0, brighter=0.4, picked=lambda k: 0.15 if k % 4 == 0 else 1.0),
    "keyboard": Timbre(48, 79, 1.8, 0.01, 1.0, brighter=0.2),
    "mallet": Timbre(60, 84, 0.8, 0.002, 12.0, picked=lambda k: float(k in (1, 4, 10)), stretch=0.97),
    "organ": Timbre(48, 76, 0.4, 0.02, 0.0, picked=lambda k: float(k in (1, 2, 4, 8, 16))),
    "reed": Timbre(50, 74, 0.5, 0.05, 0.0, picked=lambda k: 1.0 if k % 2 else 0.04),
    "string": Timbre(48, 76, 1.0, 0.3, 0.0, vibrato=0.5),
    "synth_lead": Timbre(48, 76, 0.0, 0.005, 0.0, breath=0.02),
    "vocal": Timbre(48, 69, 1.0, 0.1, 0.0, vibrato=0.6, vowel=(650, 1080, 2650)),
}


def instrument(family: str, rng: np.random.Generator) -> Timbre:
    """Return one instrument of a family, with random deviations from its timbre."""
    kind = FAMILIES[family]
    return replace(
        kind,
        slope=kind.slope + rng.uniform(-0.15, 0.15),
        attack=kind.attack * rng.uniform(0.6, 1.6),
        decay=kind.decay * rng.uniform(0.6, 1.5),
        breath=kind.breath * rng.uniform(0.5, 1.6),
        vibrato=kind.vibrato * rng.uniform(0.5, 1.5),
        vowel=tuple(formant * rng.uniform(0.9, 1.1) for formant in kind.vowel),
    )


def note(timbre: Timbre, pitch: int, rng: np.random.Generator) -> Wave:
    """Return a note with a peak of 1 whose key is released after three quarters."""
    samples = int(RATE * SECONDS)
    t = np.arange(samples) / RATE
    sway = timbre.vibrato * np.sin(2 * np.pi * (rng.uniform(4.5, 6.5) * t + rng.uniform(0, 1)))
    curve = 440 * 2 ** ((pitch - 69 + sway) / 12)
    levels: list[Wave | float] = []
    for k in range(1, HARMONICS + 1):
        level = k**-timbre.slope * timbre.picked(k)
        if timbre.vowel:
            level *= float(peaks(timbre.vowel, 120)(np.array([k * curve[0]]))[0])
        levels.append(level * np.exp(-timbre.brighter * k * t) if timbre.brighter > 0 else level)
        if timbre.brighter < 0:  # the brass opens up
            levels[-1] = level * (1 - np.exp(-t * 20 / k))
    wave = tone(curve * timbre.stretch, RATE, levels)
    wave /= np.abs(wave).max() + 1e-9
    wave += 0.3 * timbre.breath * hiss(samples, RATE, rng, lambda f: 1 / (1 + (f / 2500) ** 2))
    wave *= (1 - np.exp(-t / timbre.attack)) * np.exp(-timbre.decay * t) * np.clip((SECONDS - t) / 0.25, 0, 1)
    wave = faded(wave, 16)
    return np.asarray(wave / np.abs(wave).max())


def write(folder: Path, seed: int) -> None:
    """Write the three parts in the native layout; they share no instrument, and only training has lead synths."""
    rng = np.random.default_rng(seed)
    number = 0
    for part, instruments in INSTRUMENTS.items():
        place, examples = folder / f"nsynth-{part}", {}
        for label, family in enumerate(FAMILIES):
            if family == "synth_lead" and part != "train":
                continue
            for which in range(instruments):
                name = f"{family}_synthetic_{ {'train': 0, 'valid': 100, 'test': 200}[part] + which:03}"
                timbre = instrument(family, rng)
                for pitch in rng.choice(np.arange(timbre.low, timbre.high + 1), NOTES, replace=False):
                    velocity = int(rng.choice([25, 50, 75, 100, 127]))
                    key = f"{name}-{pitch:03}-{velocity:03}"
                    wave = note(timbre, int(pitch), rng) + 0.002 * rng.standard_normal(int(RATE * SECONDS))
                    write_wave(place / "audio" / f"{key}.wav", wave * velocity / 140, RATE)
                    examples[key] = {
                        "note": number, "note_str": key, "instrument_str": name, "pitch": int(pitch),
                        "velocity": velocity, "sample_rate": RATE, "instrument_family": label,
                        "instrument_family_str": family, "instrument_source": 2, "instrument_source_str": "synthetic",
                    }  # fmt: skip
                    number += 1
        (place / "examples.json").write_text(json.dumps(examples, indent=1), encoding="utf-8")
