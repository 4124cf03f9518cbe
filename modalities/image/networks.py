"""Names of networks for images; the code that builds them is imported on demand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modalities.errors import BadInput, UnknownName
from modalities.image.policies import ImageView

if TYPE_CHECKING:
    from torch import nn

NETWORKS = {
    "resnet-s-W": "small residual network of widths W, 2W, 4W (12 M multiply-adds at W = 32, 32 px)",
    "resnet-s-W-gn": "the same with GroupNorm",
    "cnn-W": "three convolutions of widths W, 2W, 4W",
    "wrn-D-W": "WideResNet for small images of depth D, widened W times, such as wrn-40-4",
    "resnet18": "ResNet-18 with random weights",
    "resnet50": "ResNet-50 with random weights",
    "resnet50x2": "ResNet-50 with twice as wide 3x3 convolutions (torchvision's wide_resnet50_2), random weights",
    "resnet18-cifar": "ResNet-18 for small images: a 3x3 stem without stride or pooling; also resnet34-cifar",
    "vgg11-cifar": "VGG-11 with batch norm for small images: one linear layer on the pooled features",
    "torchvision:NAME:WEIGHTS": "torchvision's NAME with pretrained weights (downloaded once), such as "
    "torchvision:resnet50:IMAGENET1K_V2; without WEIGHTS, the installed version's default",
    "timm:NAME": "timm's NAME with its pretrained weights (downloaded once)",
}
_FIXED = {  # name → torchvision's
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "resnet50x2": "wide_resnet50_2",
    "resnet18-cifar": "resnet18",
    "resnet34-cifar": "resnet34",
    "vgg11-cifar": "vgg11_bn",
}
_KNOWN = ("resnet18:IMAGENET1K_V1", "resnet50:IMAGENET1K_V1", "resnet50:IMAGENET1K_V2")  # of torchvision


def check_network(name: str) -> str:
    """Return the full name of a network, with its weights, if ``build_network`` can build it; nothing is built.

    Only pretrained networks other than ``_KNOWN`` import their library, whose names depend on its version.

    Raises:
        UnknownName: no pattern matches, or the library has no such network.
        BadInput: a number in the name is out of range, or the library is not installed.
    """
    library, _, inside = name.partition(":")
    if name in _FIXED or (library == "torchvision" and inside in _KNOWN):
        return name
    if inside and library in ("torchvision", "timm"):
        from modalities.image import pretrained

        full = pretrained.full_torchvision_name if library == "torchvision" else pretrained.full_timm_name
        return f"{library}:{full(inside)}"
    if not re.fullmatch(r"resnet-s-\d{1,9}(-gn)?|cnn-\d{1,9}|wrn-\d{1,9}-\d{1,9}", name, re.ASCII):
        raise UnknownName("image network", name, list(NETWORKS))
    sizes = _sizes(name)
    if not all(0 < number <= 4096 for number in sizes):
        raise BadInput(f"{name}: depth and width of a network lie between 1 and 4096.")
    if name.startswith("wrn-") and (sizes[0] < 10 or (sizes[0] - 4) % 6):
        raise BadInput(f"{name}: the depth of a WideResNet is 6n + 4, such as 16, 22, 28 or 40.")
    return name


def build_network(name: str, view: ImageView, classes: int) -> nn.Module:
    """Build a network: (B, 3, S, S) in, (B, classes) logits out.

    Raises what ``check_network`` raises, and BadInput if pretrained weights are not available or were trained for
    inputs that the view does not make.
    """
    from modalities.image import architectures as build
    from modalities.image import pretrained

    library, _, inside = check_network(name).partition(":")
    if library == "torchvision":
        return pretrained.torchvision_network(inside, view, classes)
    if library == "timm":
        return pretrained.timm_network(inside, view, classes)
    if name in _FIXED:
        return build.torchvision_network(_FIXED[name], classes, small_images=name.endswith("-cifar"))
    sizes = _sizes(name)
    if name.startswith("cnn-"):
        return build.small_cnn(sizes[0], classes)
    if name.startswith("wrn-"):
        return build.wide_resnet(sizes[0], sizes[1], classes)
    return build.small_resnet(sizes[0], classes, *([build.group_norm] if name.endswith("-gn") else []))


def _sizes(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"-(\d+)", name)]
