"""Small convolutional networks for log-mel spectrograms."""

from __future__ import annotations

from torch import Tensor, nn


def _convolution(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)]


def conv4(width: int, classes: int) -> nn.Module:
    """Four convolutions, each halving both axes, then the average over time and bands."""
    widths = (width, 2 * width, 4 * width, 4 * width)
    layers: list[nn.Module] = []
    for inputs, outputs in zip((1, *widths), widths, strict=False):
        layers += [*_convolution(inputs, outputs), nn.ReLU(inplace=True), nn.MaxPool2d(2, ceil_mode=True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], classes))


class Residual(nn.Module):
    """Basic block of He et al. (CVPR 2016, figure 5 left)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(inputs, outputs, stride), nn.ReLU(inplace=True), *_convolution(outputs, outputs)
        )
        same = inputs == outputs and stride == 1
        self.skip = nn.Identity() if same else nn.Sequential(*_convolution(inputs, outputs, stride, size=1))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.body(x) + self.skip(x))


def resnet(width: int, classes: int) -> nn.Module:
    """Six residual blocks behind a stem that halves both axes."""
    blocks: list[nn.Module] = []
    for inputs, outputs, stride in ((width, width, 1), (width, 2 * width, 2), (2 * width, 4 * width, 2)):
        blocks += [Residual(inputs, outputs, stride), Residual(outputs, outputs, 1)]
    stem = [*_convolution(1, width, stride=2, size=5), nn.ReLU(inplace=True)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, classes))
