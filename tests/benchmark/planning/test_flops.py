"""The table of operations is what torch counts, has every network of the profiles, and grows as networks do."""

from __future__ import annotations

import pytest
import torch

from benchmark.config.compose import compose_target
from benchmark.config.overrides import options
from benchmark.planning.flops import _table, network_flops
from benchmark.running.flops import count_flops
from modalities import registry

ROWS = [(modality, name) for modality, rows in _table().items() for name in rows]


def counted(name_of_modality: str, name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    modality = registry.modality(name_of_modality)
    sizes = {
        "image": lambda: {"size": shape[-1]},
        "audio": lambda: {"mels": shape[1], "seconds": (shape[2] - 1) * 0.01},
        "video": lambda: {"size": shape[-1], "resize": shape[-1]},
    }[name_of_modality]()
    view = modality.view_type(**sizes)
    assert view.shape == shape
    with torch.device("meta"):
        network = modality.network(name, view, 10)
    return count_flops(network, shape)


@pytest.mark.parametrize(("modality", "name"), ROWS)
def test_the_table_is_what_torch_counts(modality, name):
    row = _table()[modality][name]
    shape = tuple(row["shape"])
    assert counted(modality, name, shape) == (row["forward"], row["training"])
    assert network_flops(modality, name, shape) == (row["forward"], row["training"])


def test_the_table_has_every_network_of_the_profiles():
    for target in registry.target_names():
        modality = registry.target(target).info.modality
        for profile in options("profile"):
            config = compose_target(target, [], profile=profile, suite="all")
            for role in (config.teacher, config.student):
                name = role.network.removeprefix("torchvision:").partition(":")[0]
                assert name in _table()[modality], f"run python scripts/measure/flops.py: {name} of {target}, {profile}"


@pytest.mark.parametrize(
    ("modality", "name", "shape"),
    [
        ("image", "resnet-s-64", (3, 32, 32)), ("image", "resnet-s-24-gn", (3, 48, 48)),
        ("image", "cnn-12", (3, 24, 24)), ("image", "wrn-28-10", (3, 32, 32)), ("image", "wrn-22-1", (3, 64, 64)),
        ("image", "resnet18", (3, 96, 96)), ("audio", "conv4-24", (1, 40, 81)), ("audio", "resnet-a-8", (1, 64, 101)),
        ("video", "early-48", (3, 4, 64, 64)), ("video", "r2plus1d-24", (3, 4, 64, 64)),
        ("video", "x3d-w2-d2.2", (3, 4, 96, 96)), ("video", "x3d-w5-d5", (3, 4, 160, 160)),
    ],
)  # fmt: skip
def test_other_widths_depths_and_sizes_are_in_proportion(modality, name, shape):
    found, truth = network_flops(modality, name, shape), counted(modality, name, shape)
    assert found is not None
    for estimate, exact in zip(found, truth, strict=True):
        assert 0.6 < estimate / exact < 1.6


@pytest.mark.parametrize(
    ("modality", "name"),
    [("image", "timm:resnet18"), ("image", "torchvision:resnet101"), ("audio", "resnet-s-16"), ("video", "own")],
)
def test_nothing_is_said_of_other_kinds_of_networks(modality, name):
    assert network_flops(modality, name, (3, 32, 32)) is None


def test_weights_change_no_operation():
    shape = (3, 224, 224)
    assert network_flops("image", "torchvision:resnet18:IMAGENET1K_V1", shape) == network_flops(
        "image", "resnet18", shape
    )
    assert network_flops("video", "x3d-xs:pretrained", (3, 4, 160, 160)) == network_flops(
        "video", "x3d-xs", (3, 4, 160, 160)
    )
