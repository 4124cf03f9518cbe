"""Write the table of networks' floating-point operations, from which expected times are estimated without torch.

    python scripts/measure/flops.py

Torch counts them without computing anything. The table has the networks of every target under every profile, for the
largest of their inputs, and every kind of network that a modality can build.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch

from benchmark import planning
from benchmark.config.compose import compose_target
from benchmark.config.overrides import options
from benchmark.planning.flops import TABLE
from benchmark.running.flops import count_flops
from modalities import registry

CLASSES = 10
# Kinds that no profile uses. Those with a width or depth in their names stand for all of their kind.
OTHERS: dict[str, tuple[str, ...]] = {
    "image": (
        "cnn-32", "wrn-40-4", "wrn-16-4", "resnet18", "resnet50", "resnet50x2", "resnet18-cifar", "resnet34-cifar",
        "vgg11-cifar",
    ),
    "audio": ("conv4-16", "resnet-a-16"),
    "video": ("x3d-xs", "x3d-w3-d2.2", "r2plus1d-16", "early-24"),
}  # fmt: skip


def main() -> None:
    path = Path(planning.__file__).with_name(TABLE)
    path.write_text(json.dumps(table(), indent=1) + "\n", encoding="utf-8")


def table() -> dict[str, dict[str, Any]]:
    """Return, by modality and network, the shape of an input and the operations for it."""
    found: dict[str, dict[str, Any]] = {}
    for name, views in sorted(used().items()):
        modality = registry.modality(name)
        rows = {}
        for network, view in sorted(views.items()):
            with torch.device("meta"):
                built = modality.network(network, view, CLASSES)
            flops = count_flops(built, view.shape)
            rows[network] = {"shape": list(view.shape), "forward": flops.forward, "training": flops.training}
        found[name] = rows
    return found


def used() -> dict[str, dict[str, Any]]:
    """Return, by modality and network, the view with the largest input that the profiles show to it."""
    views: dict[str, dict[str, Any]] = {name: {} for name in registry.MODALITIES}
    for target in registry.target_names():
        modality = registry.target(target).info.modality
        for profile in options("profile"):
            config = compose_target(target, [], profile=profile, suite="all")
            names = [
                one.network.removeprefix("torchvision:").partition(":")[0] for one in (config.teacher, config.student)
            ]
            for network in (*names, *OTHERS[modality]):
                before = views[modality].get(network)
                larger = before is None or math.prod(config.view.shape) > math.prod(before.shape)
                if larger and (network in names or profile == "small"):
                    views[modality][network] = config.view
    return views


if __name__ == "__main__":
    main()
