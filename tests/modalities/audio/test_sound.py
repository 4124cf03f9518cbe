"""Any part of a sound file is what the whole file has there; a file is the same sound as a source and as an item."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from modalities.audio.decode import Stretch, duration, read_windows
from modalities.audio.sound import open_sound
from modalities.audio.source import read_recording
from modalities.errors import BadInput

RATE = 22_050
SECONDS = 6


def sweep(channels: int = 1, seconds: float = SECONDS, rate: int = RATE) -> np.ndarray:
    """A tone that rises while it gets louder and softer, so that no part of it is like another."""
    at = np.arange(int(seconds * rate)) / rate
    wave = (0.3 + 0.2 * np.sin(3 * at)) * np.sin(2 * np.pi * (200 * at + 40 * at**2))
    return np.stack([wave * (1 - 0.3 * k) for k in range(channels)], axis=1)


def write(path: Path, wave: np.ndarray, subtype: str | None = None, **more: object) -> None:
    soundfile.write(path, wave, RATE, subtype, **more)


def write_mp3(path: Path, wave: np.ndarray, *, counted: bool = True, quality: int | None = None) -> None:
    """Write MP3 of a constant or, with a quality, of a variable bit rate; ``counted`` files tell their length."""
    options = {"b": "48k"} if quality is None else {"flags": "+qscale", "global_quality": str(118 * quality)}
    with av.open(str(path), "w", format="mp3", options={"write_xing": str(int(counted))}) as container:
        layout = {1: "mono", 2: "stereo"}[wave.shape[1]]
        stream = container.add_stream("libmp3lame", rate=RATE, layout=layout, options=options)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave.T, np.float32), format="fltp", layout=layout)
        frame.sample_rate = RATE
        queue = av.AudioFifo()
        queue.write(frame)
        while (part := queue.read(stream.codec_context.frame_size, partial=True)) is not None:
            container.mux(stream.encode(part))
        container.mux(stream.encode())


def quiet_then_loud(channels: int) -> np.ndarray:
    """Mostly silence before the sweep, so that a length estimated from the first frames is far off."""
    return np.concatenate([np.zeros((3 * RATE, channels)), sweep(channels)])


def unknown_length(path: Path) -> None:
    """Let a FLAC file not tell its number of samples, as writers to a pipe do."""
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert soundfile.info(path).frames > 2**60


def write_unknown(path: Path, channels: int, subtype: str) -> None:
    write(path, sweep(channels), subtype)
    unknown_length(path)


FILES: dict[str, Callable[[Path], None]] = {
    "16.wav": lambda path: write(path, sweep(2), "PCM_16"),
    "24.wav": lambda path: write(path, sweep(), "PCM_24"),
    "8.wav": lambda path: write(path, sweep(2), "PCM_U8"),
    "float.wav": lambda path: write(path, sweep(6), "FLOAT"),
    "double.wav": lambda path: write(path, sweep(), "DOUBLE"),
    "law.wav": lambda path: write(path, sweep(), "ULAW"),
    "ima.wav": lambda path: write(path, sweep(2), "IMA_ADPCM"),
    "ms.wav": lambda path: write(path, sweep(), "MS_ADPCM"),
    "gsm.wav": lambda path: write(path, sweep(), "GSM610"),
    "16.flac": lambda path: write(path, sweep(2), "PCM_16"),
    "24.flac": lambda path: write(path, sweep(), "PCM_24"),
    "unknown.flac": lambda path: write_unknown(path, 1, "PCM_16"),
    "unknown 24.flac": lambda path: write_unknown(path, 2, "PCM_24"),
    "unknown 8.flac": lambda path: write_unknown(path, 2, "PCM_S8"),
    "a.aiff": lambda path: write(path, sweep(2)),
    "vorbis.ogg": lambda path: write(path, sweep(2)),
    "opus.ogg": lambda path: soundfile.write(path, sweep(), 24_000, "OPUS"),
    "plain.mp3": lambda path: write(path, sweep(2)),
    "constant.mp3": lambda path: write_mp3(path, quiet_then_loud(2)),
    "variable.mp3": lambda path: write_mp3(path, quiet_then_loud(1), quality=2),
    "constant, not counted.mp3": lambda path: write_mp3(path, quiet_then_loud(1), counted=False),
    "variable, not counted.mp3": lambda path: write_mp3(path, quiet_then_loud(2), counted=False, quality=2),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    for name, make in FILES.items():
        make(folder / name)
    return folder


def whole(path: Path) -> tuple[np.ndarray, int]:
    with open_sound(path) as sound:
        return sound.read(0, sound.frames), sound.rate


def as_samples(wave: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(wave * 2**15), -(2**15), 2**15 - 1).astype(np.int16)


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_any_window_is_what_the_whole_file_has_there(files: Path, name: str, data: st.DataObject) -> None:
    wave, rate = whole(files / name)
    expected = as_samples(wave)
    samples = data.draw(st.integers(1, len(wave)))
    clips = data.draw(st.integers(1, 4))
    free = len(wave) - samples
    starts = [free // 2] if clips == 1 else [free * k // (clips - 1) for k in range(clips)]
    windows = read_windows(files / name, rate, samples, clips)
    for start, window in zip(starts, windows, strict=True):
        np.testing.assert_array_equal(window, expected[start : start + samples])
    start = data.draw(st.integers(0, len(wave) - 1))
    count = data.draw(st.integers(1, len(wave) - start))
    stretch = Stretch(files / name, start / rate, count / rate)
    np.testing.assert_array_equal(read_windows(stretch, rate, count, 1)[0], expected[start : start + count])
    with open_sound(files / name) as sound:
        for begin in data.draw(st.lists(st.integers(0, len(wave) - 2), max_size=3)):
            part = sound.read(begin, min(4000, len(wave) - begin))
            np.testing.assert_array_equal(part, wave[begin : begin + len(part)])


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_the_same_sound_as_source_and_as_item(files: Path, name: str) -> None:
    source, rate = whole(files / name)
    np.testing.assert_array_equal(read_recording(files / name, rate), source)
    item = read_windows(files / name, rate, len(source), 1)[0]
    np.testing.assert_array_equal(item, as_samples(source))
    assert duration(files / name) == len(source) / rate


@pytest.mark.parametrize("name", [name for name in FILES if "not counted" not in name])
def test_a_file_is_the_sound_that_was_written_at_its_place(files: Path, name: str) -> None:
    """Also where encoders put delay before it and padding after it."""
    wave, _ = whole(files / name)
    channels = soundfile.info(files / name).channels
    written = quiet_then_loud(channels) if name in ("constant.mp3", "variable.mp3") else sweep(channels)
    written = written.mean(axis=1)
    assert 0 <= len(wave) - len(written) < 1024  # what is coded in blocks may have a part of one more
    wave = wave[: len(written)]
    error = np.sqrt(np.mean((wave - written) ** 2))
    late, early = (np.sqrt(np.mean((np.roll(wave, shift) - written) ** 2)) for shift in (1, -1))
    assert error < 0.05 and error < min(late, early)


@pytest.mark.parametrize("name", ["constant, not counted.mp3", "variable, not counted.mp3"])
def test_an_mp3_file_that_does_not_tell_its_length_is_read_to_its_end(files: Path, name: str) -> None:
    wave, rate = whole(files / name)
    written = quiet_then_loud(1)[:, 0] * (0.85 if "variable" in name else 1)
    delay = len(wave) - len(written)
    assert 0 < delay < 4000 and rate == RATE
    lags = range(delay + 1)
    errors = [np.mean((wave[lag : lag + len(written)] - written) ** 2) for lag in lags]
    assert min(errors) < 1e-3, "of the whole sound"
    assert abs(soundfile.info(files / name).frames - len(wave)) > 1000, "the estimate is far off"


@pytest.mark.parametrize("name", ["plain.mp3", "constant.mp3", "variable.mp3", "vorbis.ogg", "opus.ogg"])
def test_the_whole_is_what_libsndfile_decodes_in_order(files: Path, name: str) -> None:
    theirs = soundfile.read(files / name, dtype="float32", always_2d=True)[0].mean(axis=1)
    np.testing.assert_allclose(whole(files / name)[0], theirs, atol=1e-5)


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_flac_of_unknown_length_is_bit_for_bit_that_of_known_length(
    tmp_path: Path, subtype: str, channels: int
) -> None:
    path = tmp_path / "a.flac"
    write(path, sweep(channels), subtype)
    known = whole(path)[0]
    unknown_length(path)
    np.testing.assert_array_equal(whole(path)[0], known)


@pytest.mark.parametrize(("stored", "called"), [("constant.mp3", "a.wav"), ("16.wav", "a.mp3"), ("vorbis.ogg", "a.mp3"),
                                                ("unknown.flac", "a.MP3")])  # fmt: skip
def test_a_file_is_known_by_its_content_and_not_by_its_name(
    files: Path, tmp_path: Path, stored: str, called: str
) -> None:
    (tmp_path / called).write_bytes((files / stored).read_bytes())
    np.testing.assert_array_equal(whole(tmp_path / called)[0], whole(files / stored)[0])


@pytest.mark.parametrize("name", ["constant.mp3", "variable, not counted.mp3"])
def test_tags_around_an_mp3_file_are_not_heard(files: Path, tmp_path: Path, name: str) -> None:
    tag = b"ID3\4\0\0\0\0\x08\0" + b"Info" * 50 + bytes(1024 - 200)
    data = (files / name).read_bytes()
    frames = data[10 + sum(byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True)) :]
    assert data[:3] == b"ID3" and frames[0] == 0xFF
    (tmp_path / "a.mp3").write_bytes(tag + frames + b"APETAGEX" + bytes(300) + b"TAG" + bytes(125))
    np.testing.assert_array_equal(whole(tmp_path / "a.mp3")[0], whole(files / name)[0])


# --- what is refused, and what is not ----------------------------------------------------------------------------


def both_refuse(path: Path, pattern: str) -> None:
    for read in (lambda: read_recording(path, RATE), lambda: read_windows(path, RATE, 2 * RATE, 3)):
        with pytest.raises(BadInput, match=pattern) as caught:
            read()
        assert path.name in str(caught.value) and str(caught.value).isprintable()
        assert str(caught.value).count("; ") == 1 and str(caught.value).endswith(".")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.caf"])
def test_a_sample_that_no_sound_has_is_refused_by_both(tmp_path: Path, name: str, value: float) -> None:
    wave = sweep(2)
    wave[len(wave) // 2, 1] = value
    write(tmp_path / name, wave, "FLOAT")
    both_refuse(tmp_path / name, "holds invalid samples")


def damage(path: Path, kind: str) -> None:
    if kind == "directory":
        path.mkdir()
    elif kind == "no bytes":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_bytes(b"not a sound\n" * 1000)
    elif kind == "no samples":
        write(path, np.zeros((0, 1)))
    elif kind == "random":
        path.write_bytes(np.random.default_rng(0).bytes(100_000))
    elif kind == "tags alone":
        path.write_bytes(b"ID3\3\0\0\0\0\7\x76" + bytes(1014) + b"\xff\xfb\x90\0" + bytes(40))
    else:
        write(path, sweep(2))
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * {"half": 0.5, "header": 0.0001}[kind])])


@pytest.mark.parametrize(
    "kind", ["missing", "directory", "no bytes", "text", "no samples", "tags alone", "random", "header"]
)
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_a_broken_file_is_one_sentence_for_both(tmp_path: Path, name: str, kind: str) -> None:
    if kind != "missing":
        damage(tmp_path / name, kind)
    both_refuse(tmp_path / name, rf"a\.{name[2:]}")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.aiff", "a.au", "a.w64", "a.rf64"])
def test_half_a_file_is_refused_by_both(tmp_path: Path, name: str) -> None:
    damage(tmp_path / name, "half")
    both_refuse(tmp_path / name, rf"a\.{name[2:]}")


def test_sound_in_a_film_is_refused_by_both(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(sweep().T.astype(np.float32)[:, :1024], format="fltp", layout="mono")
        frame.sample_rate = RATE
        container.mux([*stream.encode(frame), *stream.encode()])
    both_refuse(path, "cannot be read as sound")


def test_a_recorder_that_cannot_know_the_length_is_read_by_both(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path, sweep(), "PCM_16")
    data = bytearray(path.read_bytes())
    at = data.index(b"data")
    data[4:8] = data[at + 4 : at + 8] = b"\xff" * 4
    path.write_bytes(data)
    assert len(whole(path)[0]) == len(sweep())
    assert read_windows(path, RATE, 100, 3).shape == (3, 100)


@pytest.mark.parametrize("scale", [3.0, 2.0**15, 2.0**23])
def test_a_float_file_beyond_full_scale_is_scaled_and_not_clipped(tmp_path: Path, scale: float) -> None:
    path = tmp_path / "a.wav"
    wave = sweep()[:, 0]
    write(path, scale * wave, "FLOAT")
    item = read_windows(path, RATE, len(wave), 1)[0]
    np.testing.assert_allclose(item / 2**15, wave / np.abs(wave).max(), atol=2e-4)
    source = read_recording(path, RATE)
    np.testing.assert_allclose(source / np.abs(source).max(), wave / np.abs(wave).max(), atol=1e-6)


@pytest.mark.parametrize("level", [0, 1e-7, 0.3])
def test_silence_is_no_source_and_still_an_item(tmp_path: Path, level: float) -> None:
    path = tmp_path / "a.wav"
    write(path, np.full(2 * RATE, level, np.float32), "FLOAT")
    with pytest.raises(BadInput, match=r"a\.wav is silent; give"):
        read_recording(path, RATE)
    assert (read_windows(path, RATE, RATE, 1) == as_samples(np.array(level))).all()


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize(("loudness", "refused"), [(1, False), (100, True)])
def test_a_clipped_recording_is_no_source_and_still_an_item(
    tmp_path: Path, subtype: str, loudness: float, refused: bool
) -> None:
    path = tmp_path / "a.wav"
    at = np.arange(2 * RATE) / RATE
    write(path, np.clip(loudness * np.sin(2 * np.pi * 440 * at), -1, 1), subtype)
    if refused:
        with pytest.raises(BadInput, match=r"a\.wav is clipped: 9\d% .*; give"):
            read_recording(path, RATE)
    else:
        assert len(read_recording(path, RATE)) == len(at)
    assert read_windows(path, RATE, RATE, 1).shape == (1, RATE)
