"""Other libraries' ways to cut segments out of a picture, compared with ours in speed and quality; never trained on."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modalities.base import Reference
from modalities.image.geometry import Geometry, canvas
from modalities.image.policies import ImagePolicy, ImageView
from modalities.image.source import read

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor

V2_BATCH, KORNIA_BATCH, CHAIN_SEGMENTS, ALBUMENTATIONS_SEGMENTS = 64, 32, 20, 20


def references(source: str, view: ImageView, policy: ImagePolicy, device: torch.device) -> list[Reference]:
    """Return the published chain, and the nearest of torchvision's transforms v2, kornia and albumentations."""
    import torch
    from PIL import Image

    policy, pixels = policy.in_effect(), read(source)
    picture, shorter_side = Image.fromarray(pixels), min(pixels.shape[:2])
    planes = torch.from_numpy(pixels).to(device).permute(2, 0, 1).contiguous()
    single, shared = published_chain(view, policy, shorter_side), _transforms_v2(view, policy, shorter_side)
    found = [
        Reference(
            "published chain in PIL and torchvision, one picture at a time", CHAIN_SEGMENTS,
            lambda number: [single(picture) for _ in range(CHAIN_SEGMENTS)],
        ),
        Reference(
            "torchvision.transforms.v2, a batch with shared parameters", V2_BATCH,
            lambda number: shared(planes.expand(V2_BATCH, -1, -1, -1)),
        ),
    ]  # fmt: skip
    share = shorter_side**2 / (picture.width * picture.height)
    return [
        *found,
        Reference("kornia, a batch", KORNIA_BATCH, _kornia(planes, view, policy, share)),
        Reference(
            "albumentations, one picture at a time", ALBUMENTATIONS_SEGMENTS, _albumentations(pixels, view, policy)
        ),
    ]


def _transforms_v2(view: ImageView, policy: ImagePolicy, shorter_side: int) -> Callable[[Tensor], Tensor]:
    """All segments of a batch share ONE draw of every parameter: faster than is fair, and not a substitute."""
    import torch
    from torchvision.transforms import v2

    square = max(1, round(policy.initial_crop * shorter_side))
    chain: Callable[[Tensor], Tensor] = v2.Compose([
        v2.RandomCrop(square),
        v2.RandomResizedCrop(
            canvas(view.size), scale=(policy.area_low, policy.area_high), ratio=(1 / policy.aspect, policy.aspect)
        ),
        v2.ToDtype(torch.float32, scale=True),
        v2.RandomAffine(policy.rotation, shear=policy.shear, interpolation=v2.InterpolationMode.BILINEAR),
        v2.CenterCrop(view.size),
        v2.RandomApply(
            [v2.ColorJitter(policy.brightness, policy.contrast, policy.saturation, policy.hue)], policy.jitter
        ),
        v2.RandomHorizontalFlip(policy.flip),
        v2.Normalize(list(view.mean), list(view.std)),
    ])  # fmt: skip
    return chain


def _kornia(planes: Tensor, view: ImageView, policy: ImagePolicy, square: float) -> Callable[[int], Tensor] | None:
    """Crops are drawn from the whole picture at the same sizes, without the initial crop, which would make kornia copy
    half the picture for every segment. Its crop is not antialiased. ``square`` is the area of the picture's largest
    square, as a share of the picture."""
    if not find_spec("kornia"):
        return None
    import torch
    from kornia import augmentation as K

    side, share = canvas(view.size), policy.initial_crop**2 * square
    shear = (-policy.shear, policy.shear, 0.0, 0.0)
    chain = torch.nn.Sequential(
        K.RandomResizedCrop(
            (side, side), scale=(policy.area_low * share, policy.area_high * share),
            ratio=(1 / policy.aspect, policy.aspect), resample="BILINEAR", cropping_mode="resample", p=1.0,
        ),
        K.RandomAffine(policy.rotation, shear=shear, resample="BILINEAR", p=1.0),
        K.CenterCrop(view.size),
        K.ColorJitter(policy.brightness, policy.contrast, policy.saturation, policy.hue, p=policy.jitter),
        K.RandomHorizontalFlip(p=policy.flip),
        K.Normalize(torch.tensor(np.array(view.mean)), torch.tensor(np.array(view.std))),
    ).to(planes.device)  # fmt: skip
    batch = planes.float().div(255).expand(KORNIA_BATCH, -1, -1, -1)
    return lambda number: chain(batch)


def _albumentations(
    pixels: NDArray[np.uint8], view: ImageView, policy: ImagePolicy
) -> Callable[[int], list[Tensor]] | None:
    """The published chain in OpenCV, on the CPU."""
    if not find_spec("albumentations"):
        return None
    import torch

    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else its import asks the network for newer versions
    import albumentations as A
    import cv2
    from albumentations.pytorch import ToTensorV2

    cv2.setNumThreads(torch.get_num_threads())
    size, square = view.size, max(1, round(policy.initial_crop * min(pixels.shape[:2])))
    shape: dict[str, Any] = {"ratio": (1 / policy.aspect, policy.aspect), "interpolation": cv2.INTER_CUBIC}
    side, turn, shear = canvas(size), policy.rotation, policy.shear
    steps: list[Any] = [
        A.RandomCrop(square, square),
        A.RandomResizedCrop((side, side), scale=(policy.area_low, policy.area_high), **shape),
        A.Affine(rotate=(-turn, turn), shear={"x": (-shear, shear), "y": (0.0, 0.0)}, p=1.0),
        A.CenterCrop(size, size),
    ]
    if policy.recrop_low < 1:
        steps.append(A.RandomResizedCrop((size, size), scale=(policy.recrop_low, 1.0), **shape))
    brightness, contrast, saturation = (
        (max(0.0, 1 - reach), 1 + reach) for reach in (policy.brightness, policy.contrast, policy.saturation)
    )
    steps.append(A.ColorJitter(brightness, contrast, saturation, (-policy.hue, policy.hue), p=policy.jitter))
    steps += [A.ToGray(p=policy.grey), A.Solarize(p=policy.solarize), A.HorizontalFlip(p=policy.flip)]
    if reach := round(policy.shift * size):
        steps += [A.Pad(reach), A.RandomCrop(size, size)]
    if policy.blur > 0:
        kernel = 2 * max(round(0.15 * size), 1) + 1
        sigmas = (policy.blur_low * size, policy.blur_high * size)
        steps.append(A.GaussianBlur((kernel, kernel), sigmas, p=policy.blur))
    chain = A.Compose([*steps, A.Normalize(view.mean, view.std), ToTensorV2()])
    return lambda number: [chain(image=pixels)["image"] for _ in range(ALBUMENTATIONS_SEGMENTS)]


def published_chain(view: ImageView, policy: ImagePolicy, shorter_side: int) -> Callable[[Image], Tensor]:
    """Return a function: picture → one normalised random segment (3, size, size), as published, without JPEG.

    torchvision draws the parameters from torch's global generator. The shift pads with zeros, as published.
    """
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
    chain: Callable[[Image], Tensor] = T.Compose([*steps, T.ToTensor(), T.Normalize(view.mean, view.std)])
    return chain


def published_geometry(picture: Image, place: Geometry, index: int, size: int) -> tuple[Image, NDArray[np.bool_]]:
    """Cut one segment with given parameters by PIL's bicubic resize and torchvision's bilinear affine.

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
