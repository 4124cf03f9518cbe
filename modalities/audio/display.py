"""Network inputs as people see and hear them: coloured log-mel spectrograms, and sound that has about such a one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.audio.logmel import FLOOR, mel_power
from modalities.audio.policies import AudioView

if TYPE_CHECKING:
    from torch import Tensor

    from modalities.audio.source import AudioSource

DARKEST, BRIGHTEST = -2.5, 2.5  # standard deviations from the mean
ROUNDS = 32  # of Griffin and Lim's
WINDOWS = 64  # of the recording, from which level and contrast are taken
PEAK = 0.7  # of full scale
COLUMNS = 640  # of the spectrogram of a whole recording, at most


def pictures(inputs: Tensor, view: AudioView) -> NDArray[np.uint8]:
    """Return standardised spectrograms, (B, 1, mels, frames), as pictures, (B, mels, frames, 3), low bands below."""
    from matplotlib import colormaps

    values = inputs.detach().float()[:, 0].flip(1).cpu().numpy()
    shade = (values - DARKEST) / (BRIGHTEST - DARKEST)
    return np.asarray(colormaps["magma"](shade.clip(0, 1), bytes=True)[..., :3], np.uint8)


def sounds(inputs: Tensor, view: AudioView, source: AudioSource) -> tuple[int, NDArray[np.float32]]:
    """Return the rate, and sounds (B, samples) whose log-mel spectrograms are about these, (B, 1, mels, frames).

    Standardised spectrograms have neither level nor contrast: both are those of the recording. Phases are those that
    Griffin and Lim's iterations find (IEEE TASSP 32, 1984; librosa), the same every time.
    """
    import librosa

    level, contrast = _level_and_contrast(source, view)
    power = np.expm1((inputs.detach().float()[:, 0].cpu().numpy() * contrast + level).clip(0, 20)) * FLOOR
    found = np.zeros((len(power), view.samples), np.float32)
    for place, mel in enumerate(power):
        spectrum = librosa.feature.inverse.mel_to_stft(
            mel, sr=view.rate, n_fft=view.fft, power=2.0, fmin=view.fmin, fmax=view.top
        )
        wave = librosa.griffinlim(
            spectrum, n_iter=ROUNDS, hop_length=view.hop, win_length=view.window, n_fft=view.fft, pad_mode="constant",
            length=view.samples, random_state=0,
        )  # fmt: skip
        found[place] = PEAK * wave / max(float(np.abs(wave).max()), 1e-6)
    return view.rate, found


def show_source(source: AudioSource, view: AudioView) -> tuple[NDArray[np.uint8], tuple[int, NDArray[np.float32]]]:
    """Return the spectrogram of the whole recording, (1, mels, up to COLUMNS, 3), low bands below; and its sound."""
    import torch

    wave = source.wave[: len(source.wave) // source.items]
    wave = torch.nn.functional.pad(wave, (0, max(0, view.samples - len(wave))))
    power = mel_power(wave[None], view)
    power = torch.nn.functional.adaptive_avg_pool2d(power[None], (power.shape[1], min(COLUMNS, power.shape[2])))[0]
    log = torch.log1p(power / FLOOR)
    standardised = (log - log.mean()) / log.std().clamp_min(1e-6)
    loudest = wave.abs().max().clamp_min(1e-6)
    return pictures(standardised[None], view), (source.rate, (PEAK * wave / loudest).cpu().numpy())


def _level_and_contrast(source: AudioSource, view: AudioView) -> tuple[float, float]:
    """Return mean and standard deviation of the logarithm of the recording's mel power, over evenly spaced windows."""
    import torch

    wave = torch.nn.functional.pad(source.wave, (0, max(0, view.samples - len(source.wave))))
    every = max(1, (len(wave) - view.samples) // WINDOWS)
    log = torch.log1p(mel_power(wave.unfold(0, view.samples, every)[:WINDOWS], view) / FLOOR)
    return float(log.mean()), float(log.std())
