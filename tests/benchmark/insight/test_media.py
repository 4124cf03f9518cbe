"""Pictures and sounds in a page are what was put into it."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from benchmark.insight.media import jpeg, mp3, png, wav


def content(address, kind):
    assert address.startswith(f"data:{kind};base64,")
    return io.BytesIO(base64.b64decode(address.partition(",")[2], validate=True))


def test_a_picture_comes_back_pixel_by_pixel():
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(content(png(picture), "image/png"))), picture)


def test_a_sound_comes_back_at_its_rate():
    sound = np.sin(np.arange(800) / 9) * 0.5
    found, rate = soundfile.read(content(wav(sound, 8000), "audio/wav"))
    assert rate == 8000 and found == pytest.approx(sound, abs=1e-4)


def test_a_photograph_takes_less_room_as_a_jpeg_and_looks_alike():
    ramp = np.linspace(0, 255, 64)
    picture = np.stack([np.add.outer(ramp, ramp) / 2] * 3, axis=-1).astype(np.uint8)
    found = np.asarray(Image.open(content(jpeg(picture), "image/jpeg")), int)
    assert found.shape == picture.shape and np.abs(found - picture).max() < 12
    assert jpeg(picture) == jpeg(picture)


def test_a_sound_takes_a_tenth_of_the_room_as_an_mp3_and_has_the_same_tone():
    sound = np.sin(np.arange(32000) * 2 * np.pi * 440 / 16000) * 0.5
    address = mp3(sound, 16000)
    found, rate = soundfile.read(content(address, "audio/mpeg"))
    assert rate == 16000 and len(address) < len(wav(sound, 16000)) / 5
    spectrum = np.abs(np.fft.rfft(found[8000:24000]))
    assert spectrum.argmax() == 440
    assert mp3(sound, 16000) == address


def test_a_rate_that_mp3_does_not_have_gives_a_wav():
    assert mp3(np.zeros(500), 10000).startswith("data:audio/wav;")
