"""Generated sounds with labels: motion and timbre tell the class; pitch, level and noise are random."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modalities.compute.draws import Draws

RATE = 16_000  # samples per second
MOTIONS = ("steady", "rising", "falling", "pulsed")
TIMBRES = ("pure", "rich", "noisy")
KINDS = len(MOTIONS) * len(TIMBRES)


def sound(seed: int, split: str, kind: int, take: int) -> NDArray[np.float64]:
    """Return a sound of kind 0 … 11, between 0.8 and 1.2 s at ``RATE``, within ±1.

    A kind is a motion (``kind % 4``) of a timbre (``kind // 4``); ``take`` says which one of that kind in the split.
    """
    draws = Draws(seed, f"stand-in/{split}/{kind}/")
    length, pitch, reach, pulses, level, floor = draws.uniform(take, "sound", 6)
    samples = int(RATE * (0.8 + 0.4 * length))
    t = np.linspace(0, 1, samples)
    motion, timbre = MOTIONS[kind % len(MOTIONS)], TIMBRES[kind // len(MOTIONS)]
    bend = {"rising": 1.0, "falling": -1.0}.get(motion, 0.0) * (0.8 + 0.6 * reach)  # octaves
    frequency = 400 * 2**pitch * 2 ** (bend * (t - 0.5))
    phase = 2 * np.pi * np.cumsum(frequency) / RATE
    noise = draws.normal(take, "noise", samples)
    if timbre == "pure":
        wave = np.sin(phase)
    elif timbre == "rich":
        wave = np.asarray(sum(np.sin(k * phase) / k for k in range(1, 7))) / 1.5
    else:  # noise around the moving pitch: slow noise carries the tone up
        slow = np.convolve(noise, np.hanning(200) / 10, mode="same")
        wave = slow * np.sin(2 * phase)
    if motion == "pulsed":
        wave = wave * (np.sin(2 * np.pi * (5 + 3 * pulses) * t) > 0)
    fade = np.minimum(1, np.minimum(t, 1 - t) / 0.05)
    return np.asarray(np.clip((0.15 + 0.35 * level) * wave * fade + (0.001 + 0.01 * floor) * noise, -1, 1))


def write_wave(path: Path, wave: NDArray[np.floating], rate: int) -> None:
    """Write mono sound, clipped at full scale, as 16-bit WAV or FLAC (by suffix)."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:  # which takes any path; libsndfile takes what the locale can encode
        soundfile.write(file, np.clip(wave, -1, 1), rate, subtype="PCM_16", format=path.suffix[1:])
