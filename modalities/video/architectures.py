"""Networks for clips: X3D at any width and depth, and two small families that learn motion on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

from torch import Tensor, hub, nn

from modalities.datasets.lists import lines
from modalities.errors import BadInput
from modalities.video.policies import VideoView

KINETICS_LABELS = Path(__file__).parent / "targets" / "_kinetics400_classes.txt"
KINETICS_CLASSES = 400


def x3d(view: VideoView, classes: int, *, width: float = 2.0, depth: float = 2.2) -> nn.Module:
    """X3D (arXiv 2004.04730) from pytorchvideo, with logits out and without dropout.

    Without dropout, because a student cannot overfit to endless segments. The head pools an input of any size.
    """
    from pytorchvideo.models.x3d import create_x3d

    return create_x3d(  # type: ignore[no-any-return]
        model_num_class=classes,
        input_clip_length=view.frames,
        input_crop_size=max(view.size, 32),
        width_factor=width,
        depth_factor=depth,
        dropout_rate=0.0,
        inner_act=nn.SiLU,  # the same function as pytorchvideo's Swish, without its deprecated call
        head_activation=None,
    )


def pretrained_x3d(view: VideoView, classes: int) -> nn.Module:
    """X3D-XS with the weights of pytorchvideo's model zoo, trained on Kinetics-400: 4 frames of 160 pixels.

    Its outputs are the 400 classes in the order of their sorted names, as the kinetics_classnames.json that comes with
    the zoo says. Raises BadInput for a view of other inputs, or if the weights cannot be downloaded.
    """
    from pytorchvideo.models.hub.x3d import checkpoint_paths

    _check_view(view, VideoView(), keeps_head=classes == KINETICS_CLASSES)
    url = checkpoint_paths["x3d_xs"]
    network = x3d(view, KINETICS_CLASSES)
    try:
        weights = hub.load_state_dict_from_url(url, map_location="cpu", weights_only=True)
    except (URLError, OSError) as error:
        raise BadInput(
            f"the weights of x3d-xs:pretrained cannot be downloaded ({error}); download {url} on another machine "
            f"and put it into {hub.get_dir()}/checkpoints."
        ) from error
    network.load_state_dict(weights["model_state"])
    if classes == KINETICS_CLASSES:
        network.labels = tuple(lines(KINETICS_LABELS))  # type: ignore[assignment]  # see Modality.network
    else:
        head: Any = network.blocks[-1]  # type: ignore[index]
        head.proj = nn.Linear(head.proj.in_features, classes)
    return network


def _check_view(view: VideoView, made_for: VideoView, *, keeps_head: bool) -> None:
    """Raise BadInput if the view normalises otherwise, or if weights that are used as they are saw other clips."""
    for key in ("mean", "std", "frames", "size") if keeps_head else ("mean", "std"):
        wanted = getattr(made_for, key)
        if getattr(view, key) != wanted:
            setting = f"'view.{key}={list(wanted)}'" if isinstance(wanted, tuple) else f"view.{key}={wanted}"
            raise BadInput(
                f"the weights of x3d-xs:pretrained were trained on other clips than view.{key}={getattr(view, key)}; "
                f"set {setting}."
            )


def _convolution(inputs: int, outputs: int, kernel: Any, stride: Any = 1) -> nn.Module:
    convolve: Callable[..., nn.Module] = nn.Conv3d if len(kernel) == 3 else nn.Conv2d
    norm: Callable[[int], nn.Module] = nn.BatchNorm3d if len(kernel) == 3 else nn.BatchNorm2d
    padding = tuple(size // 2 for size in kernel)
    return nn.Sequential(
        convolve(inputs, outputs, kernel, stride, padding, bias=False), norm(outputs), nn.ReLU(inplace=True)
    )


def r2plus1d(width: int, classes: int) -> nn.Module:
    """Spatial convolutions with stride 2, each followed by one over time (arXiv 1711.11248)."""
    layers: list[nn.Module] = []
    inputs = 3
    for outputs in (width, 2 * width, 4 * width):
        layers.append(_convolution(inputs, outputs, (1, 3, 3) if layers else (1, 5, 5), (1, 2, 2)))
        layers.append(_convolution(outputs, outputs, (3, 1, 1)))
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(inputs, classes))


class Residual(nn.Module):
    """Two 3×3 convolutions beside an identity (arXiv 1512.03385)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(channels, channels, (3, 3)),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return nn.functional.relu(inputs + self.body(inputs))


def early_fusion(width: int, frames: int, classes: int) -> nn.Module:
    """Early fusion (Karpathy et al., CVPR 2014): frames become channels, and the rest is a residual picture network."""
    return nn.Sequential(
        nn.Flatten(1, 2),
        _convolution(3 * frames, width, (5, 5), 2),
        _convolution(width, 2 * width, (3, 3), 2),
        Residual(2 * width),
        _convolution(2 * width, 4 * width, (3, 3), 2),
        Residual(4 * width),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, classes),
    )
