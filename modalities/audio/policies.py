"""What the networks see, and the named policies that turn a recording into segments."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import ClassVar

from modalities.assembly.steps import SteppedPolicy
from modalities.errors import BadInput

TRAITS: dict[str, str] = {}  # nothing published to compare with, see ``Modality.traits``


@dataclass(frozen=True)
class AudioView:
    """What an audio network sees: a standardised log-mel spectrogram of ``seconds`` of mono sound.

    The published protocol has 0.98 s windows at 16 kHz, 64 bands from 60 to 7,800 Hz, 25 ms every 10 ms.
    """

    rate: int = 16_000  # samples per second
    seconds: float = 1.0  # of one window
    mels: int = 64  # bands
    fmin: float = 60.0  # lowest frequency in Hz
    fmax: float = 7_800.0  # highest frequency in Hz; capped at half the rate
    window_ms: float = 25.0  # length of the analysis frames
    hop_ms: float = 10.0  # spacing of the analysis frames
    test_clips: int = 1  # evenly spaced windows of one test item whose predictions are averaged

    def __post_init__(self) -> None:
        positive = (self.rate, self.seconds, self.mels, self.window_ms, self.hop_ms, self.test_clips)
        if not all(value > 0 for value in positive) or self.samples < self.window or self.hop < 1:
            raise BadInput(
                f"{self} does not hold one analysis window; use positive values and seconds above window_ms."
            )
        if not 0 <= self.fmin < self.top:
            raise BadInput(f"fmin={self.fmin:g} Hz must lie between 0 and {self.top:g} Hz; lower it or raise fmax.")

    @property
    def samples(self) -> int:
        """Samples in one window of sound."""
        return round(self.rate * self.seconds)

    @property
    def window(self) -> int:
        """Samples in one analysis frame."""
        return round(self.rate * self.window_ms / 1000)

    @property
    def hop(self) -> int:
        """Samples between analysis frames."""
        return round(self.rate * self.hop_ms / 1000)

    @property
    def fft(self) -> int:
        """Length of the Fourier transform: the next power of two."""
        return int(2 ** ceil(log2(self.window)))

    @property
    def top(self) -> float:
        """Highest frequency of the mel bands in Hz."""
        return min(self.fmax, self.rate / 2)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one network input: (1, mels, frames)."""
        return 1, self.mels, 1 + self.samples // self.hop


@dataclass(frozen=True)
class AudioPolicy(SteppedPolicy):
    """How one recording becomes segments. With all strengths at zero (as in ``crop``), segments are random windows."""

    name: str = "standard"
    speed_low: float = 0.64  # playback rate, log-uniform between low and high; pitch and tempo change together
    speed_high: float = 1.57
    window_low: float = 0.2  # share of the segment that is not silent
    window_high: float = 1.0
    pitch: float = 3.0  # largest pitch shift either way, in mel bands
    gain_db: float = 10.0  # largest change of level, either way
    polarity: float = 0.5  # probability that the wave is inverted
    filter_db: float = 8.0  # largest gain or loss of a smooth random equaliser
    noise: float = 0.5  # probability of added noise (white, pink or red)
    noise_db_low: float = 5.0  # signal-to-noise ratio
    noise_db_high: float = 40.0
    reverb: float = 0.3  # probability of reverberation
    reverb_seconds: float = 0.6  # longest decay by 60 dB
    reverb_db_low: float = -20.0  # level of all reflections against the direct sound
    reverb_db_high: float = 0.0
    mix: float = 0.3  # probability that another segment of the recording is mixed in
    mix_db: float = 10.0  # largest difference of its level, either way
    time_mask: float = 0.1  # largest share of the frames that a mask hides
    mel_mask: float = 0.1  # largest share of the bands that a mask hides

    STEPS: ClassVar = {
        "speed": {"speed_low": 1.0, "speed_high": 1.0},
        "window": {"window_low": 1.0, "window_high": 1.0},
        "mix": {"mix": 0.0},
        "gain": {"gain_db": 0.0},
        "polarity": {"polarity": 0.0},
        "noise": {"noise": 0.0},
        "pitch": {"pitch": 0.0},
        "filter": {"filter_db": 0.0},
        "reverb": {"reverb": 0.0},
        "mel_mask": {"mel_mask": 0.0},
        "time_mask": {"time_mask": 0.0},
    }

    def __post_init__(self) -> None:
        for name in ("polarity", "noise", "reverb", "mix", "time_mask", "mel_mask", "window_low", "window_high"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"{name}={getattr(self, name)} of the policy '{self.name}' must lie between 0 and 1.")
        for name in ("pitch", "gain_db", "filter_db", "mix_db", "reverb_seconds"):
            if not getattr(self, name) >= 0:
                raise BadInput(f"{name}={getattr(self, name)} of the policy '{self.name}' must be 0 or more.")
        for name in ("speed", "window", "noise_db", "reverb_db"):
            low, high = getattr(self, f"{name}_low"), getattr(self, f"{name}_high")
            if not low <= high or (name in ("speed", "window") and low <= 0):
                raise BadInput(f"{name} from {low} to {high} of the policy '{self.name}' is not a valid range.")
        if self.speed_low < 0.125 or self.speed_high > 8:
            raise BadInput(f"speed of the policy '{self.name}' must lie between 0.125 and 8.")
        super().__post_init__()


CROP = AudioPolicy(
    "crop", speed_low=1, speed_high=1, window_low=1, window_high=1, pitch=0, gain_db=0, polarity=0, filter_db=0,
    noise=0, reverb=0, mix=0, time_mask=0, mel_mask=0,
)  # fmt: skip
PLAIN = AudioPolicy(
    "plain", speed_low=1, speed_high=1, pitch=0, polarity=0, filter_db=0, noise=0, reverb=0, mix=0,
    time_mask=0, mel_mask=0,
)  # fmt: skip
STANDARD = AudioPolicy()  # our own: the published one was never released

POLICIES = {policy.name: policy for policy in (STANDARD, PLAIN, CROP)}
