"""The stand-in of ESC-50: calls and cries of thirteen of its classes, told apart by how vowels glide, in noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from modalities.audio.standins import write_wave
from modalities.audio.targets._synthesis import Wave, faded, in_noise, voiced

RATE = 44_100
SECONDS = 1.1  # the original's clips last 5 s
RECORDINGS, TAKES = 3, 2  # recordings of a class in a fold, and clips cut from each


CALLS = {  # the vowels that a call of a class glides through
    "dog": "ua", "rooster": "ei", "pig": "oi", "cow": "ao", "frog": "oa", "cat": "iu", "hen": "eo", "sheep": "e",
    "crow": "ai", "crying_baby": "ue", "laughing": "ie", "siren": "io", "car_horn": "au",
}  # fmt: skip


def clip(vowels: str, pitch: float, tract: float, rng: np.random.Generator) -> Wave:
    """Return a clip with one call of a creature: ``pitch`` in Hz, and ``tract``, a factor on all formants."""
    count = int(RATE * SECONDS * rng.uniform(0.4, 0.8))
    curve = pitch * rng.uniform(0.85, 1.2) * (1 - rng.uniform(0, 0.25) * np.linspace(0, 1, count))
    call = faded(voiced(curve, vowels, tract * rng.normal(1, 0.03), RATE), count // 10)
    start = int(rng.uniform(0, RATE * SECONDS - count))
    return np.pad(call, (start, int(RATE * SECONDS) - count - start))


def write(folder: Path, classes: Sequence[str], seed: int) -> None:
    """Write clips of five folds and ``meta/esc50.csv``; clips cut from one recording share a fold and a creature."""
    rng = np.random.default_rng(seed)
    lines = ["filename,fold,target,category,esc10,src_file,take\n"]
    for fold in range(1, 6):
        for name, vowels in CALLS.items():
            target = classes.index(name)
            for _ in range(RECORDINGS):
                source, creature = rng.integers(1_000, 300_000), (rng.uniform(110, 280), rng.uniform(0.88, 1.18))
                for take in "ABCD"[:TAKES]:
                    file = f"{fold}-{source}-{take}-{target}.wav"
                    wave = in_noise(clip(vowels, *creature, rng), RATE, rng)
                    write_wave(folder / "audio" / file, rng.uniform(0.2, 0.8) * wave / np.abs(wave).max(), RATE)
                    lines.append(f"{file},{fold},{target},{name},False,{source},{take}\n")
    (folder / "meta").mkdir(parents=True, exist_ok=True)
    (folder / "meta" / "esc50.csv").write_text("".join(lines), encoding="utf-8")
