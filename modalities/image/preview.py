"""A picture of what a student sees: the source, segments of it, and what each step of the policy does to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modalities.errors import readable
from modalities.image.policies import ImagePolicy, ImageView
from modalities.image.segments import ImageStream

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

    from modalities.image.source import ImageSource

ROWS = 8  # and columns of the grid of segments
PLACES = 12  # segments whose outline is drawn into the picture
SIDE = 640  # pixels of the grid, and height of the picture next to it
TITLE = 130  # pixels, width of the titles of the steps
HEAD = 30  # pixels, height of the title of all
LABEL = 16  # pixels, height of a number

RED, WHITE, BLACK = (220, 30, 30), (255, 255, 255), (0, 0, 0)


def preview(source: ImageSource, view: ImageView, policy: ImagePolicy, *, seed: int, path: Path) -> None:
    """Write a PNG of the picture with the outlines of twelve segments, and the first 64 segments of step 0.

    An outline has the number of its segment. Below, a row of the same segments for each step of the policy, see
    ``SteppedPolicy.one_by_one``. Of a source of several pictures, the first is shown.

    Raises OSError if the file cannot be written.
    """
    from PIL import Image as images
    from PIL import ImageDraw as drawing
    from PIL import ImageFont

    plain = replace(view, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))  # so that colours are those before normalisation
    stream = ImageStream(source, plain, policy, batch_size=ROWS * ROWS, seed=seed, device=source.device)
    numbers = [i for i in range(ROWS * ROWS) if stream.items(0)[i] == 0][:PLACES]  # of those in the picture shown
    thumbnail = _outlined(source, stream, view, numbers)

    steps, cell = policy.one_by_one(), SIDE // ROWS
    size = (thumbnail.width + 8 + SIDE, HEAD + SIDE + 16 + cell * len(steps))
    sheet = images.new("RGB", size, WHITE)
    sheet.paste(thumbnail, (0, HEAD))
    pen, font = drawing.Draw(sheet), ImageFont.load_default(15)
    pen.text((4, HEAD / 2), _title(source, view, policy), fill=BLACK, font=font, anchor="lm")
    for i, tile in enumerate(_tiles(stream, cell)):
        at = thumbnail.width + 8 + cell * (i % ROWS), HEAD + cell * (i // ROWS)
        sheet.paste(tile, at)
        if i in numbers:
            _number(pen, at, i)
    for row, (title, one) in enumerate(steps.items()):
        top = HEAD + SIDE + 16 + cell * row
        pen.text((4, top + cell / 2), title, fill=BLACK, font=font, anchor="lm")
        stream = ImageStream(source, plain, one, batch_size=ROWS * ROWS, seed=seed, device=source.device)
        for i, tile in enumerate(_tiles(stream, cell)[: (sheet.width - TITLE) // cell]):
            at = TITLE + cell * i, top
            sheet.paste(tile, at)
            if i in numbers:
                _number(pen, at, i)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, "PNG")


def _title(source: ImageSource, view: ImageView, policy: ImagePolicy) -> str:
    several = f" (1 of {source.items} pictures)" if source.items > 1 else ""
    named = f"{source.ref.name}{several}, {source.width} x {source.height}"
    segments = f"{view.size} x {view.size} segments made by the policy {policy.name}"
    return readable(f"{named}, and {segments}; each numbered box is the tile with its number")


def _outlined(source: ImageSource, stream: ImageStream, view: ImageView, numbers: list[int]) -> Image:
    """Return the picture, as high as the grid, with the outlines of some segments and their numbers."""
    from PIL import Image as images
    from PIL import ImageDraw as drawing

    whole = images.fromarray(source.reductions[0][: source.height])
    thumbnail = whole.resize((max(1, round(whole.width * SIDE / whole.height)), SIDE), images.Resampling.BICUBIC)
    pen = drawing.Draw(thumbnail)
    corners = np.array([[0, 0, 1], [view.size, 0, 1], [view.size, view.size, 1], [0, view.size, 1]])
    outlines = corners @ stream.parameters(0)[0].affine(view.size).transpose(0, 2, 1) * SIDE / whole.height
    for number in numbers:
        points = [(float(x), float(y)) for x, y in outlines[number]]
        pen.line([*points, points[0]], fill=WHITE, width=5)
        pen.line([*points, points[0]], fill=RED, width=2)
    for number in numbers:  # above all lines, and inside the picture
        x, y = np.clip(outlines[number].mean(0), 0, [thumbnail.width - LABEL - 8, SIDE - LABEL])
        _number(pen, (x, y), number)
    return thumbnail


def _number(pen: ImageDraw, at: tuple[float, float], number: int) -> None:
    """Draw the number of a segment, counted from 1, with its upper left corner there."""
    from PIL import ImageFont

    font, text = ImageFont.load_default(12), str(number + 1)
    pen.rectangle((*at, at[0] + 6 + pen.textlength(text, font), at[1] + LABEL - 1), fill=WHITE)
    pen.text((at[0] + 3, at[1] + LABEL / 2), text, fill=RED, font=font, anchor="lm")


def _tiles(stream: ImageStream, cell: int) -> list[Image]:
    """Return the segments of step 0, as small pictures that fit a grid of ``cell`` pixels."""
    from PIL import Image as images

    pixels = np.rint(stream.batch(0).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy() * 255).astype(np.uint8)
    return [images.fromarray(one).resize((cell - 2, cell - 2), images.Resampling.NEAREST) for one in pixels]
