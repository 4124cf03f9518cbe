"""Stand-in pictures with labels: textured shapes on clutter, which a small network can learn."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

from modalities.compute.draws import Array, Draws

SHAPES, TEXTURES = 5, 4


def standin_pictures(
    seed: int, split: str, classes: int, items: int, side: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return (items, side, side, 3) pictures, which differ between splits, and (items,) labels in turn.

    A class is a shape, a texture and a hue (with a spread that overlaps those of other classes); place, size, angle,
    brightness and background are random.
    """
    draws = Draws(seed, f"stand-in/{split}/")
    labels = np.arange(items) % classes
    random = draws.uniform(0, "item", (items, 64))
    grain = draws.normal(0, "grain", (min(items, 64), side, side, 1)) * 0.05
    out = np.empty((items, side, side, 3), np.uint8)
    for i in range(items):
        picture = _picture(int(labels[i]), classes, side, random[i]) + grain[i % len(grain)]
        out[i] = np.rint(np.clip(picture, 0, 1) * 255)
    return out, labels


def _picture(label: int, classes: int, side: int, random: Array) -> Array:
    """Return one picture, (side, side, 3) in [0, 1]; ``random`` is (64,) uniform numbers."""
    at = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(at, at)
    r = iter(random)

    def between(low: float, high: float) -> float:
        return float(low + (high - low) * next(r))

    slope = x * between(-0.3, 0.3) + y * between(-0.3, 0.3)
    picture = np.clip(_colour(between(0, 1), between(0, 0.5), between(0.25, 0.75)) + slope[:, :, None], 0, 1)
    for _ in range(4):  # clutter
        far = _distance(int(between(0, SHAPES)), x - between(-1, 1), y - between(-1, 1), between(0.08, 0.25), 0.0)
        picture = _lay(picture, far, _colour(between(0, 1), between(0, 0.8), between(0.1, 0.9)), side)

    size = between(0.5, 0.75)
    u, v = x - between(-0.3, 0.3), y - between(-0.3, 0.3)
    hue = (label * 0.618 + between(-0.08, 0.08)) % 1
    bright, dark = _colour(hue, between(0.5, 0.9), between(0.7, 1)), _colour(hue, 0.6, between(0.1, 0.35))
    wave = _texture(label // SHAPES % TEXTURES, u, v, between(-0.4, 0.4), between(0, 1))
    surface = wave[:, :, None] * bright + (1 - wave[:, :, None]) * dark
    return _lay(picture, _distance(label % SHAPES, u, v, size, between(-0.4, 0.4)), surface, side)


def _colour(hue: float, saturation: float, value: float) -> Array:
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value))


def _distance(shape: int, x: Array, y: Array, size: float, angle: float) -> Array:
    """Return each pixel's approximate distance outside a disc, box, triangle, cross or ring of that half-size."""
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    radius: Array = np.hypot(u, v)
    square: Array = np.maximum(np.abs(u), np.abs(v))
    distance: Array
    if shape == 0:
        distance = radius - size
    elif shape == 1:
        distance = square - 0.85 * size
    elif shape == 2:
        distance = np.maximum(np.abs(u) * 0.87 + v * 0.5, -v) - 0.55 * size
    elif shape == 3:
        distance = np.maximum(square - size, np.minimum(np.abs(u), np.abs(v)) - 0.3 * size)
    else:
        distance = np.abs(radius - 0.75 * size) - 0.25 * size
    return distance


def _texture(kind: int, x: Array, y: Array, angle: float, phase: float) -> Array:
    """Return a plain, striped, chequered or dotted texture: (side, side) between 0 and 1."""
    u = (x * np.cos(angle) + y * np.sin(angle)) * 9 + phase * 6
    v = (y * np.cos(angle) - x * np.sin(angle)) * 9
    texture: Array = np.ones_like(x)
    if kind == 1:
        texture = 0.5 + 0.5 * np.sign(np.sin(u))
    elif kind == 2:
        texture = 0.5 + 0.5 * np.sign(np.sin(u) * np.sin(v))
    elif kind == 3:
        texture = (np.sin(u) + np.sin(v) > 0.7).astype(np.float64)
    return texture


def _lay(picture: Array, distance: Array, surface: Array, side: int) -> Array:
    """Paint a surface over the pixels with negative distance, with a soft edge of one pixel."""
    cover = np.clip(0.5 - distance * side / 2, 0, 1)[:, :, None]
    laid: Array = cover * surface + (1 - cover) * picture
    return laid
