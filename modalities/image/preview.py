"""A picture of what a student sees: the source with the outlines of some segments, and segments next to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modalities.image.policies import ImagePolicy, ImageView
from modalities.image.segments import ImageStream

if TYPE_CHECKING:
    from modalities.image.source import ImageSource

ROWS = 8  # and columns of the grid of segments
PLACES = 12  # segments whose outline is drawn into the picture
SIDE = 640  # pixels of the grid, and height of the picture next to it


def preview(source: ImageSource, view: ImageView, policy: ImagePolicy, *, seed: int, path: Path) -> None:
    """Write a PNG: the picture with the outlines of twelve segments, and the first 64 segments of step 0.

    Raises OSError if the file cannot be written.
    """
    from PIL import Image as images
    from PIL import ImageDraw

    plain = replace(view, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))  # so that colours are those before normalisation
    stream = ImageStream(source, plain, policy, batch_size=ROWS * ROWS, seed=seed, device=source.device)

    whole = images.fromarray(source.reductions[0])
    thumbnail = whole.resize((max(1, round(whole.width * SIDE / whole.height)), SIDE), images.Resampling.BICUBIC)
    pen = ImageDraw.Draw(thumbnail)
    corners = np.array([[0, 0, 1], [view.size, 0, 1], [view.size, view.size, 1], [0, view.size, 1]])
    for outline in corners @ stream.parameters(0)[0].affine(view.size)[:PLACES].transpose(0, 2, 1):
        points = [(float(x), float(y)) for x, y in outline * SIDE / whole.height]
        pen.line([*points, points[0]], fill=(255, 255, 255), width=5)
        pen.line([*points, points[0]], fill=(220, 30, 30), width=2)

    cell = SIDE // ROWS
    sheet = images.new("RGB", (thumbnail.width + 8 + SIDE, SIDE), (255, 255, 255))
    sheet.paste(thumbnail, (0, 0))
    pixels = np.rint(stream.batch(0).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy() * 255).astype(np.uint8)
    for i, segment in enumerate(pixels):
        tile = images.fromarray(segment).resize((cell - 2, cell - 2), images.Resampling.NEAREST)
        sheet.paste(tile, (thumbnail.width + 8 + cell * (i % ROWS), cell * (i // ROWS)))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, "PNG")
