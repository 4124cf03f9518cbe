"""Paints stand-in pictures in batches: colours, shapes and textures, with parameters drawn for each picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modalities.compute.draws import Draws

Array = NDArray[np.float32]
Kinds = NDArray[np.int64]
BATCH = 64  # pictures, whose pixels fit the processor's cache


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
        """Draw a uniform number for each picture."""
        drawn = self._draws.uniform(self._step, name, self.items, low, high)
        return drawn.astype(np.float32)[:, None, None]

    def lay(self, distance: Array, surface: Array) -> None:
        """Paint colours over the pixels with negative distance, with a soft edge of one pixel."""
        cover = np.clip(0.5 - distance * (self.side / 2), 0, 1)[..., None]
        self.pixels += cover * (surface - self.pixels)

    def placed(self, right: float, down: float, angle: float) -> tuple[Array, Array]:
        """Return coordinates about a random point, up to ``right`` and ``down`` from the centre, turned at random."""
        x, y = self.x - self.between("x", -right, right), self.y - self.between("y", -down, down)
        return self.turned("angle", x, y, angle)

    def turned(self, name: str, x: Array, y: Array, angle: float) -> tuple[Array, Array]:
        """Rotate coordinates about the origin by up to an angle (in radians) either way."""
        by = self.between(name, -angle, angle)
        return x * np.cos(by) + y * np.sin(by), y * np.cos(by) - x * np.sin(by)

    def ground(self, saturation: float = 0.5) -> None:
        """Fill the background with a random colour that changes slowly across the picture."""
        even = colour(
            self.between("ground hue", 0, 1),
            self.between("ground saturation", 0, saturation),
            self.between("ground value", 0.25, 0.75),
        )
        slope = self.x * self.between("slope x", -0.2, 0.2) + self.y * self.between("slope y", -0.2, 0.2)
        self.pixels[:] = np.clip(even + slope[..., None], 0, 1)

    def clutter(self, pieces: int, smallest: float = 0.08, largest: float = 0.25, saturation: float = 0.8) -> None:
        """Paint discs and boxes of random colours over the picture."""
        for k in range(pieces):
            u = self.x - self.between(f"clutter {k} x", -1, 1)
            v = self.y - self.between(f"clutter {k} y", -1, 1)
            size = self.between(f"clutter {k} size", smallest, largest)
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
    """Return (items, side, side, 3) pictures, which differ between splits, and (items,) kinds in turn.

    ``picture`` paints a canvas, given the kind of each of its pictures.
    """
    draws = Draws(seed, f"stand-in/{split}/")
    order = np.arange(items) % kinds
    done = np.empty((items, side, side, 3), np.uint8)
    for step, start in enumerate(range(0, items, BATCH)):
        part = order[start : start + BATCH]
        canvas = Canvas(draws, step, len(part), side)
        picture(canvas, part)
        canvas.grain(0.04)
        done[start : start + BATCH] = np.rint(np.clip(canvas.pixels, 0, 1) * 255)
    return done, order


def chosen(values: Sequence[float], kinds: Kinds) -> Array:
    """Return the value of each picture's kind, (n, 1, 1)."""
    return np.asarray(values, np.float32)[kinds][:, None, None]


def colour(hue: ArrayLike, saturation: ArrayLike, value: ArrayLike) -> Array:
    """Convert hue (in turns), saturation and value to RGB in [0, 1] on a new last axis.

    A. R. Smith, "Color gamut transform pairs", SIGGRAPH 1978.
    """
    h, s, v = (np.asarray(part, np.float32)[..., None] for part in (hue, saturation, value))
    k = (np.array([5, 3, 1], np.float32) + 6 * h) % 6
    return np.asarray(v - v * s * np.clip(np.minimum(k, 4 - k), 0, 1), np.float32)


def disc(x: Array, y: Array, radius: Array) -> Array:
    """Return each pixel's distance outside a disc about the origin."""
    return np.hypot(x, y) - radius


def box(x: Array, y: Array, width: Array, height: Array) -> Array:
    """Return each pixel's distance outside a box of that half-width and half-height."""
    return np.maximum(np.abs(x) - width, np.abs(y) - height)


def petals(x: Array, y: Array, count: Array | float, radius: Array, depth: Array | float) -> Array:
    """Return each pixel's approximate distance outside a rosette; between petals, ``depth`` of the radius is cut."""
    edge = radius * (1 - depth * (0.5 - 0.5 * np.cos(count * np.arctan2(y, x))))
    return np.asarray(np.hypot(x, y) - edge, np.float32)


def varied(
    canvas: Canvas, name: str, colours: Sequence[tuple[float, ...]], kinds: Kinds, spread: Sequence[tuple[float, float]]
) -> Array:
    """Return the colour of each picture's kind, (n, 1, 1, 3), with random deviations; draws are named ``name``.

    ``colours`` are hue, saturation and value of each kind, ``spread`` their smallest and largest deviations.
    """
    hue, saturation, value = (
        chosen([parts[i] for parts in colours], kinds) + canvas.between(f"{name} {part}", *spread[i])
        for i, part in enumerate(("hue", "saturation", "value"))
    )
    return colour(hue, np.clip(saturation, 0, 1), np.clip(value, 0, 1))
