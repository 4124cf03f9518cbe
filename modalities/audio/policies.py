"""What the networks see, and the named policies that turn a recording into segments."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import Annotated, ClassVar

from modalities.assembly.settings import Setting, check_settings
from modalities.assembly.steps import SteppedPolicy
from modalities.errors import BadInput

TRAITS: dict[str, str] = {}  # nothing published to compare with, see ``Modality.traits``


@dataclass(frozen=True)
class AudioView:
    """What an audio network sees: a standardised log-mel spectrogram of ``seconds`` of mono sound.

    The published protocol has 0.98 s windows at 16 kHz, 64 bands from 60 to 7,800 Hz, 25 ms every 10 ms.
    """

    rate: Annotated[int, Setting("samples per second", above=0)] = 16_000
    seconds: Annotated[float, Setting("length of one window", above=0)] = 1.0
    mels: Annotated[int, Setting("mel bands", above=0)] = 64
    fmin: Annotated[float, Setting("lowest frequency in Hz", low=0)] = 60.0
    fmax: Annotated[float, Setting("highest frequency in Hz; capped at half the rate")] = 7_800.0
    window_ms: Annotated[float, Setting("length of the analysis frames", above=0)] = 25.0
    hop_ms: Annotated[float, Setting("spacing of the analysis frames", above=0)] = 10.0
    test_clips: Annotated[
        int, Setting("evenly spaced windows of one test item whose predictions are averaged", above=0)
    ] = 1

    def __post_init__(self) -> None:
        check_settings(self, "view")
        if self.samples < self.window or self.hop < 1:
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

    name: Annotated[str, Setting("what the policy is called in tables; policy=NAME chooses one")] = "standard"
    speed_low: Annotated[
        float,
        Setting(
            "least playback rate, log-uniform between low and high; pitch and tempo change together", low=0.125, high=8
        ),
    ] = 0.64
    speed_high: Annotated[float, Setting("largest playback rate", low=0.125, high=8)] = 1.57
    window_low: Annotated[float, Setting("least share of the segment that is not silent", above=0, high=1)] = 0.2
    window_high: Annotated[float, Setting("largest share of the segment that is not silent", above=0, high=1)] = 1.0
    pitch: Annotated[float, Setting("largest pitch shift either way, in mel bands", low=0)] = 3.0
    gain_db: Annotated[float, Setting("largest change of level either way, in dB", low=0)] = 10.0
    polarity: Annotated[float, Setting("probability that the wave is inverted", low=0, high=1)] = 0.5
    filter_db: Annotated[float, Setting("largest gain or loss of a smooth random equaliser, in dB", low=0)] = 8.0
    noise: Annotated[float, Setting("probability of added noise (white, pink or red)", low=0, high=1)] = 0.5
    noise_db_low: Annotated[float, Setting("least signal-to-noise ratio, in dB")] = 5.0
    noise_db_high: Annotated[float, Setting("largest signal-to-noise ratio, in dB")] = 40.0
    reverb: Annotated[float, Setting("probability of reverberation", low=0, high=1)] = 0.3
    reverb_seconds: Annotated[float, Setting("longest decay by 60 dB, in seconds", low=0)] = 0.6
    reverb_db_low: Annotated[float, Setting("least level of all reflections against the direct sound, in dB")] = -20.0
    reverb_db_high: Annotated[float, Setting("largest level of all reflections against the direct sound, in dB")] = 0.0
    mix: Annotated[float, Setting("probability that another segment of the recording is mixed in", low=0, high=1)] = 0.3
    mix_db: Annotated[float, Setting("largest difference of its level either way, in dB", low=0)] = 10.0
    time_mask: Annotated[float, Setting("largest share of the frames that a mask hides", low=0, high=1)] = 0.1
    mel_mask: Annotated[float, Setting("largest share of the bands that a mask hides", low=0, high=1)] = 0.1

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
        super().__post_init__()
        for name in ("speed", "window", "noise_db", "reverb_db"):
            low, high = getattr(self, f"{name}_low"), getattr(self, f"{name}_high")
            if not low <= high:
                raise BadInput(f"policy.{name}_high is {high}, below policy.{name}_low ({low}); raise it.")


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
