"""Pruned students are checked against networks whose superfluous channels do nothing, which can be removed exactly."""

import copy

import pytest
import torch
from torch import nn

from benchmark.distillation.pruning import check_prunable, prune_into
from modalities import registry
from modalities.errors import BadInput

# A wide network and a narrower one of its kind, of every family that passes channels on in its own way.
PAIRS = {
    "image": [
        ("resnet-s-16", "resnet-s-8"), ("resnet-s-8-gn", "resnet-s-8-gn"), ("cnn-8", "cnn-4"), ("wrn-16-4", "wrn-16-2"),
        ("resnet50x2", "resnet50"),
    ],
    "audio": [("conv4-8", "conv4-5"), ("resnet-a-8", "resnet-a-4")],
    "video": [("early-8", "early-4"), ("r2plus1d-8", "r2plus1d-4")],
}  # fmt: skip
ALL = [(modality, *pair) for modality, pairs in PAIRS.items() for pair in pairs]


def view_of(modality):
    from benchmark.config.compose import compose_target

    target = {"image": "cifar10", "audio": "fsdd", "video": "hmdb51"}[modality]
    return compose_target(target, [], profile="smoke", suite="all").view


def network(modality, name, classes=5):
    return registry.modality(modality).network(name, view_of(modality), classes).eval()


def shaken(network):
    """Give a network's normalisation layers something to do, and all its weights values that differ."""
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape) + 0.5 if "var" in name else 0.3 * torch.randn(value.shape))
    return network


def hidden_in(wide, narrow):
    """Put a narrow network into a wide one, as its last channels; the others are neither made nor read."""
    weights = narrow.state_dict()
    with torch.no_grad():
        for name, value in wide.state_dict().items():
            own = weights[name]
            value.fill_(1.0) if "running_var" in name else value.zero_()
            value[tuple(slice(length - size, None) for length, size in zip(value.shape, own.shape, strict=True))] = own
    return wide


@pytest.mark.parametrize(("modality", "wide", "narrow"), ALL)
def test_channels_that_do_nothing_are_the_ones_removed_and_the_rest_computes_the_same(modality, wide, narrow):
    torch.manual_seed(0)
    small = shaken(network(modality, narrow))
    large = hidden_in(network(modality, wide), small)
    student = network(modality, narrow)
    inputs = torch.randn(3, *view_of(modality).shape)
    with torch.no_grad():
        expected, whole = small(inputs), large(inputs)
        assert torch.allclose(whole, expected, atol=1e-4 * expected.abs().max())  # they do nothing
        prune_into(student, large)
        assert torch.equal(student(inputs), expected)


@pytest.mark.parametrize(("modality", "wide", "narrow"), ALL)
def test_a_teacher_is_left_as_it_is_and_the_same_call_gives_the_same_student(modality, wide, narrow):
    teacher = shaken(network(modality, wide))
    before = copy.deepcopy(teacher.state_dict())
    students = [network(modality, narrow) for _ in range(2)]
    for student in students:
        prune_into(student, teacher)
    first, second = (student.state_dict() for student in students)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())


def test_of_one_layer_the_filters_of_the_largest_norms_are_kept_in_their_order():
    teacher = nn.Sequential(
        nn.Conv2d(1, 3, 1, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)
    )
    with torch.no_grad():
        teacher[0].weight.copy_(torch.tensor([-5.0, 0.1, 3.0]).view(3, 1, 1, 1))
        teacher[4].weight.copy_(torch.tensor([[1.0, 1, -1], [1, 1, -1]]))
    student = nn.Sequential(
        nn.Conv2d(1, 2, 1, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2)
    )
    prune_into(student, teacher)
    assert student[0].weight.flatten().tolist() == [-5.0, 3.0]
    assert student[4].weight.tolist() == [[1.0, -1.0], [1.0, -1.0]]
    assert torch.equal(student[4].bias, teacher[4].bias)


def test_a_channel_counts_by_what_reads_it_and_by_its_scale_too():
    def made(width):
        return nn.Sequential(nn.Conv2d(1, width, 1), nn.BatchNorm2d(width), nn.Flatten(), nn.Linear(width, 2))

    for scale, read, kept in (([1.0, 4.0], [1.0, 1.0], 1), ([1.0, 1.0], [1.0, 4.0], 1), ([4.0, 1.0], [1.0, 1.0], 0)):
        teacher, student = made(2), made(1)
        with torch.no_grad():
            teacher[0].weight.fill_(1.0)
            teacher[0].bias.copy_(torch.tensor([0.0, 1.0]))
            teacher[1].weight.copy_(torch.tensor(scale))
            teacher[3].weight.copy_(torch.tensor([read, read]))
        prune_into(student, teacher)
        assert student[0].bias.item() == kept


@pytest.mark.parametrize(
    ("modality", "teacher", "student", "said"),
    [
        ("image", "resnet-s-8", "resnet-s-16", "nowhere wider"),
        ("image", "resnet-s-8", "cnn-8", "are not the same"),
        ("image", "wrn-22-2", "wrn-16-2", "are not the same"),
        ("video", "x3d-xs", "x3d-xs", "is not known how"),
    ],
)
def test_networks_that_do_not_go_together_are_refused_in_one_sentence(modality, teacher, student, said):
    if teacher == "x3d-xs":
        pytest.importorskip("pytorchvideo")
    with pytest.raises(BadInput, match=said):
        check_prunable(network(modality, student), network(modality, teacher))


def test_other_classes_are_refused():
    with pytest.raises(BadInput, match="same inputs and classes"):
        check_prunable(network("image", "resnet-s-8", classes=4), network("image", "resnet-s-16", classes=5))


class Doubled(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layer, self.last = nn.Conv2d(1, width, 1), nn.Linear(2 * width, 2)

    def forward(self, x):
        y = self.layer(x)
        return self.last(torch.cat([y, y], 1).flatten(1))


class Repeated(nn.Module):
    """Adds nothing up, but uses its middle layer twice, whose inputs are its outputs then."""

    def __init__(self, width):
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(2, width), nn.Linear(width, width), nn.Linear(width, 2)

    def forward(self, x):
        return self.last(self.middle(self.middle(self.first(x))))


def test_a_layer_that_is_used_twice_keeps_the_same_channels_on_both_sides():
    torch.manual_seed(0)
    small, student, inputs = Repeated(2), Repeated(2), torch.randn(3, 2)
    prune_into(student, hidden_in(Repeated(5), small))
    assert torch.equal(student(inputs), small(inputs))


def test_groups_of_channels_are_pruned_too():
    teacher, student = shaken(network("image", "resnet-s-16-gn")), network("image", "resnet-s-8-gn")
    prune_into(student, teacher)
    kept, known = (one.state_dict()["3.norm1.weight"].tolist() for one in (student, teacher))
    assert len(kept) == 8 and set(kept) < set(known)


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x) if x.sum() > 0 else x


def tiled(width):
    return nn.Sequential(nn.Conv2d(1, width, 1), nn.Flatten(), nn.Linear(9 * width, 2))


@pytest.mark.parametrize(
    ("student", "teacher", "said"),
    [
        (Doubled(1), Doubled(2), "is not known how"),
        (Branching(), Branching(), "cannot be traced"),
        (tiled(1), tiled(2), "cannot be told apart"),
        (nn.Sequential(nn.Conv2d(1, 1, 1)), nn.Sequential(nn.Conv2d(1, 1, 3)), "more than its number of channels"),
    ],
    ids=["concatenated", "branching", "flattened pixels", "kernels"],
)
def test_what_is_not_channels_that_are_passed_on_is_refused_in_one_sentence(student, teacher, said):
    with pytest.raises(BadInput, match=said) as refused:
        check_prunable(student, teacher)
    assert "\n" not in str(refused.value)
