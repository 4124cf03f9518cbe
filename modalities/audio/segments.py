"""The endless stream of log-mel segments of one recording: drawn on the host, cut and augmented on the device."""

from __future__ import annotations

from math import ceil, log, log2
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modalities.audio import augmentations
from modalities.audio.logmel import SpectralChanges, log_mel
from modalities.audio.policies import AudioPolicy, AudioView
from modalities.base import Draws, rank_slice
from modalities.compute.draws import Array
from modalities.compute.item_order import ItemOrder
from modalities.compute.to_device import to_device
from modalities.errors import BadInput

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from modalities.audio.source import AudioSource

Parameters = dict[str, Array]
Item = NDArray[np.int64] | int  # (n,) the recording that each window is cut from

OVERSAMPLING = 2  # makes linear interpolation between samples accurate
LEVELS_PER_OCTAVE = 4


def pyramid(wave: Tensor, levels: int) -> Tensor:
    """Return recordings, (…, samples), at twice their rate, (levels, …, 2 * samples).

    Level k is low-passed for playback at 2^(k/4).

    One Fourier transform serves all levels; the pass band ends in a raised cosine over its last tenth.
    """
    import torch

    spectrum = torch.fft.rfft(wave)
    place = torch.linspace(0, 1, spectrum.shape[-1], device=wave.device)
    found = torch.empty(levels, *wave.shape[:-1], OVERSAMPLING * wave.shape[-1], device=wave.device)
    for level in range(levels):
        fall = ((place * 2 ** (level / LEVELS_PER_OCTAVE) - 0.9) / 0.1).clamp(0, 1)
        passed = spectrum * (0.5 + 0.5 * torch.cos(torch.pi * fall))
        found[level] = OVERSAMPLING * torch.fft.irfft(passed, OVERSAMPLING * wave.shape[-1])
    return found


def repeat_if_short(wave: Tensor, view: AudioView, policy: AudioPolicy) -> Tensor:
    """Return recordings (…, samples), repeated if they are short compared to the longest window of the policy."""
    needed = ceil(policy.speed_high * view.samples) + 2
    *others, length = wave.shape
    return wave.repeat(*[1 for _ in others], ceil((needed + length) / length)) if length < 2 * needed else wave


class Window(NamedTuple):
    """Windows of the recording; each field has n entries."""

    at: NDArray[np.int64]  # index of the first sample, over all levels
    fraction: Array  # offset of the window's start from it, in samples
    stride: Array  # step in the recording per sample of the window
    start: Array  # of the part that is not silent, as a share of the segment
    length: Array  # of that part

    def take(self, rows: NDArray[np.int64]) -> Window:
        """Return some of the windows."""
        return Window(self.at[rows], *(values[rows] for values in self[1:]))


Windows = list[tuple[Window, Array]]  # with the amplitudes of their waves


class AudioStream:
    """Segments of one recording or of several, repeated if short (implements ``modalities.base.SegmentStream``).

    This rank renders its share of the global batch of ``batch_size``, see ``modalities.base.rank_slice``.
    """

    def __init__(
        self, source: AudioSource, view: AudioView, policy: AudioPolicy, *,
        batch_size: int, seed: int, device: torch.device, rank: int = 0, world_size: int = 1,
    ) -> None:  # fmt: skip
        if source.rate != view.rate:
            raise BadInput(
                f"{source.ref.name} was loaded at {source.rate} Hz, the view needs {view.rate}; load it again."
            )
        policy = policy.in_effect()
        self.shape: tuple[int, ...] = view.shape
        self.batch_size = batch_size
        self._view, self._policy = view, policy
        self._draws = Draws(seed, "segments/")
        self._share = rank_slice(batch_size, rank, world_size)
        self._device = device
        self._items = [
            ItemOrder(source.items, self._draws, name, batch_size, self._share) for name in ("item", "other item")
        ]
        wave = source.wave.to(device)
        wave = repeat_if_short(wave.view(source.items, -1) if source.items > 1 else wave, view, policy)
        self._levels = 1 + ceil(LEVELS_PER_OCTAVE * log2(max(policy.speed_high, 1)) - 1e-6)
        self._sound = pyramid(wave, self._levels).view(-1)
        self._length = OVERSAMPLING * wave.shape[-1]
        self._count = source.items

    def batch(self, step: int) -> Tensor:
        """Segments of a step: (share of the batch, 1, mels, frames), float32, standardised per segment."""
        drawn = self._draw(step)
        return log_mel(
            self._wave(drawn, *(order.at(step) for order in self._items)), self._view, self._spectral_changes(drawn)
        )

    def _draw(self, step: int) -> Parameters:
        p, size = self._policy, self.batch_size

        def uniform(name: str, low: float = 0.0, high: float = 1.0, width: int = 0) -> NDArray[np.float64]:
            shape = (size, width) if width else size
            return self._draws.uniform(step, name, shape, low, high)[self._share]

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
            "knots": uniform("knots", -p.filter_db, p.filter_db, augmentations.KNOTS),
            "reverb": uniform("reverb"),
            "reverb seconds": uniform("reverb seconds", min(0.1, p.reverb_seconds), p.reverb_seconds),
            "reverb level": uniform("reverb level", p.reverb_db_low, p.reverb_db_high),
            "time start": uniform("time start"),
            "time width": uniform("time width", 0, p.time_mask),
            "mel start": uniform("mel start"),
            "mel width": uniform("mel width", 0, p.mel_mask),
        }

    def _spectral_changes(self, drawn: Parameters) -> SpectralChanges:
        policy = self._policy
        reverberant = (drawn["reverb"] < policy.reverb) & (policy.reverb_seconds > 0)
        return SpectralChanges(
            drawn["shift"], drawn["knots"], np.where(reverberant, drawn["reverb seconds"], 0), drawn["reverb level"],
            drawn["mel start"], drawn["mel width"], drawn["time start"], drawn["time width"],
        )  # fmt: skip

    def _window(self, drawn: Parameters, prefix: str, item: Item = 0) -> Window:
        """Return where in their recordings the windows lie, and which part of a segment each fills."""
        speed, length, start = (drawn[prefix + name] for name in ("speed", "length", "start"))
        stride = OVERSAMPLING * speed
        position = drawn[prefix + "place"] * (self._length - stride * self._view.samples - 2)
        level = np.ceil(LEVELS_PER_OCTAVE * np.log2(np.maximum(speed, 1)) - 1e-6)
        # Integer and fraction are separate, because single precision cannot address a sample of a long recording.
        whole = np.floor(position)
        first = (level * self._count + item) * self._length
        return Window((first + whole).astype(np.int64), position - whole, stride, start, length)

    def _wave(self, drawn: Parameters, item: Item = 0, other_item: Item = 0) -> Tensor:
        """Return the windows after mixing, gain, polarity and noise: (share of the batch, samples)."""
        loudness = 10 ** (drawn["gain"] / 20) * drawn["sign"]
        other = np.where(drawn["mix"] < self._policy.mix, 10 ** (drawn["mix level"] / 20), 0) * loudness
        noise = np.where(drawn["noise"] < self._policy.noise, 10 ** (drawn["noise level"] / 20), 0)
        windows = [(self._window(drawn, "", item), loudness), (self._window(drawn, "other ", other_item), other)]
        render = self._by_kernel if self._device.type == "cpu" else self._by_torch
        return render(windows, drawn["noise place"], noise)

    def _by_kernel(self, windows: Windows, place: Array, noise: Array) -> Tensor:
        from modalities.audio import kernel
        from modalities.compute.kernels import empty, run_in_threads

        samples = self._view.samples
        at, fraction, stride, start, length = (
            np.stack(values, 1) for values in zip(*(window for window, _ in windows), strict=True)
        )
        per_wave = at, fraction, stride, start, start + length, np.stack([loudness for _, loudness in windows], 1)
        bank, sound = augmentations.noise_bank(samples, self._device).view(-1).numpy(), self._sound.numpy()
        spot = (place.astype(np.float32) * augmentations.NOISE_SPOTS).astype(np.int64)
        spot += spot // augmentations.NOISE_SAMPLES * samples  # the bank's rows are longer by one segment
        wave = empty(len(noise), samples)
        out = wave.numpy()

        def part(which: slice) -> None:
            kernel.cut(sound, *(values[which] for values in (*per_wave, out)))
            kernel.add_noise(bank, spot[which], noise[which], out[which])

        run_in_threads(part, len(out))
        return wave

    def _by_torch(self, windows: Windows, place: Array, noise: Array) -> Tensor:
        import torch

        wave = torch.zeros(len(noise), self._view.samples, device=self._device)
        for window, loudness in windows:
            audible = np.flatnonzero(loudness)
            if len(audible):
                level = self._on_device(loudness[audible])[:, None]
                wave.index_add_(0, to_device(audible, self._device), level * self._cut(window.take(audible)))
        noisy = np.flatnonzero(noise)
        if len(noisy):
            rows = to_device(noisy, self._device)
            level = self._on_device(noise[noisy])[:, None] * augmentations.power(wave[rows]).sqrt()
            wave.index_add_(0, rows, level * augmentations.noise(self._on_device(place[noisy]), self._view.samples))
        return wave

    def _cut(self, window: Window) -> Tensor:
        import torch

        time = torch.arange(self._view.samples, device=self._device, dtype=torch.float32)
        local = torch.addcmul(self._on_device(window.fraction)[:, None], self._on_device(window.stride)[:, None], time)
        index = local.int() + to_device(window.at, self._device)[:, None]
        left, right = (self._sound.index_select(0, place.view(-1)).view_as(local) for place in (index, index + 1))
        wave = torch.lerp(left, right, local.frac())
        if self._policy.window_low < 1:
            start, length = self._on_device(window.start), self._on_device(window.length)
            wave *= augmentations.envelope(start, length, self._view.samples)
        return wave

    def _on_device(self, values: Array) -> Tensor:
        return to_device(values.astype(np.float32), self._device)
