"""Sound to standardised log-mel spectrograms, augmented on the way: by torch on any device, by a kernel on a CPU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.audio import augmentations
from modalities.audio.policies import AudioView
from modalities.compute.draws import Array
from modalities.compute.to_device import to_device

if TYPE_CHECKING:
    import torch
    from torch import Tensor

FLOOR = 1e-6  # added to mel power before the logarithm: about 16 bits below full scale
BLOCK = 4  # segments whose frames and spectra fit into the cache of a core


@dataclass(frozen=True)
class SpectralChanges:
    """Augmentations of the mel power and of the spectrogram, drawn for n segments."""

    shift: Array  # (n,) pitch shift upwards, in bands
    knots: Array  # (n, KNOTS) gains of the equaliser in dB
    reverb_seconds: Array  # (n,) decay by 60 dB; 0 for no reverberation
    reverb_db: Array  # (n,) level of all reflections
    mel_start: Array  # (n,) where a mask begins in the room that is left, 0 to 1
    mel_width: Array  # (n,) share of the bands that it hides
    time_start: Array  # (n,) the same for frames
    time_width: Array

    @classmethod
    def none(cls, count: int) -> SpectralChanges:
        """No change of ``count`` segments."""
        zeros = np.zeros(count)
        return cls(zeros, np.zeros((count, augmentations.KNOTS)), zeros, zeros, zeros, zeros, zeros, zeros)

    def masks(self, mels: int, frames: int) -> NDArray[np.int64]:
        """(n, 2, 2): start and end of the masked bands, and of the masked frames."""
        axes = (self.mel_start, self.mel_width, mels), (self.time_start, self.time_width, frames)
        ranges = [
            np.stack(augmentations.mask_range(start.astype(np.float32), width.astype(np.float32), size), 1)
            for start, width, size in axes
        ]
        return np.stack(ranges, 1).astype(np.int64)


def log_mel(wave: Tensor, view: AudioView, changes: SpectralChanges | None = None) -> Tensor:
    """Return standardised log-mel spectrograms (n, 1, mels, frames) of (n, samples), float32, full scale at 1."""
    changes = changes or SpectralChanges.none(len(wave))
    return (
        log_mel_by_kernel(wave, view, changes) if wave.device.type == "cpu" else log_mel_by_torch(wave, view, changes)
    )


def log_mel_by_torch(wave: Tensor, view: AudioView, changes: SpectralChanges) -> Tensor:
    """``log_mel`` on any device."""

    def on_device(values: Array) -> Tensor:
        return to_device(values.astype(np.float32), wave.device)

    power = mel_power(wave, view)
    reverberant = np.flatnonzero(changes.reverb_seconds)
    if len(reverberant):
        rows = to_device(reverberant, wave.device)
        seconds, level = on_device(changes.reverb_seconds[reverberant]), on_device(changes.reverb_db[reverberant])
        reverb = augmentations.reverb_matrix(seconds, level, view.shape[2], view.hop / view.rate)
        power = power.index_copy(0, rows, power[rows] @ reverb)
    if changes.shift.any() or changes.knots.any():
        power = augmentations.band_matrix(on_device(changes.shift), on_device(changes.knots), view.mels) @ power
    spectrogram = standardise(power)
    if changes.mel_width.any():
        spectrogram = augmentations.mask(spectrogram, 2, on_device(changes.mel_start), on_device(changes.mel_width))
    if changes.time_width.any():
        spectrogram = augmentations.mask(spectrogram, 3, on_device(changes.time_start), on_device(changes.time_width))
    return spectrogram


def log_mel_by_kernel(wave: Tensor, view: AudioView, changes: SpectralChanges) -> Tensor:
    """``log_mel`` on a CPU, block by block and several times faster."""
    import torch

    from modalities.compute.kernels import empty

    count, (_, mels, frames) = len(wave), view.shape
    reverberant = changes.reverb_seconds > 0
    seconds = np.where(reverberant, changes.reverb_seconds, 1)
    decay, late = augmentations.reflections(seconds, changes.reverb_db, view.hop / view.rate)
    gain = 10 ** (changes.knots @ augmentations.knot_weights(mels) / 10) / FLOOR
    factors = [v.astype(np.float32) for v in (changes.shift, gain, decay, np.where(reverberant, late, 0))]
    masks, sound = changes.masks(mels, frames), wave.contiguous().numpy()

    out = empty(count, 1, mels, frames)
    block = BLOCK * torch.get_num_threads()
    framed = torch.zeros(min(block, count), frames, view.fft)
    for start in range(0, count, block):
        part = slice(start, start + block)
        _fill_block(sound[part], view, [factor[part] for factor in factors], masks[part], framed, out[part, 0])
    return out


def _fill_block(
    sound: NDArray[np.float32], view: AudioView, factors: list[NDArray[np.float32]], masks: NDArray[np.int64],
    framed: Tensor, spectrogram: Tensor,
) -> None:  # fmt: skip
    """Fill ``spectrogram`` (n, mels, frames); ``framed`` (n or more, frames, fft) is scratch, 0 outside the windows."""
    import torch

    from modalities.audio import kernel
    from modalities.compute.kernels import run_in_threads

    window, filters = (table.numpy() for table in window_and_filters(view, spectrogram.device))
    tables = filters, *_filter_ranges(view)
    framed = framed[: len(sound)]
    frames, out = framed.numpy(), spectrogram.numpy()
    run_in_threads(lambda part: kernel.frames(sound[part], window, view.hop, frames[part]), len(sound))
    spectrum = torch.view_as_real(torch.fft.rfft(framed)).flatten(2).numpy()
    per_segment = spectrum, *factors, out
    run_in_threads(lambda part: kernel.mel_power(*tables, *(values[part] for values in per_segment)), len(sound))
    spectrogram.log1p_()
    run_in_threads(lambda part: kernel.standardise(masks[part], out[part]), len(sound))


def mel_power(wave: Tensor, view: AudioView) -> Tensor:
    """Return the mel power (B, mels, frames), 0 or more, of sound (B, samples), float32, full scale at 1.

    Frames are centred on multiples of the hop, with zeros beyond the ends. It equals
    ``librosa.feature.melspectrogram(center=True, pad_mode="constant")``; the transform runs over the last axis of the
    frames, which on a CPU takes a third of the time of ``torch.stft``.
    """
    import torch

    window, filters = window_and_filters(view, wave.device)
    half, before = view.fft // 2, (view.fft - view.window) // 2
    window = torch.nn.functional.pad(window, (before, view.fft - view.window - before))
    frames = torch.nn.functional.pad(wave, (half, half)).unfold(-1, view.fft, view.hop)
    spectrum = torch.fft.rfft(frames * window)
    power = spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)
    mel: Tensor = power @ filters.T
    return mel.transpose(1, 2)


def standardise(power: Tensor) -> Tensor:
    """Return log-mel spectrograms (B, 1, mels, frames) of mel power, of mean 0 and deviation 1; silence becomes 0."""
    import torch

    log = torch.log1p(power / FLOOR)  # as log(power + FLOOR), but exactly 0 for silence
    centred = log - log.mean(dim=(1, 2), keepdim=True)
    deviation = centred.square().mean(dim=(1, 2), keepdim=True).sqrt()
    return (centred / deviation.clamp_min(1e-3)).unsqueeze(1)


@cache
def window_and_filters(view: AudioView, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the analysis window (window,) and mel filters (mels, fft/2+1), built once per view and device."""
    import librosa
    import torch

    filters = librosa.filters.mel(sr=view.rate, n_fft=view.fft, n_mels=view.mels, fmin=view.fmin, fmax=view.top)
    return torch.hann_window(view.window, device=device), torch.from_numpy(filters).float().to(device)


@cache
def _filter_ranges(view: AudioView) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return start and end of the bins of each mel filter that are not 0, (mels,) each."""
    import torch

    used = window_and_filters(view, torch.device("cpu"))[1].numpy() > 0
    start = used.argmax(1)
    return start, np.where(used.any(1), used.shape[1] - used[:, ::-1].argmax(1), start)
