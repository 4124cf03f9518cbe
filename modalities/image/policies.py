"""ImageView, the form of network inputs, and ImagePolicy, how a picture becomes segments: plain typed values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from modalities.assembly.settings import Setting, check_settings
from modalities.assembly.steps import SteppedPolicy
from modalities.errors import BadInput

INTERPOLATIONS = ("bicubic", "bilinear")
FILLS = ("source", "black")

# What no setting changes, see ``Modality.traits``.
TRAITS = {
    "segments.border": "the picture's, reflected at its edges",
    "segments.resampling": "once, bilinear, from a pyramid",
    "segments.hue": "rotation about the grey axis",
    "segments.stored": "none, each is rendered when it is needed",
}


@dataclass(frozen=True)
class ImageView:
    """Size and normalisation of network inputs; ``mean`` and ``std`` are those that pretrained weights expect.

    A ``resize`` above ``size`` leaves a margin to crop: at random while a teacher trains, in the centre when it is
    tested (256 and 224 as published).
    """

    size: Annotated[int, Setting("pixels, side of the square input", low=8)] = 32
    mean: Annotated[tuple[float, float, float], Setting("per channel, of values in [0, 1]")] = (0.485, 0.456, 0.406)
    std: Annotated[
        tuple[float, float, float], Setting("per channel, of values in [0, 1]; what each is divided by", above=0)
    ] = (0.229, 0.224, 0.225)
    resize: Annotated[int, Setting("pixels, side of decoded labelled items; 0 means view.size", low=0)] = 0
    flip: Annotated[bool, Setting("whether a mirrored item keeps its label; a mirrored digit does not")] = True
    test_clips: Annotated[
        int, Setting("views of one test item whose predictions are averaged; always 1 for images")
    ] = 1
    interpolation: Annotated[str, Setting("how labelled items are resized", choices=INTERPOLATIONS)] = "bicubic"

    def __post_init__(self) -> None:
        # Configuration libraries pass lists; equal views must compare and hash equal.
        object.__setattr__(self, "mean", tuple(self.mean))
        object.__setattr__(self, "std", tuple(self.std))
        check_settings(self, "view")
        if self.resize and self.resize < self.size:
            raise BadInput(f"view.resize ({self.resize}) is smaller than view.size ({self.size}); raise it or set 0.")
        if self.test_clips != 1:
            raise BadInput(f"view.test_clips is {self.test_clips}; an image has one test view, so set it to 1.")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one network input: (3, size, size)."""
        return (3, self.size, self.size)

    @property
    def raw_size(self) -> int:
        """Side of decoded labelled items, in pixels."""
        return self.resize or self.size


@dataclass(frozen=True)
class ImagePolicy(SteppedPolicy):
    """The augmentations that turn a picture into segments, in the order in which they apply.

    Defaults are near the CIFAR recipe of Asano & Saeed, "The Augmented Image Prior" (ICLR 2023): patches, then the
    flips and shifts of training time, which show more of the picture instead of black (``published-cifar`` does as
    published). Angles are in degrees, other strengths are fractions, probabilities are in [0, 1].
    """

    name: Annotated[str, Setting("what the policy is called in tables; policy=NAME chooses one")] = "published"
    initial_crop: Annotated[
        float, Setting("side of a random square, share of the picture's shorter side", low=1e-6, high=1)
    ] = 0.5
    area_low: Annotated[
        float,
        Setting(
            "least area of the random-resized crop, share of that square: uniform between low and high",
            low=1e-6,
            high=1,
        ),
    ] = 0.002
    area_high: Annotated[
        float, Setting("largest area of the random-resized crop, share of that square", low=1e-6, high=1)
    ] = 1.0
    aspect: Annotated[
        float, Setting("width / height of the crop: log-uniform between 1/aspect and aspect", low=1, high=100)
    ] = 4 / 3
    rotation: Annotated[
        float,
        Setting("largest angle either way, in degrees, on a canvas of floor(√2 · size), cut to size", low=0, high=180),
    ] = 30.0
    shear: Annotated[float, Setting("largest angle of a shear along x either way, in degrees", low=0, high=60)] = 30.0
    recrop_low: Annotated[
        float, Setting("least area of a second random-resized crop, of the patch; 1 means none", low=1e-6, high=1)
    ] = 1.0
    flip: Annotated[float, Setting("probability of mirroring", low=0, high=1)] = 0.5
    shift: Annotated[
        float, Setting("largest shift either way after the crops, share of the side, in whole pixels", low=0, high=0.5)
    ] = 0.125
    shift_fill: Annotated[str, Setting("what a shift uncovers: more of the source, or black", choices=FILLS)] = "source"
    jitter: Annotated[
        float,
        Setting("probability of changing brightness, contrast, saturation and hue, in random order", low=0, high=1),
    ] = 0.5
    brightness: Annotated[float, Setting("the factor is uniform in [1 − strength, 1 + strength]", low=0, high=1)] = 0.4
    contrast: Annotated[float, Setting("strength, as of brightness", low=0, high=1)] = 0.4
    saturation: Annotated[float, Setting("strength, as of brightness", low=0, high=1)] = 0.4
    hue: Annotated[float, Setting("largest rotation of the hue either way, in turns", low=0, high=0.5)] = 0.1
    second_jitter: Annotated[
        float,
        Setting("probability of changing all four once more, with the same strengths except for hue", low=0, high=1),
    ] = 0.0
    second_hue: Annotated[
        float, Setting("largest rotation of the hue of that second change either way, in turns", low=0, high=0.5)
    ] = 0.4
    grey: Annotated[float, Setting("probability of losing all colour", low=0, high=1)] = 0.0
    solarize: Annotated[float, Setting("probability of inverting the bright pixels", low=0, high=1)] = 0.0
    blur: Annotated[float, Setting("probability of a Gaussian blur", low=0, high=1)] = 0.0
    blur_low: Annotated[float, Setting("least standard deviation of the blur, share of the side", low=1e-4, high=1)] = (
        0.01
    )
    blur_high: Annotated[
        float, Setting("largest standard deviation of the blur, share of the side", low=1e-4, high=1)
    ] = 0.05

    STEPS: ClassVar = {
        "crop": {"initial_crop": 1.0, "area_low": 1.0, "area_high": 1.0},  # off: the largest square of the picture
        "rotation": {"rotation": 0.0},
        "shear": {"shear": 0.0},
        "recrop": {"recrop_low": 1.0},
        "flip": {"flip": 0.0},
        "shift": {"shift": 0.0},
        "colour": {"jitter": 0.0, "second_jitter": 0.0},
        "grey": {"grey": 0.0},
        "solarize": {"solarize": 0.0},
        "blur": {"blur": 0.0},
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        for low, high in (("area_low", "area_high"), ("blur_low", "blur_high")):
            least, largest = getattr(self, low), getattr(self, high)
            if least > largest:
                raise BadInput(f"policy.{high} is {largest}, below policy.{low} ({least}); raise it.")


PUBLISHED = ImagePolicy()

POLICIES = {
    policy.name: policy
    for policy in (
        PUBLISHED,
        replace(PUBLISHED, name="published-cifar", shift_fill="black"),
        # Published patches are jittered when they are rendered, and again at training time.
        replace(
            PUBLISHED, name="published-imagenet", recrop_low=0.08, shift=0.0, second_jitter=0.8, grey=0.2, solarize=0.2,
        ),
        replace(PUBLISHED, name="geometry", jitter=0.0),
        replace(PUBLISHED, name="crop", rotation=0.0, shear=0.0, shift=0.0, jitter=0.0),
        # For real training items: nearly all of each, shifted in black and mirrored, as teachers see them.
        replace(
            PUBLISHED, name="whole", initial_crop=1.0, area_low=0.6, rotation=0.0, shear=0.0, shift_fill="black",
            jitter=0.0,
        ),
    )
}  # fmt: skip
