"""A picture of what a student sees: the source, segments of it, and what each step of the policy does to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modalities.image.policies import ImagePolicy, ImageView
from modalities.image.segments import ImageStream

if TYPE_CHECKING:
    from PIL.Image import Image

    from modalities.image.source import ImageSource

ROWS = 8  # and columns of the grid of segments
PLACES = 12  # segments whose outline is drawn into the picture
SIDE = 640  # pixels of the grid, and height of the picture next to it
TITLE = 130  # pixels, width of the titles of the steps


def preview(source: ImageSource, view: ImageView, policy: ImagePolicy, *, seed: int, path: Path) -> None:
    """Write a PNG of the picture with the outlines of twelve segments, and the first 64 segments of step 0.

    Below, a row of the same segments for each step of the policy, see ``SteppedPolicy.one_by_one``.

    Raises OSError if the file cannot be written.
    """
    from PIL import Image as images
    from PIL import ImageDraw, ImageFont

    plain = replace(view, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))  # so that colours are those before normalisation
    stream = ImageStream(source, plain, policy, batch_size=ROWS * ROWS, seed=seed, device=source.device)

    whole = images.fromarray(source.reductions[0][: source.height])
    thumbnail = whole.resize((max(1, round(whole.width * SIDE / whole.height)), SIDE), images.Resampling.BICUBIC)
    pen = ImageDraw.Draw(thumbnail)
    corners = np.array([[0, 0, 1], [view.size, 0, 1], [view.size, view.size, 1], [0, view.size, 1]])
    for outline in corners @ stream.parameters(0)[0].affine(view.size)[:PLACES].transpose(0, 2, 1):
        points = [(float(x), float(y)) for x, y in outline * SIDE / whole.height]
        pen.line([*points, points[0]], fill=(255, 255, 255), width=5)
        pen.line([*points, points[0]], fill=(220, 30, 30), width=2)

    steps, cell = policy.one_by_one(), SIDE // ROWS
    sheet = images.new("RGB", (thumbnail.width + 8 + SIDE, SIDE + 16 + cell * len(steps)), (255, 255, 255))
    sheet.paste(thumbnail, (0, 0))
    for i, tile in enumerate(_tiles(stream, cell)):
        sheet.paste(tile, (thumbnail.width + 8 + cell * (i % ROWS), cell * (i // ROWS)))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for row, (title, one) in enumerate(steps.items()):
        top = SIDE + 16 + cell * row
        pen.text((4, top + cell / 2), title, fill=(0, 0, 0), font=font, anchor="lm")
        stream = ImageStream(source, plain, one, batch_size=ROWS * ROWS, seed=seed, device=source.device)
        for i, tile in enumerate(_tiles(stream, cell)[: (sheet.width - TITLE) // cell]):
            sheet.paste(tile, (TITLE + cell * i, top))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, "PNG")


def _tiles(stream: ImageStream, cell: int) -> list[Image]:
    """Return the segments of step 0, as small pictures that fit a grid of ``cell`` pixels."""
    from PIL import Image as images

    pixels = np.rint(stream.batch(0).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy() * 255).astype(np.uint8)
    return [images.fromarray(one).resize((cell - 2, cell - 2), images.Resampling.NEAREST) for one in pixels]
