"""Labelled items on their way into a network: as they are in a test, randomly changed while a teacher trains."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from modalities.audio import augmentations
from modalities.audio.logmel import SpectralChanges, log_mel
from modalities.audio.policies import AudioView
from modalities.compute.draws import Array, Draws
from modalities.compute.to_device import to_device

# Largest changes while a teacher trains; none of them changes a label.
SHIFT_SECONDS = 0.1
GAIN_DB = 6.0
NOISE_DB = (10.0, 50.0)  # signal-to-noise ratio
PITCH_BANDS = 1.5
EQUALISER_DB = 4.0
MASK = 0.15  # of the bands, and of the frames


def prepare(raw: Tensor, view: AudioView) -> Tensor:
    """Return (B, 1, mels, frames) float32, standardised per item, for (B, samples) int16 at the view's rate."""
    return log_mel(raw.float() / 2**15, view)


def augment(raw: Tensor, view: AudioView, draws: Draws, step: int) -> Tensor:
    """As ``prepare``, after a random shift in time, gain, noise, pitch shift, equaliser and masks."""
    size, samples = raw.shape

    def drawn(name: str, low: float = 0.0, high: float = 1.0) -> Array:
        return draws.uniform(step, name, size, low, high)

    def on_device(values: Array) -> Tensor:
        return to_device(values.astype(np.float32), raw.device)

    margin = round(SHIFT_SECONDS * view.rate)
    padded = torch.nn.functional.pad(raw.float() / 2**15, (margin, margin))
    rows = torch.arange(size, device=raw.device)
    wave = padded.unfold(-1, samples, 1)[rows, on_device(drawn("shift", 0, 2 * margin)).long()]
    wave = wave * augmentations.decibels(on_device(drawn("gain", -GAIN_DB, GAIN_DB)))[:, None]
    level = augmentations.decibels(-on_device(drawn("noise level", *NOISE_DB)))[:, None]
    level = level * augmentations.power(wave).sqrt()
    wave = wave + level * augmentations.noise(on_device(drawn("noise place")), samples)
    changes = SpectralChanges(
        shift=drawn("bands", -PITCH_BANDS, PITCH_BANDS),
        knots=draws.uniform(step, "knots", (size, augmentations.KNOTS), -EQUALISER_DB, EQUALISER_DB),
        reverb_seconds=np.zeros(size),
        reverb_db=np.zeros(size),
        mel_start=drawn("mel mask start"),
        mel_width=drawn("mel mask width", 0, MASK),
        time_start=drawn("time mask start"),
        time_width=drawn("time mask width", 0, MASK),
    )
    return log_mel(wave, view, changes)
