"""What the networks see, and the named policies that turn a picture or clip into segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from modalities.assembly.steps import SteppedPolicy
from modalities.errors import BadInput

# What no setting changes, see ``Modality.traits``.
TRAITS = {
    "segments.resampling": "once, bilinear, from a pyramid",
    "segments.hue": "rotation about the grey axis",
    "segments.stored": "none, each is rendered when it is needed",
    "segments.augmix": "none",
}


@dataclass(frozen=True)
class VideoView:
    """Size, length and normalisation of a clip. The defaults are those of X3D-XS on Kinetics (Feichtenhofer 2020)."""

    frames: int = 4
    size: int = 160  # pixels, height and width of a network input
    resize: int = 182  # pixels, height and width of a raw item: short side, then the square centre
    seconds: float = 1.6  # from the first frame of a clip to its end
    train_clips: int = 1  # clips per training item, evenly spaced
    test_clips: int = 1  # clips per test item, evenly spaced; 10 in the published setting
    flip: bool = True  # whether a mirrored item keeps its label
    mean: tuple[float, float, float] = (0.45, 0.45, 0.45)
    std: tuple[float, float, float] = (0.225, 0.225, 0.225)

    def __post_init__(self) -> None:
        for name in ("mean", "std"):  # a typed configuration passes lists
            object.__setattr__(self, name, tuple(getattr(self, name)))
        positive = ("frames", "size", "resize", "seconds", "train_clips", "test_clips")
        if bad := [name for name in positive if not getattr(self, name) > 0]:
            raise BadInput(f"view.{bad[0]} is {getattr(self, bad[0])}; give a number above 0.")
        if self.resize < self.size:
            raise BadInput(f"view.resize is {self.resize}, below view.size {self.size}; give at least {self.size}.")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one network input: (colours, frames, height, width)."""
        return (3, self.frames, self.size, self.size)


@dataclass(frozen=True)
class VideoPolicy(SteppedPolicy):
    """How one source becomes segments: a camera path between two random boxes, mirroring, and one colour change.

    Over a picture the camera moves; in a clip the box is fixed and time passes.
    """

    name: str = "published"
    crop: float = 0.5  # initial square crop, share of the shorter side
    area_low: float = 1 / 500  # area of a box, share of the initial crop: uniform between low and high
    area_high: float = 1.0
    aspect: float = 4 / 3  # width / height of a box: log-uniform between 1/aspect and aspect
    redraw: bool = False  # a box that does not fit into the initial crop is drawn again; otherwise it is cut to it
    motion: float = 1.0  # 0: one box for all frames; 1: first and last box are independent; between: drawn together
    zoom_low: float = 1.0  # a clip is enlarged by a factor between low and high, and a random square of it is kept
    zoom_high: float = 1.0
    flip: float = 0.5  # probability of mirroring a clip left to right
    jitter: float = 0.5  # probability of changing a clip's colours
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1  # turns, to either side

    STEPS: ClassVar = {
        "crop": {"crop": 1.0, "area_low": 1.0, "area_high": 1.0, "aspect": 1.0},  # off: the largest square
        "motion": {"motion": 0.0},
        "zoom": {"zoom_low": 1.0, "zoom_high": 1.0},
        "flip": {"flip": 0.0},
        "colour": {"jitter": 0.0},
    }

    def __post_init__(self) -> None:
        for name in ("motion", "flip", "jitter"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"policy.{name} is {getattr(self, name)}; give a number from 0 to 1.")
        if not 0 < self.crop <= 1:
            raise BadInput(f"policy.crop is {self.crop}; give a number above 0 and up to 1.")
        if not 0 < self.area_low <= self.area_high <= 1:
            raise BadInput(
                f"policy.area_low {self.area_low} and area_high {self.area_high} are not a valid range of shares; "
                "give 0 < area_low <= area_high <= 1."
            )
        if not 1 <= self.zoom_low <= self.zoom_high:
            raise BadInput(
                f"policy.zoom_low {self.zoom_low} and zoom_high {self.zoom_high} are not a valid range of factors; "
                "give 1 <= zoom_low <= zoom_high."
            )
        if not self.aspect >= 1:
            raise BadInput(f"policy.aspect is {self.aspect}; give a ratio of 1 or more.")
        super().__post_init__()


POLICIES: Mapping[str, VideoPolicy] = MappingProxyType(
    {
        "published": VideoPolicy(),
        # As published, a clip's shorter side is scaled to 183 … 229 pixels, of which 160 are kept.
        "published-video": VideoPolicy("published-video", redraw=True, zoom_low=183 / 160, zoom_high=229 / 160),
        "geometry": VideoPolicy("geometry", jitter=0.0),
        "static": VideoPolicy("static", motion=0.0),
    }
)
