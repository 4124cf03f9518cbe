"""The one picture that a student learns from: named, generated or the user's file; decoded once, kept as a pyramid."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.base import SourceRef
from modalities.compute.draws import Array
from modalities.errors import BadInput, UnknownName
from modalities.image.files import opened
from modalities.image.generated import GENERATORS, VERSION
from modalities.storage.atomic import atomic_stream
from modalities.storage.cleanup import remove_stale
from modalities.storage.paths import cache_root

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from modalities.image.kernel import Packed

LARGEST = 89_000_000  # pixels; a larger file is more likely a mistake or an attack than a photograph
STEP = 0.25  # octaves between the levels of a pyramid
SMALLEST = 4  # pixels of the shorter side of the last level

_PACKAGED = {
    "china": ("sklearn", "datasets/images/china.jpg", "photograph of a temple, 640×427 (scikit-learn, CC BY)"),
    "flower": ("sklearn", "datasets/images/flower.jpg", "photograph of a flower, 640×427 (scikit-learn, CC BY)"),
    "astronaut": ("skimage", "data/astronaut.png", "portrait, 512×512 (scikit-image, public domain)"),
    "chelsea": ("skimage", "data/chelsea.png", "photograph of a cat, 451×300 (scikit-image, CC0)"),
    "coffee": ("skimage", "data/coffee.png", "photograph of a cup, 600×400 (scikit-image, CC0)"),
    "rocket": ("skimage", "data/rocket.jpg", "photograph of a rocket, 640×427 (scikit-image, public domain)"),
    "retina": ("skimage", "data/retina.jpg", "photograph of a retina, 1411×1411 (scikit-image, CC0)"),
    "hubble": ("skimage", "data/hubble_deep_field.jpg", "galaxies, 1000×872 (scikit-image, public domain)"),
}


@dataclass
class ImageSource:
    """A picture and its pyramid (implements ``modalities.base.Source``).

    ``reductions[k]`` is (h, w, 3) uint8, the picture reduced by 2^(k · STEP); ``reductions[0]`` is the picture. What
    segments are cut from is made of them once, in the form that suits the device.
    """

    ref: SourceRef
    reductions: tuple[NDArray[np.uint8], ...]
    device: torch.device

    @cached_property
    def levels(self) -> tuple[Tensor, ...]:
        """The pyramid on the device, each level (3, h, w) float32 in [0, 1]."""
        return tuple(_planes(pixels, self.device) for pixels in self.reductions)

    @cached_property
    def packed(self) -> Packed:
        """The pyramid for the CPU's kernel."""
        from modalities.image.kernel import pack

        return pack(self.reductions)

    @property
    def width(self) -> int:
        """Pixels of the picture from left to right."""
        return int(self.reductions[0].shape[1])

    @property
    def height(self) -> int:
        """Pixels of the picture from top to bottom."""
        return int(self.reductions[0].shape[0])

    def level_of(self, scale: Array) -> NDArray[np.int64]:
        """The level to sample when one output pixel covers ``scale`` pixels of the picture."""
        level = np.rint(np.log2(np.maximum(scale, 1e-9)) / STEP)
        return np.clip(level, 0, len(self.reductions) - 1).astype(np.int64)


def sources() -> Mapping[str, str]:
    """Named pictures that are generated, or that lie inside an installed dependency, each with a description."""
    found = {name: description for name, (_, description) in GENERATORS.items()}
    return found | {name: text for name, (_, _, text) in _PACKAGED.items() if _packaged_path(name).is_file()}


def source_ref(name: str) -> SourceRef:
    """Identify a picture without decoding it: a name, ``deadleaves:7`` for another seed than 0, or a path.

    Raises:
        BadInput: when there is neither such a name nor such a file.
    """
    if generated := _generated(name):
        kind, seed = generated
        digest = hashlib.sha256(f"{kind}/{seed}/{VERSION}".encode()).hexdigest()
        return SourceRef(name, digest, GENERATORS[kind][1])
    path = _path(name)
    description = _PACKAGED[name][2] if name in _PACKAGED else f"the file {path.name}"
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    return SourceRef(name if name in _PACKAGED else path.name, digest, description)


def load_source(name: str, device: torch.device) -> ImageSource:
    """Decode or generate a picture and build its pyramid.

    Raises:
        BadInput: when it is not there or cannot be used.
    """
    return ImageSource(source_ref(name), reductions(read(name)), device)


def read(name: str) -> NDArray[np.uint8]:
    """The pixels of a named picture or of a file: (H, W, 3) RGB; turned upright as its EXIF data say, alpha dropped.

    Raises:
        BadInput: when it is not there or cannot be used.
    """
    generated = _generated(name)
    return decode(_cached(*generated) if generated else _path(name))


def decode(path: Path) -> NDArray[np.uint8]:
    """The pixels of an image file, (H, W, 3) RGB.

    Raises:
        BadInput: for a file that is empty, damaged, far too large or no image.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if path.stat().st_size == 0:
        raise BadInput(f"{path} is empty; give an image file such as a PNG or a JPEG.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with opened(path) as file:
                if file.width * file.height > LARGEST:
                    raise Image.DecompressionBombError
                picture = ImageOps.exif_transpose(file)
                if picture.mode.startswith("I") or picture.mode == "F":
                    # 16 bits per pixel: keep the high byte, which a plain conversion would clip away.
                    grey = np.nan_to_num(np.asarray(picture).astype(np.float64)) / 257
                    return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
                return np.asarray(picture.convert("RGBA" if picture.mode == "P" else "RGB"))[:, :, :3].copy()
    except Image.DecompressionBombError as error:
        raise BadInput(f"{path} has more than {LARGEST:,} pixels; reduce it before using it as a source.") from error
    except UnidentifiedImageError as error:
        raise BadInput(f"{path} is not an image that can be read; give a PNG, JPEG or similar file.") from error
    except Exception as error:  # decoders meet damage with nearly anything
        raise BadInput(
            f"{path} is damaged ({error or type(error).__name__}); replace it by an intact image file."
        ) from error


def pyramid(pixels: NDArray[np.uint8], device: torch.device) -> tuple[Tensor, ...]:
    """The picture, (H, W, 3) uint8, and its antialiased reductions, as (3, h, w) float32 in [0, 1] on the device."""
    return tuple(_planes(level, device) for level in reductions(pixels))


def _planes(pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    import torch

    return torch.from_numpy(pixels).to(device).permute(2, 0, 1).float().div_(255).contiguous()


def reductions(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """The picture, (H, W, 3), and its antialiased reductions by 2^STEP, 2^(2 · STEP) …"""
    from PIL import Image

    height, width = pixels.shape[:2]
    picture = Image.fromarray(pixels)
    depth = max(0, math.floor(math.log2(max(min(height, width) / SMALLEST, 1)) / STEP))
    levels = []
    for k in range(depth + 1):
        size = (max(1, round(width * 2 ** (-k * STEP))), max(1, round(height * 2 ** (-k * STEP))))
        levels.append(np.array(picture.resize(size, Image.Resampling.BICUBIC) if k else picture))
    return tuple(levels)


def _generated(name: str) -> tuple[str, int] | None:
    """Generator and seed that a name stands for."""
    kind, _, seed = name.partition(":")
    if kind not in GENERATORS or not (seed or "0").isdecimal():
        return None
    return kind, int(seed or 0)


def _cached(kind: str, seed: int) -> Path:
    """A generated picture as a PNG file, made at its first use."""
    from PIL import Image

    path = cache_root() / "sources" / f"{kind}-{seed}-v{VERSION}.png"
    try:
        if not path.is_file():
            with atomic_stream(path) as stream:
                remove_stale(path.parent)
                Image.fromarray(GENERATORS[kind][0](seed)).save(stream, "PNG", compress_level=1)
    except OSError as error:
        raise BadInput(
            f"the generated picture {kind}:{seed} cannot be written to {path} ({error.strerror or error}); "
            "set BENCHMARK_CACHE to a folder with room."
        ) from error
    return path


def _packaged_path(name: str) -> Path:
    """Where a packaged picture lies, whether or not it is there; the package itself is not imported."""
    package, inside, _ = _PACKAGED[name]
    spec = find_spec(package)
    folder = spec.submodule_search_locations if spec else None
    return Path(folder[0] if folder else package) / inside


def _path(name: str) -> Path:
    """The file behind a packaged name or a user's path."""
    if name in _PACKAGED:
        path = _packaged_path(name)
        if not path.is_file():
            raise BadInput(f"the installed {_PACKAGED[name][0]} carries no '{name}' picture; choose another source.")
        return path
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        raise BadInput(f"{path} is a folder; give one image file as the source.")
    if path.suffix or len(path.parts) > 1:
        raise BadInput(f"there is no file {path}; give the path of an image, or one of {', '.join(sources())}.")
    raise UnknownName("image source", name, list(sources()))
