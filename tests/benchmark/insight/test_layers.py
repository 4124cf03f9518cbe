"""Layers are found in networks of any kind, and what they say is computed as by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.insight.cka import u_centred
from benchmark.insight.layers import MOST_LAYERS, counterparts, gram_of, layers_of, observe
from doubles import seeded


def small():
    return seeded(0, lambda: nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(4, 5),
    )).eval()  # fmt: skip


def inputs(items=8, seed=0):
    return torch.randn(items, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def test_grams_are_those_of_the_outputs_of_layers():
    network, batches = small(), [inputs(seed=0), inputs(seed=1)]
    seen = observe(network, batches)
    assert seen.layers == ("2 ReLU", "features", "logits") and seen.grams.shape == (3, 2, 8, 8)
    for place, parts in enumerate((3, 6, 7)):
        for step, batch in enumerate(batches):
            with torch.no_grad():
                out = network[:parts](batch).flatten(1).double()
            expected = u_centred((out @ out.T).numpy())
            assert seen.grams[place, step] == pytest.approx(expected, abs=1e-4)
    with torch.no_grad():
        assert seen.features == pytest.approx(torch.cat([network[:6](batch) for batch in batches]).numpy(), abs=1e-6)


def test_a_network_forgets_that_it_was_watched():
    network = small()
    observe(network, [inputs()])
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


def test_what_works_in_place_does_not_change_what_was_seen():
    network = nn.Sequential(nn.Sigmoid(), nn.ReLU(inplace=True), nn.Hardtanh(0, 0.1, inplace=True), nn.Flatten())
    seen = observe(network, [inputs()])
    flat = torch.sigmoid(inputs()).flatten(1).double()
    assert seen.grams[0, 0] == pytest.approx(u_centred((flat @ flat.T).numpy()), abs=1e-3)


def test_a_network_without_a_linear_layer_has_its_logits_for_features():
    network = nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    seen = observe(network, [inputs()])
    assert seen.layers == ("0 ReLU", "logits") and seen.features.shape == (8, 3)


def test_of_a_layer_that_is_used_again_the_first_output_counts():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.active = nn.Sigmoid()

        def forward(self, x):
            return self.active(9 * self.active(x)).flatten(1)

    flat = torch.sigmoid(inputs()).flatten(1).double()
    assert observe(Twice(), [inputs()]).grams[0, 0] == pytest.approx(u_centred((flat @ flat.T).numpy()), abs=1e-3)


def test_features_are_what_the_last_linear_layer_is_given():
    network = seeded(0, lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 7), nn.Tanh(), nn.Linear(7, 5))).eval()
    with torch.no_grad():
        expected = network[:3](inputs())
    assert observe(network, [inputs()]).features == pytest.approx(expected.numpy(), abs=1e-6)


def test_what_all_items_share_costs_no_precision():
    x = torch.randn(8, 50, generator=torch.Generator().manual_seed(0))
    expected = u_centred((x.double() @ x.double().T).numpy())
    assert u_centred(gram_of(x + 1000).double().numpy()) == pytest.approx(expected, abs=0.01)


def test_blocks_are_not_opened_and_containers_are():
    from torchvision.models import resnet18

    names = list(layers_of(resnet18(num_classes=3)))
    assert names == ["relu ReLU", *(f"layer{i}.{j} BasicBlock" for i in (1, 2, 3, 4) for j in (0, 1))]


def test_of_many_layers_evenly_spaced_ones_are_kept():
    network = nn.Sequential(*[nn.ReLU() for _ in range(50)])
    names = list(layers_of(network))
    assert len(names) == MOST_LAYERS - 2 and names[0] == "0 ReLU" and names[-1] == "49 ReLU"


@pytest.mark.parametrize(
    ("first", "second", "partners"),
    [(3, 3, [0, 1, 2]), (3, 5, [0, 2, 4]), (5, 3, [0, 0, 1, 2, 2]), (1, 4, [0]), (4, 1, [0, 0, 0, 0])],
)
def test_layers_are_paired_by_depth(first, second, partners):
    assert counterparts(("x",) * first, ("y",) * second) == partners


def test_the_features_of_a_clip_are_averaged_over_its_places():
    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.proj = nn.Linear(3, 2)

        def forward(self, x):
            return self.proj(x.movedim(1, -1)).mean((1, 2))

    seen = observe(seeded(0, Head), [inputs()])
    assert seen.features == pytest.approx(inputs().mean((2, 3)).numpy(), abs=1e-6)
    assert np.isfinite(seen.grams).all()
