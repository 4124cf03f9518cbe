"""The stand-in of NSynth: notes of eleven families, told apart by how their resonances glide, in noise."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modalities.audio.standins import write_wave
from modalities.audio.targets._synthesis import Wave, faded, in_noise, voiced

RATE = 16_000
SECONDS = 1.0  # the original's notes last 4 s
INSTRUMENTS = {"train": 6, "valid": 1, "test": 2}  # of each family
NOTES = 9  # of each instrument
PITCHES = np.arange(40, 63)  # MIDI

FAMILIES = {  # the vowels through whose resonances a note of a family glides
    "bass": "ua", "brass": "ei", "flute": "oi", "guitar": "ao", "keyboard": "oa", "mallet": "iu", "organ": "eo",
    "reed": "ie", "string": "ai", "synth_lead": "e", "vocal": "ue",
}  # fmt: skip


@dataclass(frozen=True)
class Instrument:
    """What the notes of an instrument have in common."""

    vowels: str
    size: float  # factor on all resonances
    attack: float  # seconds
    decay: float  # per second
    vibrato: float  # semitones


def instrument(family: str, rng: np.random.Generator) -> Instrument:
    """Return a random instrument of a family."""
    size, attack, decay, vibrato = rng.uniform((0.88, 0.005, 0, 0), (1.18, 0.1, 2, 0.5))
    return Instrument(FAMILIES[family], size, attack, decay, vibrato)


def note(of: Instrument, pitch: int, rng: np.random.Generator) -> Wave:
    """Return a note with a peak of 1 whose key is released after 0.6 to 0.9 s."""
    samples = int(RATE * rng.uniform(0.6, 0.9))
    t = np.arange(samples) / RATE
    sway = of.vibrato * np.sin(2 * np.pi * (rng.uniform(4.5, 6.5) * t + rng.uniform(0, 1)))
    wave = voiced(440 * 2 ** ((pitch - 69 + sway) / 12), of.vowels, of.size * rng.normal(1, 0.02), RATE)
    wave = faded(wave * (1 - np.exp(-t / of.attack)) * np.exp(-of.decay * t), RATE // 50)
    return np.pad(wave / np.abs(wave).max(), (0, int(RATE * SECONDS) - samples))


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
                own = instrument(family, rng)
                for pitch in rng.choice(PITCHES, NOTES, replace=False):
                    velocity = int(rng.choice([25, 50, 75, 100, 127]))
                    key = f"{name}-{pitch:03}-{velocity:03}"
                    wave = in_noise(note(own, int(pitch), rng), RATE, rng)
                    write_wave(place / "audio" / f"{key}.wav", wave / np.abs(wave).max() * velocity / 140, RATE)
                    examples[key] = {
                        "note": number, "note_str": key, "instrument_str": name, "pitch": int(pitch),
                        "velocity": velocity, "sample_rate": RATE, "instrument_family": label,
                        "instrument_family_str": family, "instrument_source": 2, "instrument_source_str": "synthetic",
                    }  # fmt: skip
                    number += 1
        (place / "examples.json").write_text(json.dumps(examples, indent=1), encoding="utf-8")
