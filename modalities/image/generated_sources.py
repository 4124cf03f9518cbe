"""Pictures generated from a seed: dense dead leaves, a sparse scene and uniform noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.compute.draws import Array, Draws

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = 1  # increment if a generator's pixels change

Pixels = NDArray[np.uint8]


def dead_leaves(seed: int) -> Pixels:
    """A dense picture, (1440, 1920, 3): 14,000 overlapping discs, boxes, ellipses, polygons and lines.

    Sizes follow a power law with exponent −3, for which occluding shapes have the scale-free statistics of natural
    images (Lee, Mumford & Huang, "Occlusion models for natural images", IJCV 2001). Colours are broad normals;
    a smooth shading field and a little noise lie on top.
    """
    draws = Draws(seed, "dead leaves/")
    return _finish(_scatter(draws, 1920, 1440, shapes=14_000, smallest=6.0, largest=400.0), draws, noise=4.0)


def sparse(seed: int) -> Pixels:
    """A nearly empty picture, (960, 1280, 3): eight large shapes on an even, shaded background."""
    draws = Draws(seed, "sparse/")
    return _finish(_scatter(draws, 1280, 960, shapes=8, smallest=40.0, largest=160.0), draws, noise=1.0)


def noise(seed: int) -> Pixels:
    """Uniform noise, (960, 1280, 3)."""
    return np.floor(Draws(seed, "noise/").uniform(0, "pixels", (960, 1280, 3)) * 256).astype(np.uint8)


GENERATORS: dict[str, tuple[Callable[[int], Pixels], str]] = {
    "deadleaves": (dead_leaves, "generated: 14,000 overlapping shapes of all sizes, 1920×1440 (the default)"),
    "sparse": (sparse, "generated: eight shapes before an even ground, 1280×960"),
    "noise": (noise, "generated: uniform noise, 1280×960"),
}


def _scatter(draws: Draws, width: int, height: int, shapes: int, smallest: float, largest: float) -> Image:
    """Draw overlapping shapes with half-sizes between ``smallest`` and ``largest`` pixels."""
    from PIL import Image, ImageDraw

    tone = np.clip(128 + 62 * draws.normal(0, "tone", shapes + 1), 0, 255)
    tint = 34 * draws.normal(0, "tint", (shapes + 1, 3))
    colours = np.clip(tone[:, None] + tint, 0, 255).astype(np.uint8)
    unit = draws.uniform(0, "size", shapes)
    size = smallest / np.sqrt(1 - unit * (1 - (smallest / largest) ** 2))
    place = draws.uniform(0, "place", (shapes, 2)) * [width, height]
    kind = draws.integers(0, "kind", shapes, 5)
    angle = draws.uniform(0, "angle", shapes, 0, 2 * math.pi)
    squeeze = draws.uniform(0, "squeeze", shapes, 0.25, 1.0)
    corners = draws.uniform(0, "corners", (shapes, 8))
    picture = Image.new("RGB", (width, height), tuple(int(value) for value in colours[-1]))
    pen = ImageDraw.Draw(picture)
    for i in range(shapes):
        outline = _outline(int(kind[i]), squeeze[i], corners[i]) * size[i]
        cos, sin = math.cos(angle[i]), math.sin(angle[i])
        points = np.rint(outline @ np.array([[cos, sin], [-sin, cos]]) + place[i]).astype(int)
        pen.polygon([(int(x), int(y)) for x, y in points], fill=tuple(int(value) for value in colours[i]))
    return picture


_CIRCLE = np.stack([np.cos(np.arange(32) * math.pi / 16), np.sin(np.arange(32) * math.pi / 16)], axis=1)
_SQUARE = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])


def _outline(kind: int, squeeze: float, corners: Array) -> Array:
    """Return corners (m, 2) of a disc, box, ellipse, polygon or line about the origin, of half-size 1."""
    if kind == 0:
        return _CIRCLE
    if kind == 1:
        return _SQUARE * [1, squeeze]
    if kind == 2:
        return _CIRCLE * [1, squeeze]
    if kind == 3:
        turns = np.sort(corners[: 3 + int(squeeze * 5)]) * 2 * math.pi
        return np.stack([np.cos(turns), np.sin(turns)], axis=1)
    return _SQUARE * [2, 0.08 * squeeze]


def _finish(picture: Image, draws: Draws, noise: float) -> Pixels:
    """Multiply by a smooth shading field, add Gaussian noise of that deviation (in grey levels)."""
    from PIL import Image

    shade = Image.fromarray(draws.uniform(0, "shade", (6, 8), 0.65, 1.35).astype(np.float32))
    field = np.asarray(shade.resize(picture.size, Image.Resampling.BICUBIC))
    grain = noise * draws.normal(0, "grain", (*field.shape, 3))
    pixels: Pixels = np.clip(np.asarray(picture) * field[:, :, None] + grain, 0, 255).astype(np.uint8)
    return pixels
