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
OVERSHOOT = 0.05  # beyond black and white, where resampling of floating-point pictures ends up
REPLACE = "replace the file or fetch it again"
ORIENTED = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}  # where Pillow looks for an orientation
BITS, PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0  # tags of TIFF

# Of what is refused or mended here. Within a call they cannot be ignored: that is not safe in threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


def open_image(path: Path) -> ImageFile:
    """Open the picture in a file without decoding it; the caller closes it.

    All bytes are read first: a decoder reads as many as the content declares, for which Python would allocate memory
    (4 GiB for four damaged bytes of a PNG) even if the file is shorter.
    """
    from PIL import Image

    return Image.open(io.BytesIO(path.read_bytes()), formats=FORMATS)


def decode_picture(path: Path, remedy: str = REPLACE) -> Image:
    """Return the picture of a file as 8-bit RGB, upright by its EXIF data, without alpha; the first of several.

    Grey of 12 or 16 bits is scaled to 8, floating-point grey from 0 (black) … 1 (white). Raises BadInput, which names
    the file, if it is empty, damaged, far too large or not an image, or if nothing says which of its values is white.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        if path.stat().st_size == 0:
            raise BadInput(f"{path} is empty; {remedy}.")
        with open_image(path) as file:
            if file.width * file.height > LARGEST:
                raise Image.DecompressionBombError
            file.load()
            return _upright(_to_rgb(file, path), _orientation(file))
    except (BadInput, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise BadInput(f"{path} has more than {LARGEST:,} pixels; reduce it before using it.") from error
    except UnidentifiedImageError as error:
        raise BadInput(f"{path} is not an image that can be read; {remedy}.") from error
    except Exception as error:  # decoders raise nearly anything for damaged files
        if isinstance(error, OSError) and error.errno:
            raise BadInput(f"{path} cannot be read ({error.strerror}); {remedy}.") from error
        raise BadInput(f"{path} is damaged ({error or type(error).__name__}); {remedy}.") from error


def decode_image(path: Path, remedy: str = REPLACE) -> NDArray[np.uint8]:
    """Return the pixels of ``decode_picture``, (H, W, 3)."""
    return np.array(decode_picture(path, remedy))


def read_image(path: Path, side: int, interpolation: str = "bicubic") -> Tensor:
    """Read an image file as a raw item; see ``decode_picture`` and ``to_raw``. A flat picture is an item too."""
    return to_raw(decode_picture(path), side, interpolation)


def to_raw(picture: Image, side: int, interpolation: str = "bicubic") -> Tensor:
    """Resize the shorter side to ``side``, crop the centre, as torchvision: (1, 3, side, side) uint8.

    ``interpolation`` is bicubic or bilinear.
    """
    import torch
    from PIL.Image import Resampling

    shorter = min(picture.size)
    if side * max(picture.size) // max(shorter, 1) > LONGEST:
        raise ValueError(f"{picture.width} × {picture.height} pixels, which is not the shape of a picture")
    if shorter != side:
        width, height = (side * length // shorter for length in picture.size)
        picture = picture.resize((width, height), Resampling[interpolation.upper()])
    left, top = round((picture.width - side) / 2), round((picture.height - side) / 2)
    pixels = np.asarray(picture.crop((left, top, left + side, top + side)))
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]


def _orientation(file: ImageFile) -> int:
    """Return the EXIF orientation; 1, upright, if there is none or it cannot be read."""
    from PIL.ExifTags import Base

    if file.info.keys().isdisjoint(ORIENTED):
        return 1
    try:
        return int(file.getexif().get(Base.Orientation, 1))
    except MemoryError:
        raise
    except Exception:  # damaged EXIF data cost their orientation alone
        return 1


def _upright(picture: Image, orientation: int) -> Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM, 5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90,
    }  # fmt: skip
    return picture.transpose(turns[orientation]) if orientation in turns else picture


def _to_rgb(file: ImageFile, path: Path) -> Image:
    if file.mode.startswith("I") or file.mode == "F":
        return _deep_grey(file, path)
    if file.mode == "RGB":
        return file
    if file.mode == "LAB":
        raise BadInput(f"{path} has colours of the kind {file.mode}, which cannot be read; save it as RGB.")
    return (file.convert("RGBA") if file.mode in ("P", "PA") else file).convert("RGB")


def _deep_grey(file: ImageFile, path: Path) -> Image:
    """Return grey of more than 8 bits as RGB; Pillow's own conversion would clip at 255."""
    from PIL import Image

    values, tags = np.asarray(file).astype(np.float64), getattr(file, "tag_v2", {})
    if file.mode == "F":
        if not np.isfinite(values).all():
            raise BadInput(f"{path} holds pixels that are infinite or not a number; replace them.")
        if values.min() < -OVERSHOOT or values.max() > 1 + OVERSHOOT:
            raise BadInput(
                f"{path} holds values from {values.min():g} to {values.max():g}, but in a floating-point picture 0 is "
                "black and 1 is white; scale them."
            )
        white = 1
    elif file.mode == "I" and tags:
        raise BadInput(
            f"{path} holds signed or 32-bit integers, of which nothing says which is white; save it with 8 or 16 bits."
        )
    else:
        white = 2 ** int(tags.get(BITS, (16,))[0]) - 1
    grey = values * (255 / white)
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        grey = 255 - grey
    return Image.fromarray(np.clip(np.rint(grey), 0, 255).astype(np.uint8)).convert("RGB")
