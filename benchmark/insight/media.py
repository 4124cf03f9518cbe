"""Pictures and sounds inside a page: as data in the page itself, so that it needs no other file."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray


def png(picture: NDArray[np.uint8]) -> str:
    """Return a picture, (height, width, 3), as the address of an image in a page."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", optimize=True)
    return _address("image/png", stream.getvalue())


def jpeg(picture: NDArray[np.uint8]) -> str:
    """Return a picture, (height, width, 3), as the address of an image in a page; for photographs of some size."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=82, optimize=True)
    return _address("image/jpeg", stream.getvalue())


def mp3(sound: NDArray[np.floating], rate: int) -> str:
    """Return mono sound, (samples,) within [-1, 1], as the address of a recording in a page: a tenth of a WAV's size.

    A rate that MP3 does not have gives a WAV.
    """
    import soundfile

    stream = io.BytesIO()
    try:
        soundfile.write(stream, sound, rate, format="MP3")
    except soundfile.LibsndfileError:
        return wav(sound, rate)
    return _address("audio/mpeg", stream.getvalue())


def wav(sound: NDArray[np.floating], rate: int) -> str:
    """Return mono sound, (samples,) within [-1, 1], as the address of a recording in a page: WAV of 16 bits."""
    import soundfile

    stream = io.BytesIO()
    soundfile.write(stream, sound, rate, format="WAV", subtype="PCM_16")
    return _address("audio/wav", stream.getvalue())


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
