"""Networks: known sizes, any input size, and clear answers to names that cannot be."""

import sys

import pytest
import torch

from modalities.errors import BadInput, UnknownName
from modalities.image import MODALITY
from modalities.image.networks import build_network
from modalities.image.policies import ImageView


def parameters(name, classes=10):
    return sum(weight.numel() for weight in build_network(name, ImageView(), classes).parameters())


@pytest.mark.parametrize(
    ("name", "millions"),
    [("wrn-40-4", 8.9), ("wrn-16-4", 2.7), ("wrn-28-10", 36.5), ("wrn-40-2", 2.2), ("wrn-16-1", 0.2)],
)
def test_wide_resnets_have_the_published_number_of_parameters(name, millions):
    # Table 4 of Zagoruyko & Komodakis (BMVC 2016) for 40-4 and 28-10, 16-1 and 40-2 from their distillation paper.
    assert round(parameters(name) / 1e6, 1) == millions


def test_torchvision_networks_have_their_known_number_of_parameters():
    assert parameters("resnet18", 1000) == 11_689_512
    assert parameters("resnet50", 1000) == 25_557_032


def test_the_small_resnet_costs_twelve_million_multiply_adds_at_32_pixels():
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        build_network("resnet-s-32", ImageView(), 10)(torch.zeros(1, 3, 32, 32))
    assert counter.get_total_flops() / 2e6 == pytest.approx(12, abs=0.5)


@pytest.mark.parametrize("size", [8, 16, 33, 64])
@pytest.mark.parametrize("name", ["resnet-s-8", "resnet-s-12-gn", "cnn-8", "wrn-10-1"])
def test_small_networks_take_any_size_and_learn_all_their_weights(name, size):
    view = ImageView(size=size)
    net = MODALITY.network(name, view, 7)
    out = net(torch.randn(4, *view.shape))
    assert out.shape == (4, 7)
    out.square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in net.parameters())


def test_a_group_norm_network_treats_samples_apart():
    torch.manual_seed(0)
    batch = torch.randn(4, 3, 32, 32)
    apart = build_network("resnet-s-8-gn", ImageView(), 5).train()
    torch.testing.assert_close(apart(batch)[:1], apart(batch[:1]))
    together = build_network("resnet-s-8", ImageView(), 5).train()
    assert not torch.allclose(together(batch)[:1], together(batch[:1]))


def test_wide_resnet_shapes_follow_the_paper():
    net = build_network("wrn-16-2", ImageView(), 10)
    maps = torch.zeros(2, 3, 32, 32)
    shapes = []
    for layer in net:
        maps = layer(maps)
        shapes.append(tuple(maps.shape[1:]))
    assert shapes[0] == (16, 32, 32)
    assert (32, 32, 32) in shapes
    assert (64, 16, 16) in shapes
    assert (128, 8, 8) in shapes


@pytest.mark.parametrize("name", ["resnt18", "wrn-40", "resnet-s-x", "torchvision:", "cnn-8-gn"])
def test_an_unknown_name_raises_unknown_name(name):
    with pytest.raises(UnknownName, match=name):
        build_network(name, ImageView(), 10)


def test_an_unknown_name_answers_with_the_nearest():
    with pytest.raises(UnknownName, match=r"did you mean .*resnet18"):
        build_network("resnt18", ImageView(), 10)
    with pytest.raises(UnknownName, match=r"did you mean .*resnet50"):
        build_network("torchvision:resnt50", ImageView(), 10)


@pytest.mark.parametrize("name", ["wrn-41-4", "wrn-4-4", "cnn-0", "resnet-s-100000"])
def test_an_impossible_number_is_refused_in_one_sentence(name):
    with pytest.raises(BadInput, match=name):
        build_network(name, ImageView(), 10)


def test_pretrained_weights_without_a_network_cost_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def unreachable(*_, **__):
        raise OSError("unreachable")

    monkeypatch.setattr("torch.hub.download_url_to_file", unreachable)
    with pytest.raises(
        BadInput, match=r"weights of torchvision:resnet18:IMAGENET1K_V1 cannot be fetched \(unreachable\)"
    ):
        build_network("torchvision:resnet18", ImageView(), 10)


IMAGENET_VIEW = ImageView(size=224, resize=256)


@pytest.fixture
def offline_weights(monkeypatch):
    """Random weights in place of torchvision's."""
    from torchvision import models

    monkeypatch.setattr(
        models.WeightsEnum, "get_state_dict", lambda self, **_: models.get_model(self.name_of_network).state_dict()
    )
    for network in ("resnet18", "resnet50", "efficientnet_v2_l"):
        monkeypatch.setattr(models.get_model_weights(network), "name_of_network", network, raising=False)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("torchvision:resnet18", "torchvision:resnet18:IMAGENET1K_V1"),
        ("torchvision:resnet50", "torchvision:resnet50:IMAGENET1K_V2"),
        ("torchvision:resnet50:IMAGENET1K_V1", "torchvision:resnet50:IMAGENET1K_V1"),
        ("torchvision:wide_resnet50_2", "torchvision:wide_resnet50_2:IMAGENET1K_V2"),
        ("wrn-16-4", "wrn-16-4"),
        ("resnet50x2", "resnet50x2"),
    ],
)
def test_the_full_name_says_which_weights(name, full):
    assert MODALITY.check_network(name) == full == MODALITY.check_network(full)


def test_names_that_are_known_without_the_library_are_its_names():
    from torchvision import models

    from modalities.image.networks import _KNOWN

    for name in _KNOWN:
        network, _, weights = name.partition(":")
        assert weights in models.get_model_weights(network).__members__


def test_unknown_weights_answer_with_the_nearest():
    with pytest.raises(UnknownName, match=r"did you mean IMAGENET1K_V1"):
        MODALITY.check_network("torchvision:resnet18:IMAGENET1K_V3")


@pytest.mark.parametrize(
    ("view", "classes", "remedy"),
    [
        (ImageView(size=224, mean=(0.5, 0.5, 0.5)), 37, r"set 'view.mean=\[0.485,0.456,0.406\]'"),
        (ImageView(size=224, std=(0.5, 0.5, 0.5)), 1000, r"set 'view.std=\[0.229,0.224,0.225\]'"),
        (
            ImageView(size=64),
            1000,
            r"trained on 224 pixels and serve as they are, but view.size is 64; set view.size=2",
        ),
    ],
)
def test_inputs_that_pretrained_weights_never_saw_are_refused_before_any_download(view, classes, remedy, monkeypatch):
    monkeypatch.setattr("torch.hub.download_url_to_file", lambda *_: pytest.fail("a download"))
    with pytest.raises(BadInput, match=remedy):
        build_network("torchvision:resnet18:IMAGENET1K_V1", view, classes)


def test_weights_with_statistics_of_their_own_ask_for_them(offline_weights):
    # EfficientNetV2-L was trained on inputs of mean and deviation 0.5.
    with pytest.raises(BadInput, match=r"set 'view.mean=\[0.5,0.5,0.5\]'"):
        build_network("torchvision:efficientnet_v2_l", IMAGENET_VIEW, 10)


def test_a_network_that_is_trained_further_may_have_inputs_of_another_size(offline_weights):
    assert build_network("torchvision:resnet18", ImageView(size=64), 10)(torch.zeros(1, 3, 64, 64)).shape == (1, 10)


def test_pretrained_outputs_are_named_as_the_adapter_names_its_classes(offline_weights):
    from modalities import registry

    network = build_network("torchvision:resnet50:IMAGENET1K_V1", IMAGENET_VIEW, 1000)
    assert network.labels == registry.target("imagenet").info.classes


def test_published_students_have_their_known_size():
    assert parameters("resnet50x2", 1000) == 68_883_240  # torchvision's table of wide_resnet50_2
    # ResNet-18 for CIFAR has 11,173,962 parameters with 10 classes, ResNet-34 21,282,122, VGG-11 9,231,114.
    assert [parameters(name) for name in ("resnet18-cifar", "resnet34-cifar", "vgg11-cifar")] == [
        11_173_962, 21_282_122, 9_231_114,
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "side"), [("resnet18-cifar", 32), ("resnet34-cifar", 32), ("vgg11-cifar", 32)])
def test_networks_for_small_images_do_not_reduce_before_their_first_stage(name, side):
    network, sizes = build_network(name, ImageView(), 10), []
    first = next(module for module in network.modules() if isinstance(module, torch.nn.Conv2d))
    first.register_forward_hook(lambda _, __, out: sizes.append(out.shape[-1]))
    assert network.eval()(torch.zeros(2, 3, side, side)).shape == (2, 10)
    assert sizes == [side]


def test_pretrained_weights_keep_their_head_only_for_their_own_classes(monkeypatch):
    from torchvision import models

    original = models.get_model("resnet18").state_dict()
    monkeypatch.setattr(type(models.ResNet18_Weights.DEFAULT), "get_state_dict", lambda *_, **__: original)
    whole, other = (
        build_network("torchvision:resnet18", IMAGENET_VIEW, 1000),
        build_network("torchvision:resnet18", IMAGENET_VIEW, 37),
    )
    torch.testing.assert_close(whole.fc.weight, original["fc.weight"])
    torch.testing.assert_close(other.conv1.weight, original["conv1.weight"])
    assert other(torch.zeros(1, 3, 64, 64)).shape == (1, 37)
    assert len(whole.labels) == 1000 and not hasattr(other, "labels"), (
        "only a network with its own head serves untrained"
    )


def test_a_missing_timm_is_named_with_the_extra_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(BadInput, match=r"install single-datum-benchmark\[timm\]"):
        build_network("timm:resnet10t", ImageView(), 10)


def test_every_listed_pattern_has_a_description():
    assert all(MODALITY.networks().values())
