"""Operations are torch's, and for convolutions in groups those of the formula."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmark.running.flops import count_flops


def test_the_operations_of_a_network_without_groups_are_those_of_torchs_counter():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1), nn.Flatten(), nn.Linear(100, 5)
    )
    with FlopCounterMode(display=False) as counter:
        outputs = network(torch.rand(2, 3, 11, 11))
        forward = counter.get_total_flops()
        outputs.sum().backward()
    assert count_flops(network, (3, 11, 11)) == (forward / 2, counter.get_total_flops() / 2)


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_each_gradient_of_a_convolution_is_a_pass_forward(groups):
    first = nn.Conv2d(8, 8, 3, padding=1, groups=groups)
    forward = 2 * 10 * 10 * 8 * (8 // groups) * 9  # a multiply-add is two
    assert count_flops(first, (8, 10, 10)) == (forward, 2 * forward), "nobody needs the gradient of segments"
    second = nn.Conv2d(8, 8, 3, padding=1, groups=groups)
    assert count_flops(nn.Sequential(first, second), (8, 10, 10)) == (2 * forward, 5 * forward)


def test_counting_changes_nothing():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval().requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    count_flops(network, (3, 8, 8))
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
