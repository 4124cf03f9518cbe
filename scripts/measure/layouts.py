"""In which layout and type a picture is sampled fastest on a CPU: the same points of the same pyramid, four ways.

    python scripts/measure/layouts.py [PICTURE] [--rounds 7] [--out results/measured/layouts] [--resume]

Geometry alone, without colour: one bilinear sample per pixel, at points drawn as for students, on one core. The ways
take turns in one process, CPU time is counted, and medians are reported.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numba import njit

from benchmark.perf.timing import ROUNDS, time_rounds
from harness import Parts, measure, parse_options, rate, rate_format, table
from modalities.compute.draws import Draws
from modalities.image import geometry, kernel, source
from modalities.image.policies import POLICIES, ImageView
from modalities.image.segments import resample

SEGMENTS = {32: 256, 224: 64}
quick = njit(nogil=True, fastmath=True, error_model="numpy")


@quick
def weights(x, y, wide, high):  # type: ignore[no-untyped-def]
    """Four places and the two weights of a bilinear sample, reflected at the border."""
    column, line = np.floor(x), np.floor(y)
    left, upper = np.int64(column), np.int64(line)
    if 0 <= left < wide - 1 and 0 <= upper < high - 1:
        return left, left + 1, upper, upper + 1, np.float32(x - column), np.float32(y - line)
    one, other = left % (2 * wide), (left + 1) % (2 * wide)
    first, second = upper % (2 * high), (upper + 1) % (2 * high)
    return (min(one, 2 * wide - 1 - one), min(other, 2 * wide - 1 - other), min(first, 2 * high - 1 - first),
            min(second, 2 * high - 1 - second), np.float32(x - column), np.float32(y - line))  # fmt: skip


@quick
def interleaved(pixels, to_level, out):  # type: ignore[no-untyped-def]
    """Sample a level (h, w, 3) of any type to (3, size, size) float32."""
    high, wide, size = pixels.shape[0], pixels.shape[1], out.shape[1]
    for y in range(size):
        for x in range(size):
            at_x = to_level[0, 0] * x + to_level[0, 1] * y + to_level[0, 2]
            at_y = to_level[1, 0] * x + to_level[1, 1] * y + to_level[1, 2]
            left, right, upper, lower, across, down = weights(at_x, at_y, wide, high)
            for c in range(3):
                above = pixels[upper, left, c] + across * (
                    np.float32(pixels[upper, right, c]) - np.float32(pixels[upper, left, c])
                )
                below = pixels[lower, left, c] + across * (
                    np.float32(pixels[lower, right, c]) - np.float32(pixels[lower, left, c])
                )
                out[c, y, x] = above + down * (below - above)


@quick
def planar(pixels, to_level, out):  # type: ignore[no-untyped-def]
    """Sample a level (3, h, w) of any type to (3, size, size) float32."""
    high, wide, size = pixels.shape[1], pixels.shape[2], out.shape[1]
    for y in range(size):
        for x in range(size):
            at_x = to_level[0, 0] * x + to_level[0, 1] * y + to_level[0, 2]
            at_y = to_level[1, 0] * x + to_level[1, 1] * y + to_level[1, 2]
            left, right, upper, lower, across, down = weights(at_x, at_y, wide, high)
            for c in range(3):
                above = pixels[c, upper, left] + across * (
                    np.float32(pixels[c, upper, right]) - np.float32(pixels[c, upper, left])
                )
                below = pixels[c, lower, left] + across * (
                    np.float32(pixels[c, lower, right]) - np.float32(pixels[c, lower, left])
                )
                out[c, y, x] = above + down * (below - above)


@quick
def words(pixels, start, wide, high, to_level, row, total, out, fetch):  # type: ignore[no-untyped-def]
    """Sample 64-bit words as the suite does; see ``modalities.image.kernel``."""
    size = out.shape[1]
    read = kernel._fetch(pixels, start, wide, high, to_level, size) if fetch else np.uint64(0)
    for y in range(size):
        kernel._sample(pixels, start, wide, high, to_level, y, row)
        kernel._unpack(row, out[0, y], out[1, y], out[2, y], total)
    return read


TORCH = "float32, planes, torch's grid_sample"


def time_ways(picture: str, size: int, rounds: int) -> list[dict[str, Any]]:
    """Return segments per second of each way, and how far its values are from those of torch's ``grid_sample``."""
    cpu, count = torch.device("cpu"), SEGMENTS[size]
    datum = source.load_source(picture, ImageView(), cpu)
    place = geometry.draw(Draws(1), 0, count, datum.width, datum.height, size, POLICIES["geometry"])
    affine = place.affine(size)
    level = datum.levels_of(affine)
    high, wide = (np.array([datum.reductions[k].shape[axis] for k in level]) for axis in (0, 1))
    maps = affine * np.stack([wide / datum.width, high / datum.height], 1)[:, :, None]
    maps[:, :, 2] += (maps[:, :, 0] + maps[:, :, 1]) / 2 - 0.5
    out = np.empty((count, 3, size, size), np.float32)
    packed, row, total = datum.packed, np.empty(size, np.uint64), np.zeros(3)
    planes = [np.ascontiguousarray(one.transpose(2, 0, 1)) for one in datum.reductions]
    kinds: dict[str, tuple[Any, list[np.ndarray]]] = {
        "8 bits, interleaved": (interleaved, list(datum.reductions)),
        "8 bits, planes": (planar, planes),
        "float32, planes": (planar, [one.astype(np.float32) for one in planes]),
    }

    def by_kernel(sample: Any, levels: list[np.ndarray], number: int) -> None:
        for i, k in enumerate(level):
            sample(levels[k], maps[i], out[i])

    def by_words(fetch: bool, number: int) -> None:
        for i, k in enumerate(level):
            words(packed.pixels, packed.start[k], wide[i], high[i], maps[i], row, total, out[i], fetch)

    ways: dict[str, Callable[[int], object]] = {name: partial(by_kernel, *kind) for name, kind in kinds.items()}
    ways["64-bit words"] = partial(by_words, False)
    ways["64-bit words, fetched line by line (ours)"] = partial(by_words, True)
    exact = resample(datum, affine, size).numpy()
    differences = {TORCH: 0.0}
    for name, way in ways.items():
        way(0)
        differences[name] = float(np.abs(out / (256 if "words" in name else 1) / 255 - exact).max())
    ways[TORCH] = lambda number: resample(datum, affine, size)
    taken = time_rounds(ways, cpu, rounds)
    memory = {name: sum(one.nbytes for one in levels) for name, (_, levels) in kinds.items()}
    memory[TORCH] = memory["float32, planes"]
    return [
        {"size": size, "way": name, "pixels": [datum.width, datum.height], "per_second": rate(count, taken[name]),
         "difference": differences[name], "mib": memory.get(name, packed.pixels.nbytes) / 2**20}
        for name in ways
    ]  # fmt: skip


def body(found: Parts, rounds: int) -> list[str]:
    """Return the table."""
    rows = [row for part in found.values() for row in part]
    width, height = rows[0]["pixels"]
    columns = {
        "side": "{size}", "way": "{way}", "segments per second": rate_format("per_second"),
        "pyramid, MiB": "{mib:.0f}", "largest difference, of 1": "{difference:.4f}",
    }  # fmt: skip
    return [
        f"{width} × {height} pixels; bilinear samples of the nearest level, no colour. "
        f"CPU time of the process, 1 thread; medians of {rounds} alternating rounds [slowest–fastest].", "",
        *table(rows, columns),
    ]  # fmt: skip


def main() -> None:
    parser = parse_options(__doc__)
    parser.add_argument("picture", nargs="?", default="deadleaves", help="a file, or a name such as deadleaves")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    parts = {f"{size} px": partial(time_ways, given.picture, size, given.rounds) for size in SEGMENTS}
    title = "In which layout a picture is sampled fastest on a CPU"
    measure(given, title, parts, partial(body, rounds=given.rounds))


if __name__ == "__main__":
    main()
