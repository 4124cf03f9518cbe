"""Sound files as mono samples: any part of a file, sample for sample what decoding the whole file gives."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

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
OTHERS = (b"RIFF", b"RF64", b"FORM", b"OggS", b"fLaC")  # how files begin that are not MP3, whatever they are called
REPLACE = "replace the file or fetch it again"


@dataclass
class Sound:
    """An open sound file; channels are averaged."""

    path: Path
    remedy: str
    rate: int  # samples per second
    frames: int  # samples of one channel; of a file that can be read in parts, its header's promise
    samples: SoundFile | Wave  # all of them, if the file has to be decoded from its beginning

    def read(self, start: int, count: int) -> Wave:
        """Return samples as (count,) float32, full scale being 1.

        Raises BadInput if there are no samples, fewer than that, or some that no sound has: values that are not
        numbers, infinite or beyond any scale.
        """
        if not self.frames:
            raise BadInput(f"{self.path} is empty, it holds no sound; {self.remedy}.")
        if isinstance(self.samples, np.ndarray):
            wave = self.samples[start : start + count]
        else:
            self.samples.seek(start)
            wave = np.concatenate([np.zeros(0, np.float32), *_blocks(self.samples, count)])
        if len(wave) < count:
            raise BadInput(
                f"{self.path} is damaged or cut short: after sample {start:,}, {len(wave):,} of {count:,} samples can "
                f"be read; {self.remedy}."
            )
        if not np.abs(wave).max() <= LOUDEST:  # also if it is not a number
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
        if path.suffix.lower() == ".mp3" and not path.open("rb").read(4).startswith(OTHERS):
            yield _decode_by_ffmpeg(path, remedy, "mp3")
            return
        with _without_seeks(soundfile.SoundFile)(name) as file:
            _check_header(path, remedy, file.samplerate, file.channels)
            if _is_truncated(file.extra_info):
                raise BadInput(f"{path} is cut short; {remedy}.")
            if file.format == "MP3" or (file.format == "FLAC" and file.frames > UNKNOWN):
                yield _decode_by_ffmpeg(path, remedy, file.format.lower())
            elif file.format == "OGG" or not file.can_seek():  # seeks in Ogg are not exact
                yield _decoded(path, remedy, file.samplerate, _blocks(file, MAX_SAMPLES), file.frames)
            else:
                yield Sound(path, remedy, file.samplerate, file.frames, file)
    except (BadInput, MemoryError):
        raise
    except Exception as error:  # a damaged file may raise nearly anything
        if not path.is_file():
            raise BadInput(f"{path} does not exist or is not a file; {remedy}.") from error
        if path.stat().st_size == 0:
            raise BadInput(f"{path} is empty; {remedy}.") from error
        reason = getattr(error, "error_string", "") or getattr(error, "strerror", "") or error or type(error).__name__
        raise BadInput(f"{path} cannot be read as sound ({str(reason).rstrip('.')}); {remedy}.") from error


def _check_header(path: Path, remedy: str, rate: int, channels: int) -> None:
    if not (MIN_RATE <= rate <= MAX_RATE and 1 <= channels <= MAX_CHANNELS):
        raise BadInput(
            f"{path} claims {rate:,} samples per second in {channels} channels; only {MIN_RATE:,} to {MAX_RATE:,} in "
            f"at most {MAX_CHANNELS} can be read; {remedy}."
        )


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


def _blocks(file: SoundFile, left: int) -> Iterator[Wave]:
    """Yield up to ``left`` samples from where the file is, the mean of its channels.

    The header's length gets no memory before it is there.
    """
    while len(block := file.read(min(left, BLOCK // file.channels), dtype="float32", always_2d=True)):
        yield block.mean(axis=1) if block.shape[1] > 1 else block[:, 0]
        left -= len(block)


def _decoded(path: Path, remedy: str, rate: int, blocks: Iterator[Wave], promised: int) -> Sound:
    """Return a file all of whose samples are decoded; ``promised`` is 0 if it does not tell how many there are."""
    parts, length = [np.zeros(0, np.float32)], 0
    for block in blocks:
        parts.append(block)
        length += len(block)
        if length >= MAX_SAMPLES:
            raise BadInput(f"{path} lasts longer than {MAX_SAMPLES:,} samples; give a part of it.")
    if promised and length < MIN_SHARE * promised:
        raise BadInput(f"{path} is damaged: {length:,} of {promised:,} samples can be read; {remedy}.")
    return Sound(path, remedy, rate, length, np.concatenate(parts))


def _decode_by_ffmpeg(path: Path, remedy: str, format: str) -> Sound:
    """Decode an MP3 file, or a FLAC file of unknown length; the padding that encoders note is left out.

    libsndfile seeks in MP3 as if no frame depended on those before, takes an estimate of the length for the length, and
    fails at the end of a FLAC file that does not tell its own. Parts of an MP3 file that are no sound, such as the tags
    at its end, are skipped, as players do.
    """
    import av

    def blocks() -> Iterator[Wave]:
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

    # An absolute path is never mistaken for a protocol such as concat: or http:.
    with av.open(str(path.absolute()), format=format, options={"protocol_whitelist": "file"}) as container:
        stream = container.streams.audio[0]
        stream.codec_context.thread_count = 1
        rate, length = stream.rate, stream.duration
        if not rate:
            raise BadInput(f"{path} holds no sound that can be decoded; {remedy}.")
        _check_header(path, remedy, rate, stream.channels)
        promised = round(length * (stream.time_base or 0) * rate) if length and _is_counted(path) else 0
        return _decoded(path, remedy, rate, blocks(), promised)


def _is_counted(path: Path) -> bool:
    """Return whether the first frame of an MP3 file tells its length, which readers otherwise estimate."""
    with path.open("rb") as file:
        head = file.read(10)
        if head[:3] == b"ID3":  # a tag, whose size has 7 bits per byte
            file.seek(10 + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)))
        head = file.read(2048)
    return any(name in head for name in (b"Xing", b"Info", b"VBRI"))
