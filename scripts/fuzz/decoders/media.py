"""Image, audio and video files: whole ones to damage, and their readers, as a source and as a dataset's item."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from modalities.audio.decode import duration, read_windows
from modalities.audio.source import read_recording
from modalities.audio.targets._parts import Part, read_part
from modalities.datasets.listing import Listing, Row
from modalities.image.decode import decode_image, read_image
from modalities.image.standins import standin_pictures
from modalities.video.decode import ClipReader
from modalities.video.source import read_clip
from modalities.video.standins import write_video
from modalities.video.targets._kinetics400_standin import write_h264

from .base import Decoder, item, read_all

SIDE = 24  # pixels of the pictures, so that a file is read in a millisecond


@cache
def pictures() -> list[Image.Image]:
    """Return small pictures of our own."""
    return [Image.fromarray(pixels) for pixels in standin_pictures(0, "fuzz", 4, 4, SIDE)[0]]


def _images(root: Path, *, format: str, changes: tuple[tuple[str | None, dict[str, Any]], ...]) -> list[bytes]:
    """Save pictures, each in another mode and with other settings."""
    found = []
    for picture, (mode, settings) in zip(pictures() * 4, changes, strict=False):
        stream = io.BytesIO()
        if mode == "I;16":
            picture = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
        elif mode == "F":
            picture = Image.fromarray(np.asarray(picture.convert("L")) / np.float32(255))
        elif mode:
            picture = picture.convert(mode)
        picture.save(stream, format, **settings)
        found.append(stream.getvalue())
    return found


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a picture"
    return exif.tobytes()


def _read_image(root: Path) -> None:
    def source() -> None:
        assert decode_image(item(root)).shape[2] == 3

    def of_dataset() -> None:
        assert Listing([Row(item(root), 0, "a", "a")], partial(read_image, side=32))[0].data.shape == (1, 3, 32, 32)

    read_all(source, of_dataset)


def _fix_png(data: bytes) -> bytes:
    """Correct the checksums of the chunks."""
    out, at = bytearray(data), 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        out[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(out)


def _image(format: str, *changes: tuple[str | None, dict[str, Any]], fix: Any = None) -> Decoder:
    name, what = format.lower(), f"{format} as an image source and as a dataset's item"
    seeds = partial(_images, format=format, changes=changes)
    return Decoder(name, what, f"item.{name}", seeds, _read_image, fix_checksums=fix)


def _sounds(root: Path, *, kinds: tuple[tuple[str, str, int, int], ...]) -> list[bytes]:
    """Write sounds of (format, subtype, rate, channels)."""
    found = []
    for format, subtype, rate, channels in kinds:
        stream, at = io.BytesIO(), np.arange(rate // 4) / rate
        wave = np.stack([0.3 * np.sin(2 * np.pi * 500 * (k + 1) * at) for k in range(channels)], axis=1)
        soundfile.write(stream, wave, rate, format=format, subtype=subtype)
        found.append(_fix_ogg(stream.getvalue(), b"fuzz") if format == "OGG" else stream.getvalue())
    return found


def _read_sound(root: Path) -> None:
    read_all(
        lambda: read_recording(item(root), 16_000),
        lambda: read_windows(item(root), 16_000, 1600, 3),
        lambda: duration(item(root)),
        lambda: read_part(Part(item(root), 1, 2), 16_000, 1600),
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
    return Decoder(name, what, f"item.{suffix}", partial(_sounds, kinds=kinds), _read_sound, fix_checksums=fix)


def _clips(
    root: Path, *, suffix: str, write: Callable[..., None], ways: tuple[tuple[int, dict[str, Any]], ...]
) -> list[bytes]:
    """Write clips of some frames in several ways."""
    frames, path, found = [np.asarray(picture.resize((48, 32))) for picture in pictures() * 2], root / suffix, []
    for count, settings in ways:
        write(path, np.stack(frames[:count]), **settings)
        found.append(path.read_bytes())
    path.unlink()
    return found


def _read_clip(root: Path) -> None:
    def source() -> None:
        frames, times = read_clip(item(root))
        assert len(frames) == len(times)

    def of_dataset() -> None:
        assert ClipReader(4, 0.8, 2, 32)(item(root)).shape == (2, 3, 4, 32, 32)

    read_all(source, of_dataset)


def _video(name: str, what: str, write: Callable[..., None], *ways: tuple[int, dict[str, Any]]) -> Decoder:
    seeds = partial(_clips, suffix=f"whole.{name}", write=write, ways=ways)
    return Decoder(name, f"{what} as a video source and as a dataset's item", f"item.{name}", seeds, _read_clip)


DECODERS = (
    _image("JPEG", (None, {}), ("L", {}), ("CMYK", {}), (None, {"progressive": True, "exif": _exif()})),
    _image("PNG", (None, {}), ("L", {}), ("P", {}), ("RGBA", {}), ("1", {}), ("I;16", {}), (None, {"exif": _exif()}),
           ("P", {"transparency": 3}), fix=_fix_png),
    _image("BMP", (None, {}), ("L", {}), ("P", {}), ("1", {}), ("RGBA", {})),
    _image("WEBP", (None, {}), ("RGBA", {"lossless": True}), (None, {"exif": _exif()})),
    _image("TIFF", (None, {}), ("L", {"compression": "tiff_lzw"}), (None, {"compression": "tiff_deflate"}),
           ("1", {"compression": "group4"}), ("CMYK", {"compression": "packbits"}), ("I;16", {}), ("F", {}),
           (None, {"compression": "jpeg"})),
    _image("GIF", (None, {}), ("L", {}), ("1", {"interlace": 1})),
    _image("PPM", (None, {}), ("L", {}), ("1", {})),
    _sound("wav", "wav", ("WAV", "PCM_16", 16_000, 1), ("WAV", "FLOAT", 8000, 2), ("WAV", "PCM_U8", 22_050, 1),
           ("WAV", "IMA_ADPCM", 16_000, 1), ("WAV", "MS_ADPCM", 16_000, 2), ("WAVEX", "PCM_24", 48_000, 2),
           ("WAV", "ULAW", 8000, 1)),
    _sound("flac", "flac", ("FLAC", "PCM_16", 16_000, 1), ("FLAC", "PCM_24", 44_100, 2), ("FLAC", "PCM_S8", 8000, 1)),
    _sound("vorbis", "ogg", ("OGG", "VORBIS", 16_000, 1), ("OGG", "VORBIS", 44_100, 2), fix=_fix_ogg),
    _sound("opus", "ogg", ("OGG", "OPUS", 16_000, 1), ("OGG", "OPUS", 48_000, 2), fix=_fix_ogg),
    _sound("mp3", "mp3", ("MP3", "MPEG_LAYER_III", 16_000, 1), ("MP3", "MPEG_LAYER_III", 44_100, 2)),
    _video("mp4", "H.264 in MP4", write_h264, (6, {}), (6, {"uneven": True}), (6, {"turned": True})),
    _video("avi", "MPEG-4 in AVI", write_video, (6, {}), (5, {"rate": 25})),
)  # fmt: skip
