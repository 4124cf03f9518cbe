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
    "torchvision:NAME": "torchvision's NAME with its pretrained weights (downloaded once)",
    "timm:NAME": "timm's NAME with its pretrained weights (downloaded once)",
}
_RESNETS = ("resnet18", "resnet50")


def check_network(name: str) -> None:
    """Raise for a name that ``build_network`` cannot build, without building anything.

    Only pretrained networks other than the two ResNets import their library, whose names depend on its version.

    Raises:
        UnknownName: no pattern matches, or the library has no such network.
        BadInput: a number in the name is out of range, or the library is not installed.
    """
    library, _, inside = name.partition(":")
    if name in _RESNETS or (library == "torchvision" and inside in _RESNETS):
        return
    if inside and library in ("torchvision", "timm"):
        from modalities.image import architectures

        (architectures.check_torchvision if library == "torchvision" else architectures.check_timm)(inside)
        return
    if not re.fullmatch(r"resnet-s-\d{1,9}(-gn)?|cnn-\d{1,9}|wrn-\d{1,9}-\d{1,9}", name, re.ASCII):
        raise UnknownName("image network", name, list(NETWORKS))
    sizes = _sizes(name)
    if not all(0 < number <= 4096 for number in sizes):
        raise BadInput(f"{name}: depth and width of a network lie between 1 and 4096.")
    if name.startswith("wrn-") and (sizes[0] < 10 or (sizes[0] - 4) % 6):
        raise BadInput(f"{name}: the depth of a WideResNet is 6n + 4, such as 16, 22, 28 or 40.")


def build_network(name: str, view: ImageView, classes: int) -> nn.Module:
    """Build a network: (B, 3, S, S) in, (B, classes) logits out.

    Raises what ``check_network`` raises, and BadInput if pretrained weights are not available.
    """
    from modalities.image import architectures as build

    check_network(name)
    library, _, inside = name.partition(":")
    if library == "torchvision":
        return build.torchvision_network(inside, classes, pretrained=True)
    if library == "timm":
        return build.timm_network(inside, classes)
    if name in _RESNETS:
        return build.torchvision_network(name, classes, pretrained=False)
    sizes = _sizes(name)
    if name.startswith("cnn-"):
        return build.small_cnn(sizes[0], classes)
    if name.startswith("wrn-"):
        return build.wide_resnet(sizes[0], sizes[1], classes)
    return build.small_resnet(sizes[0], classes, *([build.group_norm] if name.endswith("-gn") else []))


def _sizes(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"-(\d+)", name)]
