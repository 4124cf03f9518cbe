"""Endless log-mel segments of one recording, cut and changed in batches on the device."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, log, log2
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.audio import changes
from modalities.audio.logmel import mel_power, standardised
from modalities.base import BadInput, Draws, rank_slice

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from modalities.audio.options import AudioPolicy, AudioView
    from modalities.audio.source import AudioSource

Parameters = dict[str, NDArray[np.float64]]

OVERSAMPLING = 2  # so that a straight line between neighbours is close to the curve
LEVELS_PER_OCTAVE = 4
CPU_BLOCK = 2**19  # samples rendered at a time: few enough for the cache, enough to hide the cost of calls


def pyramid(wave: Tensor, levels: int) -> Tensor:
    """The recording at twice its rate, (levels, 2 * samples), level k low-passed for playback 2^(k/4) times as fast.

    One Fourier transform serves all levels; the pass band ends in a raised cosine over its last tenth. Real parts are
    samples, imaginary ones the steps to the next sample: so one look-up brings both ends of a straight line.
    """
    import torch

    spectrum = torch.fft.rfft(wave)
    place = torch.linspace(0, 1, len(spectrum), device=wave.device)
    rows = []
    for level in range(levels):
        fall = ((place * 2 ** (level / LEVELS_PER_OCTAVE) - 0.9) / 0.1).clamp(0, 1)
        passed = spectrum * (0.5 + 0.5 * torch.cos(torch.pi * fall))
        rows.append(OVERSAMPLING * torch.fft.irfft(passed, OVERSAMPLING * len(wave)))
    sound = torch.stack(rows)
    return torch.complex(sound, sound.roll(-1, 1) - sound)


class AudioStream:
    """Segments of one recording (implements ``modalities.base.SegmentStream``).

    Args:
        source: the recording; one that is shorter than the longest window is repeated.
        batch_size: of the global batch; this rank renders its share, see ``modalities.base.rank_slice``.
    """

    def __init__(
        self, source: AudioSource, view: AudioView, policy: AudioPolicy, *,
        batch_size: int, seed: int, device: torch.device, rank: int = 0, ranks: int = 1,
    ) -> None:  # fmt: skip
        if source.rate != view.rate:
            raise BadInput(
                f"{source.ref.name} was loaded at {source.rate} Hz, the view wants {view.rate}; load it again."
            )
        self.shape: tuple[int, ...] = view.shape
        self.batch_size = batch_size
        self._view, self._policy = view, policy
        self._draws = Draws(seed, "segments/")
        self._mine = rank_slice(batch_size, rank, ranks)
        self._device = device
        needed = ceil(policy.speed_high * view.samples) + 2
        wave = source.wave.to(device)
        wave = wave.repeat(max(1, ceil((needed + len(wave)) / len(wave)) if len(wave) < 2 * needed else 1))
        self._levels = 1 + ceil(LEVELS_PER_OCTAVE * log2(max(policy.speed_high, 1)) - 1e-6)
        self._sound = pyramid(wave, self._levels).view(-1)
        self._length = OVERSAMPLING * len(wave)

    def batch(self, step: int) -> Tensor:
        """Segments of a step: (share of the batch, 1, mels, frames), float32, standardised per segment."""
        import torch

        return torch.cat([self._picture(drawn) for drawn in self._blocks(step)])

    def waves(self, step: int) -> Tensor:
        """The sound behind ``batch(step)``, before the changes of its mel power: (share of the batch, samples)."""
        import torch

        return torch.cat([self._wave(drawn) for drawn in self._blocks(step)])

    def _blocks(self, step: int) -> Iterator[Parameters]:
        """Parameters of this rank's segments, in blocks that the cache of the device's processor holds."""
        drawn = self._draw(step)
        size = max(1, CPU_BLOCK // self._view.samples) if self._device.type == "cpu" else len(self._mine)
        for start in range(0, len(self._mine), size):
            yield {name: values[start : start + size] for name, values in drawn.items()}

    def _picture(self, drawn: Parameters) -> Tensor:
        power = self._coloured(mel_power(self._wave(drawn), self._view), drawn)
        return self._masked(standardised(power), drawn)

    def _draw(self, step: int) -> Parameters:
        """Parameters of this rank's segments, drawn for the whole global batch."""
        p, size = self._policy, self.batch_size

        def uniform(name: str, low: float = 0.0, high: float = 1.0, width: int = 0) -> NDArray[np.float64]:
            shape = (size, width) if width else size
            return self._draws.uniform(step, name, shape, low, high)[self._mine]

        def window(prefix: str) -> Parameters:
            length = uniform(prefix + "window", p.window_low, p.window_high)
            return {
                prefix + "speed": np.exp(uniform(prefix + "speed", log(p.speed_low), log(p.speed_high))),
                prefix + "place": uniform(prefix + "place"),
                prefix + "length": length,
                prefix + "start": uniform(prefix + "start") * (1 - length),
            }

        return {
            **window(""),
            **window("other "),
            "mix": uniform("mix"),
            "mix level": uniform("mix level", -p.mix_db, p.mix_db),
            "gain": uniform("gain", -p.gain_db, p.gain_db),
            "sign": np.where(uniform("polarity") < p.polarity, -1.0, 1.0),
            "noise": uniform("noise"),
            "noise place": uniform("noise place"),
            "noise level": -uniform("noise level", p.noise_db_low, p.noise_db_high),
            "shift": uniform("shift", -p.pitch, p.pitch),
            "knots": uniform("knots", -p.filter_db, p.filter_db, changes.KNOTS),
            "reverb": uniform("reverb"),
            "reverb seconds": uniform("reverb seconds", min(0.1, p.reverb_seconds), p.reverb_seconds),
            "reverb level": uniform("reverb level", p.reverb_db_low, p.reverb_db_high),
            "time start": uniform("time start"),
            "time width": uniform("time width", 0, p.time_mask),
            "mel start": uniform("mel start"),
            "mel width": uniform("mel width", 0, p.mel_mask),
        }

    def _on_device(self, values: NDArray[np.float64]) -> Tensor:
        import torch

        return torch.from_numpy(values.astype(np.float32)).to(self._device, non_blocking=True)

    def _rows(self, chosen: NDArray[np.bool_]) -> Tensor:
        import torch

        return torch.from_numpy(np.flatnonzero(chosen)).to(self._device, non_blocking=True)

    def _cut(self, drawn: Parameters, prefix: str = "", rows: NDArray[np.bool_] | None = None) -> Tensor:
        """Windows of the recording at their own speeds, with silence around them."""
        import torch

        samples = self._view.samples
        speed, place, length, start = (
            drawn[prefix + name] if rows is None else drawn[prefix + name][rows]
            for name in ("speed", "place", "length", "start")
        )
        stride = OVERSAMPLING * speed
        # Whole and broken part apart: single precision could not place a sample in a long recording.
        position = place * (self._length - stride * samples - 2)
        whole = np.floor(position)
        level = np.ceil(LEVELS_PER_OCTAVE * np.log2(np.maximum(speed, 1)) - 1e-6)
        offset = torch.from_numpy((level * self._length + whole).astype(np.int64)).to(self._device)
        time = torch.arange(samples, device=self._device, dtype=torch.float32)
        local = torch.addcmul(self._on_device(position - whole)[:, None], self._on_device(stride)[:, None], time)
        line = self._sound.index_select(0, (local.int() + offset[:, None]).view(-1)).view(local.shape)
        wave = torch.addcmul(line.real, line.imag, local.frac())
        if self._policy.window_low < 1:
            wave *= changes.envelope(self._on_device(start), self._on_device(length), samples)
        return wave

    def _wave(self, drawn: Parameters) -> Tensor:
        """Windows after mixing, gain, polarity and noise: (share of the batch, samples)."""
        wave = self._cut(drawn)
        mixed = drawn["mix"] < self._policy.mix
        if mixed.any():
            level = changes.decibels(self._on_device(drawn["mix level"][mixed]))[:, None]
            wave.index_add_(0, self._rows(mixed), level * self._cut(drawn, "other ", mixed))
        wave *= (changes.decibels(self._on_device(drawn["gain"])) * self._on_device(drawn["sign"]))[:, None]
        noisy = drawn["noise"] < self._policy.noise
        if noisy.any():
            rows = self._rows(noisy)
            level = changes.decibels(self._on_device(drawn["noise level"][noisy]))[:, None]
            level = level * changes.power(wave[rows]).sqrt()
            sound = changes.noise(self._on_device(drawn["noise place"][noisy]), self._view.samples)
            wave.index_add_(0, rows, level * sound)
        return wave

    def _coloured(self, power: Tensor, drawn: Parameters) -> Tensor:
        """Mel power after reverberation, pitch shift and equaliser."""
        view, policy = self._view, self._policy
        echoing = drawn["reverb"] < policy.reverb if policy.reverb_seconds > 0 else np.zeros(len(power), bool)
        if echoing.any():
            rows = self._rows(echoing)
            seconds, level = (self._on_device(drawn[name][echoing]) for name in ("reverb seconds", "reverb level"))
            hall = changes.reverberation_matrix(seconds, level, view.shape[2], view.hop / view.rate)
            power = power.index_copy(0, rows, power[rows] @ hall)
        if policy.pitch > 0 or policy.filter_db > 0:
            bands = changes.band_matrix(self._on_device(drawn["shift"]), self._on_device(drawn["knots"]), view.mels)
            power = bands @ power
        return power

    def _masked(self, picture: Tensor, drawn: Parameters) -> Tensor:
        for axis, name, strength in ((3, "time", self._policy.time_mask), (2, "mel", self._policy.mel_mask)):
            if strength > 0:
                start, width = (self._on_device(drawn[f"{name} {part}"]) for part in ("start", "width"))
                picture = changes.mask(picture, axis, start, width)
        return picture
