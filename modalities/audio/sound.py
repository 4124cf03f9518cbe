"""Sound files as mono samples: any part of a file, sample for sample what decoding the whole file gives."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modalities.errors import BadInput

if TYPE_CHECKING:
    from soundfile import SoundFile

Wave = NDArray[np.float32]

# A header outside these bounds is damaged, or made to fill the memory.
MIN_RATE, MAX_RATE = 1_000, 768_000
MAX_CHANNELS = 64
MAX_SAMPLES = 400_000_000  # of a file that is decoded as a whole: more than two hours at any usual rate
BLOCK = 1 << 20  # samples of all channels that are decoded at once
MIN_SHARE = 0.99  # of the promised samples; with more, the writer was careless, with fewer, the file is cut short
UNKNOWN = 1 << 40  # a header that promises more does not know the length
LOUDEST = 2.0**31  # full scale is 1; floating-point files may hold unscaled integers, and nothing larger
# Where a seek leaves the decoder in another state than reading up to there would.
DECODED_IN_ORDER = ("OGG", "MP3")
REPLACE = "replace the file or fetch it again"


@dataclass
class Sound:
    """An open sound file; channels are averaged."""

    path: Path
    rate: int  # samples per second
    frames: int  # samples of one channel; only a promise of the header if ``decoded`` is None
    file: SoundFile
    decoded: Wave | None  # all samples, of a file that has to be decoded from its beginning
    remedy: str

    def read(self, start: int, count: int) -> Wave:
        """Return samples as (count,) float32, full scale being 1.

        Raises BadInput if there are no samples, fewer than that, or some that no sound has: values that are not
        numbers, infinite or beyond any scale.
        """
        if not self.frames:
            raise BadInput(f"{self.path} is empty, it holds no sound; {self.remedy}.")
        if self.decoded is None:
            self.file.seek(start)
            wave = _read(self.file, count)
        else:
            wave = self.decoded[start : start + count]
        if len(wave) < count:
            raise BadInput(
                f"{self.path} is damaged or cut short: after sample {start:,}, {len(wave):,} of {count:,} samples can "
                f"be read; {self.remedy}."
            )
        if not (np.abs(wave) <= LOUDEST).all():
            raise BadInput(
                f"{self.path} holds invalid samples, which are infinite, not a number or far beyond full scale; "
                f"{self.remedy}."
            )
        return wave


@contextmanager
def open_sound(path: Path, remedy: str = REPLACE) -> Iterator[Sound]:
    """Open a sound file; raise BadInput if it is missing, damaged, not sound, or unreadable inside the ``with``.

    A file that holds less than 99 % of what its header promises is refused as cut short: FLAC as soon as the missing
    part is read, others at once.
    """
    import soundfile

    name = os.fsencode(path) if os.name == "posix" else path  # a file name may not be valid text
    try:
        with _without_seeks(soundfile.SoundFile)(name) as file:
            if not (MIN_RATE <= file.samplerate <= MAX_RATE and 1 <= file.channels <= MAX_CHANNELS):
                raise BadInput(
                    f"{path} claims {file.samplerate:,} samples per second in {file.channels} channels; only "
                    f"{MIN_RATE:,} to {MAX_RATE:,} in at most {MAX_CHANNELS} can be read; {remedy}."
                )
            if _is_truncated(file.extra_info):
                raise BadInput(f"{path} is cut short; {remedy}.")
            decoded = _decode_in_order(path, file, remedy)
            frames = file.frames if decoded is None else len(decoded)
            yield Sound(path, file.samplerate, frames, file, decoded, remedy)
    except (BadInput, MemoryError):
        raise
    except Exception as error:  # a damaged file may raise nearly anything
        raise BadInput(f"{path} cannot be read as sound ({error or type(error).__name__}); {remedy}.") from error


@cache
def _without_seeks(sound_file: type[SoundFile]) -> type[SoundFile]:
    """Leave out the seek that follows every read of a seekable file; it takes as long as the read."""
    return type("Forward", (sound_file,), {"seekable": lambda file: False, "can_seek": sound_file.seekable})


def _is_truncated(note: str) -> bool:
    """Return whether a file of plain samples, such as WAV or AIFF, holds less than promised, as libsndfile notes.

    Recorders that cannot know the length promise about the largest there is.
    """
    chunk = r"^\s*(?:data|SSND|BODY|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)"
    found = re.search(chunk, note, re.MULTILINE)
    return found is not None and int(found[2]) < MIN_SHARE * int(found[1]) < 2.1e9


def _decode_in_order(path: Path, file: Any, remedy: str) -> Wave | None:
    """Return all samples of a file that has to be decoded from its beginning, because seeks in it are not exact.

    None if any part can be reached. libsndfile believes a header's length: it leaves out what follows an estimate
    that is too small, and fails at the end of a FLAC file that knows none. FFmpeg does not.
    """
    unknown = file.frames > UNKNOWN
    if file.format not in DECODED_IN_ORDER and file.can_seek() and not unknown:
        return None
    promised = file.frames
    if file.format == "MP3":
        blocks = _decode_by_ffmpeg(path, "mp3", file.samplerate)
        promised = promised if _knows_its_length(path) else 0
    elif unknown and file.format == "FLAC":
        blocks = _decode_by_ffmpeg(path, "flac", file.samplerate)
        promised = 0
    else:
        blocks = _blocks(file, MAX_SAMPLES)
    parts, length = [np.zeros(0, np.float32)], 0
    for block in blocks:
        parts.append(block)
        length += len(block)
        if length >= MAX_SAMPLES:
            raise BadInput(f"{path} lasts longer than {MAX_SAMPLES:,} samples; give a part of it.")
    if not length:
        raise BadInput(f"{path} holds no sound that can be decoded; {remedy}.")
    if length < MIN_SHARE * promised:
        raise BadInput(f"{path} is damaged: {length:,} of {promised:,} samples can be read; {remedy}.")
    return np.concatenate(parts)


def _read(file: SoundFile, count: int) -> Wave:
    """Return up to ``count`` samples; the header's length gets no memory before it is there."""
    return np.concatenate([np.zeros(0, np.float32), *_blocks(file, count)])


def _blocks(file: SoundFile, left: int) -> Iterator[Wave]:
    """Yield up to ``left`` samples from where the file is, the mean of its channels."""
    while len(block := file.read(min(left, BLOCK // file.channels), dtype="float32", always_2d=True)):
        yield block.mean(axis=1) if block.shape[1] > 1 else block[:, 0]
        left -= len(block)


def _decode_by_ffmpeg(path: Path, format: str, rate: int) -> Iterator[Wave]:
    """Yield all samples of an MP3 or FLAC file, the mean of its channels; the padding that encoders note is left out.

    Parts of an MP3 file that are no sound, such as the tags at its end, are skipped, as players do.
    """
    import av

    # An absolute path is never mistaken for a protocol such as concat: or http:.
    with av.open(str(path.absolute()), format=format, options={"protocol_whitelist": "file"}) as container:
        stream = container.streams.audio[0]
        stream.codec_context.thread_count = 1
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                if format != "mp3":
                    raise
                continue
            for frame in frames:
                if frame.sample_rate != rate:
                    raise ValueError(f"its rate changes from {rate} to {frame.sample_rate}")
                samples = frame.to_ndarray()
                if not frame.format.is_planar:
                    samples = samples.reshape(-1, len(frame.layout.channels)).T
                if samples.dtype.kind == "i":
                    samples = samples / np.float32(2 ** (8 * samples.itemsize - 1))
                yield samples.astype(np.float32, copy=False).mean(axis=0)


def _knows_its_length(path: Path) -> bool:
    """Return whether the first frame of an MP3 file tells the number of frames; otherwise readers estimate it."""
    with path.open("rb") as file:
        head = file.read(10)
        if head[:3] == b"ID3":  # its size has 7 bits per byte
            size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
            file.seek(10 + size)
            head = b""
        head += file.read(2048)
    return any(name in head for name in (b"Xing", b"Info", b"VBRI"))
