"""Other ways to make clips of a picture, to compare speed; never used for training."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modalities.base import Reference
from modalities.compute.draws import Array
from modalities.video.policies import VideoPolicy, VideoView

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Pixels = NDArray[np.uint8]


def references(source: str, view: VideoView, policy: VideoPolicy, device: torch.device) -> list[Reference]:
    """Return the published chain and torchvision's transforms on the same picture; both run on the CPU.

    There are none for a clip, because the published chain starts from a picture.
    """
    import torch

    from modalities.image.source import read
    from modalities.video.source import is_clip

    if is_clip(source):
        return []
    policy, picture = policy.in_effect(), read(source)
    planes = torch.from_numpy(picture).permute(2, 0, 1).contiguous()

    def published(number: int) -> Tensor:
        return published_chain(picture, view, policy, np.random.default_rng(number))

    def torchvision(number: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):  # ColorJitter draws from torch's own generator
            torch.manual_seed(number)
            return torchvision_chain(planes, view, policy, np.random.default_rng(number))

    return [
        Reference("published chain, encode and decode included", 1, published),
        Reference("torchvision.transforms.v2, per clip", 1, torchvision),
    ]


def camera_path(picture: Pixels, first: Array, last: Array, frames: int, size: int) -> Pixels:
    """Return one clip, (frames, size, size, 3) uint8: every frame is cropped from the picture and resized on its own.

    Args:
        picture: (H, W, 3) uint8.
        first, last: boxes of the first and the last frame as left, top, width, height in pixels; those between are
            linearly interpolated.
    """
    from PIL import Image

    whole = Image.fromarray(picture)
    clip = []
    for along in np.linspace(0, 1, frames):
        left, top, width, height = (first + along * (last - first)).tolist()
        box = (left, top, left + width, top + height)
        clip.append(np.asarray(whole.resize((size, size), Image.Resampling.BICUBIC, box=box)))
    return np.stack(clip)


def _boxes(whole: tuple[int, int], policy: VideoPolicy, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return boxes of the first and the last frame in one square crop of a picture of (width, height) pixels."""
    side = min(whole) * policy.crop
    corner = rng.uniform(0, np.subtract(whole, side))

    def box() -> Array:
        area = rng.uniform(policy.area_low, policy.area_high)
        ratio = np.exp(rng.uniform(-np.log(policy.aspect), np.log(policy.aspect)))
        extent = np.minimum(side * np.sqrt([area * ratio, area / ratio]), side)
        return np.concatenate([corner + rng.uniform(0, side - extent), extent])

    first = box()
    return first, first + policy.motion * (box() - first)


def clip_of_a_picture(picture: Pixels, policy: VideoPolicy, rng: np.random.Generator, frames: int, size: int) -> Pixels:
    """Return one clip by the recipe of Asano & Saeed (2023), (frames, size, size, 3) uint8, of a (H, W, 3) picture.

    An initial crop; two random-resized crops of it; linear interpolation; mirroring; colour jitter.
    """
    import torch
    from torchvision.transforms.v2 import functional

    first, last = _boxes((picture.shape[1], picture.shape[0]), policy, rng)
    clip = camera_path(picture, first, last, frames, size)
    if rng.random() < policy.flip:
        clip = clip[:, :, ::-1]
    if rng.random() < policy.jitter:
        pixels = torch.from_numpy(np.ascontiguousarray(clip)).permute(0, 3, 1, 2)
        strengths = np.array([policy.brightness, policy.contrast, policy.saturation])
        brightness, contrast, saturation = np.maximum(1 + rng.uniform(-strengths, strengths), 0).tolist()
        pixels = functional.adjust_brightness(pixels, brightness)
        pixels = functional.adjust_contrast(pixels, contrast)
        pixels = functional.adjust_saturation(pixels, saturation)
        pixels = functional.adjust_hue(pixels, rng.uniform(-policy.hue, policy.hue))
        clip = pixels.permute(0, 2, 3, 1).numpy()
    return np.ascontiguousarray(clip)


def published_chain(picture: Pixels, view: VideoView, policy: VideoPolicy, rng: np.random.Generator) -> Tensor:
    """Return one segment of a (H, W, 3) picture as published, (3, frames, size, size) float32, normalised.

    Twice the frames at 230/160 of the size are encoded into a file; from it, a training clip is decoded and cropped.
    """
    import torch

    from modalities.video.decode import decode
    from modalities.video.segments import normalise
    from modalities.video.standins import write_video

    stored = 2 * round(view.size * 115 / 160)  # even, as the codec requires
    clip = clip_of_a_picture(picture, policy, rng, 2 * view.frames, stored)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_video(path, clip, codec="libx264")
        taken = decode(path, np.arange(0, 2 * view.frames, 2))
    top, left = rng.integers(stored - view.size + 1, size=2)
    square = np.ascontiguousarray(taken[:, top : top + view.size, left : left + view.size].transpose(3, 0, 1, 2))
    return normalise(torch.from_numpy(square)[None].float() / 255, view)[0]


def torchvision_chain(picture: Tensor, view: VideoView, policy: VideoPolicy, rng: np.random.Generator) -> Tensor:
    """Return one segment of a (3, H, W) picture by torchvision.transforms.v2, (3, frames, size, size), normalised.

    Crops are antialiased, their boxes rounded to pixels, and one colour jitter serves all frames.
    """
    import torch
    from torchvision.transforms import v2
    from torchvision.transforms.v2 import functional

    first, last = _boxes((picture.shape[2], picture.shape[1]), policy, rng)
    clip = []
    for along in np.linspace(0, 1, view.frames):
        left, top, width, height = (
            np.maximum(np.rint(first + along * (last - first)), (0, 0, 1, 1)).astype(int).tolist()
        )
        clip.append(functional.resized_crop(picture, top, left, height, width, [view.size, view.size]))
    frames = torch.stack(clip)
    if rng.random() < policy.flip:
        frames = functional.horizontal_flip(frames)
    if rng.random() < policy.jitter:
        frames = v2.ColorJitter(policy.brightness, policy.contrast, policy.saturation, policy.hue)(frames)
    normalised: Tensor = functional.normalize(frames.float() / 255, list(view.mean), list(view.std))
    return normalised.transpose(0, 1)
