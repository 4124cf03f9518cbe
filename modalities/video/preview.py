"""A PNG of what a video student sees: the source, film strips of segments, and what each step does to some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from modalities.errors import readable
from modalities.video.policies import VideoPolicy, VideoView
from modalities.video.segments import VideoStream
from modalities.video.source import VideoSource

SEGMENTS = 8
OF_A_STEP = 4  # segments, side by side


def preview(source: VideoSource, view: VideoView, policy: VideoPolicy, *, seed: int, path: Path) -> None:
    """Write a PNG: the source (a clip's first, middle and last frame), then one row of frames per segment.

    Then a row with the first segments for each step of the policy, see ``SteppedPolicy.one_by_one``.
    """
    from matplotlib.figure import Figure

    strips = _strips(source, view, policy, seed)
    titles = {title: _strips(source, view, one, seed) for title, one in policy.one_by_one().items()}
    rows = {title: np.concatenate([_framed(strip) for strip in of[:OF_A_STEP]], axis=1) for title, of in titles.items()}

    atlas, last = source.atlas, len(source.times) - 1
    shown = [0, last // 2, last] if source.moves else [0]
    height, width = atlas.height, atlas.width
    whole = atlas.texture.view(atlas.pictures, height, -1, 4)[shown, :, :width, :3]
    original = whole.transpose(0, 1).reshape(height, len(shown) * width, 3).cpu().numpy()

    tall = 6 * original.shape[0] / original.shape[1]
    heights = [tall + 0.3, *[6 / view.frames] * SEGMENTS, *[6 / view.frames / OF_A_STEP + 0.3] * len(rows)]
    figure = Figure(figsize=(6, sum(heights) + 0.4), layout="constrained")
    axes = figure.subplots(len(heights), 1, height_ratios=heights)
    for axis, picture in zip(axes, [original, *strips, *rows.values()], strict=True):
        axis.imshow(np.clip(picture, 0, 1), interpolation="nearest", aspect="equal")
        axis.set_axis_off()
    title = readable(f"{source.ref.name}, and what the policy {policy.name} makes of it")
    axes[0].set_title(f"{title}\n{_shown(source, shown)}", fontsize=9, parse_math=False)
    axes[1].set_title(_segments(source, view), fontsize=9, loc="left")
    for axis, title in zip(axes[1 + SEGMENTS :], rows, strict=True):
        axis.set_title(title, fontsize=9, loc="left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def _shown(source: VideoSource, frames: list[int]) -> str:
    """Return how much of the source is shown."""
    several = f" (1 of {source.items})" if source.items > 1 else ""
    if not source.moves:
        return f"the whole picture{several}"
    moments = ", ".join(f"{source.times[frame]:.2f}" for frame in frames)
    return f"frames at {moments} s of a clip of {source.seconds:.2f} s{several}"


def _segments(source: VideoSource, view: VideoView) -> str:
    """Return what a row of frames is."""
    rest = "time runs to the right" if source.moves else "to the right, the camera moves over the picture"
    return f"{SEGMENTS} segments of {view.frames} frames in {view.seconds:g} s; {rest}"


def _framed(strip: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a strip with white columns at its right end, which tell it from the next one."""
    white: NDArray[np.float32] = np.pad(strip, ((0, 0), (0, 2), (0, 0)), constant_values=1)
    return white


def _strips(source: VideoSource, view: VideoView, policy: VideoPolicy, seed: int) -> NDArray[np.float32]:
    """Return the frames of the segments of step 0, side by side: (segments, size, frames · size, 3) in [0, 1]."""
    stream = VideoStream(source, view, policy, batch_size=SEGMENTS, seed=seed, device=source.atlas.texture.device)
    mean, std = (torch.tensor(three).view(3, 1, 1, 1) for three in (view.mean, view.std))
    clips = (stream.batch(0).cpu() * std + mean).clamp(0, 1)
    strips: NDArray[np.float32] = clips.permute(0, 3, 2, 4, 1).flatten(2, 3).numpy()
    return strips
