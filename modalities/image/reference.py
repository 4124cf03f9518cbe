"""The published chain in PIL and torchvision: what segments are compared with, for quality and for speed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modalities.image.geometry import Geometry, canvas
from modalities.image.options import ImagePolicy, ImageView

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


def published_chain(view: ImageView, policy: ImagePolicy, shorter_side: int) -> Callable[[Image], Tensor]:
    """Picture in memory → one normalised random segment (3, size, size), step by step as published, without JPEG.

    torchvision draws the parameters from torch's global generator. The shift pads with zeros, as published.
    """
    import torch
    from torchvision import transforms as T
    from torchvision.transforms import InterpolationMode

    size, square = view.size, max(1, round(policy.initial_crop * shorter_side))
    shape = {"ratio": (1 / policy.aspect, policy.aspect), "interpolation": InterpolationMode.BICUBIC}
    steps: list[Callable[[Any], Any]] = [
        T.RandomCrop(square),
        T.RandomResizedCrop(canvas(size), scale=(policy.area_low, policy.area_high), **shape),
        T.RandomAffine(policy.rotation, shear=policy.shear, interpolation=InterpolationMode.BILINEAR),
        T.CenterCrop(size),
    ]
    if policy.recrop_low < 1:
        steps.append(T.RandomResizedCrop(size, scale=(policy.recrop_low, 1.0), **shape))
    jitter = T.ColorJitter(policy.brightness, policy.contrast, policy.saturation, policy.hue)
    steps += [T.RandomApply([jitter], policy.jitter), T.RandomGrayscale(policy.grey)]
    steps += [T.RandomSolarize(128, policy.solarize), T.RandomHorizontalFlip(policy.flip)]
    if reach := round(policy.shift * size):
        steps.append(T.RandomCrop(size, padding=reach))
    if policy.blur > 0:
        kernel = 2 * max(round(0.15 * size), 1) + 1
        blur = T.GaussianBlur(kernel, (policy.blur_low * size, policy.blur_high * size))
        steps.append(T.RandomApply([blur], policy.blur))
    chain = T.Compose([*steps, T.ToTensor(), T.Normalize(view.mean, view.std)])

    def segment(picture: Image) -> Tensor:
        out = chain(picture)
        assert isinstance(out, torch.Tensor)
        return out

    return segment


def published_geometry(picture: Image, place: Geometry, index: int, size: int) -> tuple[Image, NDArray[np.bool_]]:
    """One segment's geometry with given parameters, by PIL's bicubic resize and torchvision's bilinear affine.

    Returns:
        The segment, and a mask (size, size) of its pixels that lie inside the crop rectangle with all neighbours:
        elsewhere the published chain is black. A second crop (``recrop``) is not part of it.
    """
    from PIL import Image as images
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as F

    left, top, wide, high = place.box[index]
    side = canvas(size)
    patch = picture.resize((side, side), images.Resampling.BICUBIC, box=(left, top, left + wide, top + high))
    degrees = {"angle": math.degrees(place.angle[index]), "shear": [math.degrees(place.shear[index]), 0.0]}

    def finish(image: Image) -> Image:
        turned = F.affine(image, **degrees, translate=[0, 0], scale=1.0, interpolation=InterpolationMode.BILINEAR)
        out = F.center_crop(turned, [size, size])
        out = F.hflip(out) if place.flip[index] else out
        x, y = (int(shift) for shift in place.shift[index])
        moved: Image = out.transform(out.size, images.Transform.AFFINE, (1, 0, -x, 0, 1, -y))
        return moved

    inside = np.zeros((side, side), np.uint8)
    inside[1:-1, 1:-1] = 255
    return finish(patch), np.asarray(finish(images.fromarray(inside))) == 255
