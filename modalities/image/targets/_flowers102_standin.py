"""Pictures of Flowers-102's stand-in: blossoms on leaves; a kind is a form of blossom in a colour."""

from __future__ import annotations

import numpy as np

from modalities.image.targets._paint import Canvas, Kinds, chosen, colour, disc, petals

# Petals, how deeply they are cut, size and brightness of the heart: poppies, anemones, daisies.
FORMS = ((4.0, 0.3, 0.1, 0.6), (7.0, 0.65, 0.48, 0.97), (13.0, 0.55, 0.48, 0.15))
HUES = (0.98, 0.14, 0.6, 0.83)
KINDS = len(FORMS) * len(HUES)


def blossom(canvas: Canvas, kinds: Kinds) -> None:
    """Four broad petals round a speck, seven round a bright heart or many round a dark one."""
    dim = canvas.between("green value", 0.2, 0.5)
    canvas.pixels[:] = colour(canvas.between("green", 0.25, 0.38), canvas.between("green saturation", 0.1, 0.5), dim)
    for k in range(6):
        u = canvas.x - canvas.between(f"leaf {k} x", -1, 1)
        v = canvas.y - canvas.between(f"leaf {k} y", -1, 1)
        u, v = canvas.turned(f"leaf {k} angle", u, v, np.pi)
        green = colour(canvas.between(f"leaf {k} hue", 0.2, 0.45), 0.4, canvas.between(f"leaf {k} value", 0.15, 0.8))
        canvas.lay(disc(u, v * 3, canvas.between(f"leaf {k} size", 0.3, 0.6)), green)

    x, y = canvas.placed(0.25, 0.25, np.pi)
    size = canvas.between("size", 0.65, 0.9)
    count, depth, wide, bright = (chosen([form[part] for form in FORMS], kinds % len(FORMS)) for part in range(4))
    hue = chosen(HUES, kinds // len(FORMS)) + canvas.between("hue", -0.05, 0.05)
    petal = colour(hue, canvas.between("saturation", 0.4, 0.75), canvas.between("value", 0.65, 1.0))
    canvas.lay(petals(x, y, count, size, depth + canvas.between("depth", -0.1, 0.1)), petal)
    heart = colour(0.12, canvas.between("heart saturation", 0.1, 0.4), bright + canvas.between("heart", -0.15, 0.1))
    canvas.lay(disc(x, y, size * wide * canvas.between("heart size", 0.85, 1.15)), heart)
