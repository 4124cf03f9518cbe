"""Which way to sample a picture is the cheapest that agrees with the antialiased published chain.

    python scripts/measure/quality.py PICTURE … [--out results/measured/quality] [--resume]

Parameters are drawn as for students, and each segment is compared, inside its crop rectangle, with PIL's bicubic resize
and torchvision's bilinear affine map of the same picture (``modalities.image.reference.published_geometry``). The ways
differ in how fine the levels of the pyramid are, and in how many bilinear samples make one pixel; every one of them
uses torch's ``grid_sample`` here, so that only quality is compared. Cost is stated as samples per pixel and as the
pyramid's memory over the picture's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from harness import Parts, measure, parse_options, table
from modalities.compute.draws import Draws
from modalities.image import geometry, source
from modalities.image.policies import POLICIES
from modalities.image.reference import published_geometry

SAMPLES = {32: 200, 224: 60}
Levels = dict[float, Tensor]  # octaves → (3, h, w)


def levels_of(pixels: np.ndarray, step: float) -> Levels:
    """Return the picture reduced by 2^(k · step) for k = 0, 1 …"""
    picture, found = Image.fromarray(pixels), {}
    depth = math.floor(math.log2(min(picture.size) / source.SMALLEST) / step)
    for k in range(depth + 1):
        size = [max(1, round(side * 2 ** (-k * step))) for side in picture.size]
        reduced = picture.resize(size, Image.Resampling.BICUBIC) if k else picture
        found[k * step] = torch.from_numpy(np.array(reduced)).permute(2, 0, 1).float() / 255
    return found


def at(levels: Levels, scale: float, affine: np.ndarray, size: int, shift: tuple[float, float] = (0, 0)) -> Tensor:
    """Sample a segment, (3, size, size), ``shift`` segment pixels away, where pixels are ``scale`` times larger."""
    octaves = math.log2(max(1e-9, scale))
    level = levels[min(levels, key=lambda known: abs(known - octaves))]
    height, width = levels[0.0].shape[1:]
    theta = np.diag([2 / width, 2 / height]) @ affine
    theta[:, 2] -= 1
    place = np.arange(size) + 0.5
    x, y = np.meshgrid(place + shift[0], place + shift[1])
    grid = np.einsum("ij,jyx->yxi", theta, np.stack([x, y, np.ones_like(x)]))
    points = torch.from_numpy(grid.astype(np.float32))[None]
    return F.grid_sample(level[None], points, "bilinear", "reflection", align_corners=False)[0]


def nearest(levels: Levels, affine: np.ndarray, size: int) -> Tensor:
    """Sample the level whose pixels have the area of the segment's."""
    return at(levels, math.sqrt(abs(np.linalg.det(affine[:, :2]))), affine, size)


def trilinear(levels: Levels, affine: np.ndarray, size: int) -> Tensor:
    """Mix samples of the two levels around that area, weighted by nearness."""
    known = sorted(levels)
    octaves = math.log2(max(1e-9, math.sqrt(abs(np.linalg.det(affine[:, :2])))))
    octaves = min(max(octaves, known[0]), known[-1])
    upper = next(level for level in known if level >= octaves)
    lower = max(level for level in known if level <= octaves)
    share = 0.0 if upper == lower else (octaves - lower) / (upper - lower)
    fine, coarse = (at(levels, 2**level, affine, size) for level in (lower, upper))
    return fine + share * (coarse - fine)


def anisotropic(levels: Levels, affine: np.ndarray, size: int) -> Tensor:
    """Sample the level of the SHORTER axis of a segment pixel's footprint twice along the longer one."""
    _, extents, axes = np.linalg.svd(affine[:, :2])
    scale = max(extents[1], extents[0] / 2)
    x, y = axes[0] * max(0.0, 1 - extents[1] / extents[0]) / 2
    return (at(levels, scale, affine, size, (x, y)) + at(levels, scale, affine, size, (-x, -y))) / 2


WAYS: list[tuple[str, float, Callable[..., Tensor], int]] = [
    ("nearest level, quarters of an octave (ours)", 0.25, nearest, 1),
    ("nearest level, halves of an octave", 0.5, nearest, 1),
    ("nearest level, octaves", 1.0, nearest, 1),
    ("trilinear, octaves", 1.0, trilinear, 2),
    ("trilinear, halves of an octave", 0.5, trilinear, 2),
    ("anisotropic, two samples, quarters of an octave", 0.25, anisotropic, 2),
]


def compare(picture: str, size: int) -> list[dict[str, Any]]:
    """Return a row for each way: its agreement with the published chain, and its cost."""
    pixels = source.read(picture)
    original = Image.fromarray(pixels)
    place = geometry.draw(Draws(1), 0, SAMPLES[size], *original.size, size, POLICIES["geometry"])
    affine = place.affine(size)
    pyramids = {step: levels_of(pixels, step) for step in (0.25, 0.5, 1.0)}
    errors: dict[str, list[float]] = {name: [] for name, *_ in WAYS}
    for i in range(SAMPLES[size]):
        reference, inside = published_geometry(original, place, i, size)
        expected = np.asarray(reference).transpose(2, 0, 1) / 255
        for name, step, way, _ in WAYS:
            error = way(pyramids[step], affine[i], size).numpy() - expected
            errors[name].append(-10 * math.log10(np.mean(error[:, inside] ** 2)))
    memory = {step: sum(level.numel() for level in levels.values()) / pixels.size for step, levels in pyramids.items()}
    return [
        {"picture": Path(picture).name, "size": size, "way": name, "mean_psnr": float(np.mean(errors[name])),
         "worst_psnr": float(np.min(errors[name])), "samples_per_pixel": taps, "memory": memory[step]}
        for name, step, _, taps in WAYS
    ]  # fmt: skip


def body(found: Parts) -> list[str]:
    """Return the table."""
    columns = {"picture": "{picture}", "size": "{size}", "way": "{way}", "mean": "{mean_psnr:.1f}",
               "worst": "{worst_psnr:.1f}", "samples per pixel": "{samples_per_pixel}",
               "memory, × the picture": "{memory:.2f}"}  # fmt: skip
    return [
        "PSNR in dB against the published chain, inside the crop; the bounds are 30 on average and 27 at worst.", "",
        *table((row for part in found.values() for row in part), columns),
    ]  # fmt: skip


def main() -> None:
    parser = parse_options(__doc__)
    parser.add_argument("pictures", nargs="+", help="files, or names such as deadleaves")
    given = parser.parse_args()
    parts = {f"{Path(p).name}, {size} px": partial(compare, p, size) for p in given.pictures for size in SAMPLES}
    measure(given, "How a picture is sampled", parts, body)


if __name__ == "__main__":
    main()
