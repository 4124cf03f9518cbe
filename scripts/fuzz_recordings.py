"""Audio and video files: whole ones to damage, and what reads them."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from fuzz_decoder import Decoder, Seeds
from fuzz_pictures import pictures


def _sounds(*kinds: tuple[str, str, int, int]) -> Seeds:
    """Sounds of (format, subtype, rate, channels)."""

    def seeds(root: Path) -> list[bytes]:
        import soundfile

        found = []
        for format, subtype, rate, channels in kinds:
            stream, at = io.BytesIO(), np.arange(rate // 4) / rate
            wave = np.stack([0.3 * np.sin(2 * np.pi * 500 * (k + 1) * at) for k in range(channels)], axis=1)
            soundfile.write(stream, wave, rate, format=format, subtype=subtype)
            found.append(_mend_ogg(stream.getvalue(), b"fuzz") if format == "OGG" else stream.getvalue())
        return found

    return seeds


def _recording(root: Path, *, place: str) -> None:
    """The readers of a source, of windows and of parts of a dataset's item."""
    from modalities.audio.decode import duration, read_windows
    from modalities.audio.source import read_recording
    from modalities.audio.targets._parts import Part, read_part
    from modalities.errors import BadInput

    refused = None
    for read in (
        lambda: read_recording(root / place, 16_000),
        lambda: read_windows(root / place, 16_000, 1600, 3),
        lambda: duration(root / place),
        lambda: read_part(Part(root / place, 1, 2), 16_000, 1600),
    ):
        try:
            read()
        except BadInput as error:
            refused = error
    if refused:
        raise refused


def _mend_ogg(data: bytes, serial: bytes = b"") -> bytes:
    """Right check sums of the pages of an Ogg file, and one number of the stream, which writers draw at random."""
    out, at = bytearray(data), data.find(b"OggS")
    while at >= 0 and at + 27 <= len(data):
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        if serial:
            out[at + 14 : at + 18] = serial
        out[at + 22 : at + 26] = bytes(4)
        out[at + 22 : at + 26] = _ogg_sum(bytes(out[at:end])).to_bytes(4, "little")
        at = data.find(b"OggS", at + 27)
    return bytes(out)


@cache
def _ogg_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 1 << 31 else 0)) & 0xFFFFFFFF
        table.append(value)
    return tuple(table)


def _ogg_sum(page: bytes) -> int:
    table, value = _ogg_table(), 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ table[value >> 24 ^ byte]
    return value


def _sound(name: str, suffix: str, *kinds: tuple[str, str, int, int], mend: Any = None) -> Decoder:
    what = f"{name.upper()} as an audio source and as a dataset's item, in windows and in parts"
    return Decoder(
        name, what, f"item.{suffix}", _sounds(*kinds), partial(_recording, place=f"item.{suffix}"), mend=mend
    )


def _films(suffix: str) -> Seeds:
    def seeds(root: Path) -> list[bytes]:
        from modalities.video import standins
        from modalities.video.targets import _kinetics400_standin as h264

        frames = np.stack([np.asarray(picture.resize((48, 32))) for picture in (pictures() * 2)[:6]])
        path = root / f"whole.{suffix}"
        ways: list[Callable[[], None]] = [
            lambda: h264.write_h264(path, frames),
            lambda: h264.write_h264(path, frames, uneven=True),
            lambda: h264.write_h264(path, frames, turned=True),
        ]
        if suffix == "avi":
            ways = [lambda: standins.write_video(path, frames), lambda: standins.write_video(path, frames[:5], 25)]
        found = []
        for write in ways:
            write()
            found.append(path.read_bytes())
        path.unlink()
        return found

    return seeds


def _film(root: Path, *, place: str) -> None:
    """The readers of a source and of a dataset's item."""
    from modalities.errors import BadInput
    from modalities.video.decode import ClipReader
    from modalities.video.source import _clip

    refused = None
    try:
        frames, times = _clip(root / place)
        assert len(frames) == len(times)
    except BadInput as error:
        refused = error
    assert ClipReader(4, 0.8, 2, 32)(root / place).shape == (2, 3, 4, 32, 32)
    if refused:
        raise refused


def _video(name: str, what: str) -> Decoder:
    place = f"item.{name}"
    return Decoder(name, f"{what} as a video source and as a dataset's item", place, _films(name),
                   partial(_film, place=place))  # fmt: skip


DECODERS = (
    _sound("wav", "wav", ("WAV", "PCM_16", 16_000, 1), ("WAV", "FLOAT", 8000, 2), ("WAV", "PCM_U8", 22_050, 1),
           ("WAV", "IMA_ADPCM", 16_000, 1), ("WAV", "MS_ADPCM", 16_000, 2), ("WAVEX", "PCM_24", 48_000, 2),
           ("WAV", "ULAW", 8000, 1)),
    _sound("flac", "flac", ("FLAC", "PCM_16", 16_000, 1), ("FLAC", "PCM_24", 44_100, 2), ("FLAC", "PCM_S8", 8000, 1)),
    _sound("vorbis", "ogg", ("OGG", "VORBIS", 16_000, 1), ("OGG", "VORBIS", 44_100, 2), mend=_mend_ogg),
    _sound("opus", "ogg", ("OGG", "OPUS", 16_000, 1), ("OGG", "OPUS", 48_000, 2), mend=_mend_ogg),
    _sound("mp3", "mp3", ("MP3", "MPEG_LAYER_III", 16_000, 1), ("MP3", "MPEG_LAYER_III", 44_100, 2)),
    _video("mp4", "H.264 in MP4"),
    _video("avi", "MPEG-4 in AVI"),
)  # fmt: skip
