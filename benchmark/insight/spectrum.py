"""What prototypes take from the datum: the magnitudes of its segments' spectra, their colours and their range.

No statistics of other pictures or recordings enter. Everything is computed in network inputs, (B, C, *size), whatever
the modality: the last axes are height and width, bands and frames, or frames, height and width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from modalities.base import Draws, to_device


@dataclass(frozen=True)
class Spectrum:
    """Second-order statistics of segments."""

    magnitude: Tensor  # (C, *size of the half spectrum): root mean square magnitudes along the axes of colour
    colours: Tensor  # (C, C): columns are the axes of colour, in channels; orthonormal
    low: Tensor  # (C, 1, …): lowest and highest value of each channel
    high: Tensor
    size: tuple[int, ...]  # of one channel

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the phases of one input: (C, *size of the half spectrum)."""
        return tuple(self.magnitude.shape)

    def random_phases(self, draws: Draws, count: int) -> Tensor:
        """Return random phases, (count, *shape): those of white noise, as the phases of real numbers come in pairs.

        That of the mean alone is uniform: the phase of white noise there is 0 or π, where its gradient is 0.
        """
        device, axes = self.magnitude.device, tuple(range(-len(self.size), 0))
        noise = draws.normal(0, "phase", (count, len(self.magnitude), *self.size)).astype(np.float32)
        phase: Tensor = torch.fft.rfftn(to_device(noise, device), dim=axes).angle()
        mean = draws.uniform(0, "phase of the mean", noise.shape[:2], -math.pi, math.pi).astype(np.float32)
        phase.flatten(2)[..., 0] = to_device(mean, device)
        return phase

    def compose(self, phase: Tensor, shift: Tensor) -> Tensor:
        """Return inputs with these magnitudes, (B, C, *size), within the range of the segments.

        Args:
            phase: (B, *shape), radians.
            shift: (B, number of axes): how far each input is moved along each axis, as a share of it, round its ends.
        """
        ramp = torch.zeros((len(phase), *self.magnitude.shape[1:]), device=phase.device)
        for axis, moved in zip(_frequencies(self.size, phase.device), shift.T, strict=True):
            ramp = ramp - 2 * math.pi * moved.view(-1, *[1] * len(self.size)) * axis
        spectrum = torch.polar(self.magnitude.expand_as(phase), phase + ramp.unsqueeze(1))
        axes = tuple(range(-len(self.size), 0))
        inputs = torch.fft.irfftn(spectrum, s=self.size, dim=axes, norm="ortho")
        inputs = torch.einsum("cd,bd...->bc...", self.colours, inputs)
        return torch.maximum(torch.minimum(inputs, self.high), self.low)


def spectrum_of(segments: Tensor) -> Spectrum:
    """Return the statistics of segments, (B, C, *size).

    Channels are rotated to the eigenvectors of their covariance, so that the colours of a prototype are those of the
    datum (the decorrelation of Olah et al., "Feature Visualization", Distill 2017, with the datum in place of a
    collection of photographs). Fixed magnitudes, under which phases alone are free, are the idea of MACO (Fel et al.,
    "Unlocking Feature Visualization for Deeper Networks", NeurIPS 2023), here with the root mean square of the datum's
    segments: the square root of their power spectrum, so that a prototype varies as much as a segment does.
    """
    channels, size = segments.shape[1], tuple(segments.shape[2:])
    values = segments.double().transpose(0, 1).flatten(1)
    centred = values - values.mean(1, keepdim=True)
    colours = torch.linalg.eigh(centred @ centred.T / values.shape[1])[1]
    colours = colours * colours[colours.abs().argmax(0), torch.arange(channels)].sign()  # one of two signs
    rotated = torch.einsum("cd,bc...->bd...", colours, segments.double())
    magnitude = torch.fft.rfftn(rotated, dim=tuple(range(2, 2 + len(size))), norm="ortho").abs().square().mean(0).sqrt()
    limits = (channels, *[1] * len(size))
    return Spectrum(
        magnitude.float(),
        colours.float(),
        values.amin(1).float().view(limits),
        values.amax(1).float().view(limits),
        size,
    )


def _frequencies(size: tuple[int, ...], device: torch.device) -> list[Tensor]:
    """Return cycles per length of each axis, in the layout of ``rfftn``, shaped so that they broadcast."""
    found = []
    for axis, length in enumerate(size):
        last = axis == len(size) - 1
        cycles = torch.fft.rfftfreq(length, 1 / length) if last else torch.fft.fftfreq(length, 1 / length)
        found.append(cycles.to(device).view([-1 if other == axis else 1 for other in range(len(size))]))
    return found
