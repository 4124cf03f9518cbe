"""Labelled items on their way into a network: as they are in a test, randomly changed while a teacher trains."""

from __future__ import annotations

import torch
from torch import Tensor

from modalities.compute.draws import Draws
from modalities.compute.to_device import to_device
from modalities.video.policies import VideoView
from modalities.video.segments import normalise


def prepare(raw: Tensor, view: VideoView) -> Tensor:
    """Return (B, 3, T, size, size) float32, the normalised square centre, for (B, 3, T, H, W) uint8."""
    top, left = ((side - view.size) // 2 for side in raw.shape[3:])
    square = raw[..., top : top + view.size, left : left + view.size]
    return normalise(square.to(torch.float32) / 255, view)


def augment(raw: Tensor, view: VideoView, draws: Draws, step: int) -> Tensor:
    """As ``prepare``, but cropped at random and mirrored half of the time if labels allow it; per clip."""
    count, height, width = len(raw), *raw.shape[3:]
    tops = draws.integers(step, "top", count, height - view.size + 1)
    lefts = draws.integers(step, "left", count, width - view.size + 1)
    flips = draws.chance(step, "flip", count, 0.5) & view.flip
    square = torch.stack(
        [clip[..., t : t + view.size, left : left + view.size] for clip, t, left in zip(raw, tops, lefts, strict=True)]
    )
    mirror = to_device(flips, raw.device).view(-1, 1, 1, 1, 1)
    return normalise(torch.where(mirror, square.flip(-1), square).to(torch.float32) / 255, view)
