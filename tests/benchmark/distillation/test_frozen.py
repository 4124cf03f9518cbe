"""The teacher's copy for inference computes what the teacher does; where it would not, the teacher itself is used."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from benchmark.config.schema import Recipe
from benchmark.distillation.distill import DistillationStep
from benchmark.distillation.frozen import TOLERANCE, fold_batch_norms
from doubles import CPU, NoiseStream, same_weights, seeded
from modalities import registry

NAMES = [
    ("image", "resnet-s-16"), ("image", "cnn-8"), ("image", "wrn-16-1"), ("image", "resnet18-cifar"),
    ("image", "vgg11-cifar"), ("audio", "conv4-8"), ("audio", "resnet-a-8"), ("video", "early-8"),
    ("video", "r2plus1d-8"), ("video", "x3d-xs"),
]  # fmt: skip


def used(network: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """A network whose batch norms have met data: other means, variances, scales and offsets than those of the start."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
                for value in (module.weight, module.running_var):
                    value.uniform_(0.3, 2.0, generator=generator)
                for value in (module.bias, module.running_mean):
                    value.uniform_(-0.5, 0.5, generator=generator)
    return network.eval().requires_grad_(False)


def batch_norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d) for module in network.modules())


@pytest.mark.parametrize(("modality", "name"), NAMES)
def test_folding_changes_the_logits_of_a_network_by_rounding_only(modality, name):
    adapter = registry.modality(modality)
    view = adapter.view_type()
    network = used(seeded(0, lambda: adapter.network(name, view, 10)), view.shape)
    before = copy.deepcopy(network)
    inputs = torch.randn(3, *view.shape, generator=torch.Generator().manual_seed(1))
    folded = fold_batch_norms(network, inputs)
    assert batch_norms(folded) < batch_norms(network)
    expected, actual = network(inputs), folded(inputs)
    assert (actual - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert not torch.equal(expected, torch.zeros_like(expected))
    assert same_weights(network, before)
    assert not any(parameter.requires_grad for parameter in folded.parameters())


def layers(*more: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), *more, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class BranchesOnData(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = layers()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x) if x.mean() > 0 else -self.inner(x)


class DrawsNoise(nn.Module):
    """Its copy keeps what was drawn while it was traced, so the comparison sees a difference."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = layers()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.inner(x) * torch.rand(4)
        return logits


def hooked() -> nn.Module:
    network = layers()
    network[0].register_forward_hook(lambda module, inputs, output: output * 2)
    return network


@pytest.mark.parametrize("make", [
    BranchesOnData, DrawsNoise, hooked, lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 5)),
    lambda: nn.Sequential(nn.Conv2d(1, 5, 3), nn.GroupNorm(1, 5), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
], ids=["branches", "noise", "hooks", "linear", "group norm"])  # fmt: skip
def test_a_network_that_cannot_be_folded_is_used_as_it_is(make):
    network = used(seeded(3, make), (1, 6, 6))
    assert fold_batch_norms(network, torch.randn(4, 1, 6, 6)) is network


def test_a_network_whose_folded_copy_is_not_finite_is_used_as_it_is():
    network = used(seeded(3, layers), (1, 6, 6))
    network[1].running_var.fill_(float("nan"))
    assert fold_batch_norms(network, torch.randn(4, 1, 6, 6)) is network


def test_convolutions_whose_output_is_used_twice_keep_their_batch_norm():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out = self.convolution(x)
            return (self.norm(out) + out).mean((2, 3))

    network = used(seeded(3, Twice), (1, 6, 6))
    inputs = torch.randn(4, 1, 6, 6)
    assert torch.allclose(fold_batch_norms(network, inputs)(inputs), network(inputs), rtol=TOLERANCE)


def test_a_step_of_distillation_asks_the_folded_copy():
    made = Recipe(name="test", steps=1, batch=16, lr=1e-2, precision="float32", compile="none")
    teacher, student = used(seeded(1, layers), (1, 6, 6)), seeded(2, layers)
    step = DistillationStep(NoiseStream(), teacher, student, made, seed=0, device=CPU)
    ran: list[str] = []
    teacher.register_forward_hook(lambda module, inputs, output: ran.append("plain"))
    inputs, targets = next(step.teacher_outputs(0))
    assert not ran
    assert torch.allclose(targets, teacher(inputs), rtol=1e-4, atol=1e-5)
