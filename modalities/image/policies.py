"""ImageView, the form of network inputs, and ImagePolicy, how a picture becomes segments: plain typed values."""

from __future__ import annotations

from dataclasses import dataclass, replace

from modalities.errors import BadInput


@dataclass(frozen=True)
class ImageView:
    """Size and normalisation of network inputs.

    Args:
        size: side of the square input, in pixels.
        mean: per channel, of values in [0, 1]; the defaults are the ones pretrained weights expect.
        std: per channel, of values in [0, 1].
        resize: side of decoded labelled items, in pixels; 0 means ``size``. A larger one leaves a margin to crop:
            at random while a teacher trains, in the centre when it is tested (256 and 224 as published).
        flip: whether a mirrored item keeps its label; a mirrored digit does not.
        test_clips: views of one test item whose predictions are averaged; always 1 for images.
    """

    size: int = 32
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    resize: int = 0
    flip: bool = True
    test_clips: int = 1

    def __post_init__(self) -> None:
        # Configuration libraries pass lists; equal views must compare and hash equal.
        object.__setattr__(self, "mean", tuple(self.mean))
        object.__setattr__(self, "std", tuple(self.std))
        if self.size < 8:
            raise BadInput(f"view.size is {self.size}; networks need at least 8 pixels.")
        if self.resize and self.resize < self.size:
            raise BadInput(f"view.resize ({self.resize}) is smaller than view.size ({self.size}); raise it or set 0.")
        if min(self.std) <= 0:
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
class ImagePolicy:
    """The augmentations that turn a picture into segments, in the order in which they apply.

    Defaults are the CIFAR recipe of Asano & Saeed, "The Augmented Image Prior" (ICLR 2023): patches, then the
    flips and shifts of training time. Angles are in degrees, other strengths are fractions, probabilities are in
    [0, 1].

    Args:
        initial_crop: side of a random square, as a share of the picture's shorter side.
        area_low, area_high: area of the random-resized crop, as a share of that square.
        aspect: its aspect ratio is log-uniform in [1 / aspect, aspect].
        rotation, shear: largest angles either way; the shear is along x. Both act on a canvas of floor(√2 · size),
            of which the centre of ``size`` remains.
        recrop_low: least area of a second random-resized crop, of the patch; 1 means none.
        flip: probability of mirroring.
        shift: largest shift either way after the crops, as a share of the side, in whole pixels.
        jitter: probability of changing brightness, contrast, saturation and hue, in random order.
        brightness, contrast, saturation: factors are uniform in [1 − strength, 1 + strength].
        hue: largest rotation either way, in turns.
        grey, solarize: probabilities.
        blur: probability of a Gaussian blur.
        blur_low, blur_high: its standard deviation, as a share of the side.
    """

    name: str = "published"
    initial_crop: float = 0.5
    area_low: float = 0.002
    area_high: float = 1.0
    aspect: float = 4 / 3
    rotation: float = 30.0
    shear: float = 30.0
    recrop_low: float = 1.0
    flip: float = 0.5
    shift: float = 0.125
    jitter: float = 0.5
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1
    grey: float = 0.0
    solarize: float = 0.0
    blur: float = 0.0
    blur_low: float = 0.01
    blur_high: float = 0.05

    def __post_init__(self) -> None:
        shares = ("initial_crop", "area_low", "area_high", "recrop_low")
        chances = ("flip", "jitter", "grey", "solarize", "blur", "brightness", "contrast", "saturation")
        for name, low, high in (
            *((name, 1e-6, 1.0) for name in shares),
            *((name, 0.0, 1.0) for name in chances),
            ("aspect", 1.0, 100.0), ("rotation", 0.0, 180.0), ("shear", 0.0, 60.0), ("shift", 0.0, 0.5),
            ("hue", 0.0, 0.5), ("blur_low", 1e-4, 1.0), ("blur_high", self.blur_low, 1.0),
            ("area_high", self.area_low, 1.0),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise BadInput(f"policy.{name} is {getattr(self, name)}; it must lie between {low:g} and {high:g}.")


PUBLISHED = ImagePolicy()

POLICIES = {
    policy.name: policy
    for policy in (
        PUBLISHED,
        # The published recipe jitters twice, when patches are rendered and at training time; this is the second.
        replace(
            PUBLISHED, name="published-imagenet", recrop_low=0.08, shift=0.0,
            jitter=0.8, hue=0.4, grey=0.2, solarize=0.2,
        ),
        replace(PUBLISHED, name="geometry", jitter=0.0),
        replace(PUBLISHED, name="crop", rotation=0.0, shear=0.0, shift=0.0, jitter=0.0),
    )
}  # fmt: skip
