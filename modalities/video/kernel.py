"""A batch of clips on a CPU in one compiled pass: boxes to frames, colour, normalisation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from modalities.compute.draws import Array
from modalities.compute.kernels import empty, jit, run_in_threads
from modalities.image.colour import Colour
from modalities.video.atlas import OCTAVES, Atlas


def render(
    atlas: Atlas, pictures: NDArray[np.int64], boxes: Array, flip: NDArray[np.bool_], size: int,
    colour: Colour, mean: Array, std: Array,
) -> Tensor:  # fmt: skip
    """Return what ``Atlas.cut`` and ``colour.apply`` return for clips, (b, 3, frames, size, size), but faster.

    Args:
        atlas: on the CPU.
        pictures: (b, frames) indices of pictures.
        boxes: (b, frames, 4) left, top, width, height in pixels of the full picture.
        flip: (b,) whether to mirror a clip left to right.
        colour: of b clips; solarize and blur are ignored.
        mean, std: (3,) of the normalisation.
    """
    count, frames = pictures.shape
    out = empty(count, 3, frames, size, size)
    target = out.numpy()
    texture = atlas.texture.numpy()
    texture = texture.reshape(len(texture), -1)  # four numbers per pixel
    corners, sizes = (pairs.numpy().astype(np.int64) for pairs in (atlas.corners, atlas.sizes))
    octaves = np.log2(boxes[..., 2:] / size).mean(-1)
    levels = np.rint(octaves / OCTAVES).clip(0, len(sizes) - 1).astype(np.int64)
    tops = pictures * atlas.height
    matrix, of_mean = (of.astype(np.float32) for of in (colour.matrix / std[:, None], colour.of_mean / std[:, None]))
    black, white = (((end - mean) / std).astype(np.float32) for end in (0, 1))

    def part(which: slice) -> None:
        of_clips = (values[which] for values in (tops, boxes, levels, flip, matrix, of_mean, target))
        _render(texture, corners, sizes, black, white, *of_clips)

    run_in_threads(part, count)
    return out


@jit
def _render(texture, corners, sizes, black, white, tops, boxes, levels, flip, matrix, of_mean, out):  # type: ignore[no-untyped-def]
    """Write frames and their mean colour; then, while they are in the cache, change their colours."""
    clips, _, frames, size, _ = out.shape
    x, y = np.empty(size, np.int64), np.empty(size, np.int64)  # columns and lines of the texture
    across, down = np.empty(size, np.float32), np.empty(size, np.float32)  # share of the next column and line
    lines = np.empty((2, 3, size), np.float32)
    total = np.empty(3, np.float32)
    for clip in range(clips):
        total[:] = 0
        for frame in range(frames):
            level = levels[clip, frame]
            left, top, width, height = boxes[clip, frame]
            wide, high = sizes[level]
            _places(left / sizes[0, 0], width / sizes[0, 0], wide, flip[clip], x, across)
            _places(top / sizes[0, 1], height / sizes[0, 1], high, False, y, down)
            x += corners[level, 0]
            y += corners[level, 1] + tops[clip, frame]
            _frame(texture, x, across, min(wide - 1, 1), y, down, min(high - 1, 1), lines, out[clip], frame, total)
        total /= np.float32(frames * size * size)
        _colour(out[clip], matrix[clip], of_mean[clip] @ total + black, black, white)


@jit
def _places(start, extent, pixels, backwards, at, share):  # type: ignore[no-untyped-def]
    """Write the pixel before each position on an axis, and the share of the next one; the border is repeated."""
    size = len(at)
    for i in range(size):
        step = ((size - 1 - i if backwards else i) + 0.5) / size
        place = min(max((start + step * extent) * pixels - 0.5, 0.0), pixels - 1.0)
        at[i] = max(min(int(place), pixels - 2), 0)
        share[i] = place - at[i]


@jit
def _frame(texture, x, across, beside, y, down, below, lines, clip, frame, total):  # type: ignore[no-untyped-def]
    """Interpolate bilinearly line by line; a texture line that two lines of the frame need is read once."""
    one, two, right = np.uint64(1), np.uint64(2), np.uint64(4 * beside)
    held = np.full(2, -1)  # which lines of the texture are buffered
    for row in range(len(y)):
        upper = 1 if held[1] == y[row] else 0
        for side in range(2):
            slot, line = upper ^ side, y[row] + side * below
            if held[slot] == line:
                continue
            held[slot] = line
            pixels = texture[line]
            reds, greens, blues = lines[slot, 0], lines[slot, 1], lines[slot, 2]
            for i in range(len(x)):
                k, part = np.uint64(4 * x[i]), across[i]  # an unsigned index needs no check for negative values
                red, green, blue = pixels[k], pixels[k + one], pixels[k + two]
                k += right
                reds[i] = red + part * (pixels[k] - red)
                greens[i] = green + part * (pixels[k + one] - green)
                blues[i] = blue + part * (pixels[k + two] - blue)
        part = down[row]
        for channel in range(3):
            above, under, written = lines[upper, channel], lines[1 - upper, channel], clip[channel, frame, row]
            brightness = np.float32(0)
            for i in range(len(written)):
                value = above[i] + part * (under[i] - above[i])
                written[i] = value
                brightness += value
            total[channel] += brightness


@jit
def _colour(clip, matrix, offset, black, white):  # type: ignore[no-untyped-def]
    for frame in range(clip.shape[1]):
        for row in range(clip.shape[2]):
            reds, greens, blues = clip[0, frame, row], clip[1, frame, row], clip[2, frame, row]
            for i in range(len(reds)):
                red, green, blue = reds[i], greens[i], blues[i]
                new = matrix[0, 0] * red + matrix[0, 1] * green + matrix[0, 2] * blue + offset[0]
                reds[i] = min(max(new, black[0]), white[0])
                new = matrix[1, 0] * red + matrix[1, 1] * green + matrix[1, 2] * blue + offset[1]
                greens[i] = min(max(new, black[1]), white[1])
                new = matrix[2, 0] * red + matrix[2, 1] * green + matrix[2, 2] * blue + offset[2]
                blues[i] = min(max(new, black[2]), white[2])
