"""Networks for log-mel spectrograms by name; torch is imported only to build one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modalities.audio.policies import AudioView
from modalities.errors import UnknownName

if TYPE_CHECKING:
    from torch import nn

NETWORKS = {
    "conv4-W": "four 3x3 convolutions of W, 2W, 4W and 4W channels with batch norm and pooling, e.g. conv4-16",
    "resnet-a-W": "residual network of W, 2W and 4W channels, two blocks each, on a strided stem, e.g. resnet-a-16",
}


def check_network(name: str) -> str:
    """Return the name. Raise UnknownName unless it matches a pattern of ``NETWORKS``."""
    _family_and_width(name)
    return name


def build_network(name: str, view: AudioView, classes: int) -> nn.Module:
    """Return a network with random weights: (B, 1, mels, frames) in, (B, classes) logits out. Raises UnknownName."""
    family, width = _family_and_width(name)
    from modalities.audio.architectures import conv4, resnet

    return {"conv4": conv4, "resnet-a": resnet}[family](width, classes)


def _family_and_width(name: str) -> tuple[str, int]:
    match = re.fullmatch(r"(conv4|resnet-a)-([1-9]\d{0,3})", name, re.ASCII)
    if match is None:
        raise UnknownName("audio network", name, [pattern.replace("W", "16") for pattern in NETWORKS])
    return match[1], int(match[2])
