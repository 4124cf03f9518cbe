"""Network inputs as people see them: film strips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from modalities.video.policies import VideoView

if TYPE_CHECKING:
    from modalities.video.source import VideoSource

FRAMES = 4  # of a clip that are shown of the datum


def pictures(inputs: Tensor, view: VideoView) -> NDArray[np.uint8]:
    """Return normalised clips, (B, 3, frames, size, size), as strips of their frames, (B, size, frames · size, 3)."""
    values = inputs.detach().float().permute(0, 3, 2, 4, 1).flatten(2, 3).cpu().numpy()
    pixels = values * np.array(view.std, np.float32) + np.array(view.mean, np.float32)
    return np.asarray(np.rint(pixels.clip(0, 1) * 255), np.uint8)


def sounds(inputs: Tensor, view: VideoView, source: object) -> None:
    """Clips are silent."""


def show_source(source: VideoSource, view: VideoView) -> tuple[NDArray[np.uint8], None]:
    """Return the picture over which a camera moves, (1, height, width, 3), or up to FRAMES frames of a clip."""
    atlas, count = source.atlas, len(source.times)
    places = np.linspace(0, count - 1, min(FRAMES, count)).round().astype(int)
    frames = [atlas.texture[place * atlas.height : (place + 1) * atlas.height, : atlas.width, :3] for place in places]
    pixels = np.stack([frame.detach().float().cpu().numpy() for frame in frames])
    return np.asarray(np.rint(pixels.clip(0, 1) * 255), np.uint8), None
