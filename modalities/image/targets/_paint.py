"""Paints stand-in pictures many at a time: colours, shapes and textures, with parameters of each picture's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modalities.compute.draws import Draws

Array = NDArray[np.float32]
Kinds = NDArray[np.int64]
AT_ONCE = 64  # pictures; so that their pixels stay in the cache


class Canvas:
    """A batch of n square pictures. Coordinates run from −1 to 1, x to the right and y downwards.

    Parameters of pictures have the shape (n, 1, 1), fields over pixels (n, side, side), colours (n, 1, 1, 3).
    """

    def __init__(self, draws: Draws, step: int, items: int, side: int) -> None:
        at = ((np.arange(side) + 0.5) / side * 2 - 1).astype(np.float32)
        self.x, self.y = np.broadcast_arrays(at[None, None, :], at[None, :, None])
        self.items, self.side = items, side
        self.pixels = np.zeros((items, side, side, 3), np.float32)
        self._draws, self._step = draws, step

    def between(self, name: str, low: float, high: float) -> Array:
        """A uniform number for each picture."""
        drawn = self._draws.uniform(self._step, name, self.items, low, high)
        return drawn.astype(np.float32)[:, None, None]

    def lay(self, distance: Array, surface: Array) -> None:
        """Lay colours over the pixels whose distance is negative, with an edge one pixel soft."""
        cover = np.clip(0.5 - distance * (self.side / 2), 0, 1)[..., None]
        self.pixels += cover * (surface - self.pixels)

    def turned(self, name: str, x: Array, y: Array, angle: float) -> tuple[Array, Array]:
        """Coordinates turned about the origin by up to an angle (in radians) either way."""
        by = self.between(name, -angle, angle)
        return x * np.cos(by) + y * np.sin(by), y * np.cos(by) - x * np.sin(by)

    def ground(self, saturation: float = 0.5) -> None:
        """Fill with a random colour that changes slowly across the picture."""
        even = colour(
            self.between("ground hue", 0, 1),
            self.between("ground saturation", 0, saturation),
            self.between("ground value", 0.25, 0.75),
        )
        slope = self.x * self.between("slope x", -0.2, 0.2) + self.y * self.between("slope y", -0.2, 0.2)
        self.pixels[:] = np.clip(even + slope[..., None], 0, 1)

    def clutter(self, pieces: int, least: float = 0.08, most: float = 0.25, saturation: float = 0.8) -> None:
        """Throw discs and boxes of random colours over the picture."""
        for k in range(pieces):
            u = self.x - self.between(f"clutter {k} x", -1, 1)
            v = self.y - self.between(f"clutter {k} y", -1, 1)
            size = self.between(f"clutter {k} size", least, most)
            round_ = self.between(f"clutter {k} kind", 0, 1) < 0.5
            self.lay(
                np.where(round_, disc(u, v, size), box(u, v, size, size * 0.7)),
                colour(
                    self.between(f"clutter {k} hue", 0, 1),
                    self.between(f"clutter {k} saturation", 0, saturation),
                    self.between(f"clutter {k} value", 0.1, 0.9),
                ),
            )

    def grain(self, deviation: float) -> None:
        """Add Gaussian noise."""
        self.pixels += deviation * self._draws.normal(self._step, "grain", self.pixels.shape[:3])[..., None]


def paint(
    seed: int, split: str, items: int, kinds: int, side: int, picture: Callable[[Canvas, Kinds], None]
) -> tuple[NDArray[np.uint8], Kinds]:
    """Pictures whose kinds go round.

    Args:
        seed: any integer.
        split: its name, so that splits differ.
        items: how many pictures.
        kinds: how many kinds.
        side: in pixels.
        picture: paints pictures of the kinds given, one for each of the canvas.

    Returns:
        (items, side, side, 3) pictures and (items,) kinds.
    """
    draws = Draws(seed, f"stand-in/{split}/")
    order = np.arange(items) % kinds
    done = np.empty((items, side, side, 3), np.uint8)
    for step, start in enumerate(range(0, items, AT_ONCE)):
        part = order[start : start + AT_ONCE]
        canvas = Canvas(draws, step, len(part), side)
        picture(canvas, part)
        canvas.grain(0.04)
        done[start : start + AT_ONCE] = np.rint(np.clip(canvas.pixels, 0, 1) * 255)
    return done, order


def chosen(values: Sequence[float], kinds: Kinds) -> Array:
    """The value of each picture's kind, (n, 1, 1)."""
    return np.asarray(values, np.float32)[kinds][:, None, None]


def colour(hue: ArrayLike, saturation: ArrayLike, value: ArrayLike) -> Array:
    """RGB in [0, 1] of hue (in turns), saturation and value: one more axis, of 3.

    A. R. Smith, "Color gamut transform pairs", SIGGRAPH 1978.
    """
    h, s, v = (np.asarray(part, np.float32)[..., None] for part in (hue, saturation, value))
    k = (np.array([5, 3, 1], np.float32) + 6 * h) % 6
    return np.asarray(v - v * s * np.clip(np.minimum(k, 4 - k), 0, 1), np.float32)


def disc(x: Array, y: Array, radius: Array) -> Array:
    """How far outside a disc about the origin each pixel lies."""
    return np.hypot(x, y) - radius


def box(x: Array, y: Array, width: Array, height: Array) -> Array:
    """How far outside a box of that half-width and half-height each pixel lies."""
    return np.maximum(np.abs(x) - width, np.abs(y) - height)


def petals(x: Array, y: Array, count: Array | float, radius: Array, depth: Array | float) -> Array:
    """About how far outside a rosette each pixel lies; ``depth`` of the radius is cut away between its petals."""
    edge = radius * (1 - depth * (0.5 - 0.5 * np.cos(count * np.arctan2(y, x))))
    return np.asarray(np.hypot(x, y) - edge, np.float32)
