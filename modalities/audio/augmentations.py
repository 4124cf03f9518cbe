"""The changes that segments and a teacher's training items go through, each for a whole batch at once.

Changes of the wave take and give (B, samples); changes of the mel power are matrices that multiply (B, mels, frames)
from the left (bands) or from the right (frames); masks hide parts of the finished picture. Parameters are (B,) tensors.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from modalities.base import Draws

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from modalities.compute.draws import Array

NOISE_COLOURS = 3  # power falls with frequency to the 0 (white), 1 (pink), 2 (red)
NOISE_SAMPLES = 2**17
NOISE_SPOTS = NOISE_COLOURS * NOISE_SAMPLES
KNOTS = 6
FADE = 0.005  # of an envelope's flank, as part of the segment


def decibels(level: Tensor) -> Tensor:
    """Decibels to amplitude."""
    return 10.0 ** (level / 20.0)


def envelope(start: Tensor, length: Tensor, samples: int) -> Tensor:
    """Windows (B, samples), 1 inside and 0 outside, with linear flanks inside the window.

    A side that touches the segment's end has no flank.

    Args:
        start, length: parts of the segment, 0 to 1.
    """
    import torch

    end = start + length
    time = (torch.arange(samples, device=start.device) + 0.5) / samples
    up = torch.where(start <= 0, torch.ones_like(start), 0.0)[:, None] + (time - start[:, None]) / FADE
    down = torch.where(end >= 1, torch.ones_like(end), 0.0)[:, None] + (end[:, None] - time) / FADE
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
    spot = (place * NOISE_SPOTS).long()
    return bank.unfold(-1, samples, 1)[spot // NOISE_SAMPLES, spot % NOISE_SAMPLES]


def power(wave: Tensor) -> Tensor:
    """Mean square of each wave, (B, 1)."""
    return wave.square().mean(dim=-1, keepdim=True)


@cache
def hats(mels: int) -> Array:
    """What each knot adds to each band where straight lines join evenly spaced knots: (KNOTS, mels)."""
    band, at = np.arange(mels), np.linspace(0, mels - 1, KNOTS)
    return np.maximum(1 - np.abs(band - at[:, None]) * (KNOTS - 1) / max(mels - 1, 1), 0)


@cache
def _hats_on(mels: int, device: torch.device) -> Tensor:
    """``hats`` as float32 on a device."""
    import torch

    return torch.from_numpy(hats(mels).astype(np.float32)).to(device)


def band_matrix(shift: Tensor, knots: Tensor, mels: int) -> Tensor:
    """Pitch shift and equaliser as one matrix (B, mels, mels) over the bands.

    Args:
        shift: bands upwards; a fraction is shared between two bands. Bands that come from outside are empty.
        knots: (B, KNOTS) gains in dB at evenly spaced bands, joined by straight lines.
    """
    import torch

    band = torch.arange(mels, device=shift.device, dtype=torch.float32)
    gain = 10.0 ** (knots @ _hats_on(mels, knots.device) / 10.0)
    source = band - shift[:, None]
    matrix: Tensor = gain[:, :, None] * (1 - (band - source[:, :, None]).abs()).clamp_min(0)
    return matrix


def reflections(seconds: Any, level: Any, hop: float) -> tuple[Any, Any]:
    """Power of late reverberation: factor per frame, and of the first reflection times 1 / that factor.

    Arguments as in ``reverberation_matrix``, tensors or arrays, and so are the results.
    """
    decay = 10.0 ** (-6.0 * hop / seconds)
    return decay, 10.0 ** (level / 10.0) * (1 - decay) / decay


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

    decay, first = reflections(seconds, level, hop)
    time = torch.arange(frames, device=seconds.device)
    age = (time - time[:, None]).float()
    late = first[:, None, None] * decay[:, None, None] ** age.clamp_min(1) * (age > 0)
    hall: Tensor = late + torch.eye(frames, device=seconds.device)
    return hall


def stretch(start: Any, width: Any, size: int) -> tuple[Any, Any]:
    """First and one behind the last of the masked part of ``size``, as ``mask`` takes it; tensors or arrays."""
    count = width * size // 1
    first = start * (size - count + 1) // 1
    return first, first + count


def mask(picture: Tensor, axis: int, start: Tensor, width: Tensor) -> Tensor:
    """Set one stretch of an axis to 0, the mean of a standardised picture.

    Args:
        picture: (B, 1, mels, frames).
        axis: 2 for bands, 3 for frames.
        start, width: where in the room that is left, and how much, as parts in [0, 1].
    """
    import torch

    size = picture.shape[axis]
    first, last = stretch(start, width, size)
    index = torch.arange(size, device=picture.device)
    keep = (index < first[:, None]) | (index >= last[:, None])
    masked: Tensor = picture * keep.view(len(picture), 1, *((size, 1) if axis == 2 else (1, size)))
    return masked
