"""A picture that came from Python: an array, a tensor or a Pillow image, kept as a file without loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write(made: Any, path: Path) -> Path:
    """Write a picture as PNG; return the file. Raises ValueError if it is none."""
    from PIL import Image

    from modalities.storage.atomic import atomic_stream

    file = path.with_suffix(".png")
    with atomic_stream(file) as stream:
        Image.fromarray(as_pixels(made)).save(stream, "PNG", compress_level=1)
    return file


def as_pixels(made: Any) -> NDArray[np.uint8]:
    """Return (H, W, 3) uint8 of an array or a tensor, (H, W, 3), (3, H, W) or (H, W), or of a Pillow image."""
    if hasattr(made, "convert"):  # a Pillow image
        made = made.convert("RGB")
    pixels = np.asarray(made.detach().cpu() if hasattr(made, "detach") else made)
    if pixels.dtype != np.uint8:
        raise ValueError(f"it is made of {pixels.dtype}, and a picture of uint8, from 0 to 255")
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if pixels.ndim == 3 and pixels.shape[2] != 3 and pixels.shape[0] == 3:
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"it has the shape {pixels.shape}, and a picture (height, width, 3)")
    return np.ascontiguousarray(pixels)
