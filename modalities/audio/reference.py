"""The same policy one segment at a time with librosa and SciPy: the yardstick for speed, never used for training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.audio.logmel import FLOOR

if TYPE_CHECKING:
    from modalities.audio.options import AudioPolicy, AudioView

Wave = NDArray[np.float32]


def segment(wave: Wave, view: AudioView, policy: AudioPolicy, rng: np.random.Generator) -> Wave:
    """One segment, (1, mels, frames), of the steps and ranges of ``AudioStream`` in the way librosa's users write them.

    It differs in means, not in kind: a band-limited resampler and a phase vocoder per segment, an impulse response of
    decaying noise, and a wave of fresh noise each time.

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
        edges = librosa.mel_frequencies(view.mels + 2, fmin=view.fmin, fmax=view.top)
        steps = bands * 12 * np.log2(edges[-1] / edges[-2])  # bands are evenly spaced in semitones above 1 kHz
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

    power = librosa.feature.melspectrogram(
        y=sound.astype(np.float32), sr=view.rate, n_fft=view.fft, win_length=view.window, hop_length=view.hop,
        n_mels=view.mels, fmin=view.fmin, fmax=view.top,
    )  # fmt: skip
    knots = rng.uniform(-policy.filter_db, policy.filter_db, 6)
    gain = np.interp(np.arange(view.mels), np.linspace(0, view.mels - 1, 6), knots)
    log = np.log(power * 10 ** (gain / 10)[:, None] + FLOOR)
    picture = (log - log.mean()) / max(log.std(), 1e-3)
    for axis, strength in ((0, policy.mel_mask), (1, policy.time_mask)):
        size = picture.shape[axis]
        count = int(rng.uniform(0, strength) * size)
        start = rng.integers(size - count + 1)
        picture[(slice(None),) * axis + (slice(start, start + count),)] = 0
    return np.asarray(picture[None], np.float32)


def _window(wave: Wave, view: AudioView, policy: AudioPolicy, rng: np.random.Generator) -> Wave:
    """A window at its own speed with silence around it, (samples,)."""
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
