"""The values that published policies, and weights of others, ask for."""

from dataclasses import FrozenInstanceError, asdict

import numpy as np
import pytest
from torchvision.models import ResNet18_Weights

from modalities.assembly.settings import described
from modalities.compute.draws import Draws
from modalities.errors import BadInput
from modalities.image import geometry
from modalities.image.policies import POLICIES, ImagePolicy, ImageView

PUBLISHED = {
    "name": "published", "initial_crop": 0.5, "area_low": 1 / 500, "area_high": 1.0, "aspect": 4 / 3, "rotation": 30.0,
    "shear": 30.0, "recrop_low": 1.0, "flip": 0.5, "shift": 4 / 32, "shift_fill": "source", "jitter": 0.5,
    "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1, "second_jitter": 0.0, "second_hue": 0.4,
    "grey": 0.0, "solarize": 0.0, "blur": 0.0, "blur_low": 0.01, "blur_high": 0.05, "off": (), "code": "",
}  # fmt: skip


def test_the_published_policies_have_the_published_values():
    assert asdict(POLICIES["published"]) == PUBLISHED
    cifar = {"name": "published-cifar", "shift_fill": "black"}
    assert asdict(POLICIES["published-cifar"]) == PUBLISHED | cifar


def test_the_imagenet_policy_adds_what_is_published_for_training_time():
    assert asdict(POLICIES["published-imagenet"]) == PUBLISHED | {
        "name": "published-imagenet", "recrop_low": 0.08, "shift": 0.0, "second_jitter": 0.8, "grey": 0.2,
        "solarize": 0.2,
    }  # fmt: skip


def test_geometry_and_crop_leave_out_what_their_names_leave_out():
    assert asdict(POLICIES["geometry"]) == PUBLISHED | {"name": "geometry", "jitter": 0.0}
    left_out = {"rotation": 0.0, "shear": 0.0, "shift": 0.0, "jitter": 0.0}
    assert asdict(POLICIES["crop"]) == PUBLISHED | {"name": "crop"} | left_out


def test_whole_shows_nearly_all_of_an_item_upright_and_in_its_own_colours():
    place = geometry.draw(Draws(0), 0, 4000, 32, 32, 32, POLICIES["whole"])
    left, top, width, high = place.box.T
    area = width * high / 32**2
    assert 0.6 <= area.min() < 0.61 and 0.9 < area.max() <= 1, "published segments begin at a thousandth of it"
    assert min(left.min(), top.min()) >= 0 and max((left + width).max(), (top + high).max()) <= 32 + 1e-9
    assert not place.angle.any() and not place.shear.any() and (place.recrop == [0, 0, 1, 1]).all()
    assert 0.45 < place.flip.mean() < 0.55 and (place.shift.min(), place.shift.max()) == (-4, 4)
    assert POLICIES["whole"].steps == ("crop", "flip", "shift") and POLICIES["whole"].shift_fill == "black"


def test_the_view_normalises_as_torchvisions_weights_expect_red_first():
    theirs = ResNet18_Weights.IMAGENET1K_V1.transforms()
    assert (list(ImageView().mean), list(ImageView().std)) == (theirs.mean, theirs.std)
    assert list(ImageView().mean) == [0.485, 0.456, 0.406]


SHARES = ("initial_crop", "area_low", "recrop_low")
CHANCES = (
    "flip", "jitter", "second_jitter", "grey", "solarize", "blur", "brightness", "contrast", "saturation",
)  # fmt: skip
LIMITS = {
    **dict.fromkeys(SHARES, (1e-6, 1.0)), **dict.fromkeys(CHANCES, (0.0, 1.0)), "area_high": (0.25, 1.0),
    "aspect": (1.0, 100.0), "rotation": (0.0, 180.0), "shear": (0.0, 60.0), "shift": (0.0, 0.5), "hue": (0.0, 0.5),
    "second_hue": (0.0, 0.5), "blur_low": (1e-4, 1.0), "blur_high": (0.5, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_a_policy_takes_values_up_to_its_limits_and_none_beyond(name):
    low, high = LIMITS[name]
    others = {"area_high": {"area_low": low}, "blur_high": {"blur_low": low}, "blur_low": {"blur_high": 1.0}}
    for value in (low, high):
        assert getattr(ImagePolicy(**others.get(name, {}) | {name: value}), name) == value
    for value in (np.nextafter(low, -1), np.nextafter(high, 1e3), np.nan):
        with pytest.raises(BadInput, match=rf"policy\.{name} is"):
            ImagePolicy(**others.get(name, {}) | {name: value})


def test_every_number_of_a_policy_has_limits():
    numbers = {name for name, known in described(ImagePolicy).items() if known.type == "float"}
    assert numbers == set(LIMITS)


def test_a_view_takes_sizes_up_to_its_limits_and_none_beyond():
    assert ImageView(size=8).raw_size == 8
    assert ImageView(size=32, resize=32).raw_size == 32 and ImageView(size=32, resize=33).raw_size == 33
    assert ImageView(std=(1e-9, 1, 1)).shape == (3, 32, 32)
    for values in (
        {"size": 7},
        {"size": 32, "resize": 31},
        {"std": (1, 0, 1)},
        {"std": (1, 1, -1)},
        {"std": (1, np.nan, 1)},
        {"test_clips": 0},
    ):
        with pytest.raises(BadInput):
            ImageView(**values)


def test_views_and_policies_cannot_be_changed_behind_a_cells_back() -> None:
    for given in (ImageView(), ImagePolicy()):
        with pytest.raises(FrozenInstanceError):
            setattr(given, next(iter(asdict(given))), 1)
