"""Decodes clips with PyAV and cuts evenly spaced ones out of labelled videos; shared by all video targets."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modalities.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor

# A file that holds less than this share of the frames its header promises was cut off on its way here.
WHOLE = 0.9
# Containers of single files. Others make FFmpeg open what a file names: playlists, lists of pictures, addresses.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,mpeg,mpegts,mpegvideo,m4v,h264,hevc,flv,asf,ogg,gif,wav"
MOST_PIXELS = 1 << 26  # of one frame, twice as many as 8K has
LONGEST = 65_536  # pixels of the longer side once the shorter one is scaled
LEAP = 12  # frames that are sooner decoded than passed over by a leap, after which a decoder begins anew


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """Container and video stream of a file; whatever goes wrong with it becomes one sentence."""
    import av

    try:
        # An absolute path is never taken for a protocol such as concat: or http:.
        where, options = str(path.absolute()), {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
        with av.open(where, options=options) as container:
            if not container.streams.video:
                raise BadInput(f"{path} has no video stream; give a file that holds pictures, such as an MP4 or AVI.")
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
            yield container, stream
    except BadInput:
        raise
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist; check the path, or fetch the data again.") from error
    except Exception as error:  # damage also comes as a stream without a decoder, or frames of several sizes
        reason = getattr(error, "strerror", None) or (str(error) if str(error).isprintable() else type(error).__name__)
        raise BadInput(
            f"{path} cannot be decoded as a video ({reason}); replace the file or fetch it again."
        ) from error


def frame_times(path: Path) -> NDArray[np.float64]:
    """Presentation times of all frames in seconds from the first one, read from the packets without decoding.

    Raises:
        BadInput: the file is missing, is no video, holds no frame or only part of the frames that it announces.
    """
    with _opened(path) as (container, stream):
        packets = [packet for packet in container.demux(stream) if packet.size]
        announced, rate = stream.frames, stream.average_rate
        stamps = [packet.pts for packet in packets]
        tick = stream.time_base
    if not packets:
        raise BadInput(f"{path} holds no frame; replace the file or fetch it again.")
    if len(packets) < WHOLE * announced:
        raise BadInput(f"{path} is cut off after {len(packets)} of {announced} frames; fetch the file again.")
    if None in stamps:  # AVI may carry no presentation times; its frame rate is constant
        return np.arange(len(packets)) / float(rate or 25)
    times: NDArray[np.float64] = np.sort(np.array(stamps, np.float64)) * float(tick)
    return np.asarray(times - times[0])


def decode(path: Path, wanted: NDArray[np.int64], short_side: int | None = None) -> NDArray[np.uint8]:
    """Frames of a clip, upright, as (len(wanted), H, W, 3) uint8.

    Args:
        path: the file.
        wanted: frame numbers in rising order; beyond the end, the last frame is repeated.
        short_side: pixels of the shorter side after an antialiased resize; None keeps the size.

    Raises:
        BadInput: the file cannot be decoded.
    """
    found = _decode_some(path, wanted, short_side)
    return _decode_all(path, wanted, short_side) if found is None else found


def _converter(short_side: int | None) -> Callable[[Any], NDArray[np.uint8]]:
    """Turns frames into upright (H, W, 3) pictures."""
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()  # one of its own per clip: a shared one hangs after a fork

    def convert(frame: Any) -> NDArray[np.uint8]:
        scale = 1.0 if short_side is None else short_side / min(frame.width, frame.height)
        if scale * max(frame.width, frame.height) > LONGEST:
            raise ValueError(f"frames of {frame.width} × {frame.height} pixels, which is no picture's shape")
        picture = reformatter.reformat(
            frame,
            width=max(1, round(frame.width * scale)),
            height=max(1, round(frame.height * scale)),
            format="rgb24",
            interpolation="BICUBIC",
            threads=1,
        )
        return np.rot90(picture.to_ndarray(), frame.rotation // 90)

    return convert


class Keyframe(NamedTuple):
    """A frame that decoding may begin with."""

    shown: int  # its presentation time
    decoded: int  # its decoding time
    number: int  # in the order of decoding


def _decode_some(path: Path, wanted: NDArray[np.int64], short_side: int | None) -> NDArray[np.uint8] | None:
    """Frames as ``decode`` gives them, decoding few others; None for a file of which that cannot be sure.

    Each frame is reached from the last keyframe before it, and frames that no other one refers to are passed over.
    """
    with _opened(path) as (container, stream):
        packets = [(packet.pts, packet.dts, packet.is_keyframe) for packet in container.demux(stream) if packet.size]
        stamps = [pts for pts, _, _ in packets]
        if None in stamps or len(set(stamps)) < len(stamps):
            return None
        keys = [Keyframe(pts, dts, i) for i, (pts, dts, key) in enumerate(packets) if key and dts is not None]
        keys.sort()
        stamps.sort()
        if not keys or keys[0].shown > stamps[0]:
            return None
        asked = [stamps[min(int(number), len(stamps) - 1)] for number in wanted]
        convert = _converter(short_side)
        frames: dict[int, NDArray[np.uint8]] = {}
        while missing := sorted(set(asked) - frames.keys()):
            found = _decode_from(container, stream, keys, missing, convert)
            if not found:
                return None
            frames |= found
        return np.stack([frames[stamp] for stamp in asked])


def _decode_from(
    container: Any, stream: Any, keys: list[Keyframe], missing: list[int], convert: Callable[[Any], NDArray[np.uint8]]
) -> dict[int, NDArray[np.uint8]]:
    """The wanted frames, from keyframe before the first of them on, until seeking to a later one pays."""

    def before(stamp: int) -> Keyframe:
        return keys[bisect_right(keys, stamp, key=lambda key: key.shown) - 1]

    start, left = before(missing[0]), deque(missing)
    found: dict[int, NDArray[np.uint8]] = {}
    container.seek(start.decoded, stream=stream)
    for number, packet in enumerate(container.demux(stream), start.number):
        if number == start.number and not packet.is_keyframe:
            break
        # Which frames others refer to is in the stream; the decoder leaves out those that none does, and only them.
        stream.codec_context.skip_frame = "DEFAULT" if packet.pts in left else "NONREF"
        for frame in packet.decode():
            if frame.pts in left and frame.pts >= start.shown:
                found[frame.pts] = convert(frame)
                left.remove(frame.pts)
        if not left or (found and before(left[0]).number > number + LEAP):
            break
    return found


def _decode_all(path: Path, wanted: NDArray[np.int64], short_side: int | None) -> NDArray[np.uint8]:
    """Frames of a clip as ``decode`` gives them, by counting from the first one."""
    asked, convert = set(wanted.tolist()), _converter(short_side)
    frames: dict[int, NDArray[np.uint8]] = {}
    number, frame = -1, None
    with _opened(path) as (container, stream):
        for number, frame in enumerate(container.decode(stream)):
            if number in asked:
                frames[number] = convert(frame)
                if number == wanted[-1]:
                    break
        if frame is None:
            raise BadInput(f"{path} holds no frame that can be decoded; replace the file or fetch it again.")
        if number < wanted[-1]:
            frames[number] = convert(frame)
        return np.stack([frames[min(int(index), number)] for index in wanted])


def clip_starts(duration: float, seconds: float, clips: int) -> list[float]:
    """Where evenly spaced clips begin, in seconds: the middles of ``clips`` equal parts of the possible range.

    pytorchvideo's sampler puts its clips at the beginnings of the parts; asked for twice as many, every second
    one begins in the middle of a part.
    """
    from pytorchvideo.data.clip_sampling import ConstantClipsPerVideoSampler

    sampler = ConstantClipsPerVideoSampler(Fraction(seconds), 2 * clips)
    starts = [float(sampler(0, Fraction(duration), {}).clip_start_sec) for _ in range(2 * clips)]
    return starts[1::2]


@dataclass(frozen=True)
class ClipReader:
    """Reads a labelled video as raw clips: picklable, deterministic, of one shape whatever the file's is.

    Args:
        frames: frames per clip, evenly spread over ``seconds``.
        seconds: span of a clip. A shorter video repeats its last frame.
        clips: evenly spaced clips per video.
        size: pixels; the shorter side is resized to it and the square centre is kept.
    """

    frames: int
    seconds: float
    clips: int
    size: int

    def __call__(self, path: Path) -> Tensor:
        """Clips of a file: (clips, 3, frames, size, size) uint8. Raises BadInput for a file that cannot be read."""
        import torch

        times = frame_times(path)
        step = times[-1] / (len(times) - 1) if len(times) > 1 else self.seconds
        within = np.linspace(0, max(self.seconds - step, 0), self.frames)
        starts = np.array(clip_starts(times[-1] + step, self.seconds, self.clips))
        moments = (starts[:, None] + within).ravel()
        numbers = np.searchsorted(times, moments + step / 2, side="right") - 1  # the nearest frame
        wanted, position = np.unique(numbers, return_inverse=True)
        pictures = centre(decode(path, wanted, self.size), self.size)[position]
        shaped = pictures.reshape(self.clips, self.frames, self.size, self.size, 3)
        return torch.from_numpy(np.ascontiguousarray(shaped.transpose(0, 4, 1, 2, 3)))


def centre(pictures: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The square centre of (…, H, W, 3) pictures whose shorter side is ``size``."""
    height, width = pictures.shape[-3:-1]
    top, left = (height - size) // 2, (width - size) // 2
    return pictures[..., top : top + size, left : left + size, :]
