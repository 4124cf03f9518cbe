"""The values of the view and of the named policies."""

from dataclasses import FrozenInstanceError, asdict

import numpy as np
import pytest

from modalities.audio.policies import POLICIES, AudioPolicy, AudioView
from modalities.errors import BadInput

STANDARD = {
    "name": "standard", "speed_low": 0.64, "speed_high": 1.57, "window_low": 0.2, "window_high": 1.0, "pitch": 3.0,
    "gain_db": 10.0, "polarity": 0.5, "filter_db": 8.0, "noise": 0.5, "noise_db_low": 5.0, "noise_db_high": 40.0,
    "reverb": 0.3, "reverb_seconds": 0.6, "reverb_db_low": -20.0, "reverb_db_high": 0.0, "mix": 0.3, "mix_db": 10.0,
    "time_mask": 0.1, "mel_mask": 0.1, "off": (), "code": "",
}  # fmt: skip
PLAIN = {
    "speed_low": 1, "speed_high": 1, "pitch": 0, "polarity": 0, "filter_db": 0, "noise": 0, "reverb": 0, "mix": 0,
    "time_mask": 0, "mel_mask": 0,
}  # fmt: skip


def test_the_named_policies_have_their_values() -> None:
    assert asdict(POLICIES["standard"]) == STANDARD
    assert asdict(POLICIES["plain"]) == STANDARD | {"name": "plain"} | PLAIN
    windows = {"window_low": 1, "window_high": 1, "gain_db": 0}
    assert asdict(POLICIES["crop"]) == STANDARD | {"name": "crop"} | PLAIN | windows


def test_the_view_is_the_published_one_but_for_its_length() -> None:
    view = AudioView()
    assert (view.rate, view.mels, view.fmin, view.fmax, view.window, view.hop) == (16_000, 64, 60, 7_800, 400, 160)
    assert (view.samples, view.fft, view.top, view.shape) == (16_000, 512, 7_800, (1, 64, 101))
    assert AudioView(rate=8_000).top == 4_000


CHANCES = ("polarity", "noise", "reverb", "mix", "time_mask", "mel_mask", "window_low", "window_high")
STRENGTHS = ("pitch", "gain_db", "filter_db", "mix_db", "reverb_seconds")


@pytest.mark.parametrize("name", CHANCES)
def test_a_share_lies_between_0_and_1(name: str) -> None:
    least = 0.01 if name == "window_low" else 0.2 if name == "window_high" else 0.0
    for value in (least, 1.0):
        assert getattr(AudioPolicy(**{name: value}), name) == value
    for value in (-1e-9, 1 + 1e-9, np.nan):
        with pytest.raises(BadInput, match=name):
            AudioPolicy(**{name: value})


@pytest.mark.parametrize("name", STRENGTHS)
def test_a_strength_is_0_or_more(name: str) -> None:
    assert getattr(AudioPolicy(**{name: 0.0}), name) == 0
    for value in (-1e-9, np.nan):
        with pytest.raises(BadInput, match=name):
            AudioPolicy(**{name: value})


@pytest.mark.parametrize(("name", "value"), [("speed", 1.0), ("window", 0.5), ("noise_db", 0.0), ("reverb_db", -9.0)])
def test_a_range_may_be_one_value_and_never_falls(name: str, value: float) -> None:
    AudioPolicy(**{f"{name}_low": value, f"{name}_high": value})
    for high in (value - 1e-9, np.nan):
        with pytest.raises(BadInput, match=name):
            AudioPolicy(**{f"{name}_low": value, f"{name}_high": high})


def test_speeds_lie_between_an_eighth_and_eight_and_windows_are_never_empty() -> None:
    AudioPolicy(speed_low=0.125, speed_high=8.0)
    AudioPolicy(noise_db_low=-3.0, reverb_db_low=-40.0)
    for change in ({"speed_low": 0.1249}, {"speed_high": 8.001}, {"speed_low": 0.0}, {"window_low": 0.0}):
        with pytest.raises(BadInput):
            AudioPolicy(**change)


def test_a_view_holds_one_analysis_window_at_least() -> None:
    assert AudioView(seconds=0.025).samples == AudioView().window == 400
    assert AudioView(rate=1_000, fmax=400, hop_ms=1.0).hop == 1
    assert AudioView(fmin=0.0).fmin == 0 and AudioView(mels=1).mels == 1
    for change in (
        {"seconds": 0.0249}, {"rate": 1_000, "fmax": 400, "hop_ms": 0.4}, {"fmin": -1.0}, {"fmin": 7_800.0},
        {"rate": 0}, {"seconds": 0.0}, {"mels": 0}, {"window_ms": 0.0}, {"hop_ms": 0.0}, {"test_clips": 0},
        {"seconds": np.nan}, {"hop_ms": np.nan}, {"fmin": np.nan}, {"fmax": np.nan},
    ):  # fmt: skip
        with pytest.raises(BadInput):
            AudioView(**change)


def test_views_and_policies_cannot_be_changed_behind_a_cells_back() -> None:
    for given in (AudioView(), AudioPolicy()):
        with pytest.raises(FrozenInstanceError):
            setattr(given, next(iter(asdict(given))), 1)
