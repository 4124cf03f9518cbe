"""Names of networks for images; what builds them is imported when one is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modalities.base import BadInput, UnknownName

if TYPE_CHECKING:
    from torch import nn

_PATTERNS = {
    "resnet-s-W": "small residual network of widths W, 2W, 4W (12 M multiply-adds at W = 32, 32 px)",
    "resnet-s-W-gn": "the same with GroupNorm",
    "cnn-W": "three convolutions of widths W, 2W, 4W",
    "wrn-D-W": "WideResNet for small images of depth D, widened W times, such as wrn-40-4",
    "resnet18": "ResNet-18 with random weights",
    "resnet50": "ResNet-50 with random weights",
    "torchvision:NAME": "torchvision's NAME with its pretrained weights (downloaded once)",
    "timm:NAME": "timm's NAME with its pretrained weights (downloaded once)",
}


def networks() -> Mapping[str, str]:
    """Name patterns, each with a line of description."""
    return _PATTERNS


def network(name: str, classes: int) -> nn.Module:
    """A network: (B, 3, S, S) in, (B, classes) logits out.

    Raises:
        UnknownName: when no pattern fits.
        BadInput: when a number in the name cannot be, or pretrained weights cannot be had.
    """
    from modalities.image import architectures as build

    library, colon, inside = name.partition(":")
    if colon and inside and library == "torchvision":
        return build.torchvision_network(inside, classes, pretrained=True)
    if colon and inside and library == "timm":
        return build.timm_network(inside, classes)
    if name in ("resnet18", "resnet50"):
        return build.torchvision_network(name, classes, pretrained=False)
    sizes = [int(number) for number in re.findall(r"-(\d+)", name)]
    if not all(0 < number <= 4096 for number in sizes):
        raise BadInput(f"{name}: depth and width of a network lie between 1 and 4096.")
    if re.fullmatch(r"resnet-s-\d+", name):
        return build.small_resnet(sizes[0], classes)
    if re.fullmatch(r"resnet-s-\d+-gn", name):
        return build.small_resnet(sizes[0], classes, build.group_norm)
    if re.fullmatch(r"cnn-\d+", name):
        return build.small_cnn(sizes[0], classes)
    if re.fullmatch(r"wrn-\d+-\d+", name):
        return build.wide_resnet(sizes[0], sizes[1], classes)
    raise UnknownName("image network", name, list(_PATTERNS))
