"""Generated pictures that show things: dead leaves, a sparse scene, a page of text, stars."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.compute.draws import Array, Draws

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

Pixels = NDArray[np.uint8]


SHAPES = ("mixed", "disc", "box", "ellipse", "polygon", "line")
COLOURS = ("normal", "uniform", "grey")


def dead_leaves(
    seed: int, *, shapes: int = 14_000, exponent: float = 3.0, smallest: float = 6.0, largest: float = 400.0,
    shape: str = "mixed", colour: str = "normal",
) -> Pixels:  # fmt: skip
    """A dense picture, (1440, 1920, 3): overlapping discs, boxes, ellipses, polygons and lines.

    Half-sizes r, in pixels, have a density proportional to r^−exponent between ``smallest`` and ``largest``. With an
    exponent of 3, occluding shapes have the scale-free statistics of natural images (Lee, Mumford & Huang, "Occlusion
    models for natural images", IJCV 2001). Colours are broad normals, uniform in RGB, or greys; a smooth shading field
    and a little noise lie on top.
    """
    draws = Draws(seed, "dead leaves/")
    picture = _scatter(draws, 1920, 1440, shapes, smallest, largest, exponent, SHAPES.index(shape) - 1, colour)
    return _finish(picture, draws, noise=4.0)


def sparse(seed: int) -> Pixels:
    """A nearly empty picture, (960, 1280, 3): eight large shapes on an even, shaded background."""
    draws = Draws(seed, "sparse/")
    return _finish(_scatter(draws, 1280, 960, 8, 40.0, 160.0), draws, noise=1.0)


def _scatter(
    draws: Draws, width: int, height: int, shapes: int, smallest: float, largest: float,
    exponent: float = 3.0, only: int = -1, colour: str = "normal",
) -> Image:  # fmt: skip
    """Draw overlapping shapes, all of kind ``only`` unless it is −1; the other arguments are those of dead leaves."""
    from PIL import Image, ImageDraw

    tone = np.clip(128 + 62 * draws.normal(0, "tone", shapes + 1), 0, 255)
    tint = (0 if colour == "grey" else 34) * draws.normal(0, "tint", (shapes + 1, 3))
    colours = np.clip(tone[:, None] + tint, 0, 255).astype(np.uint8)
    if colour == "uniform":
        colours = draws.integers(0, "rgb", (shapes + 1, 3), 256).astype(np.uint8)
    size = half_sizes(draws.uniform(0, "size", shapes), smallest, largest, exponent)
    place = draws.uniform(0, "place", (shapes, 2)) * [width, height]
    kind = draws.integers(0, "kind", shapes, 5) if only < 0 else np.full(shapes, only)
    angle = draws.uniform(0, "angle", shapes, 0, 2 * math.pi)
    squeeze = draws.uniform(0, "squeeze", shapes, 0.25, 1.0)
    corners = draws.uniform(0, "corners", (shapes, 8))
    picture = Image.new("RGB", (width, height), tuple(int(value) for value in colours[-1]))
    pen = ImageDraw.Draw(picture)
    for i in range(shapes):
        outline = _outline(int(kind[i]), squeeze[i], corners[i]) * size[i]
        cos, sin = math.cos(angle[i]), math.sin(angle[i])
        points = np.rint(outline @ np.array([[cos, sin], [-sin, cos]]) + place[i]).astype(int)
        pen.polygon([(int(x), int(y)) for x, y in points], fill=tuple(int(value) for value in colours[i]))
    return picture


def half_sizes(unit: Array, smallest: float, largest: float, exponent: float) -> Array:
    """Return sizes of a density proportional to size^−exponent, from uniform numbers; the exponent is above 1."""
    power = exponent - 1
    sizes: Array = smallest / (1 - unit * (1 - (smallest / largest) ** power)) ** (1 / power)
    return sizes


_CIRCLE = np.stack([np.cos(np.arange(32) * math.pi / 16), np.sin(np.arange(32) * math.pi / 16)], axis=1)
_SQUARE = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])


def _outline(kind: int, squeeze: float, corners: Array) -> Array:
    """Return corners (m, 2) of a disc, box, ellipse, polygon or line about the origin, of half-size 1."""
    if kind == 0:
        return _CIRCLE
    if kind == 1:
        return _SQUARE * [1, squeeze]
    if kind == 2:
        return _CIRCLE * [1, squeeze]
    if kind == 3:
        turns = np.sort(corners[: 3 + int(squeeze * 5)]) * 2 * math.pi
        return np.stack([np.cos(turns), np.sin(turns)], axis=1)
    return _SQUARE * [2, 0.08 * squeeze]


def _smooth(coarse: Array, width: int, height: int) -> Array:
    """Return a coarse field, enlarged smoothly to (height, width)."""
    from PIL import Image

    field = Image.fromarray(coarse.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(field)


def _finish(picture: Image, draws: Draws, noise: float, contrast: float = 0.35) -> Pixels:
    """Multiply by a smooth field, 1 ± contrast, and add Gaussian noise of that deviation (in grey levels)."""
    field = _smooth(draws.uniform(0, "shade", (6, 8), 1 - contrast, 1 + contrast), *picture.size)
    grain = noise * draws.normal(0, "grain", (*field.shape, 3))
    pixels: Pixels = np.clip(np.asarray(picture) * field[:, :, None] + grain, 0, 255).astype(np.uint8)
    return pixels


def text_page(seed: int) -> Pixels:
    """A printed page, (1600, 1200, 3): columns of made-up words in the DejaVu fonts of Matplotlib, some in colour.

    Lengths of words, sizes and faces vary by paragraph. Glyphs are drawn by the installed FreeType.
    """
    from PIL import Image, ImageDraw

    draws, width, height, columns = Draws(seed, "text/"), 1200, 1600, 3
    page = Image.new("RGB", (width, height), (246, 243, 234))
    pen, gap = ImageDraw.Draw(page), 28
    column = (width - gap * (columns + 1)) // columns
    paragraph = 0
    for left in range(gap, width - column, column + gap):
        top = float(gap)
        while top < height - gap:
            top = _paragraph(pen, draws, paragraph, (left, top), column, height - gap) + gap / 2
            paragraph += 1
    return _finish(page, draws, noise=3.0, contrast=0.12)


FACES = ("DejaVuSerif.ttf", "DejaVuSans.ttf", "DejaVuSerif-Bold.ttf", "DejaVuSans-Oblique.ttf", "DejaVuSansMono.ttf")
INK = ((24, 24, 28), (24, 24, 28), (24, 24, 28), (150, 30, 30), (25, 60, 130))
ONSETS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "st", "tr", "sh", "")
VOWELS = ("a", "e", "i", "o", "u", "ai", "ou")
CODAS = ("", "", "", "n", "r", "s", "l", "t", "nd")


def _paragraph(
    pen: ImageDraw, draws: Draws, number: int, corner: tuple[float, float], column: int, bottom: float
) -> float:
    """Print words from ``corner`` on, justified in a column, until the paragraph or the page ends; return its end."""
    import matplotlib
    from PIL import ImageFont

    choice = draws.uniform(number, "paragraph", 4)
    size = round(13 * 4 ** (choice[0] ** 3))  # most are small, a few are headings
    face = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / FACES[int(choice[1] * len(FACES))]
    font, ink = ImageFont.truetype(face, size), INK[int(choice[2] * len(INK))]
    words = _words(draws, number, 3 if size > 26 else 20 + int(60 * choice[3]))
    left, top = corner
    space = 0.32 * size
    line: list[str] = []
    for word in [*words, ""]:
        used = sum(font.getlength(one) + space for one in line)
        if line and (not word or used + font.getlength(word) > column):
            if top + 1.3 * size > bottom:
                return bottom
            spread = (column - used + space) / max(len(line) - 1, 1) if word else 0.0
            at = left
            for one in line:
                pen.text((at, top), one, fill=ink, font=font)
                at += font.getlength(one) + space + spread
            line, top = [], top + 1.3 * size
        line.append(word)
    return top


def _words(draws: Draws, number: int, count: int) -> list[str]:
    """Return made-up words of one to four syllables, as sentences."""
    syllables = 1 + np.floor(4 * draws.uniform(number, "length", count) ** 2).astype(int)
    parts = draws.uniform(number, "syllables", (count, 4, 3))
    ends, words, start = draws.chance(number, "end", count, 0.1), [], True
    for i in range(count):
        word = "".join(
            of[int(part * len(of))]
            for syllable in parts[i, : syllables[i]]
            for of, part in zip((ONSETS, VOWELS, CODAS), syllable, strict=True)
        )
        words.append((word.capitalize() if start else word) + ("." if ends[i] else ""))
        start = bool(ends[i])
    return words


def starfield(seed: int) -> Pixels:
    """A night sky, (1200, 1600, 3): 9,000 stars whose fluxes follow the counts of a uniform universe, over nebulae.

    The number of stars above a flux S is proportional to S^−3/2 (Euclidean source counts). Each is blurred by a narrow
    core and wide wings, and tinted from blue to red; nebulae are smooth random fields.
    """
    from scipy.ndimage import gaussian_filter

    draws, height, width, stars = Draws(seed, "stars/"), 1200, 1600, 9_000
    flux = np.minimum((1 - draws.uniform(0, "flux", stars)) ** (-2 / 3), 600)
    warmth = draws.uniform(0, "warmth", stars, -1, 1)
    tint = np.stack([1 + 0.35 * warmth, np.ones(stars), 1 - 0.35 * warmth], axis=1)
    at = np.floor(draws.uniform(0, "place", (stars, 2)) * [height, width]).astype(np.int64)
    light = np.zeros((height, width, 3))
    np.add.at(light, (at[:, 0], at[:, 1]), 500 * flux[:, None] * tint)
    sky = sum(weight * gaussian_filter(light, (s, s, 0)) for s, weight in ((0.9, 0.82), (2.5, 0.15), (8.0, 0.03)))
    for cloud in range(3):
        coarse = [draws.normal(size, f"cloud {cloud}", (3 * size, 4 * size)) / size for size in (2, 5, 12, 30)]
        field = np.sum([_smooth(layer, width, height) for layer in coarse], axis=0)
        colour = draws.uniform(0, f"cloud colour {cloud}", 3, 0.2, 1.0)
        sky += 20 * np.maximum(field / field.std(), 0)[:, :, None] ** 1.5 * colour
    grain = 4 * draws.normal(0, "grain", sky.shape)
    pixels: Pixels = np.clip(255 * (1 - np.exp(-sky / 110)) + 6 + grain, 0, 255).astype(np.uint8)
    return pixels
