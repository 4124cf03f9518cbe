"""Network inputs as pictures and as sound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from modalities.audio.display import COLUMNS, PEAK, pictures, show_source, sounds
from modalities.audio.logmel import log_mel
from modalities.audio.policies import AudioView
from modalities.audio.source import AudioSource
from modalities.base import SourceRef

VIEW = AudioView(rate=8000, seconds=0.5, mels=40)


def tone(hertz, samples=VIEW.samples):
    time = torch.arange(samples) / VIEW.rate
    return 0.3 * torch.sin(2 * torch.pi * hertz * time)


def source(seconds=3.0):
    wave = tone(300, round(seconds * VIEW.rate)) + tone(1200, round(seconds * VIEW.rate)) * 0.1
    return AudioSource(SourceRef("x", "0" * 64, "x"), wave, VIEW.rate)


def test_low_tones_are_below_and_loud_is_bright():
    low, high = pictures(log_mel(torch.stack([tone(150), tone(3000)]), VIEW), VIEW).astype(int)
    assert low.shape == (*VIEW.shape[1:], 3)
    brightness = [picture.sum((1, 2)) for picture in (low, high)]
    assert brightness[0].argmax() > 25 > 15 > brightness[1].argmax()


def test_values_beyond_the_range_have_the_colours_of_its_ends():
    values = torch.tensor([-99.0, -2.5, 2.5, 99.0]).view(1, 1, 1, 4)
    darkest, dark, bright, brightest = pictures(values, VIEW)[0, 0]
    assert np.array_equal(darkest, dark) and np.array_equal(bright, brightest) and dark.sum() < bright.sum()


@pytest.mark.parametrize("hertz", [400, 1500])
def test_a_tone_is_heard_at_its_pitch(hertz):
    rate, found = sounds(log_mel(tone(hertz)[None], VIEW), VIEW, source())
    assert rate == VIEW.rate and found.shape == (1, VIEW.samples) and found.dtype == np.float32
    assert np.abs(found).max() == pytest.approx(PEAK)
    loudest = np.abs(np.fft.rfft(found[0])).argmax() * VIEW.rate / VIEW.samples
    assert loudest == pytest.approx(hertz, rel=0.08)


def test_the_sound_has_about_the_spectrogram_that_it_was_made_of():
    wave = tone(500) * torch.linspace(0, 1, VIEW.samples) + tone(2000) * torch.linspace(1, 0, VIEW.samples)
    wanted = log_mel(wave[None], VIEW)
    _, found = sounds(wanted, VIEW, source())
    again = log_mel(torch.from_numpy(found), VIEW)
    assert np.corrcoef(wanted.flatten(), again.flatten())[0, 1] > 0.8


def test_the_same_spectrogram_gives_the_same_sound_and_a_short_recording_suffices():
    wanted = log_mel(tone(500)[None], VIEW)
    first, second = (sounds(wanted, VIEW, source(0.2))[1] for _ in range(2))
    assert np.array_equal(first, second) and np.isfinite(first).all()
    _, silent = sounds(torch.full((1, *VIEW.shape), -99.0), VIEW, source())
    assert np.isfinite(silent).all()


def test_the_whole_recording_is_shown_and_heard():
    recording = source(40.0)
    recording.wave[: len(recording.wave) // 2] *= 0.001  # quiet, then loud
    shown, (rate, sound) = show_source(recording, VIEW)
    assert shown.shape == (1, VIEW.mels, COLUMNS, 3)
    brightness = shown[0].astype(int).sum((0, 2))
    assert brightness[: COLUMNS // 2 - 9].mean() < brightness[COLUMNS // 2 + 9 :].mean()
    assert rate == VIEW.rate
    assert len(sound) == len(recording.wave)
    assert np.abs(sound).max() == pytest.approx(PEAK)


def test_of_several_recordings_the_first_is_heard_and_a_short_one_fills_the_view():
    both = replace(source(1.0), wave=torch.cat([tone(300, 1000), tone(2000, 1000)]), items=2)
    shown, (_, sound) = show_source(both, VIEW)
    assert len(sound) == VIEW.samples
    assert np.abs(sound[1000:]).max() == 0
    assert shown.shape[1] == VIEW.mels
