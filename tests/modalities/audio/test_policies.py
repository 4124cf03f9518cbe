"""The values of the view and of the named policies."""

from dataclasses import asdict

from modalities.audio.policies import POLICIES, AudioView

STANDARD = {
    "name": "standard", "speed_low": 0.64, "speed_high": 1.57, "window_low": 0.2, "window_high": 1.0, "pitch": 3.0,
    "gain_db": 10.0, "polarity": 0.5, "filter_db": 8.0, "noise": 0.5, "noise_db_low": 5.0, "noise_db_high": 40.0,
    "reverb": 0.3, "reverb_seconds": 0.6, "reverb_db_low": -20.0, "reverb_db_high": 0.0, "mix": 0.3, "mix_db": 10.0,
    "time_mask": 0.1, "mel_mask": 0.1,
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
