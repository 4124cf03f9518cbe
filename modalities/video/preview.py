"""A PNG of what a video student sees: the source above the film strips of eight segments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from modalities.errors import readable
from modalities.video.policies import VideoPolicy, VideoView
from modalities.video.segments import VideoStream
from modalities.video.source import VideoSource

SEGMENTS = 8


def preview(source: VideoSource, view: VideoView, policy: VideoPolicy, *, seed: int, path: Path) -> None:
    """Write a PNG: the source (a clip's first, middle and last frame), then one row of frames per segment."""
    from matplotlib.figure import Figure

    stream = VideoStream(source, view, policy, batch_size=SEGMENTS, seed=seed, device=source.atlas.texture.device)
    mean, std = (torch.tensor(three).view(3, 1, 1, 1) for three in (view.mean, view.std))
    clips = (stream.batch(0).cpu() * std + mean).clamp(0, 1)
    strips = clips.permute(0, 3, 2, 4, 1).flatten(2, 3).numpy()  # (segments, size, frames · size, 3)

    atlas, last = source.atlas, len(source.times) - 1
    shown = [0, last // 2, last] if source.moves else [0]
    height, width = atlas.height, atlas.width
    whole = atlas.texture.view(atlas.pictures, height, -1, 4)[shown, :, :width, :3]
    original = whole.transpose(0, 1).reshape(height, len(shown) * width, 3).cpu().numpy()

    tall = 6 * original.shape[0] / original.shape[1]
    row = 6 / view.frames
    figure = Figure(figsize=(6, tall + SEGMENTS * row + 0.4), layout="constrained")
    axes = figure.subplots(1 + SEGMENTS, 1, height_ratios=[tall, *[row] * SEGMENTS])
    for axis, picture in zip(axes, [original, *strips], strict=True):
        axis.imshow(np.clip(picture, 0, 1), interpolation="nearest", aspect="equal")
        axis.set_axis_off()
    title = readable(f"{source.ref.name}, and what policy '{policy.name}' makes of it")
    axes[0].set_title(title, fontsize=9, parse_math=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
