"""In which layout and type a picture is sampled fastest on a CPU: the same points of the same pyramid, four ways.

    python scripts/measure_layouts.py [PICTURE] [--out results/measured/layouts]

Geometry alone, without colour: one bilinear sample per pixel at places drawn as for students, one core. Ways take turns
in one process, CPU time is counted, medians are kept. Writes README.md and layouts.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numba import njit

from benchmark.perf.timing import alternate, machine
from modalities.compute.draws import Draws
from modalities.image import geometry, kernel, source
from modalities.image.policies import POLICIES
from modalities.image.segments import _levels, resample

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
    """(h, w, 3) of any type to (3, size, size) float32."""
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
    """(3, h, w) of any type to (3, size, size) float32."""
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
    """The suite's own: see ``modalities.image.kernel``."""
    size = out.shape[1]
    read = kernel._fetch(pixels, start, wide, high, to_level, size) if fetch else np.uint64(0)
    for y in range(size):
        kernel._sample(pixels, start, wide, high, to_level, y, row)
        kernel._unpack(row, out[0, y], out[1, y], out[2, y], total)
    return read


def measure(picture: str, size: int) -> dict[str, Any]:
    """Segments per second of each way, and how far its values lie from those of torch's ``grid_sample``."""
    cpu, count = torch.device("cpu"), SEGMENTS[size]
    datum = source.load_source(picture, cpu)
    place = geometry.draw(Draws(1), 0, count, datum.width, datum.height, size, POLICIES["geometry"])
    affine = place.affine(size)
    level = _levels(datum, affine)
    high, wide = (np.array([datum.reductions[k].shape[axis] for k in level]) for axis in (0, 1))
    maps = affine * np.stack([wide / datum.width, high / datum.height], 1)[:, :, None]
    maps[:, :, 2] += (maps[:, :, 0] + maps[:, :, 1]) / 2 - 0.5
    out = np.empty((count, 3, size, size), np.float32)
    packed, row, total = datum.packed, np.empty(size, np.uint64), np.zeros(3)
    kinds: dict[str, tuple[Any, list[np.ndarray]]] = {
        "8 bits, interleaved": (interleaved, list(datum.reductions)),
        "8 bits, planes": (planar, [np.ascontiguousarray(one.transpose(2, 0, 1)) for one in datum.reductions]),
        "float32, planes": (planar, [one.transpose(2, 0, 1).astype(np.float32) for one in datum.reductions]),
    }

    def by(function: Any, levels: list[np.ndarray]) -> Callable[[int], object]:
        def make(number: int) -> None:
            for i in range(count):
                function(levels[level[i]], maps[i], out[i])

        return make

    def packed_words(fetch: bool) -> Callable[[int], object]:
        def make(number: int) -> None:
            for i, k in enumerate(level):
                words(packed.pixels, packed.start[k], wide[i], high[i], maps[i], row, total, out[i], fetch)

        return make

    ways = {name: by(function, levels) for name, (function, levels) in kinds.items()}
    ways["64-bit words"] = packed_words(False)
    ways["64-bit words, fetched line by line (ours)"] = packed_words(True)
    exact = resample(datum, affine, size).numpy()
    differences = {}
    for name, way in ways.items():
        way(0)
        differences[name] = float(np.abs(out / (256 if "words" in name else 1) / 255 - exact).max())
    ways["float32, planes, torch's grid_sample"] = lambda number: resample(datum, affine, size)
    seconds = alternate(ways, cpu)
    bytes_of = {name: sum(one.nbytes for one in levels) for name, (_, levels) in kinds.items()}
    memory = {name: bytes_of.get(name, packed.pixels.nbytes) for name in ways}
    memory["float32, planes, torch's grid_sample"] = bytes_of["float32, planes"]
    return {
        "picture": Path(picture).name, "pixels": [datum.width, datum.height], "size": size,
        "ways": [{"way": name, "per_second": count / taken, "difference": differences.get(name, 0.0),
                  "bytes": memory[name]} for name, taken in seconds.items()],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("picture", nargs="?", default="deadleaves", help="a file, or a named picture")
    parser.add_argument("--out", type=Path, default=Path("results/measured/layouts"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = [measure(given.picture, size) for size in SEGMENTS]
    where = machine(torch.device("cpu"))
    width, height = found[0]["pixels"]
    lines = ["# In which layout a picture is sampled fastest on a CPU", "",
             f"`python scripts/measure_layouts.py {found[0]['picture']}`, {width} × {height} pixels; "
             f"{where['device']}; {where['clock']}. Bilinear samples of the nearest level, no colour.", "",
             "| side | way | segments per second | pyramid, MiB | largest difference, of 1 |",
             "|---:|---|---:|---:|---:|"]  # fmt: skip
    lines += [
        f"| {part['size']} | {way['way']} | {way['per_second']:,.0f} | {way['bytes'] / 2**20:.0f} | "
        f"{way['difference']:.4f} |"
        for part in found
        for way in part["ways"]
    ]
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "layouts.json").write_text(json.dumps({"machine": where, "found": found}, indent=1) + "\n")
    (given.out / "README.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
