"""What the networks see, and the named policies that turn a picture or clip into segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar

from modalities.assembly.settings import Setting, check_settings
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

    frames: Annotated[int, Setting("frames of a clip", above=0)] = 4
    size: Annotated[int, Setting("pixels, height and width of a network input", above=0)] = 160
    resize: Annotated[
        int, Setting("pixels, height and width of a raw item: short side, then the square centre", above=0)
    ] = 182
    seconds: Annotated[float, Setting("from the first frame of a clip to its end", above=0)] = 1.6
    train_clips: Annotated[int, Setting("clips per training item, evenly spaced", above=0)] = 1
    test_clips: Annotated[int, Setting("clips per test item, evenly spaced; 10 in the published setting", above=0)] = 1
    flip: Annotated[bool, Setting("whether a mirrored item keeps its label")] = True
    mean: Annotated[tuple[float, float, float], Setting("per channel, of values in [0, 1]")] = (0.45, 0.45, 0.45)
    std: Annotated[
        tuple[float, float, float], Setting("per channel, of values in [0, 1]; what each is divided by", above=0)
    ] = (0.225, 0.225, 0.225)

    def __post_init__(self) -> None:
        for name in ("mean", "std"):  # a typed configuration passes lists
            object.__setattr__(self, name, tuple(getattr(self, name)))
        check_settings(self, "view")
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

    name: Annotated[str, Setting("what the policy is called in tables; policy=NAME chooses one")] = "published"
    crop: Annotated[float, Setting("initial square crop, share of the shorter side", above=0, high=1)] = 0.5
    area_low: Annotated[
        float, Setting("least area of a box, share of the initial crop: uniform between low and high", above=0, high=1)
    ] = 1 / 500
    area_high: Annotated[float, Setting("largest area of a box, share of the initial crop", above=0, high=1)] = 1.0
    aspect: Annotated[float, Setting("width / height of a box: log-uniform between 1/aspect and aspect", low=1)] = 4 / 3
    redraw: Annotated[
        bool, Setting("a box that does not fit into the initial crop is drawn again; otherwise it is cut to it")
    ] = False
    motion: Annotated[
        float,
        Setting(
            "0: one box for all frames; 1: first and last box are independent; between: drawn together", low=0, high=1
        ),
    ] = 1.0
    zoom_low: Annotated[
        float, Setting("least factor by which a clip is enlarged, of which a random square is kept", low=1)
    ] = 1.0
    zoom_high: Annotated[float, Setting("largest factor by which a clip is enlarged", low=1)] = 1.0
    flip: Annotated[float, Setting("probability of mirroring a clip left to right", low=0, high=1)] = 0.5
    jitter: Annotated[float, Setting("probability of changing a clip's colours", low=0, high=1)] = 0.5
    brightness: Annotated[float, Setting("the factor is uniform in [1 − strength, 1 + strength]", low=0)] = 0.4
    contrast: Annotated[float, Setting("strength, as of brightness", low=0)] = 0.4
    saturation: Annotated[float, Setting("strength, as of brightness", low=0)] = 0.4
    hue: Annotated[float, Setting("largest rotation of the hue either way, in turns", low=0)] = 0.1

    STEPS: ClassVar = {
        "crop": {"crop": 1.0, "area_low": 1.0, "area_high": 1.0, "aspect": 1.0},  # off: the largest square
        "motion": {"motion": 0.0},
        "zoom": {"zoom_low": 1.0, "zoom_high": 1.0},
        "flip": {"flip": 0.0},
        "colour": {"jitter": 0.0},
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.area_low <= self.area_high:
            raise BadInput(
                f"policy.area_low {self.area_low} and area_high {self.area_high} are not a valid range of shares; "
                "give 0 < area_low <= area_high <= 1."
            )
        if not self.zoom_low <= self.zoom_high:
            raise BadInput(
                f"policy.zoom_low {self.zoom_low} and zoom_high {self.zoom_high} are not a valid range of factors; "
                "give 1 <= zoom_low <= zoom_high."
            )


POLICIES: Mapping[str, VideoPolicy] = MappingProxyType(
    {
        "published": VideoPolicy(),
        # As published, a clip's shorter side is scaled to 183 … 229 pixels, of which 160 are kept.
        "published-video": VideoPolicy("published-video", redraw=True, zoom_low=183 / 160, zoom_high=229 / 160),
        "geometry": VideoPolicy("geometry", jitter=0.0),
        "static": VideoPolicy("static", motion=0.0),
    }
)
