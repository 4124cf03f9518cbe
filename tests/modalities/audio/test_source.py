"""Recordings of all sorts load, and bad ones are refused in one clear sentence."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from scipy import signal

from modalities.audio import generated_sources, source
from modalities.audio.policies import CROP, AudioView
from modalities.audio.segments import AudioStream
from modalities.audio.source import AudioSource, load_source, source_ref
from modalities.errors import BadInput, UnknownName

VIEW = AudioView()
CPU = torch.device("cpu")


def sine(frequency: float, rate: int, seconds: float = 2) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)


def load(path: Path) -> AudioSource:
    return load_source(str(path), VIEW, CPU)


def peak(wave: torch.Tensor) -> float:
    return float(np.abs(np.fft.rfft(wave.numpy())).argmax()) * VIEW.rate / len(wave)


@pytest.mark.parametrize("name", ["speech", "music", "noise", "pink", "chirps", "chords"])
def test_named_recordings_last_a_minute_or_more_and_have_one_level(name: str) -> None:
    source = load_source(name, VIEW, CPU)
    assert len(source.wave) >= 60 * VIEW.rate and source.wave.dtype == torch.float32
    assert source.wave.square().mean().item() == pytest.approx(0.01, rel=1e-3)
    assert source.ref.name == name and len(source.ref.sha256) == 64


@pytest.mark.parametrize("name", ["noise", "pink", "chirps", "chords"])
@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_generated_recordings_are_the_same_each_time_and_others_under_another_seed(name: str, rate: int) -> None:
    wave = source.read(name, rate)
    assert len(wave) == 60 * rate and np.isfinite(wave).all()
    np.testing.assert_array_equal(wave, source.read(f"{name}:0", rate))
    other = source.read(f"{name}:1", rate)
    assert abs(np.corrcoef(wave, other)[0, 1]) < 0.05
    assert source_ref(name).sha256 == hashlib.sha256(f"{name}/seed=0/version=1".encode()).hexdigest()
    assert source_ref(f"{name}:1").sha256 != source_ref(name).sha256


def test_the_power_of_pink_noise_halves_with_each_octave() -> None:
    frequency, power = signal.welch(source.read("pink", 16_000), 16_000, nperseg=8_192)
    used = (frequency > 40) & (frequency < 7_000)
    slope = np.polyfit(np.log(frequency[used]), np.log(power[used]), 1)[0]
    assert slope == pytest.approx(-1, abs=0.03)


@pytest.mark.parametrize("name", ["chirps", "chords"])
def test_tones_stay_below_the_top_of_the_band(name: str) -> None:
    frequency, power = signal.welch(source.read(name, 8_000), 8_000, nperseg=4_096)
    assert power[frequency > 0.48 * 8_000].sum() < 1e-4 * power.sum()


def test_a_chord_of_the_source_has_the_overtones_of_its_tones() -> None:
    time = np.arange(16_000) / 16_000
    sound = generated_sources._pluck(np.array([440.0]), time, 0.5, 1.0, 2_000)
    spectrum = np.abs(np.fft.rfft(sound))
    peaks, _ = signal.find_peaks(spectrum, height=spectrum.max() / 50)
    assert peaks.tolist() == [440, 880, 1320, 1760]


def test_noise_is_white_and_always_the_same() -> None:
    wave = load_source("noise", VIEW, CPU).wave
    assert torch.equal(wave, load_source("noise", VIEW, CPU).wave)
    power = np.abs(np.fft.rfft(wave.numpy())) ** 2
    bands = power[1:480_001].reshape(4, -1).mean(1)
    np.testing.assert_allclose(bands / bands.mean(), 1, atol=0.02)


@pytest.mark.parametrize(("suffix", "rate", "channels"), [
    ("wav", 96_000, 1), ("wav", 16_000, 2), ("flac", 44_100, 2), ("ogg", 48_000, 1), ("mp3", 22_050, 2),
    ("wav", 8_000, 6),
])  # fmt: skip
def test_any_rate_channels_and_format_load_as_mono_at_the_views_rate(
    tmp_path: Path, suffix: str, rate: int, channels: int
) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.repeat(sine(1_000, rate)[:, None], channels, 1), rate)
    source = load(path)
    assert source.rate == VIEW.rate and source.wave.ndim == 1
    assert len(source.wave) == pytest.approx(2 * VIEW.rate, rel=0.05)
    assert peak(source.wave) == pytest.approx(1_000, abs=2)


def test_channels_are_averaged(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([sine(500, 16_000), sine(500, 16_000) + sine(2_000, 16_000)], 1), 16_000)
    spectrum = np.abs(np.fft.rfft(load(path).wave.numpy()))
    assert spectrum[1_000] == pytest.approx(2 * spectrum[4_000], rel=1e-3)


def test_what_a_lower_rate_cannot_hold_is_filtered_out(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sine(1_000, 96_000) + sine(30_000, 96_000), 96_000)
    spectrum = np.abs(np.fft.rfft(load(path).wave.numpy())) ** 2
    around = slice(1_950, 2_051)
    assert spectrum[around].sum() > 0.999 * spectrum.sum()


def damaged(path: Path, kind: str) -> Path:
    if kind == "empty file":
        path.write_bytes(b"")
    elif kind == "no sound":
        path.write_bytes(b"this is a shopping list\n" * 100)
    elif kind == "no samples":
        soundfile.write(path, np.zeros(0), 16_000)
    elif kind == "silent":
        soundfile.write(path, np.zeros(32_000), 16_000)
    elif kind == "too short":
        soundfile.write(path, sine(500, 16_000, 0.01), 16_000)
    elif kind == "truncated header":
        soundfile.write(path, sine(500, 16_000), 16_000)
        path.write_bytes(path.read_bytes()[:20])
    return path


@pytest.mark.parametrize("kind", ["missing", "empty file", "no sound", "no samples", "silent", "too short",
                                  "truncated header"])  # fmt: skip
def test_a_recording_that_cannot_be_used_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    path = damaged(tmp_path / "bad.wav", kind)
    with pytest.raises(BadInput, match=r"bad\.wav.*;.*give") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_flac_file_that_breaks_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 160_000), 16_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadInput, match=r"bad\.flac"):
        load(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no recording"):
        load(tmp_path)


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one() -> None:
    with pytest.raises(UnknownName, match="did you mean speech"):
        source_ref("speach")


def test_the_reference_of_a_file_is_its_content_not_its_place(tmp_path: Path) -> None:
    first, second = tmp_path / "a.wav", tmp_path / "sub" / "a.wav"
    second.parent.mkdir()
    soundfile.write(first, sine(500, 16_000), 16_000)
    second.write_bytes(first.read_bytes())
    assert source_ref(str(first)) == source_ref(str(second))
    soundfile.write(second, sine(501, 16_000), 16_000)
    assert source_ref(str(first)).sha256 != source_ref(str(second)).sha256


def test_a_recording_of_a_tenth_of_a_second_still_gives_segments(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sine(500, 16_000, 0.1), 16_000)
    stream = AudioStream(load(path), VIEW, CROP, batch_size=4, seed=0, device=CPU)
    assert stream.batch(0).isfinite().all() and stream.batch(0).std() > 0.9
