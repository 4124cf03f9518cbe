"""The same policy by other libraries, to compare speed; never used for training."""

from __future__ import annotations

import random
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modalities.audio.logmel import FLOOR
from modalities.audio.policies import AudioPolicy, AudioView
from modalities.base import Reference

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Wave = NDArray[np.float32]

TORCHAUDIO_BATCH = 128  # segments


def references(source: str, view: AudioView, policy: AudioPolicy, device: torch.device) -> list[Reference]:
    """Return the ways of librosa with SciPy, torchaudio and audiomentations, on the CPU, on the same recording."""
    import torch

    from modalities.audio.segments import repeat_if_short
    from modalities.audio.source import load_source

    policy = policy.in_effect()
    wave = repeat_if_short(load_source(source, view, torch.device("cpu")).wave, view, policy)
    samples = wave.numpy()

    def librosa(number: int) -> Wave:
        return segment(samples, view, policy, np.random.default_rng(number))

    def torchaudio(number: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):  # its masks draw from torch's own generator
            torch.manual_seed(number)
            return torchaudio_batch(wave, view, policy, np.random.default_rng(number), TORCHAUDIO_BATCH)

    return [
        Reference("librosa and SciPy, per clip", 1, librosa),
        Reference("torchaudio, per batch, fewer changes", TORCHAUDIO_BATCH, torchaudio),
        Reference("audiomentations, per clip, fewer changes", 1, _audiomentations(samples, view, policy)),
    ]


def segment(wave: Wave, view: AudioView, policy: AudioPolicy, rng: np.random.Generator) -> Wave:
    """Return one segment, (1, mels, frames), by the steps of ``AudioStream`` as users of librosa write them.

    The means differ: a band-limited resampler and a phase vocoder per segment, an impulse response of decaying noise,
    and fresh noise each time.

    Args:
        wave: the whole recording, (samples,) at the view's rate, longer than the longest window.
    """
    import librosa
    from scipy.signal import fftconvolve

    sound = _window(wave, view, policy, rng)
    if rng.random() < policy.mix:
        level = 10 ** (rng.uniform(-policy.mix_db, policy.mix_db) / 20)
        sound = sound + level * _window(wave, view, policy, rng)
    sound = sound * 10 ** (rng.uniform(-policy.gain_db, policy.gain_db) / 20)
    if rng.random() < policy.polarity:
        sound = -sound
    if policy.pitch > 0:
        bands = rng.uniform(-policy.pitch, policy.pitch)
        steps = bands * _semitones_per_band(view)
        sound = librosa.effects.pitch_shift(sound, sr=view.rate, n_steps=steps, n_fft=view.fft)
    if rng.random() < policy.noise:
        level = 10 ** (-rng.uniform(policy.noise_db_low, policy.noise_db_high) / 20)
        spectrum = np.fft.rfft(rng.standard_normal(view.samples))
        noise = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 1) ** (rng.integers(3) / 2), view.samples)
        sound = sound + level * np.sqrt(np.mean(sound**2)) * noise / noise.std()
    if rng.random() < policy.reverb:
        seconds = rng.uniform(min(0.1, policy.reverb_seconds), policy.reverb_seconds)
        time = np.arange(int(seconds * view.rate)) / view.rate
        response = rng.standard_normal(len(time)) * 10 ** (-3 * time / seconds)
        level = 10 ** (rng.uniform(policy.reverb_db_low, policy.reverb_db_high) / 20)
        response *= level / np.sqrt(np.sum(response**2))
        response[0] += 1
        sound = fftconvolve(sound, response)[: view.samples]
    return _log_mel(sound, view, policy, rng)


def _log_mel(sound: Wave, view: AudioView, policy: AudioPolicy, rng: np.random.Generator) -> Wave:
    """Return the standardised log-mel spectrogram of a sound, equalised and masked: (1, mels, frames)."""
    import librosa

    power = librosa.feature.melspectrogram(
        y=sound.astype(np.float32), sr=view.rate, n_fft=view.fft, win_length=view.window, hop_length=view.hop,
        n_mels=view.mels, fmin=view.fmin, fmax=view.top,
    )  # fmt: skip
    knots = rng.uniform(-policy.filter_db, policy.filter_db, 6)
    gain = np.interp(np.arange(view.mels), np.linspace(0, view.mels - 1, 6), knots)
    log = np.log(power * 10 ** (gain / 10)[:, None] + FLOOR)
    spectrogram = (log - log.mean()) / max(log.std(), 1e-3)
    for axis, strength in ((0, policy.mel_mask), (1, policy.time_mask)):
        size = spectrogram.shape[axis]
        count = int(rng.uniform(0, strength) * size)
        start = rng.integers(size - count + 1)
        spectrogram[(slice(None),) * axis + (slice(start, start + count),)] = 0
    return np.asarray(spectrogram[None], np.float32)


def _semitones_per_band(view: AudioView) -> float:
    """Return the distance of mel bands above 1 kHz, where they are evenly spaced in semitones."""
    import librosa

    edges = librosa.mel_frequencies(view.mels + 2, fmin=view.fmin, fmax=view.top)
    return float(12 * np.log2(edges[-1] / edges[-2]))


def _window(wave: Wave, view: AudioView, policy: AudioPolicy, rng: np.random.Generator) -> Wave:
    import librosa

    speed = np.exp(rng.uniform(np.log(policy.speed_low), np.log(policy.speed_high)))
    length = int(rng.uniform(policy.window_low, policy.window_high) * view.samples)
    need = int(np.ceil(length * speed)) + 1
    start = rng.integers(len(wave) - need)
    part = librosa.resample(wave[start : start + need], orig_sr=view.rate * speed, target_sr=view.rate)[:length]
    sound = np.zeros(view.samples, np.float32)
    at = rng.integers(view.samples - len(part) + 1)
    sound[at : at + len(part)] = part
    return sound


def _audiomentations(wave: Wave, view: AudioView, policy: AudioPolicy) -> Callable[[int], Wave] | None:
    """Segments, (1, mels, frames), as users of audiomentations write them, if it is installed.

    It mixes nothing, needs recordings of rooms to add reverberation, and stretches time where our policy changes speed.
    The number seeds the generators of Python and NumPy, from which the library draws.
    """
    if not find_spec("audiomentations"):
        return None
    import audiomentations as A

    steps: list[Any] = [A.AdjustDuration(view.samples, p=1.0)]
    if policy.speed_low < policy.speed_high:
        steps.append(A.TimeStretch(policy.speed_low, policy.speed_high, p=1.0))
    if policy.pitch > 0:
        reach = policy.pitch * _semitones_per_band(view)
        steps.append(A.PitchShift(-reach, reach, p=1.0))
    steps += [A.Gain(-policy.gain_db, policy.gain_db, p=1.0), A.PolarityInversion(p=policy.polarity)]
    if policy.filter_db > 0:
        steps.append(A.SevenBandParametricEQ(-policy.filter_db, policy.filter_db, p=1.0))
    if policy.noise > 0:  # white, pink or red: 0, -3 or -6 dB per octave
        steps.append(A.AddColorNoise(policy.noise_db_low, policy.noise_db_high, -6.0, 0.0, p=policy.noise))
    chain = A.Compose(steps)

    def make(number: int) -> Wave:
        random.seed(number)
        np.random.seed(number)
        return _log_mel(chain(wave, sample_rate=view.rate), view, policy, np.random.default_rng(number))

    return make


def torchaudio_batch(wave: Tensor, view: AudioView, policy: AudioPolicy, rng: np.random.Generator, size: int) -> Tensor:
    """Return a batch, (size, 1, mels, frames), as users of torchaudio write it: one speed and equaliser per batch.

    Its resampler and filters take one parameter for a whole batch, so this does less than our policy: no pitch shift
    beyond that of speed, no reverberation, no mixing.

    Args:
        wave: the whole recording, (samples,) at the view's rate, longer than the longest window.
    """
    import torch
    from torchaudio import functional, transforms

    def drawn(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (size, 1)).astype(np.float32))

    speed = np.exp(rng.uniform(np.log(policy.speed_low), np.log(policy.speed_high)))
    origin = max(1, round(100 * speed))  # whole per cents, because the resampler's kernel grows with the fraction
    need = view.samples * origin // 100 + 2
    starts = torch.from_numpy(rng.integers(len(wave) - need, size=size))
    sound = functional.resample(wave.unfold(0, need, 1)[starts], origin, 100)[:, : view.samples]
    length = drawn(policy.window_low, policy.window_high)
    start = drawn(0, 1) * (1 - length)
    time = torch.arange(sound.shape[1]) / sound.shape[1]
    sound = sound * ((time >= start) & (time < start + length))
    sound = sound * 10 ** (drawn(-policy.gain_db, policy.gain_db) / 20)
    if policy.filter_db > 0:
        for _ in range(6):
            centre = float(np.exp(rng.uniform(np.log(max(view.fmin, 20)), np.log(view.top))))
            gain = float(rng.uniform(-policy.filter_db, policy.filter_db))
            sound = functional.equalizer_biquad(sound, view.rate, min(centre, 0.45 * view.rate), gain)
    if policy.noise > 0:
        noisy = drawn(0, 1) < policy.noise
        level = -drawn(policy.noise_db_low, policy.noise_db_high)
        noise = torch.from_numpy(rng.standard_normal(sound.shape, np.float32))
        sound = sound + noisy * 10 ** (level / 20) * sound.square().mean(1, keepdim=True).sqrt() * noise
    power = transforms.MelSpectrogram(
        view.rate, n_fft=view.fft, win_length=view.window, hop_length=view.hop, n_mels=view.mels, f_min=view.fmin,
        f_max=view.top, norm="slaney", mel_scale="slaney", pad_mode="constant",
    )(sound)  # fmt: skip
    log = torch.log(power + FLOOR)
    spectrogram = (log - log.mean((1, 2), keepdim=True)) / log.std((1, 2), keepdim=True).clamp_min(1e-3)
    for axis, strength in ((2, policy.mel_mask), (3, policy.time_mask)):
        max_size = int(strength * spectrogram.shape[axis - 1])
        spectrogram = (
            functional.mask_along_axis_iid(spectrogram[:, None], max_size, 0.0, axis)[:, 0] if max_size else spectrogram
        )
    return spectrogram[:, None]
