"""Networks for clips by name; torch is imported only to build one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from modalities.errors import BadInput, UnknownName
from modalities.video.policies import VideoView

if TYPE_CHECKING:
    from torch import nn

NETWORKS: Mapping[str, str] = MappingProxyType(
    {
        "x3d-xs": "X3D-XS (width factor 2, depth factor 2.2; Feichtenhofer 2020)",
        "x3d-xs:pretrained": "X3D-XS with pytorchvideo's weights of Kinetics-400; a new last layer for other counts",
        "x3d-wW-dD": "X3D with width factor W and depth factor D; x3d-w5-d3 is the published student",
        "r2plus1d-W": "three stages of (2+1)-dimensional convolutions, W channels in the first (Tran 2018); small",
        "early-W": "the first convolution spans all frames, then residual stages of W, 2W, 4W channels; fastest",
    }
)

MAX_FACTOR = 4096  # width or depth
_NUMBER = r"\d+(?:\.\d+)?"
_PATTERNS = ("x3d-xs", "x3d-xs:pretrained", f"x3d-w{_NUMBER}-d{_NUMBER}", r"r2plus1d-\d+", r"early-\d+")


def check_network(name: str) -> str:
    """Return the name.

    Raises UnknownName unless it matches a pattern of ``NETWORKS``, and BadInput for a number out of range.
    """
    if not any(re.fullmatch(pattern, name, re.ASCII) for pattern in _PATTERNS):
        raise UnknownName("video network", name, list(NETWORKS))
    numbers = re.findall(rf"-[wd]?({_NUMBER})", name)
    if not all(0 < float(number) <= MAX_FACTOR for number in numbers):
        raise BadInput(f"{name}: width and depth of a network must be above 0 and at most {MAX_FACTOR}.")
    return name


def build_network(name: str, view: VideoView, classes: int) -> nn.Module:
    """Return a network: (B, *view.shape) in, (B, classes) logits out. Raises what ``check_network`` raises."""
    check_network(name)
    from modalities.video.architectures import early_fusion, pretrained_x3d, r2plus1d, x3d

    if name == "x3d-xs:pretrained":
        return pretrained_x3d(view, classes)
    if name == "x3d-xs":
        return x3d(view, classes)
    if match := re.fullmatch(r"x3d-w(.+)-d(.+)", name):
        return x3d(view, classes, width=float(match[1]), depth=float(match[2]))
    family, _, width = name.rpartition("-")
    if family == "r2plus1d":
        return r2plus1d(int(width), classes)
    return early_fusion(int(width), view.frames, classes)
