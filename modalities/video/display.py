"""Network inputs as people see them: film strips."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from modalities.video.policies import VideoView


def pictures(inputs: Tensor, view: VideoView) -> NDArray[np.uint8]:
    """Return normalised clips, (B, 3, frames, size, size), as strips of their frames, (B, size, frames · size, 3)."""
    values = inputs.detach().float().permute(0, 3, 2, 4, 1).flatten(2, 3).cpu().numpy()
    pixels = values * np.array(view.std, np.float32) + np.array(view.mean, np.float32)
    return np.asarray(np.rint(pixels.clip(0, 1) * 255), np.uint8)


def sounds(inputs: Tensor, view: VideoView, source: object) -> None:
    """Clips are silent."""
