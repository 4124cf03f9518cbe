"""Pretrained networks for images: torchvision's and timm's, with inputs and classes as their weights expect them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import nn

from modalities.datasets.lists import lines
from modalities.errors import BadInput, UnknownName
from modalities.image.policies import ImageView

WNIDS = Path(__file__).parent / "targets" / "imagenet.txt"  # of ImageNet-1k, in the order of published weights


def full_torchvision_name(name: str) -> str:
    """Return NAME:WEIGHTS for NAME (the installed torchvision's default weights) or NAME:WEIGHTS.

    Raises UnknownName for a network or weights that the installed torchvision lacks.
    """
    from torchvision import models

    network, _, weights = name.partition(":")
    known = models.list_models(module=models)
    if network not in known:
        raise UnknownName("torchvision network", network, known)
    available = models.get_model_weights(network)
    if not weights:
        return f"{network}:{available.DEFAULT.name}"
    if weights not in available.__members__:
        raise UnknownName(f"torchvision weights of {network}", weights, list(available.__members__))
    return name


def torchvision_network(name: str, view: ImageView, classes: int) -> nn.Module:
    """Build NAME:WEIGHTS; the weights keep their last layer if it has that many classes.

    The network's ``labels`` are the classes that it was trained for if it keeps that layer, see ``Modality.network``.
    """
    from torchvision import models

    architecture, _, chosen = name.partition(":")
    weights = models.get_model_weights(architecture)[chosen]
    categories = weights.meta["categories"]
    keeps_head = classes == len(categories)
    made_for = weights.transforms()
    check_view(f"torchvision:{name}", view, made_for.mean, made_for.std, made_for.crop_size[0] if keeps_head else None)
    try:
        state = weights.get_state_dict(check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:
        raise BadInput(
            f"the weights of torchvision:{name} cannot be fetched ({error}); connect to the internet "
            "once, or put the file into the torch hub cache."
        ) from error
    network: nn.Module = models.get_model(architecture)
    network.load_state_dict(state)
    if not keeps_head:
        _replace_head(network, classes)
    else:
        of_imagenet = categories == models.ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
        network.labels = tuple(lines(WNIDS) if of_imagenet else categories)  # type: ignore[assignment]
    return network


def _replace_head(network: nn.Module, classes: int) -> None:
    """Replace the last linear layer by a random one with that many classes."""
    name, last = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear)][-1]
    parent, _, attribute = name.rpartition(".")
    setattr(network.get_submodule(parent), attribute, nn.Linear(last.in_features, classes))


def check_view(
    name: str, view: ImageView, mean: Sequence[float], std: Sequence[float], size: int | None = None
) -> None:
    """Raise BadInput unless the view makes inputs as the weights of ``name`` saw them.

    ``size`` in pixels is None for weights that are trained further, which then learn the view's.
    """
    for key, wanted in (("mean", tuple(mean)), ("std", tuple(std))):
        if not np.allclose(getattr(view, key), wanted, atol=1e-3):
            as_setting = ",".join(f"{value:g}" for value in wanted)
            raise BadInput(
                f"the weights of {name} were trained on inputs with other statistics than view.{key}="
                f"{list(getattr(view, key))}; set 'view.{key}=[{as_setting}]'."
            )
    if size is not None and view.size != size:
        raise BadInput(
            f"the weights of {name} were trained on {size} pixels and serve as they are, but view.size is {view.size}; "
            f"set view.size={size}."
        )


def full_timm_name(name: str) -> str:
    """Return ARCHITECTURE.WEIGHTS for ARCHITECTURE (timm's default weights) or ARCHITECTURE.WEIGHTS.

    Raises UnknownName for a name that the installed timm lacks, BadInput if timm is not installed.
    """
    try:
        import timm
    except ImportError as error:
        raise BadInput(f"timm:{name} needs the package timm; install single-datum-benchmark[timm].") from error
    architecture, _, tag = name.partition(".")
    if architecture not in timm.list_models():
        raise UnknownName("timm network", name, timm.list_models())
    available = timm.list_pretrained(f"{architecture}.*") or timm.list_pretrained(architecture)
    if tag and name not in available:
        raise UnknownName(f"timm weights of {architecture}", name, available)
    config = timm.get_pretrained_cfg(architecture) if not tag else None
    return f"{architecture}.{config.tag}" if config is not None and config.tag else name


def timm_network(name: str, view: ImageView, classes: int) -> nn.Module:
    """Build a timm classifier with its pretrained weights; see ``torchvision_network``."""
    import timm

    made_for = timm.get_pretrained_cfg(name)
    keeps_head = classes == made_for.num_classes
    check_view(f"timm:{name}", view, made_for.mean, made_for.std, made_for.input_size[-1] if keeps_head else None)
    try:
        network: nn.Module = timm.create_model(name, pretrained=True, num_classes=classes)
    except Exception as error:  # the download goes through several libraries with their own errors
        raise BadInput(
            f"the weights of timm:{name} cannot be fetched ({error}); connect to the internet once to cache them."
        ) from error
    if keeps_head and classes == len(imagenet := tuple(lines(WNIDS))):
        network.labels = imagenet  # type: ignore[assignment]  # all of timm's heads of that size are ImageNet-1k's
    return network
