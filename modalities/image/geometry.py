"""Geometry of segments: crops, rotation, shear, flip and shift as one affine map per sample."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modalities.compute.draws import Array, Draws
from modalities.image.policies import ImagePolicy

ATTEMPTS = 10  # at a random-resized crop that fits, as in torchvision; then the whole square is taken


def canvas(size: int) -> int:
    """Return the side of the canvas that is rotated and sheared, in pixels: floor(√2 · size)."""
    return math.floor(math.sqrt(2) * size)


@dataclass(frozen=True)
class Geometry:
    """Parameters of a batch, each of length n.

    ``box`` is (n, 4): left, top, width, height of the random-resized crop in pixels of the picture. ``recrop`` is
    the same of the second one, as shares of the patch. ``angle`` and ``shear`` are in radians, ``shift`` (n, 2) is
    in pixels of the segment, x first.
    """

    box: Array
    angle: Array
    shear: Array
    recrop: Array
    flip: NDArray[np.bool_]
    shift: Array

    def take(self, which: NDArray[np.int64]) -> Geometry:
        """Return these samples only."""
        return Geometry(*(getattr(self, name)[which] for name in self.__dataclass_fields__))

    def affine(self, size: int) -> Array:
        """Return maps (n, 2, 3) from a segment's pixel coordinates to the picture's; pixel edges are integers."""
        side, offset = canvas(size), round((canvas(size) - size) / 2)
        centre, n = side / 2, len(self.angle)
        unshift = _maps(n, 1, 1, -self.shift[:, 0], -self.shift[:, 1])
        unflip = _maps(n, np.where(self.flip, -1.0, 1.0), 1, np.where(self.flip, size, 0.0), 0)
        left, top, wide, high = self.recrop.T
        recrop = _maps(n, wide, high, left * size + offset - centre, top * size + offset - centre)
        # Inverse of "shear along x, then rotate", about the centre (torchvision's affine, from output to input).
        cos, sin, tan = np.cos(self.angle), np.sin(self.angle), np.tan(self.shear)
        turn = _maps(n, cos - tan * sin, cos, 0, 0)
        turn[:, 0, 1], turn[:, 1, 0] = sin + tan * cos, -sin
        left, top, wide, high = self.box.T
        crop = _maps(n, wide / side, high / side, left + wide / 2, top + high / 2)
        return (crop @ turn @ recrop @ unflip @ unshift)[:, :2]


def _maps(n: int, scale_x: ArrayLike, scale_y: ArrayLike, move_x: ArrayLike, move_y: ArrayLike) -> Array:
    """Return (n, 3, 3) matrices that scale, then move."""
    matrix = np.zeros((n, 3, 3))
    matrix[:, 0, 0], matrix[:, 1, 1], matrix[:, 2, 2] = scale_x, scale_y, 1
    matrix[:, 0, 2], matrix[:, 1, 2] = move_x, move_y
    return matrix


def draw(draws: Draws, step: int, n: int, width: int, height: int, size: int, policy: ImagePolicy) -> Geometry:
    """Draw the geometry of the n segments of a step, cut from a picture of ``width`` × ``height`` pixels."""
    square = max(policy.initial_crop * min(width, height), 1.0)
    box = random_resized(draws.within("crop"), step, n, policy.area_low, policy.area_high, policy.aspect) * square
    box[:, 0] += draws.uniform(step, "initial x", n) * (width - square)
    box[:, 1] += draws.uniform(step, "initial y", n) * (height - square)
    recrop = np.tile([0.0, 0.0, 1.0, 1.0], (n, 1))
    if policy.recrop_low < 1:
        recrop = random_resized(draws.within("recrop"), step, n, policy.recrop_low, 1.0, policy.aspect)
    turn, slant = math.radians(policy.rotation), math.radians(policy.shear)
    reach = round(policy.shift * size)
    return Geometry(
        box=box,
        angle=draws.uniform(step, "rotation", n, -turn, turn),
        shear=draws.uniform(step, "shear", n, -slant, slant),
        recrop=recrop,
        flip=draws.chance(step, "flip", n, policy.flip),
        shift=(draws.integers(step, "shift", (n, 2), 2 * reach + 1) - reach).astype(np.float64),
    )


def random_resized(draws: Draws, step: int, n: int, low: float, high: float, aspect: float) -> Array:
    """Draw boxes (n, 4) inside the unit square, distributed as torchvision's RandomResizedCrop.

    Area and log-aspect are uniform; a box that does not fit is drawn again; after ten attempts the square is taken.
    """
    area = draws.uniform(step, "area", (n, ATTEMPTS), low, high)
    ratio = np.exp(draws.uniform(step, "aspect", (n, ATTEMPTS), -math.log(aspect), math.log(aspect)))
    wide, high_ = np.sqrt(area * ratio), np.sqrt(area / ratio)
    fits = (wide <= 1) & (high_ <= 1)
    first = np.argmax(fits, axis=1)[:, None]
    some = fits.any(axis=1)
    side = [np.where(some, np.take_along_axis(sides, first, 1)[:, 0], 1.0) for sides in (wide, high_)]
    room = [1 - side[0], 1 - side[1]]
    return np.stack([draws.uniform(step, "x", n) * room[0], draws.uniform(step, "y", n) * room[1], *side], axis=1)
