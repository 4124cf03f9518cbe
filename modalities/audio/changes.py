"""The changes that segments and a teacher's training items go through, each for a whole batch at once.

Changes of the wave take and give (B, samples); changes of the mel power are matrices that multiply (B, mels, frames)
from the left (bands) or from the right (frames); masks hide parts of the finished picture. Parameters are (B,) tensors.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from modalities.base import Draws

if TYPE_CHECKING:
    import torch
    from torch import Tensor

NOISE_COLOURS = 3  # power falls with frequency to the 0 (white), 1 (pink), 2 (red)
NOISE_SAMPLES = 2**17
KNOTS = 6


def decibels(level: Tensor) -> Tensor:
    """Decibels to amplitude."""
    return 10.0 ** (level / 20.0)


def envelope(start: Tensor, length: Tensor, samples: int, fade: float = 0.005) -> Tensor:
    """Windows (B, samples), 1 inside and 0 outside, with linear flanks inside the window.

    Args:
        start, length: parts of the segment, 0 to 1.
        fade: length of a flank, as part of the segment. A side that touches the segment's end has no flank.
    """
    import torch

    end = start + length
    time = (torch.arange(samples, device=start.device) + 0.5) / samples
    up = torch.where(start <= 0, torch.ones_like(start), 0.0)[:, None] + (time - start[:, None]) / fade
    down = torch.where(end >= 1, torch.ones_like(end), 0.0)[:, None] + (end[:, None] - time) / fade
    return torch.minimum(up, down).clamp(0.0, 1.0)


@cache
def noise_bank(samples: int, device: torch.device) -> Tensor:
    """Noise of unit mean square, (colours, NOISE_SAMPLES + samples) float32: always the same."""
    import torch

    count = NOISE_SAMPLES + samples
    white = np.fft.rfft(Draws(0, "noise bank/").normal(0, "white", count))
    frequency = np.maximum(np.arange(len(white)), 1) / len(white)
    rows = [np.fft.irfft(white * (frequency > 2e-3) / frequency ** (k / 2), count) for k in range(NOISE_COLOURS)]
    bank = np.stack([row / np.sqrt(np.mean(row**2)) for row in rows])
    return torch.from_numpy(bank.astype(np.float32)).to(device)


def noise(place: Tensor, samples: int) -> Tensor:
    """Noise (B, samples) of unit mean square. ``place`` in [0, 1) chooses colour and part of the bank."""
    bank = noise_bank(samples, place.device)
    spot = (place * (NOISE_COLOURS * NOISE_SAMPLES)).long()
    return bank.unfold(-1, samples, 1)[spot // NOISE_SAMPLES, spot % NOISE_SAMPLES]


def power(wave: Tensor) -> Tensor:
    """Mean square of each wave, (B, 1)."""
    return wave.square().mean(dim=-1, keepdim=True)


def band_matrix(shift: Tensor, knots: Tensor, mels: int) -> Tensor:
    """Pitch shift and equaliser as one matrix (B, mels, mels) over the bands.

    Args:
        shift: bands upwards; a fraction is shared between two bands. Bands that come from outside are empty.
        knots: (B, KNOTS) gains in dB at evenly spaced bands, joined by straight lines.
    """
    import torch

    band = torch.arange(mels, device=shift.device, dtype=torch.float32)
    at = torch.linspace(0, mels - 1, KNOTS, device=shift.device)
    hats = (1 - (band - at[:, None]).abs() * (KNOTS - 1) / (mels - 1)).clamp_min(0)
    gain = 10.0 ** (knots @ hats / 10.0)
    source = band - shift[:, None]
    return gain[:, :, None] * (1 - (band - source[:, :, None]).abs()).clamp_min(0)


def reverberation_matrix(seconds: Tensor, level: Tensor, frames: int, hop: float) -> Tensor:
    """Late reverberation as a matrix (B, frames, frames) over the frames of the mel power.

    Polack's statistical model (La transmission de l'énergie sonore dans les salles, 1988): reflections are noise
    whose power decays by 60 dB in ``seconds``; so the power of past frames adds up with exponential weights.

    Args:
        seconds: time of decay by 60 dB, above 0.
        level: power of all reflections against the direct sound, in dB.
        hop: seconds between frames.
    """
    import torch

    decay = 10.0 ** (-6.0 * hop / seconds)
    first = 10.0 ** (level / 10.0) * (1 - decay) / decay
    time = torch.arange(frames, device=seconds.device)
    age = (time - time[:, None]).float()
    late = first[:, None, None] * decay[:, None, None] ** age.clamp_min(1) * (age > 0)
    return late + torch.eye(frames, device=seconds.device)


def mask(picture: Tensor, axis: int, start: Tensor, width: Tensor) -> Tensor:
    """Set one stretch of an axis to 0, the mean of a standardised picture.

    Args:
        picture: (B, 1, mels, frames).
        axis: 2 for bands, 3 for frames.
        start, width: where in the room that is left, and how much, as parts in [0, 1].
    """
    import torch

    size = picture.shape[axis]
    count = (width * size).floor()
    first = (start * (size - count + 1)).floor()
    index = torch.arange(size, device=picture.device)
    keep = (index < first[:, None]) | (index >= (first + count)[:, None])
    return picture * keep.view(len(picture), 1, *((size, 1) if axis == 2 else (1, size)))
