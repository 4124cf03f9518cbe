"""Audio files: whole ones to damage, and what reads them."""

from __future__ import annotations

import io
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .base import Decoder, Seeds, read_all


def _sounds(*kinds: tuple[str, str, int, int]) -> Seeds:
    """Write sounds of (format, subtype, rate, channels)."""

    def seeds(root: Path) -> list[bytes]:
        import soundfile

        found = []
        for format, subtype, rate, channels in kinds:
            stream, at = io.BytesIO(), np.arange(rate // 4) / rate
            wave = np.stack([0.3 * np.sin(2 * np.pi * 500 * (k + 1) * at) for k in range(channels)], axis=1)
            soundfile.write(stream, wave, rate, format=format, subtype=subtype)
            found.append(_fix_ogg(stream.getvalue(), b"fuzz") if format == "OGG" else stream.getvalue())
        return found

    return seeds


def _recording(root: Path, *, place: str) -> None:
    """Call the readers of a source, and of windows and parts of a dataset's item."""
    from modalities.audio.decode import duration, read_windows
    from modalities.audio.source import read_recording
    from modalities.audio.targets._parts import Part, read_part

    path = root / place
    read_all(
        lambda: read_recording(path, 16_000),
        lambda: read_windows(path, 16_000, 1600, 3),
        lambda: duration(path),
        lambda: read_part(Part(path, 1, 2), 16_000, 1600),
    )


def _fix_ogg(data: bytes, serial: bytes = b"") -> bytes:
    """Correct the checksums of the pages of an Ogg file; set the number of the stream, which writers draw at random."""
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


_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _ogg_sum(page: bytes) -> int:
    """Return the checksum of Ogg: the CRC of zlib with the bits the other way round, and without its two inversions."""
    inverted = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{inverted:032b}"[::-1], 2)


def _sound(name: str, suffix: str, *kinds: tuple[str, str, int, int], fix: Any = None) -> Decoder:
    what = f"{name.upper()} as an audio source and as a dataset's item, in windows and in parts"
    return Decoder(
        name, what, f"item.{suffix}", _sounds(*kinds), partial(_recording, place=f"item.{suffix}"), fix_checksums=fix
    )


DECODERS = (
    _sound("wav", "wav", ("WAV", "PCM_16", 16_000, 1), ("WAV", "FLOAT", 8000, 2), ("WAV", "PCM_U8", 22_050, 1),
           ("WAV", "IMA_ADPCM", 16_000, 1), ("WAV", "MS_ADPCM", 16_000, 2), ("WAVEX", "PCM_24", 48_000, 2),
           ("WAV", "ULAW", 8000, 1)),
    _sound("flac", "flac", ("FLAC", "PCM_16", 16_000, 1), ("FLAC", "PCM_24", 44_100, 2), ("FLAC", "PCM_S8", 8000, 1)),
    _sound("vorbis", "ogg", ("OGG", "VORBIS", 16_000, 1), ("OGG", "VORBIS", 44_100, 2), fix=_fix_ogg),
    _sound("opus", "ogg", ("OGG", "OPUS", 16_000, 1), ("OGG", "OPUS", 48_000, 2), fix=_fix_ogg),
    _sound("mp3", "mp3", ("MP3", "MPEG_LAYER_III", 16_000, 1), ("MP3", "MPEG_LAYER_III", 44_100, 2)),
)  # fmt: skip
