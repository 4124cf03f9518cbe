"""Labelled images to network input: cropped, mirrored if allowed, normalised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.base import Draws
from modalities.compute.to_device import constant, to_device
from modalities.image.policies import ImageView

if TYPE_CHECKING:
    from torch import Tensor

REACH = 8  # items no larger than the view are shifted by up to size / 8: 4 of 32 pixels, as usual on CIFAR


def prepare(raw: Tensor, view: ImageView) -> Tensor:
    """Return normalised centre crops, (B, 3, size, size) float32, of raw items, (B, 3, H, W) uint8."""
    height, width = raw.shape[-2:]
    top, left = round((height - view.size) / 2), round((width - view.size) / 2)
    return normalise(raw[..., top : top + view.size, left : left + view.size], view)


def augment(raw: Tensor, view: ImageView, draws: Draws, step: int) -> Tensor:
    """Return normalised random crops, (B, 3, size, size) float32, half of them mirrored, of (B, 3, H, W) uint8.

    Items no larger than the view are shifted inside a black border instead. Nothing is mirrored unless ``view.flip``.
    """
    import torch
    import torch.nn.functional as F

    n, size = len(raw), view.size
    if min(raw.shape[-2:]) == size:
        raw = F.pad(raw, (size // REACH,) * 4)

    def corners(name: str, length: int) -> NDArray[np.int64]:
        return draws.integers(step, name, n, length - size + 1)[:, None] + np.arange(size, dtype=np.int64)

    rows, columns = corners("top", raw.shape[-2]), corners("left", raw.shape[-1])
    if view.flip:
        columns = np.where(draws.chance(step, "flip", n, 0.5)[:, None], columns[:, ::-1], columns)
    sample = torch.arange(n, device=raw.device)[:, None, None]
    at = [to_device(index, raw.device) for index in (rows, columns)]
    return normalise(raw.permute(0, 2, 3, 1)[sample, at[0][:, :, None], at[1][:, None, :]].permute(0, 3, 1, 2), view)


def normalise(pixels: Tensor, view: ImageView) -> Tensor:
    """Convert uint8 (…, 3, H, W) to float32: (value / 255 − mean) / std."""
    scale = constant(tuple(1 / (255 * std) for std in view.std), pixels.device)
    offset = constant(tuple(mean / std for mean, std in zip(view.mean, view.std, strict=True)), pixels.device)
    return (pixels * scale[:, None, None] - offset[:, None, None]).contiguous()
