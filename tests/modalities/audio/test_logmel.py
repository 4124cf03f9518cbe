"""Log-mel spectrograms agree with librosa and torchaudio and keep their laws."""

from collections.abc import Callable

import librosa
import numpy as np
import pytest
import torch
import torchaudio
from hypothesis import given, settings
from hypothesis import strategies as st

from modalities.audio.augmentations import KNOTS
from modalities.audio.logmel import (
    FLOOR,
    SpectralChanges,
    log_mel_by_kernel,
    log_mel_by_torch,
    mel_power,
    standardise,
)
from modalities.audio.policies import AudioView

VIEWS = [AudioView(), AudioView(rate=8_000, mels=40), AudioView(seconds=0.98), AudioView(rate=22_050, window_ms=20)]


def noisy_tone(view: AudioView) -> np.ndarray:
    time = np.arange(view.samples) / view.rate
    noise = np.random.default_rng(0).standard_normal(view.samples)
    return (0.4 * np.sin(2 * np.pi * 440 * time) + 0.05 * noise).astype(np.float32)


@pytest.mark.parametrize("view", VIEWS)
def test_mel_power_equals_librosas(view: AudioView) -> None:
    wave = noisy_tone(view)
    expected = librosa.feature.melspectrogram(
        y=wave, sr=view.rate, n_fft=view.fft, win_length=view.window, hop_length=view.hop, n_mels=view.mels,
        fmin=view.fmin, fmax=view.top, pad_mode="constant",
    )  # fmt: skip
    ours = mel_power(torch.from_numpy(wave[None]), view)[0].numpy()
    assert ours.shape == expected.shape == view.shape[1:]
    np.testing.assert_allclose(ours, expected, rtol=1e-4)


@pytest.mark.parametrize("view", VIEWS)
def test_mel_power_equals_torchaudios(view: AudioView) -> None:
    wave = torch.from_numpy(noisy_tone(view)[None])
    theirs = torchaudio.transforms.MelSpectrogram(
        view.rate, n_fft=view.fft, win_length=view.window, hop_length=view.hop, n_mels=view.mels, f_min=view.fmin,
        f_max=view.top, norm="slaney", mel_scale="slaney", pad_mode="constant",
    )(wave)  # fmt: skip
    torch.testing.assert_close(mel_power(wave, view), theirs, rtol=1e-4, atol=0)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("make", [log_mel_by_kernel, log_mel_by_torch])
def test_spectrograms_equal_librosas(
    view: AudioView, make: Callable[[torch.Tensor, AudioView, SpectralChanges], torch.Tensor]
) -> None:
    wave = noisy_tone(view)
    power = librosa.feature.melspectrogram(
        y=wave, sr=view.rate, n_fft=view.fft, win_length=view.window, hop_length=view.hop, n_mels=view.mels,
        fmin=view.fmin, fmax=view.top, pad_mode="constant",
    )  # fmt: skip
    log = np.log(power + FLOOR)
    expected = (log - log.mean()) / log.std()
    ours = make(torch.from_numpy(wave[None]), view, SpectralChanges.none(1))[0, 0].numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_kernel_and_torch_agree() -> None:
    view, rng = AudioView(), np.random.default_rng(0)
    waves = torch.from_numpy(0.1 * rng.standard_normal((16, view.samples), np.float32))
    waves[1, 4_000:] = 0
    waves[2] = 0
    changes = SpectralChanges(
        shift=np.concatenate([np.arange(-4, 4.0), rng.uniform(-4, 4, 8)]), knots=rng.uniform(-9, 9, (16, KNOTS)),
        reverb_seconds=np.where(rng.random(16) < 0.5, rng.uniform(0.1, 1, 16), 0), reverb_db=rng.uniform(-20, 0, 16),
        mel_start=rng.random(16), mel_width=rng.uniform(0, 0.3, 16),
        time_start=rng.random(16), time_width=rng.uniform(0, 0.3, 16),
    )  # fmt: skip
    torch.testing.assert_close(
        log_mel_by_kernel(waves, view, changes), log_mel_by_torch(waves, view, changes), rtol=0, atol=2e-3
    )


@given(st.integers(0, 2**31), st.floats(1e-3, 1.0))
@settings(max_examples=20, deadline=None)
def test_a_spectrogram_has_mean_0_and_deviation_1_at_any_level(seed: int, level: float) -> None:
    view = AudioView(seconds=0.2)
    wave = torch.randn(2, view.samples, generator=torch.Generator().manual_seed(seed)) * level
    spectrogram = standardise(mel_power(wave, view))
    assert spectrogram.shape == (2, *view.shape)
    torch.testing.assert_close(spectrogram.mean((1, 2, 3)), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(spectrogram.std((1, 2, 3), correction=0), torch.ones(2), atol=1e-4, rtol=0)


def test_silence_becomes_zeros() -> None:
    view = AudioView()
    assert torch.equal(standardise(mel_power(torch.zeros(1, view.samples), view)), torch.zeros(1, *view.shape))


def test_a_spectrogram_does_not_depend_on_its_neighbours_in_the_batch() -> None:
    view = AudioView()
    waves = torch.randn(3, view.samples, generator=torch.Generator().manual_seed(0))
    together = standardise(mel_power(waves, view))
    alone = standardise(mel_power(waves[1:2], view))
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)


def test_the_floor_is_a_millionth_and_a_deviation_below_a_thousandth_is_not_enlarged() -> None:
    assert FLOOR == 1e-6
    sign = torch.tensor([1.0, -1.0]).repeat(5, 10)[None].double()
    flat = standardise(FLOOR * (1 + 1e-4 * sign))  # log(2 ± 1e-4) is ln 2 ± 5e-5
    torch.testing.assert_close(flat[0], 0.05 * sign, atol=1e-4, rtol=0)
    lively = standardise(FLOOR * (1 + 1e-2 * sign))
    torch.testing.assert_close(lively[0], sign, atol=1e-2, rtol=0)
