"""Opening an image file, whoever wrote it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# By content and not by name: well-known datasets misname a few files. Other formats run programs (EPS) or decoders that
# few need.
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF", "PPM")


def opened(path: Path) -> ImageFile:
    """The picture in a file, not decoded yet; to be closed.

    The bytes are read first. From a file, a decoder would ask for as many as the content declares, and Python makes
    room for them (4 GiB for four damaged bytes of a PNG) before it looks whether they are there.
    """
    from PIL import Image

    return Image.open(io.BytesIO(path.read_bytes()), formats=FORMATS)
