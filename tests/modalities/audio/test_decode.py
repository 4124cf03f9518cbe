"""Sound files become windows of the right place, length and level."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from modalities.audio.decode import Stretch, read_windows, recordings
from modalities.audio.policies import AudioView
from modalities.datasets.listing import Row
from modalities.errors import BadInput

RATE = 8_000


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose sample k has the value k."""
    path = tmp_path_factory.mktemp("audio") / "count.wav"
    soundfile.write(path, np.arange(20_000, dtype=np.int16), RATE)
    return path


def test_one_window_is_the_middle(counting: Path) -> None:
    assert read_windows(counting, RATE, 1_000, 1)[0].tolist() == list(range(9_500, 10_500))


@given(clips=st.integers(2, 7), samples=st.integers(100, 20_000))
@settings(max_examples=20, deadline=None)
def test_several_windows_reach_from_begin_to_end_in_even_steps(counting: Path, clips: int, samples: int) -> None:
    windows = read_windows(counting, RATE, samples, clips)
    assert windows.shape == (clips, samples) and windows.dtype == np.int16
    starts = windows[:, 0].astype(int)
    assert starts[0] == 0 and windows[-1, -1] == 19_999
    assert np.ptp(np.diff(starts)) <= 1
    assert (np.diff(windows.astype(int)) == 1).all()


def test_a_short_file_stands_in_the_middle_of_zeros(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(100, 7, np.int16), RATE)
    assert read_windows(tmp_path / "a.wav", RATE, 301, 1)[0].tolist() == [0] * 100 + [7] * 100 + [0] * 101


def test_a_stretch_is_all_that_is_read(counting: Path) -> None:
    window = read_windows(Stretch(counting, 1.0, 0.5), RATE, 4_000, 1)[0]
    assert window.tolist() == list(range(8_000, 12_000))


def test_rate_and_channels_are_converted(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(44_100) / 44_100)
    soundfile.write(tmp_path / "a.flac", np.stack([tone, 0 * tone], 1), 44_100)
    window = read_windows(tmp_path / "a.flac", 16_000, 16_000, 1)[0]
    spectrum = np.abs(np.fft.rfft(window / 2**15))
    assert spectrum.argmax() == 1_000
    assert spectrum[1_000] / 8_000 == pytest.approx(0.25, rel=0.01)


@pytest.mark.parametrize("content", [None, b"", b"no sound at all"])
def test_a_bad_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.wav"
    if content is not None:
        path.write_bytes(content)
    data = recordings([Row(path, 0, "bad", "bad")], AudioView(), test=True)
    with pytest.raises(BadInput, match=r"bad\.wav.*fetch it again"):
        data[0]


def test_an_empty_recording_is_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "bad.wav", np.zeros(0), RATE)
    with pytest.raises(BadInput, match=r"bad\.wav is empty"):
        read_windows(tmp_path / "bad.wav", RATE, 100, 1)
