"""The published way to make clips of a picture: crop by crop with PIL, frame after frame; for comparison only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modalities.draws import Array

Pixels = NDArray[np.uint8]


def camera_path(picture: Pixels, first: Array, last: Array, frames: int, size: int) -> Pixels:
    """One clip: every frame is cropped from the picture and resized on its own.

    Args:
        picture: (H, W, 3) uint8.
        first, last: boxes of the first and the last frame as left, top, width, height in pixels; those between are
            linearly interpolated.
        frames: frames of the clip.
        size: pixels of a side.

    Returns:
        (frames, size, size, 3) uint8.
    """
    from PIL import Image

    whole = Image.fromarray(picture)
    clip = []
    for along in np.linspace(0, 1, frames):
        left, top, width, height = (first + along * (last - first)).tolist()
        box = (left, top, left + width, top + height)
        clip.append(np.asarray(whole.resize((size, size), Image.Resampling.BICUBIC, box=box)))
    return np.stack(clip)


def clip_of_a_picture(picture: Pixels, rng: np.random.Generator, frames: int, size: int) -> Pixels:
    """One clip with the published parameters, colour jitter and flip included (Asano & Saeed 2023, video recipe).

    An initial crop of half the shorter side; two random-resized crops of it with 1/500 to all of its area and an
    aspect of 3/4 to 4/3; linear interpolation; mirroring; colour jitter (0.4, 0.4, 0.4, 0.1) with probability 0.5.

    Args:
        picture: (H, W, 3) uint8.
        rng: draws the clip's parameters.
        frames: frames of the clip.
        size: pixels of a side.

    Returns:
        (frames, size, size, 3) uint8.
    """
    import torch
    from torchvision.transforms.v2 import functional

    height, width = picture.shape[:2]
    side = min(height, width) / 2
    corner = rng.uniform(0, [width - side, height - side])

    def box() -> Array:
        area, ratio = rng.uniform(1 / 500, 1), np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
        extent = np.minimum(side * np.sqrt([area * ratio, area / ratio]), side)
        return np.concatenate([corner + rng.uniform(0, side - extent), extent])

    clip = camera_path(picture, box(), box(), frames, size)
    if rng.random() < 0.5:
        clip = clip[:, :, ::-1]
    if rng.random() < 0.5:
        pixels = torch.from_numpy(np.ascontiguousarray(clip)).permute(0, 3, 1, 2)
        pixels = functional.adjust_brightness(pixels, rng.uniform(0.6, 1.4))
        pixels = functional.adjust_contrast(pixels, rng.uniform(0.6, 1.4))
        pixels = functional.adjust_saturation(pixels, rng.uniform(0.6, 1.4))
        pixels = functional.adjust_hue(pixels, rng.uniform(-0.1, 0.1))
        clip = pixels.permute(0, 2, 3, 1).numpy()
    return np.ascontiguousarray(clip)
