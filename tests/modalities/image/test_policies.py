"""The values that published policies, and weights of others, ask for."""

from dataclasses import asdict

from torchvision.models import ResNet18_Weights

from modalities.image.policies import POLICIES, ImageView

PUBLISHED = {
    "name": "published", "initial_crop": 0.5, "area_low": 1 / 500, "area_high": 1.0, "aspect": 4 / 3, "rotation": 30.0,
    "shear": 30.0, "recrop_low": 1.0, "flip": 0.5, "shift": 4 / 32, "shift_fill": "source", "jitter": 0.5,
    "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1, "second_jitter": 0.0, "second_hue": 0.4,
    "grey": 0.0, "solarize": 0.0, "blur": 0.0, "blur_low": 0.01, "blur_high": 0.05,
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


def test_the_view_normalises_as_torchvisions_weights_expect_red_first():
    theirs = ResNet18_Weights.IMAGENET1K_V1.transforms()
    assert (list(ImageView().mean), list(ImageView().std)) == (theirs.mean, theirs.std)
    assert list(ImageView().mean) == [0.485, 0.456, 0.406]
