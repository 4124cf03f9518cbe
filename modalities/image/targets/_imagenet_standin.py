"""Pictures of the stand-ins of ImageNet and its subset: outlines in a colour, and grounds strewn with discs."""

from __future__ import annotations

import numpy as np

from modalities.image.targets._paint import Canvas, Kinds, box, chosen, colour, disc, petals

OUTLINES, HUES = 5, (0.0, 0.16, 0.4, 0.65)
GROUNDS = (0.56, 0.3, 0.09, 0.75)  # hues: sky, grass, earth, dusk
OUTLINE_KINDS = OUTLINES * len(GROUNDS)
PITCHES = (0.0, 2.2, 5.0)  # pieces across half a picture; 0 is a single one
STREWN_KINDS = len(PITCHES) * len(HUES)


def outline(canvas: Canvas, kinds: Kinds) -> None:
    """A disc, a bar, a ring, a cross or a trefoil, in its own colours, at any angle, on its own background."""
    canvas.ground(0.3)
    around = chosen(GROUNDS, kinds // OUTLINES) + canvas.between("around", -0.05, 0.05)
    air = colour(around, canvas.between("depth", 0.3, 0.7), canvas.between("light", 0.4, 0.9))
    canvas.pixels += 0.75 * (air - canvas.pixels)
    canvas.clutter(5, 0.08, 0.22)
    shape = (kinds % OUTLINES)[:, None, None]
    x, y = canvas.placed(0.3, 0.3, np.pi)
    size = canvas.between("size", 0.5, 0.7)
    cross = np.minimum(box(x, y, size, size * 0.28), box(x, y, size * 0.28, size))
    distance = np.select(
        [shape == 0, shape == 1, shape == 2, shape == 3],
        [disc(x, y, size), box(x, y, size * 1.3, size * 0.3), np.abs(disc(x, y, size * 0.85)) - size * 0.18, cross],
        petals(x, y, 3, size * 1.15, 0.6),
    )
    hue = chosen([0.0, 0.17, 0.5, 0.65, 0.87], kinds % OUTLINES) + canvas.between("hue", -0.09, 0.09)
    canvas.lay(distance, colour(hue, canvas.between("saturation", 0.6, 1), canvas.between("value", 0.5, 1)))


def strewn(canvas: Canvas, kinds: Kinds) -> None:
    """One large, several or many small discs of a colour, in crooked rows on a dull ground."""
    canvas.ground(0.25)
    x, y = canvas.placed(0.3, 0.3, np.pi)
    pitch = chosen(PITCHES, kinds // len(HUES)) * canvas.between("pitch", 0.85, 1.15) / 2
    bent = canvas.between("bend", 0, 0.15) * np.sin(3 * x)
    cell = np.maximum(pitch, 1e-3)
    u, v = ((part * cell + 0.5) % 1 - 0.5 for part in (x, y + bent))
    share = canvas.between("size", 0.3, 0.4)
    many = disc(u, v, share) / cell
    distance = np.where(pitch == 0, disc(x, y, share * 1.7), many)
    hue = chosen(HUES, kinds % len(HUES)) + canvas.between("hue", -0.05, 0.05)
    canvas.lay(distance, colour(hue, canvas.between("saturation", 0.6, 1), canvas.between("value", 0.5, 1)))
    canvas.clutter(3, 0.08, 0.2)
