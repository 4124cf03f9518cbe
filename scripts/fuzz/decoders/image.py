"""Image files: whole ones to damage, and what reads them."""

from __future__ import annotations

import io
import zlib
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from .base import Decoder, Seeds, read_all

SIDE = 24  # pixels of the pictures, so that a file is read in a millisecond


@cache
def pictures() -> list[Any]:
    """Return small pictures of our own."""
    from PIL import Image

    from modalities.image.standins import standin_pictures

    return [Image.fromarray(pixels) for pixels in standin_pictures(0, "fuzz", 4, 4, SIDE)[0]]


def _saved(format: str, *changes: tuple[str | None, dict[str, Any]]) -> Seeds:
    """Save stand-in pictures in a format, each in another mode and with other settings."""

    def seeds(root: Path) -> list[bytes]:
        found = []
        for picture, (mode, settings) in zip(pictures() * 4, changes, strict=False):
            stream = io.BytesIO()
            if mode == "I;16":
                from PIL import Image

                picture = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
            elif mode:
                picture = picture.convert(mode)
            picture.save(stream, format, **settings)
            found.append(stream.getvalue())
        return found

    return seeds


def _exif() -> bytes:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a picture"
    return exif.tobytes()


def _picture(root: Path, *, place: str) -> None:
    """Call the readers of a source and of a dataset's item."""
    from modalities.datasets.listing import Listing, Row
    from modalities.image.decode import decode_image, read_image

    def source() -> None:
        assert decode_image(root / place).shape[2] == 3

    def item() -> None:
        found = Listing([Row(root / place, 0, "a", "a")], partial(read_image, side=32))[0]
        assert found.data.shape == (1, 3, 32, 32)

    read_all(source, item)


def _fix_png(data: bytes) -> bytes:
    """Correct the checksums of the chunks."""
    out, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + length]
        out += data[at : at + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        at += 12 + length
    return bytes(out + data[at:])


def _image(format: str, *changes: tuple[str | None, dict[str, Any]], fix: Any = None) -> Decoder:
    place = f"item.{format.lower()}"
    what = f"{format} as an image source and as a dataset's item"
    return Decoder(
        format.lower(), what, place, _saved(format, *changes), partial(_picture, place=place), fix_checksums=fix
    )


DECODERS = (
    _image("JPEG", (None, {}), ("L", {}), ("CMYK", {}), (None, {"progressive": True, "exif": _exif()})),
    _image("PNG", (None, {}), ("L", {}), ("P", {}), ("RGBA", {}), ("1", {}), ("I;16", {}), (None, {"exif": _exif()}),
           ("P", {"transparency": 3}), fix=_fix_png),
    _image("BMP", (None, {}), ("L", {}), ("P", {}), ("1", {}), ("RGBA", {})),
    _image("WEBP", (None, {}), ("RGBA", {"lossless": True}), (None, {"exif": _exif()})),
    _image("TIFF", (None, {}), ("L", {"compression": "tiff_lzw"}), (None, {"compression": "tiff_deflate"}),
           ("1", {"compression": "group4"}), ("CMYK", {"compression": "packbits"}), ("I;16", {}), ("F", {}),
           (None, {"compression": "jpeg"})),
    _image("GIF", (None, {}), ("L", {}), ("1", {"interlace": 1})),
    _image("PPM", (None, {}), ("L", {}), ("1", {})),
)  # fmt: skip
