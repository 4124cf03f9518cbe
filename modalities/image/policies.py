"""ImageView, the form of network inputs, and ImagePolicy, how a picture becomes segments: plain typed values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from modalities.assembly.steps import SteppedPolicy
from modalities.errors import BadInput, UnknownName

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

    size: int = 32  # pixels, side of the square input
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)  # per channel, of values in [0, 1]
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    resize: int = 0  # pixels, side of decoded labelled items; 0 means ``size``
    flip: bool = True  # whether a mirrored item keeps its label; a mirrored digit does not
    test_clips: int = 1  # views of one test item whose predictions are averaged; always 1 for images
    interpolation: str = "bicubic"  # how labelled items are resized: bicubic or bilinear

    def __post_init__(self) -> None:
        # Configuration libraries pass lists; equal views must compare and hash equal.
        object.__setattr__(self, "mean", tuple(self.mean))
        object.__setattr__(self, "std", tuple(self.std))
        if self.size < 8:
            raise BadInput(f"view.size is {self.size}; networks need at least 8 pixels.")
        if self.resize and self.resize < self.size:
            raise BadInput(f"view.resize ({self.resize}) is smaller than view.size ({self.size}); raise it or set 0.")
        if self.interpolation not in INTERPOLATIONS:
            raise UnknownName("view.interpolation", self.interpolation, list(INTERPOLATIONS))
        if not all(deviation > 0 for deviation in self.std):
            raise BadInput(f"view.std is {self.std}; every channel's deviation must be above 0.")
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

    name: str = "published"
    initial_crop: float = 0.5  # side of a random square, share of the picture's shorter side
    area_low: float = 0.002  # area of the random-resized crop, share of that square: uniform between low and high
    area_high: float = 1.0
    aspect: float = 4 / 3  # width / height of the crop: log-uniform between 1/aspect and aspect
    rotation: float = 30.0  # largest angle either way, on a canvas of floor(√2 · size), cut to ``size``
    shear: float = 30.0  # the same along x
    recrop_low: float = 1.0  # least area of a second random-resized crop, of the patch; 1 means none
    flip: float = 0.5  # probability of mirroring
    shift: float = 0.125  # largest shift either way after the crops, share of the side, in whole pixels
    shift_fill: str = "source"  # what a shift uncovers: more of the source, or black
    jitter: float = 0.5  # probability of changing brightness, contrast, saturation and hue, in random order
    brightness: float = 0.4  # factors are uniform in [1 − strength, 1 + strength]
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1  # largest rotation either way, in turns
    second_jitter: float = 0.0  # probability of changing all four once more, with the same strengths except for hue
    second_hue: float = 0.4
    grey: float = 0.0  # probability
    solarize: float = 0.0  # probability
    blur: float = 0.0  # probability of a Gaussian blur
    blur_low: float = 0.01  # its standard deviation, share of the side
    blur_high: float = 0.05

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
        shares = ("initial_crop", "area_low", "area_high", "recrop_low")
        chances = (
            "flip",
            "jitter",
            "grey",
            "solarize",
            "blur",
            "brightness",
            "contrast",
            "saturation",
            "second_jitter",
        )
        for name, low, high in (
            *((name, 1e-6, 1.0) for name in shares),
            *((name, 0.0, 1.0) for name in chances),
            ("aspect", 1.0, 100.0), ("rotation", 0.0, 180.0), ("shear", 0.0, 60.0), ("shift", 0.0, 0.5),
            ("hue", 0.0, 0.5), ("second_hue", 0.0, 0.5), ("blur_low", 1e-4, 1.0), ("blur_high", self.blur_low, 1.0),
            ("area_high", self.area_low, 1.0),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise BadInput(f"policy.{name} is {getattr(self, name)}; it must lie between {low:g} and {high:g}.")
        if self.shift_fill not in FILLS:
            raise UnknownName("policy.shift_fill", self.shift_fill, list(FILLS))
        super().__post_init__()


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
