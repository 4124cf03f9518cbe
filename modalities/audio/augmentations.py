"""Augmentations of segments and of a teacher's training items, each for a whole batch at once.

Those of the wave take and return (B, samples); those of the mel power are matrices that multiply (B, mels, frames)
from the left (bands) or from the right (frames); masks hide parts of the spectrogram. Parameters are (B,) tensors.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from modalities.compute.draws import Array, Draws

if TYPE_CHECKING:
    import torch
    from torch import Tensor

NOISE_COLOURS = 3  # power falls with frequency to the 0 (white), 1 (pink), 2 (red)
NOISE_SAMPLES = 2**17
NOISE_SPOTS = NOISE_COLOURS * NOISE_SAMPLES
KNOTS = 6  # of the equaliser
FADE = 0.005  # length of an envelope's flank, as a share of the segment


def decibels(level: Tensor) -> Tensor:
    """Return the amplitude of a level in decibels."""
    return 10.0 ** (level / 20.0)


def envelope(start: Tensor, length: Tensor, samples: int) -> Tensor:
    """Return windows (B, samples), 1 inside and 0 outside, of ``start`` and ``length`` from 0 to 1.

    Flanks are linear and inside the window; a side that touches an end of the segment has none.
    """
    import torch

    end = start + length
    time = (torch.arange(samples, device=start.device) + 0.5) / samples
    up = torch.where(start <= 0, torch.ones_like(start), 0.0)[:, None] + (time - start[:, None]) / FADE
    down = torch.where(end >= 1, torch.ones_like(end), 0.0)[:, None] + (end[:, None] - time) / FADE
    return torch.minimum(up, down).clamp(0.0, 1.0)


@cache
def noise_bank(samples: int, device: torch.device) -> Tensor:
    """Return noise of unit mean square, (colours, NOISE_SAMPLES + samples) float32; always the same."""
    import torch

    count = NOISE_SAMPLES + samples
    white = np.fft.rfft(Draws(0, "noise bank/").normal(0, "white", count))
    frequency = np.maximum(np.arange(len(white)), 1) / len(white)
    rows = [np.fft.irfft(white * (frequency > 2e-3) / frequency ** (k / 2), count) for k in range(NOISE_COLOURS)]
    bank = np.stack([row / np.sqrt(np.mean(row**2)) for row in rows])
    return torch.from_numpy(bank.astype(np.float32)).to(device)


def noise(place: Tensor, samples: int) -> Tensor:
    """Return noise (B, samples) of unit mean square; ``place`` in [0, 1) chooses colour and position in the bank."""
    bank = noise_bank(samples, place.device)
    spot = (place * NOISE_SPOTS).long()
    return bank.unfold(-1, samples, 1)[spot // NOISE_SAMPLES, spot % NOISE_SAMPLES]


def power(wave: Tensor) -> Tensor:
    """Return the mean square of each wave, (B, 1)."""
    return wave.square().mean(dim=-1, keepdim=True)


@cache
def knot_weights(mels: int) -> Array:
    """Return the weights of knots in bands, (KNOTS, mels): linear interpolation between evenly spaced knots."""
    band, at = np.arange(mels), np.linspace(0, mels - 1, KNOTS)
    return np.maximum(1 - np.abs(band - at[:, None]) * (KNOTS - 1) / max(mels - 1, 1), 0)


@cache
def _knot_weights_on(mels: int, device: torch.device) -> Tensor:
    import torch

    return torch.from_numpy(knot_weights(mels).astype(np.float32)).to(device)


def band_matrix(shift: Tensor, knots: Tensor, mels: int) -> Tensor:
    """Return pitch shift and equaliser as one matrix (B, mels, mels) over the bands.

    Args:
        shift: bands upwards; a fraction is shared between two bands. Bands from outside the range are empty.
        knots: (B, KNOTS) gains in dB at evenly spaced bands, interpolated linearly.
    """
    import torch

    band = torch.arange(mels, device=shift.device, dtype=torch.float32)
    gain = 10.0 ** (knots @ _knot_weights_on(mels, knots.device) / 10.0)
    source = band - shift[:, None]
    matrix: Tensor = gain[:, :, None] * (1 - (band - source[:, :, None]).abs()).clamp_min(0)
    return matrix


def reflections(seconds: Any, level: Any, hop: float) -> tuple[Any, Any]:
    """Return the power of late reverberation: factor per frame, and that of the first reflection divided by it.

    Arguments are those of ``reverb_matrix``; they and the results are tensors or arrays.
    """
    decay = 10.0 ** (-6.0 * hop / seconds)
    return decay, 10.0 ** (level / 10.0) * (1 - decay) / decay


def reverb_matrix(seconds: Tensor, level: Tensor, frames: int, hop: float) -> Tensor:
    """Return late reverberation as a matrix (B, frames, frames) over the frames of the mel power.

    Polack's statistical model (La transmission de l'énergie sonore dans les salles, 1988): reflections are noise
    whose power decays by 60 dB in ``seconds``; so the power of past frames adds up with exponential weights.

    Args:
        seconds: decay time by 60 dB, above 0.
        level: power of all reflections against the direct sound, in dB.
        hop: seconds between frames.
    """
    import torch

    decay, first = reflections(seconds, level, hop)
    time = torch.arange(frames, device=seconds.device)
    age = (time - time[:, None]).float()
    late = first[:, None, None] * decay[:, None, None] ** age.clamp_min(1) * (age > 0)
    matrix: Tensor = late + torch.eye(frames, device=seconds.device)
    return matrix


def mask_range(start: Any, width: Any, size: int) -> tuple[Any, Any]:
    """Return start and end of the masked part of an axis; arguments as in ``mask``, tensors or arrays."""
    count = width * size // 1
    first = start * (size - count + 1) // 1
    return first, first + count


def mask(spectrogram: Tensor, axis: int, start: Tensor, width: Tensor) -> Tensor:
    """Set one range of an axis to 0, the mean of a standardised spectrogram.

    Args:
        spectrogram: (B, 1, mels, frames).
        axis: 2 for bands, 3 for frames.
        start, width: position in the room that is left, and share of the axis, in [0, 1].
    """
    import torch

    size = spectrogram.shape[axis]
    first, end = mask_range(start, width, size)
    index = torch.arange(size, device=spectrogram.device)
    keep = (index < first[:, None]) | (index >= end[:, None])
    masked: Tensor = spectrogram * keep.view(len(spectrogram), 1, *((size, 1) if axis == 2 else (1, size)))
    return masked
