"""Pictures and sounds in a page are what was put into it."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from benchmark.insight.media import png, wav


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
