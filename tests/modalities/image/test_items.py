"""Labelled items on their way into a network, and the typed view and policy."""

from dataclasses import fields, replace
from typing import get_type_hints

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from draw_laws import Choice, check_draws, yes
from modalities.base import Draws, Modality
from modalities.errors import BadInput
from modalities.image import MODALITY
from modalities.image.policies import POLICIES, ImagePolicy, ImageView

DRAWS = Draws(0, "test/")
PLAIN = ImageView(mean=(0.0, 0.0, 0.0), std=(1 / 255, 1 / 255, 1 / 255))  # so that values stay 0 … 255


def numbered(n, side):
    """Items whose pixels are all different: (n, 3, side, side) uint8."""
    return (
        torch.arange(1, n * side * side + 1).view(n, 1, side, side).remainder(251).add(1).byte().expand(-1, 3, -1, -1)
    )


def test_the_modality_keeps_the_contract():
    assert isinstance(MODALITY.name, str)
    missing = [name for name in dir(Modality) if not name.startswith("_") and not hasattr(MODALITY, name)]
    assert not missing


def test_importing_the_modality_and_its_targets_loads_no_heavy_library():
    import subprocess
    import sys

    heavy = "torch", "torchvision", "sklearn", "skimage", "matplotlib", "pandas"
    command = (
        "import sys, modalities.image, modalities.image.targets.cifar10, modalities.image.targets.digits\n"
        "modalities.image.MODALITY.networks(); modalities.image.MODALITY.sources()\n"
        f"print(sorted(set(sys.modules) & set({heavy})))"
    )
    told = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[]"


def test_prepare_is_torchvisions_to_tensor_and_normalize():
    from torchvision.transforms import functional as F

    view, raw = ImageView(), torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    expected = F.normalize(raw.float() / 255, view.mean, view.std)
    torch.testing.assert_close(MODALITY.prepare(raw, view), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("side", "size"), [(48, 32), (37, 32), (256, 224)])
def test_prepare_takes_the_centre_as_torchvision_does(side, size):
    from torchvision.transforms import functional as F

    raw = torch.randint(0, 256, (2, 3, side, side), dtype=torch.uint8)
    ours = MODALITY.prepare(raw, replace(PLAIN, size=size))
    torch.testing.assert_close(ours, F.center_crop(raw, [size, size]).float())


@pytest.mark.parametrize("side", [32, 40])
@settings(deadline=None, max_examples=50)
@given(step=st.integers(0, 1000))
def test_augment_cuts_windows_out_of_the_item(side, step):
    raw = numbered(8, side)
    padded = torch.nn.functional.pad(raw, (4,) * 4) if side == 32 else raw
    out = MODALITY.augment(raw, replace(PLAIN, flip=False), DRAWS, step)
    for item, cut in zip(padded, out, strict=True):
        windows = item[0].float().unfold(0, 32, 1).unfold(1, 32, 1)
        assert (windows - cut[0]).abs().amax((2, 3)).min() < 1e-3


def test_augment_mirrors_half_of_the_items_if_labels_allow_it():
    ramp = torch.arange(40, dtype=torch.uint8).expand(400, 3, 40, 40)
    falls = MODALITY.augment(ramp, PLAIN, DRAWS, 0).diff(dim=3).mean((1, 2, 3)) < 0
    assert 0.4 < falls.float().mean() < 0.6
    assert not (MODALITY.augment(ramp, replace(PLAIN, flip=False), DRAWS, 0).diff(dim=3) < 0).any()


def test_augment_depends_on_draws_and_step_alone():
    raw = numbered(8, 32)
    first = MODALITY.augment(raw, PLAIN, DRAWS, 4)
    assert torch.equal(MODALITY.augment(raw, PLAIN, Draws(0, "test/"), 4), first)
    assert not torch.equal(MODALITY.augment(raw, PLAIN, DRAWS, 5), first)


@pytest.mark.parametrize("side", [32, 40])
def test_every_draw_of_a_teachers_augmentation_follows_its_law_and_no_other_draw(side):
    place = torch.arange(side)
    numbered = torch.stack([place.expand(side, side), place[:, None].expand(side, side), torch.ones(side, side).long()])
    raw = numbered.byte().expand(3000, -1, -1, -1)
    margin = 4 if side == 32 else 0

    def columns(seed, step):
        out = MODALITY.augment(raw, PLAIN, Draws(seed, "teacher/"), step).round().long()
        # The middle of a window is never in the border, so its numbers say where it was cut and whether mirrored.
        column, row = out[:, 0, 16, 16], out[:, 1, 16, 16]
        mirrored = out[:, 0, 16, 17] < column
        left = torch.where(mirrored, column - 15, column - 16) + margin
        return {"top": (row - 16 + margin).numpy(), "left": left.numpy(), "flip": mirrored.numpy()}

    place = Choice(range(9))
    check_draws(columns, {"top": place, "left": place, "flip": yes(0.5)})


def test_what_a_shift_uncovers_is_black():
    raw = torch.full((64, 3, 32, 32), 200, dtype=torch.uint8)
    out = MODALITY.augment(raw, PLAIN, DRAWS, 0).round()
    assert set(out.unique().tolist()) == {0.0, 200.0}


@pytest.mark.parametrize(
    "instance", [ImageView(), *POLICIES.values()], ids=lambda value: getattr(value, "name", "view")
)
def test_view_and_policies_pass_through_a_structured_configuration(instance):
    assert OmegaConf.to_object(OmegaConf.structured(instance)) == instance


def test_a_configuration_refuses_values_of_the_wrong_type():
    with pytest.raises(Exception, match="flip"):
        OmegaConf.merge(OmegaConf.structured(ImagePolicy()), {"flip": "often"})


def test_every_policy_has_its_name_and_plain_fields():
    assert set(POLICIES) >= {"published", "published-imagenet", "geometry", "crop"}
    assert all(name == policy.name for name, policy in POLICIES.items())
    kinds = get_type_hints(ImagePolicy)
    assert {kinds[field.name] for field in fields(ImagePolicy)} == {str, float, tuple[str, ...]}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 4}, "size is 4"),
        ({"resize": 16}, "smaller"),
        ({"std": (0, 1, 1)}, "std"),
        ({"test_clips": 3}, "clips"),
    ],
)
def test_an_impossible_view_is_refused_in_one_sentence(values, message):
    with pytest.raises(BadInput, match=message):
        ImageView(**values)


def test_equal_views_are_equal_and_hashable_whatever_sequence_they_got():
    assert {ImageView(mean=[0.1, 0.2, 0.3]), ImageView(mean=(0.1, 0.2, 0.3))} == {ImageView(mean=(0.1, 0.2, 0.3))}
    assert np.prod(ImageView(size=16).shape) == 768


@pytest.mark.parametrize("name", ["cifar10", "stl10", "digits", "pets37"])
def test_items_of_every_layout_are_resized_as_the_view_says(name, tmp_path):
    from modalities import registry

    adapter = registry.target(name)
    if name != "digits":
        adapter.write_sample(tmp_path, 0)
    one, other = (
        adapter.test(tmp_path, ImageView(size=40, interpolation=how))[0].data for how in ("bicubic", "bilinear")
    )
    assert one.shape == other.shape
    assert not torch.equal(one, other)


def test_an_unknown_interpolation_is_refused():
    with pytest.raises(BadInput, match=r"no view.interpolation named 'bicubik'; did you mean bicubic"):
        ImageView(interpolation="bicubik")
