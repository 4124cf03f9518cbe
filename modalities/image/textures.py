"""Generated pictures that are textures: noise, gradients, fractals, and what shaders draw."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from modalities.compute.draws import Array, Draws

Pixels = NDArray[np.uint8]


def noise(seed: int) -> Pixels:
    """Uniform noise, (960, 1280, 3)."""
    return np.floor(Draws(seed, "noise/").uniform(0, "pixels", (960, 1280, 3)) * 256).astype(np.uint8)


def pink(seed: int, *, slope: float = 2.0) -> Pixels:
    """Coloured noise, (960, 1280, 3), whose power falls with spatial frequency f as f^−slope.

    Natural images have a slope of about 2 (Field, "Relations between the statistics of natural images and the response
    properties of cortical cells", JOSA A 1987). Three independent fields are mixed so that greys dominate.
    """
    draws, shape = Draws(seed, "pink/"), (960, 1280)
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1]))
    frequency[0, 0] = np.inf  # no power in the mean
    fields = []
    for channel in range(3):
        spectrum = np.fft.rfft2(draws.normal(channel, "white", shape)) * frequency ** (-slope / 2)
        field = np.fft.irfft2(spectrum, shape)
        fields.append(field / field.std())
    mixing = np.array([[1.0, 0.5, 0.2], [1.0, -0.1, -0.45], [1.0, -0.4, 0.35]])
    return _to_pixels(0.5 + 0.19 * np.stack(fields, axis=2) @ mixing.T)


def gradients(seed: int) -> Pixels:
    """Soft gradients between 60 colours, (960, 1280, 3): each colour weighs as a Gaussian about its place."""
    draws, points = Draws(seed, "gradients/"), 60
    y, x = np.mgrid[:960, :1280] / 960
    place = draws.uniform(0, "place", (points, 2)) * [1.0, 1280 / 960]
    reach, colours = draws.uniform(0, "reach", points, 0.03, 0.12), _vivid(draws.uniform(0, "colour", (points, 3)))
    total, mixed = np.zeros_like(x), np.zeros((*x.shape, 3))
    for (down, along), sigma, colour in zip(place, reach, colours, strict=True):
        weight = np.exp(-((y - down) ** 2 + (x - along) ** 2) / (2 * sigma**2)) + 1e-12
        total += weight
        mixed += weight[:, :, None] * colour
    return _to_pixels(mixed / total[:, :, None])


def fractals(seed: int) -> Pixels:
    """Sixty fractals of random iterated function systems on a dark ground, (960, 1280, 3).

    Each is drawn by the chaos game. Its two to five affine maps have singular values whose weighted sum lies where
    fractals are neither points nor filled squares (Anderson & Farrell, "Improving Fractal Pre-training", WACV 2022).
    """
    draws, height, width, count, points = Draws(seed, "fractals/"), 960, 1280, 60, 160_000
    light, hue = np.zeros(height * width), np.zeros((height * width, 3))
    radius = 80 * 5 ** draws.uniform(0, "radius", count)
    place = draws.uniform(0, "place", (count, 2)) * [height, width]
    colours = _vivid(draws.uniform(0, "colour", (count, 5, 3)))
    for which in range(count):
        dots, maps = _chaos_game(draws.within(str(which)), points)
        low, high = np.percentile(dots, (2, 98), axis=0)
        at = place[which] + (dots - (low + high) / 2) / max(np.max(high - low), 1e-9) * 2 * radius[which]
        row, column = np.floor(at).astype(np.int64).T
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        index = row[inside] * width + column[inside]
        weight = np.full(len(index), (radius[which] / 150) ** 2)
        light += np.bincount(index, weight, len(light))
        for channel in range(3):
            hue[:, channel] += np.bincount(index, weight * colours[which][maps[inside], channel], len(light))
    colour = hue / np.maximum(light, 1e-9)[:, None]
    bright = np.log1p(light) / np.log1p(np.percentile(light[light > 0], 99))
    return _to_pixels(0.06 + (colour * np.minimum(bright, 1.1)[:, None]).reshape(height, width, 3))


def _chaos_game(draws: Draws, points: int) -> tuple[Array, NDArray[np.int64]]:
    """Return points (points, 2) of one random fractal, and the number of the map that made each."""
    maps = 2 + int(draws.integers(0, "maps", 1, 4)[0])
    stretch = np.sort(draws.uniform(0, "stretch", (maps, 2), 0.1, 1.0), axis=1)[:, ::-1]
    goal = draws.uniform(0, "sum", 1, 0.5 * (5 + maps), 0.5 * (6 + maps))[0]
    stretch = np.minimum(stretch * goal / (stretch @ [1.0, 2.0]).sum(), 0.95)
    turn = draws.uniform(0, "turn", (maps, 2), 0, 2 * math.pi)
    mirror = np.where(draws.chance(0, "mirror", (maps, 2), 0.5), -1.0, 1.0)
    matrix = _rotations(turn[:, 0]) * (stretch * mirror)[:, None, :] @ _rotations(turn[:, 1])
    offset = draws.uniform(0, "offset", (maps, 2), -1, 1)
    area = np.maximum(stretch.prod(axis=1), 0.02)
    bounds = np.cumsum(area / area.sum())
    walkers, skipped = 4_000, 20
    at, found, chosen = np.zeros((walkers, 2)), [], []
    for step in range(skipped + points // walkers):
        which = np.minimum(np.searchsorted(bounds, draws.uniform(step, "walk", walkers)), maps - 1)
        at = (matrix[which] * at[:, None, :]).sum(axis=2) + offset[which]
        if step >= skipped:
            found.append(at)
            chosen.append(which)
    return np.concatenate(found), np.concatenate(chosen)


def _rotations(angle: Array) -> Array:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1)


def shader(seed: int) -> Pixels:
    """Twenty panels of what random shaders draw, (1280, 1600, 3).

    As in "Procedural Image Programs for Representation Learning" (Baradad et al., NeurIPS 2022), each panel is a short
    random program of the coordinates; here it is a network of sines with random weights.
    """
    draws, side, rows, columns = Draws(seed, "shader/"), 320, 4, 5
    picture = np.empty((rows * side, columns * side, 3), np.uint8)
    y, x = np.mgrid[:side, :side] * (2 / side) - 1
    for panel in range(rows * columns):
        here, scale = draws.within(str(panel)), 0.8 * 6 ** draws.uniform(panel, "scale", 1)[0]
        values = np.stack([x, y, np.hypot(x, y), x * y], axis=2).reshape(-1, 4) * scale
        for layer in range(3):
            units = 10
            weights = here.normal(layer, "weights", (values.shape[1], units)) * (1.0 if layer == 0 else 0.9)
            values = np.sin(values @ weights + here.uniform(layer, "phase", units, 0, 2 * math.pi))
        colours = 0.5 + 0.5 * np.sin(values @ here.normal(0, "colours", (10, 3)) * 0.7 + here.normal(0, "tint", 3))
        top, left = side * (panel // columns), side * (panel % columns)
        picture[top : top + side, left : left + side] = _to_pixels(colours).reshape(side, side, 3)
    return picture


def _vivid(unit: Array) -> Array:
    """Return colours (…, 3) in [0, 1] from uniform numbers (…, 3): any hue, saturated, bright."""
    hue, saturation, value = unit[..., 0], 0.35 + 0.6 * unit[..., 1], 0.45 + 0.55 * unit[..., 2]
    wheel = np.clip(np.abs((hue[..., None] * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)  # HSV at full saturation
    colours: Array = value[..., None] * (1 - saturation[..., None] * (1 - wheel))
    return colours


def _to_pixels(values: Array) -> Pixels:
    """Return values in [0, 1], clipped, as 8 bits."""
    pixels: Pixels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return pixels
