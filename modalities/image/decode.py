"""Image files to raw arrays; files are not trusted."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.errors import BadInput

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile
    from torch import Tensor

# Detected by content, not by name: datasets misname a few files. Other formats run programs (EPS) or are rare.
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF", "PPM")
LARGEST = 89_000_000  # pixels; a larger file is more likely a mistake or an attack than a photograph
LONGEST = 65_536  # pixels of the longer side after the shorter one is scaled


def open_image(path: Path) -> ImageFile:
    """Open the picture in a file without decoding it; the caller closes it.

    All bytes are read first: a decoder reads as many as the content declares, for which Python would allocate memory
    (4 GiB for four damaged bytes of a PNG) even if the file is shorter.
    """
    from PIL import Image

    return Image.open(io.BytesIO(path.read_bytes()), formats=FORMATS)


def decode_image(path: Path) -> NDArray[np.uint8]:
    """Return the pixels of an image file, (H, W, 3) RGB.

    Raises BadInput if the file is empty, damaged, far too large or not an image.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if path.stat().st_size == 0:
        raise BadInput(f"{path} is empty; give an image file such as a PNG or a JPEG.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with open_image(path) as file:
                if file.width * file.height > LARGEST:
                    raise Image.DecompressionBombError
                picture = ImageOps.exif_transpose(file)
                if picture.mode.startswith("I") or picture.mode == "F":
                    # 16 bits per pixel: keep the high byte; a plain conversion would clip.
                    grey = np.nan_to_num(np.asarray(picture).astype(np.float64)) / 257
                    return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
                return np.asarray(picture.convert("RGBA" if picture.mode == "P" else "RGB"))[:, :, :3].copy()
    except Image.DecompressionBombError as error:
        raise BadInput(f"{path} has more than {LARGEST:,} pixels; reduce it before using it as a source.") from error
    except UnidentifiedImageError as error:
        raise BadInput(f"{path} is not an image that can be read; give a PNG, JPEG or similar file.") from error
    except Exception as error:  # decoders raise nearly anything for damaged files
        raise BadInput(
            f"{path} is damaged ({error or type(error).__name__}); replace it with an intact image file."
        ) from error


def read_image(path: Path, side: int, interpolation: str = "bicubic") -> Tensor:
    """Read an image file as a raw item; see ``to_raw``."""
    with open_image(path) as file:
        return to_raw(file, side, interpolation)


def to_raw(picture: Image, side: int, interpolation: str = "bicubic") -> Tensor:
    """Resize the shorter side to ``side``, crop the centre, as torchvision: (1, 3, side, side) uint8.

    ``interpolation`` is bicubic or bilinear.
    """
    import torch
    from PIL.Image import Resampling

    shorter = min(picture.size)
    if side * max(picture.size) // max(shorter, 1) > LONGEST:
        raise ValueError(f"{picture.width} × {picture.height} pixels, which is not the shape of a picture")
    picture = picture if picture.mode == "RGB" else picture.convert("RGB")
    if shorter != side:
        width, height = (side * length // shorter for length in picture.size)
        picture = picture.resize((width, height), Resampling[interpolation.upper()])
    left, top = round((picture.width - side) / 2), round((picture.height - side) / 2)
    pixels = np.asarray(picture.crop((left, top, left + side, top + side)))
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]
