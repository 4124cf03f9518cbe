"""Segments on a CPU in one compiled pass: sample, colour, solarize, normalise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from modalities.compute.draws import Array
from modalities.compute.kernels import empty, jit, run_in_threads
from modalities.image.colour import SOLARIZE_FROM, Colour

Pixels = NDArray[np.uint64]
WORDS_PER_CACHE_LINE = 8


@dataclass(frozen=True)
class Packed:
    """All levels of a pyramid as one array of 64-bit words: red, green and blue of a pixel in 16 bits each.

    A level has one picture after another, all of the same size.

    So four multiplications interpolate all three channels: 8-bit values times 8-bit weights fit their 16 bits.
    """

    pixels: Pixels  # (all levels,) row by row
    start: NDArray[np.int64]  # (levels,) index of a level's first pixel
    wide: NDArray[np.int64]  # (levels,)
    high: NDArray[np.int64]  # (levels,), of one picture


def pack(levels: tuple[NDArray[np.uint8], ...], items: int = 1) -> Packed:
    """Pack the levels of a pyramid of pictures, each (items · h, w, 3), for ``render``."""
    sizes = np.array([level.shape[:2] for level in levels], np.int64)
    ends = np.cumsum(sizes.prod(1))
    pixels = np.empty(ends[-1], np.uint64)
    for level, end in zip(levels, ends, strict=True):
        flat = level.reshape(-1, 3).astype(np.uint64)
        pixels[end - len(flat) : end] = flat[:, 0] | flat[:, 1] << np.uint64(16) | flat[:, 2] << np.uint64(32)
    return Packed(pixels, ends - sizes.prod(1), sizes[:, 1].copy(), sizes[:, 0] // items)


def render(
    packed: Packed, level: NDArray[np.int64], affine: Array, size: int, colour: Colour, mean: Array, std: Array,
    item: NDArray[np.int64] | int = 0,
) -> Tensor:  # fmt: skip
    """Cut segments out of pictures and change their colours; the caller blurs.

    Args:
        level: (n,) the level that each segment is sampled from.
        affine: (n, 2, 3), from pixel coordinates of the segment to those of the picture.
        mean, std: (3,), of the normalisation that comes last.
        item: (n,) the picture that each segment is cut from.

    Returns:
        (n, 3, size, size) float32: (changed pixels clipped to [0, 1] − mean) / std. Weights of the interpolation have
        8 bits, so a value lies within 1/128 of the exact one. Every segment is computed alone, so the result does not
        depend on the number of threads.
    """
    count = len(affine)
    wide, high = packed.wide[level], packed.high[level]
    # From the centres of a segment's pixels to the centres of the level's pixels, in the level's coordinates.
    maps = affine * np.stack([wide / packed.wide[0], high / packed.high[0]], 1)[:, :, None]
    maps[:, :, 2] += (maps[:, :, 0] + maps[:, :, 1]) / 2 - 0.5
    scale = 1 / std
    out = empty(count, 3, size, size)
    target = out.numpy()
    per_sample = (
        packed.start[level] + item * wide * high,
        wide,
        high,
        maps,
        colour.matrix,
        colour.of_mean,
        colour.solarize,
    )

    def part(which: slice) -> None:
        _render(packed.pixels, *(values[which] for values in per_sample), scale, mean * scale, target[which])

    run_in_threads(part, count)
    return out


@jit
def _render(pixels, start, wide, high, maps, matrix, of_mean, solarize, scale, zero, out):  # type: ignore[no-untyped-def]
    size = out.shape[2]
    row = np.empty(size, np.uint64)
    read = np.uint64(0)
    for i in range(len(out)):
        read |= _fetch(pixels, start[i], wide[i], high[i], maps[i], size)
        total = np.zeros(3)
        for y in range(size):
            _sample(pixels, start[i], wide[i], high[i], maps[i], y, row)
            _unpack(row, out[i, 0, y], out[i, 1, y], out[i, 2, y], total)
        _colour(out[i], total, matrix[i], of_mean[i], solarize[i], scale, zero)
    return read  # so that the compiler does not remove the reads


@jit
def _fetch(pixels, start, wide, high, to_level, size):  # type: ignore[no-untyped-def]
    """Read one word of every cache line that a segment covers, line by line of the picture.

    A rotated segment reads its pixels in an order that processors cannot predict. Reading in the picture's own order
    first lets them prefetch, which halves the total time of a large segment.
    """
    across, turn, left = to_level[0, 0], to_level[0, 1], to_level[0, 2]
    slant, down, top = to_level[1, 0], to_level[1, 1], to_level[1, 2]
    end = size - 1.0
    lowest = max(0, int(top + min(0.0, slant * end) + min(0.0, down * end)))
    highest = min(high - 1, int(top + max(0.0, slant * end) + max(0.0, down * end)) + 2)
    read = np.uint64(0)
    for line in range(lowest, highest + 1):
        # Where this line of the picture crosses the segment: slant · x + down · y = line − top with 0 ≤ x, y ≤ end.
        first, last = 0.0, end
        if abs(slant) > 1e-9:
            one, other = (line - top) / slant, (line - top - down * end) / slant
            first, last = max(0.0, min(one, other)), min(end, max(one, other))
        here, there = left + across * first, left + across * last
        if abs(down) > 1e-9:
            here += turn * (line - top - slant * first) / down
            there += turn * (line - top - slant * last) / down
        else:
            there += turn * end
        begin = max(0, int(min(here, there)) - 2)
        for column in range(begin, min(wide - 1, int(max(here, there)) + 3), WORDS_PER_CACHE_LINE):
            read |= pixels[np.uint64(start + line * wide + column)]
    return read


@jit
def _sample(pixels, start, wide, high, to_level, y, row):  # type: ignore[no-untyped-def]
    """One row of a segment, bilinear: each of its words holds three channels of 256 × (0 … 255) in 16 bits."""
    size, one = len(row), 4294967296.0  # places have 32 fractional bits
    step_x, step_y = np.int64(to_level[0, 0] * one), np.int64(to_level[1, 0] * one)
    first_x, first_y = to_level[0, 1] * y + to_level[0, 2], to_level[1, 1] * y + to_level[1, 2]
    last_x, last_y = first_x + to_level[0, 0] * (size - 1), first_y + to_level[1, 0] * (size - 1)
    inside = (
        min(first_x, last_x) > 0.01
        and min(first_y, last_y) > 0.01
        and max(first_x, last_x) < wide - 1.01
        and max(first_y, last_y) < high - 1.01
    )
    half = 1 << 23  # of the last bit of a weight, so that weights are rounded
    place_x, place_y = np.int64(first_x * one) + half, np.int64(first_y * one) + half
    for x in range(size):
        column, line = place_x >> 32, place_y >> 32
        right = np.uint64((place_x >> 24) & 255)
        down = np.uint64((place_y >> 24) & 255)
        both = (right * down + np.uint64(128)) >> np.uint64(8)
        # Unsigned indices avoid the check for negative ones.
        if inside or (0 <= column < wide - 1 and 0 <= line < high - 1):
            above = np.uint64(start + line * wide + column)
            below = above + np.uint64(wide)
            after, after_below = above + np.uint64(1), below + np.uint64(1)
        else:
            left, other = _reflected(column, wide), _reflected(column + 1, wide)
            upper, lower = start + _reflected(line, high) * wide, start + _reflected(line + 1, high) * wide
            above, after = np.uint64(upper + left), np.uint64(upper + other)
            below, after_below = np.uint64(lower + left), np.uint64(lower + other)
        row[x] = (
            pixels[above] * (np.uint64(256) - right - down + both)
            + pixels[after] * (right - both)
            + pixels[below] * (down - both)
            + pixels[after_below] * both
        )
        place_x += step_x
        place_y += step_y


@jit
def _reflected(place, length):  # type: ignore[no-untyped-def]
    """Return the pixel at a place beyond the border, where the picture and its mirror image alternate."""
    place = place % (2 * length)
    return min(place, 2 * length - 1 - place)


@jit
def _unpack(row, red, green, blue, total):  # type: ignore[no-untyped-def]
    """Words to three rows of 0 … 65,280, and their sums onto ``total``."""
    mask = np.uint64(0xFFFF)
    sums = (np.float32(0), np.float32(0), np.float32(0))
    for x in range(len(row)):
        word = row[x]
        r = np.float32(np.int32(word & mask))
        g = np.float32(np.int32((word >> np.uint64(16)) & mask))
        b = np.float32(np.int32((word >> np.uint64(32)) & mask))
        red[x], green[x], blue[x] = r, g, b
        sums = (sums[0] + r, sums[1] + g, sums[2] + b)
    total[0] += sums[0]
    total[1] += sums[1]
    total[2] += sums[2]


@jit
def _colour(planes, total, matrix, of_mean, solarize, scale, zero):  # type: ignore[no-untyped-def]
    """The linear map of a sample, clipped to [0, 1], solarized and normalised, in place; in: 0 … 65,280."""
    red, green, blue = planes[0].ravel(), planes[1].ravel(), planes[2].ravel()
    unit = 1 / 65280.0
    weights = np.empty((3, 3), np.float32)
    offset = np.empty(3, np.float32)
    for row in range(3):
        offset[row] = 0.0
        for column in range(3):
            weights[row, column] = matrix[row, column] * unit
            offset[row] += of_mean[row, column] * total[column] * unit / len(red)
    w, o = weights, offset
    zero32, one32 = np.float32(0), np.float32(1)
    times = (np.float32(scale[0]), np.float32(scale[1]), np.float32(scale[2]))
    minus = (np.float32(zero[0]), np.float32(zero[1]), np.float32(zero[2]))
    bound = np.float32(SOLARIZE_FROM) if solarize else np.float32(2)
    for x in range(len(red)):
        r0, g0, b0 = red[x], green[x], blue[x]
        r = min(max(w[0, 0] * r0 + w[0, 1] * g0 + w[0, 2] * b0 + o[0], zero32), one32)
        g = min(max(w[1, 0] * r0 + w[1, 1] * g0 + w[1, 2] * b0 + o[1], zero32), one32)
        b = min(max(w[2, 0] * r0 + w[2, 1] * g0 + w[2, 2] * b0 + o[2], zero32), one32)
        red[x] = (one32 - r if r >= bound else r) * times[0] - minus[0]
        green[x] = (one32 - g if g >= bound else g) * times[1] - minus[1]
        blue[x] = (one32 - b if b >= bound else b) * times[2] - minus[2]
