"""Network inputs as people see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.image.policies import ImageView

if TYPE_CHECKING:
    from torch import Tensor

    from modalities.image.source import ImageSource


def pictures(inputs: Tensor, view: ImageView) -> NDArray[np.uint8]:
    """Return normalised inputs, (B, 3, size, size), as pictures, (B, size, size, 3); colours are cut to 0 … 255."""
    values = inputs.detach().float().permute(0, 2, 3, 1).cpu().numpy()
    pixels = values * np.array(view.std, np.float32) + np.array(view.mean, np.float32)
    return np.asarray(np.rint(pixels.clip(0, 1) * 255), np.uint8)


def sounds(inputs: Tensor, view: ImageView, source: object) -> None:
    """Pictures make no sound."""


def show_source(source: ImageSource, view: ImageView) -> tuple[NDArray[np.uint8], None]:
    """Return the picture itself, (1, height, width, 3)."""
    return source.reductions[0][None, : source.height], None
