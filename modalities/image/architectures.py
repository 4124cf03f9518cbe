"""Networks for images with random weights: small residual networks, WideResNets, and torchvision's."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]


def group_norm(width: int) -> nn.Module:
    """Return GroupNorm over groups of 8 channels, or over all channels if 8 does not divide their number."""
    return nn.GroupNorm(width // 8 if width % 8 == 0 else 1, width)


def _conv(wide_in: int, wide_out: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(wide_in, wide_out, kernel, stride, kernel // 2, bias=False)


class PlainBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut, normalised before the ReLU (He et al., CVPR 2016)."""

    def __init__(self, wide_in: int, wide_out: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.first, self.norm1 = _conv(wide_in, wide_out, stride=stride), norm(wide_out)
        self.second, self.norm2 = _conv(wide_out, wide_out), norm(wide_out)
        same = stride == 1 and wide_in == wide_out
        self.shortcut = nn.Identity() if same else nn.Sequential(_conv(wide_in, wide_out, 1, stride), norm(wide_out))

    def forward(self, x: Tensor) -> Tensor:
        out = self.norm2(self.second(F.relu(self.norm1(self.first(x)))))
        return F.relu(out + self.shortcut(x))


def small_resnet(width: int, classes: int, norm: Norm = nn.BatchNorm2d) -> nn.Module:
    """A stride-2 stem and three residual blocks of widths W, 2W, 4W: 12 million multiply-adds at W = 32, 32 px."""
    return nn.Sequential(
        _conv(3, width, stride=2), norm(width), nn.ReLU(),
        PlainBlock(width, width, 1, norm),
        PlainBlock(width, 2 * width, 2, norm),
        PlainBlock(2 * width, 4 * width, 2, norm),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, classes),
    )  # fmt: skip


def small_cnn(width: int, classes: int) -> nn.Module:
    """Three strided convolutions of widths W, 2W, 4W: the smallest network worth training."""
    layers: list[nn.Module] = []
    for wide_in, wide_out in ((3, width), (width, 2 * width), (2 * width, 4 * width)):
        layers += [_conv(wide_in, wide_out, stride=2), nn.BatchNorm2d(wide_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, classes))


class WideBlock(nn.Module):
    """Pre-activation block of a WideResNet; if widths differ, the shortcut starts after the first activation."""

    def __init__(self, wide_in: int, wide_out: int, stride: int) -> None:
        super().__init__()
        self.norm1, self.first = nn.BatchNorm2d(wide_in), _conv(wide_in, wide_out, stride=stride)
        self.norm2, self.second = nn.BatchNorm2d(wide_out), _conv(wide_out, wide_out)
        self.shortcut = None if wide_in == wide_out else _conv(wide_in, wide_out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.norm1(x))
        out = self.second(F.relu(self.norm2(self.first(active))))
        short: Tensor = x if self.shortcut is None else self.shortcut(active)
        added: Tensor = out + short
        return added


def wide_resnet(depth: int, widen: int, classes: int) -> nn.Module:
    """WideResNet for small images (Zagoruyko & Komodakis, BMVC 2016): three groups of (depth − 4) / 6 blocks."""
    widths = (16, 16 * widen, 32 * widen, 64 * widen)
    layers: list[nn.Module] = [_conv(3, 16)]
    for group in range(3):
        for block in range((depth - 4) // 6):
            wide_in = widths[group] if block == 0 else widths[group + 1]
            layers.append(WideBlock(wide_in, widths[group + 1], 2 if block == 0 and group else 1))
    layers += [nn.BatchNorm2d(widths[3]), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    linear = nn.Linear(widths[3], classes)
    nn.init.zeros_(linear.bias)
    network = nn.Sequential(*layers, linear)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network


def torchvision_network(name: str, classes: int, *, small_images: bool = False) -> nn.Module:
    """Build a torchvision classifier with random weights.

    For small images, a ResNet's stem is a 3×3 convolution without stride and pooling (He et al., CVPR 2016, section
    4.2), and a VGG has one linear layer on features that are pooled to a single pixel.
    """
    from torchvision import models

    network: nn.Module = models.get_model(name, num_classes=classes)
    if small_images and isinstance(network, models.ResNet):
        network.conv1, network.maxpool = _conv(3, 64), nn.Identity()
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    elif small_images and isinstance(network, models.VGG):
        network.avgpool, network.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(512, classes)
    return network
