"""Pictures of STL-10's stand-in: two things, one above the other; a kind is which colour stands on which."""

from __future__ import annotations

from modalities.image.targets._paint import Canvas, Kinds, box, chosen, colour, disc

HUES = (0.0, 0.15, 0.35, 0.62)
STACKS = ((0, 1), (1, 0), (0, 2), (2, 0), (0, 3), (3, 0), (1, 3), (3, 1), (2, 3), (3, 2))  # upper, lower
KINDS = len(STACKS)


def stack(canvas: Canvas, kinds: Kinds) -> None:
    """A ball on a block, somewhere on clutter."""
    canvas.ground(0.5)
    canvas.clutter(6, 0.1, 0.3)
    x, y = canvas.placed(0.35, 0.2, 0.25)
    size = canvas.between("size", 0.28, 0.46)
    upper, lower = ([HUES[pair[part]] for pair in STACKS] for part in (0, 1))
    block = box(x, y - size * 0.8, size * canvas.between("width", 0.8, 1.4), size * 0.8)
    ball = disc(x, y + size * 0.85, size)
    for name, hues, distance in (("block", lower, block), ("ball", upper, ball)):
        hue = chosen(hues, kinds) + canvas.between(f"{name} hue", -0.06, 0.06)
        tone = canvas.between(f"{name} saturation", 0.45, 1.0), canvas.between(f"{name} value", 0.35, 0.95)
        canvas.lay(distance, colour(hue, *tone))
