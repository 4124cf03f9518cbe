"""The one picture that a student learns from: named, generated or the user's file; decoded once, held as a pyramid."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.assembly.generators import Generated, parse
from modalities.assembly.pieces import not_flat
from modalities.base import SourceRef
from modalities.compute.draws import Array
from modalities.errors import BadInput, UnknownName
from modalities.image.decode import decode_image
from modalities.image.generated_sources import GENERATORS, VERSION
from modalities.image.policies import ImageView
from modalities.storage.atomic import atomic_stream
from modalities.storage.cleanup import remove_stale
from modalities.storage.digest import file_sha256
from modalities.storage.paths import cache_root, user_path

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from modalities.image.kernel import Packed

STEP = 0.25  # octaves between the levels of a pyramid
SMALLEST = 4  # pixels of the shorter side of the last level
BYTES_PER_RAW_BYTE = 13  # that a source of several items holds in memory: all levels, in bytes and in 64-bit words
MIN_CONTRAST = 8  # of 255, between the darkest and the brightest value; 8 bits in a file of 16 have one

_PACKAGED = {
    "china": ("sklearn", "datasets/images/china.jpg", "photograph of a temple, 640×427 (scikit-learn, CC BY)"),
    "flower": ("sklearn", "datasets/images/flower.jpg", "photograph of a flower, 640×427 (scikit-learn, CC BY)"),
    "astronaut": ("skimage", "data/astronaut.png", "portrait, 512×512 (scikit-image, public domain)"),
    "chelsea": ("skimage", "data/chelsea.png", "photograph of a cat, 451×300 (scikit-image, CC0)"),
    "coffee": ("skimage", "data/coffee.png", "photograph of a cup, 600×400 (scikit-image, CC0)"),
    "hopper": (
        "matplotlib",
        "mpl-data/sample_data/grace_hopper.jpg",
        "portrait of Grace Hopper, 512×600 (Matplotlib, public domain)",
    ),
    "rocket": ("skimage", "data/rocket.jpg", "photograph of a rocket, 640×427 (scikit-image, public domain)"),
    "retina": ("skimage", "data/retina.jpg", "photograph of a retina, 1411×1411 (scikit-image, CC0)"),
    "hubble": ("skimage", "data/hubble_deep_field.jpg", "galaxies, 1000×872 (scikit-image, public domain)"),
}


def _packaged_path(name: str) -> Path:
    """Return the path of a packaged picture, whether or not it exists, without importing the package."""
    package, inside, _ = _PACKAGED[name]
    spec = find_spec(package)
    folder = spec.submodule_search_locations if spec else None
    return Path(folder[0] if folder else package) / inside


# Names, each with a one-line description: generated pictures, and those that installed dependencies include.
SOURCES: Mapping[str, str] = {
    **{name: generator.description for name, generator in GENERATORS.items()},
    **{name: text for name, (_, _, text) in _PACKAGED.items() if _packaged_path(name).is_file()},
}


@dataclass
class ImageSource:
    """A picture, or several of one size, and their pyramid (implements ``modalities.base.Source``).

    ``reductions[k]`` is (items · h, w, 3) uint8: the pictures, one below the other, each reduced by 2^(k · STEP);
    ``reductions[0]`` has the pictures themselves. They are converted once into the form from which the device cuts
    segments.
    """

    ref: SourceRef
    reductions: tuple[NDArray[np.uint8], ...]
    device: torch.device
    items: int = 1

    def __post_init__(self) -> None:
        self.height, self.width = self.reductions[0].shape[0] // self.items, self.reductions[0].shape[1]

    @cached_property
    def levels(self) -> tuple[Tensor, ...]:
        """The pyramid on the device, each level (3, items · h, w) float32 in [0, 1]."""
        return planes(self.reductions, self.device)

    @cached_property
    def packed(self) -> Packed:
        """The pyramid for the CPU's kernel."""
        from modalities.image.kernel import pack

        return pack(self.reductions, self.items)

    def levels_of(self, affine: Array) -> NDArray[np.int64]:
        """Return the levels to sample: a segment's pixel covers |det| picture pixels, as large as one of that level."""
        area = np.abs(affine[:, 0, 0] * affine[:, 1, 1] - affine[:, 0, 1] * affine[:, 1, 0])
        level = np.rint(np.log2(np.maximum(np.sqrt(area), 1e-9)) / STEP)
        return np.clip(level, 0, len(self.reductions) - 1).astype(np.int64)


def source_ref(name: str) -> SourceRef:
    """Identify a picture without decoding it: a name, ``deadleaves:7`` for another seed than 0, or a path.

    Parameters of a generated one follow the seed, if there is one: ``deadleaves:7,shapes=200,colour=grey``.

    Raises BadInput if neither such a source nor such a file exists.
    """
    if generated := parse(name, GENERATORS):
        identity, description = f"{generated.kind}/{generated.seed}/{VERSION}", GENERATORS[generated.kind].description
        if generated.changed:
            identity, description = f"{identity}/{generated.settings}", f"{description}, {generated.settings}"
        return SourceRef(generated.name, hashlib.sha256(identity.encode()).hexdigest(), description)
    path = _path(name)
    description = _PACKAGED[name][2] if name in _PACKAGED else f"the file {path.name}"
    return SourceRef(name if name in _PACKAGED else path.name, file_sha256(path), description)


def load_source(name: str, view: ImageView, device: torch.device) -> ImageSource:
    """Decode or generate a picture and build its pyramid. Raises BadInput if it does not exist or cannot be used."""
    return ImageSource(source_ref(name), reductions(read(name)), device)


def source_of_items(pieces: Tensor, ref: SourceRef, view: ImageView, device: torch.device) -> ImageSource:
    """Return a source of labelled pictures, (n, 3, H, W) uint8, without flat ones. Raises BadInput if all are."""
    pictures = not_flat(pieces, MIN_CONTRAST, ref.name).permute(0, 2, 3, 1).contiguous().numpy()
    levels = zip(*map(reductions, pictures), strict=True)
    return ImageSource(ref, tuple(map(np.concatenate, levels)), device, len(pictures))


def read(name: str) -> NDArray[np.uint8]:
    """Return the pixels of a named picture or of a file: (H, W, 3) RGB, upright by its EXIF data, without alpha.

    Raises BadInput if the picture does not exist, cannot be decoded, or is flat: nothing can be learned from it.
    """
    generated = parse(name, GENERATORS)
    path = _cached(generated) if generated else _path(name)
    pixels = decode_image(path, "give an intact image file, such as a PNG or a JPEG")
    check_contrast(pixels, path)
    return pixels


def check_contrast(pixels: NDArray[np.uint8], path: Path) -> None:
    """Raise BadInput if pixels, (…, H, W, 3), are flat: no channel has values that are MIN_CONTRAST apart."""
    spread = int(np.ptp(pixels.reshape(-1, 3), axis=0).max())
    if spread < MIN_CONTRAST:
        raise BadInput(f"{path} is flat, its values differ by {spread} of 255 at most; give one that shows something.")


def planes(levels: Iterable[NDArray[np.uint8]], device: torch.device) -> tuple[Tensor, ...]:
    """Return pictures, each (h, w, 3) uint8, as (3, h, w) float32 in [0, 1] on the device."""
    import torch

    on_device = (torch.from_numpy(level).to(device) for level in levels)
    return tuple(level.permute(2, 0, 1).float().div_(255).contiguous() for level in on_device)


def reductions(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """Return the picture, (H, W, 3), and its antialiased reductions by 2^STEP, 2^(2 · STEP) …"""
    from PIL import Image

    height, width = pixels.shape[:2]
    picture = Image.fromarray(pixels)
    depth = max(0, math.floor(math.log2(max(min(height, width) / SMALLEST, 1)) / STEP))
    levels = []
    for k in range(depth + 1):
        size = (max(1, round(width * 2 ** (-k * STEP))), max(1, round(height * 2 ** (-k * STEP))))
        levels.append(np.array(picture.resize(size, Image.Resampling.BICUBIC) if k else picture))
    return tuple(levels)


def _cached(source: Generated) -> Path:
    """Return a generated picture as a PNG file, written at its first use."""
    from PIL import Image

    settings = f"-{source.settings}" if source.changed else ""
    path = cache_root() / "sources" / f"{source.kind}-{source.seed}{settings}-v{VERSION}.png"
    try:
        if not path.is_file():
            with atomic_stream(path) as stream:
                remove_stale(path.parent)
                pixels = GENERATORS[source.kind].make(source.seed, **source.changed)
                Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    except OSError as error:
        raise BadInput(
            f"the generated picture {source.kind}:{source.seed} cannot be written to {path} "
            f"({error.strerror or error}); set BENCHMARK_CACHE to a folder with free space."
        ) from error
    return path


def _path(name: str) -> Path:
    """Return the file behind a packaged name or a user's path."""
    if name in _PACKAGED:
        path = _packaged_path(name)
        if not path.is_file():
            raise BadInput(f"the installed {_PACKAGED[name][0]} does not include '{name}'; choose another source.")
        return path
    path = user_path(name)
    if path.is_file():
        return path
    if path.is_dir():
        raise BadInput(f"{path} is a folder; give one image file as the source.")
    if path.suffix or len(path.parts) > 1:
        raise BadInput(f"there is no file {path}; give the path of an image, or one of {', '.join(SOURCES)}.")
    raise UnknownName("image source", name, list(SOURCES))
