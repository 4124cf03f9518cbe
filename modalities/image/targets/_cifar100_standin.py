"""Pictures of CIFAR-100's stand-in: woven cloth; a kind is a weave in a pair of colours."""

from __future__ import annotations

import numpy as np

from modalities.image.targets._paint import Canvas, Kinds, chosen, colour

WEAVES, HUES = 4, (0.0, 0.13, 0.33, 0.58, 0.8)
KINDS = WEAVES * len(HUES)


def cloth(canvas: Canvas, kinds: Kinds) -> None:
    """Lengthwise and crosswise stripes, chequers and dots, each light on its own dark."""
    weave = (kinds % WEAVES)[:, None, None]
    hue = chosen(HUES, kinds // WEAVES) + canvas.between("hue", -0.05, 0.05)
    x, y = canvas.turned("angle", canvas.x, canvas.y, 0.2)
    pitch = canvas.between("pitch", 4.5, 6)
    u, v = x * pitch + canvas.between("phase x", 0, 6.3), y * pitch + canvas.between("phase y", 0, 6.3)
    thread = np.select(
        [weave == 0, weave == 1, weave == 2],
        [np.sin(v), np.sin(u), np.sin(u * 0.8) * np.sin(v * 0.8) * 2],
        np.sin(u * 1.2) + np.sin(v * 1.2) - 0.8,
    )
    light = colour(hue, canvas.between("saturation", 0.35, 0.7), canvas.between("value", 0.6, 0.95))
    dark = colour(hue + 0.1, 0.4, canvas.between("shade", 0.1, 0.4))
    cover = np.clip(0.5 + 2 * thread, 0, 1)[..., None]
    canvas.pixels[:] = cover * light + (1 - cover) * dark
    canvas.clutter(3, 0.1, 0.35)
