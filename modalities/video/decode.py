"""Video files to frames with PyAV, and rows of files to labelled data of evenly spaced clips."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modalities.datasets.listing import Listing, Row
from modalities.errors import BadInput
from modalities.video.policies import VideoView

if TYPE_CHECKING:
    from torch import Tensor

MIN_SHARE = 0.9  # of the frames that a header promises; a file with fewer is cut short
# Containers of one file. Others make FFmpeg open what a file names: playlists, lists of pictures, addresses.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,mpeg,mpegts,mpegvideo,m4v,h264,hevc,flv,asf,ogg,gif,wav"
MAX_PIXELS = 1 << 26  # of one frame, twice as many as 8K has
MAX_SIDE = 65_536  # pixels of the longer side once the shorter one is scaled
DEFAULT_RATE = 25  # frames per second of a file that does not tell
MAX_RATE = 1000  # frames per second above which the times of a file mean nothing
MIN_SEEK = 12  # frames; decoding fewer is faster than seeking, which restarts the decoder


@contextmanager
def _open_video(path: Path, **more: str) -> Iterator[tuple[Any, Any]]:
    """Open a file's container, with more options, and its video stream; any failure inside becomes a BadInput."""
    import av

    try:
        # An absolute path is never mistaken for a protocol such as concat: or http:.
        name, options = str(path.absolute()), {"format_whitelist": FORMATS, "protocol_whitelist": "file", **more}
        with av.open(name, options=options) as container:
            if not container.streams.video:
                raise BadInput(f"{path} has no video stream; give a file that holds pictures, such as an MP4 or AVI.")
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
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


class Packet(NamedTuple):
    """What is known of a frame without decoding it."""

    shown: int | None  # its presentation time
    decoded: int | None  # its decoding time
    is_key: bool  # whether decoding can start at it
    is_discard: bool  # whether it is decoded and not shown, because the file's edit list leaves it out
    lasts: int | None = None  # how long it is shown


def _packets(container: Any, stream: Any) -> list[Packet]:
    """Return the packets of a stream in the order of decoding."""
    return [
        Packet(packet.pts, packet.dts, packet.is_keyframe, packet.is_discard, packet.duration)
        for packet in container.demux(stream)
        if packet.size
    ]


def frame_times(path: Path) -> NDArray[np.float64]:
    """Return the times of all frames in seconds from the first one, read from the packets without decoding.

    Frames that the file's edit list leaves out are not counted. If most frames follow at once, as in files whose writer
    set no times, each is taken to be shown as long as its packet says. Raises BadInput if the file is missing, not a
    video, without frames or with only part of those that it promises.
    """
    with _open_video(path) as (container, stream):
        packets, tick = _packets(container, stream), stream.time_base
        promised, rate = stream.frames, stream.average_rate
    count, stamps = len(packets), [packet.shown for packet in packets if not packet.is_discard]
    if count < MIN_SHARE * promised:  # an edit list that leaves frames out leaves their packets out too
        with _open_video(path, ignore_editlist="1") as (container, stream):
            count = len(_packets(container, stream))
    if count < MIN_SHARE * promised:
        raise BadInput(f"{path} is cut short after {count} of {promised} frames; replace the file or fetch it again.")
    if not stamps:
        raise BadInput(f"{path} holds no frame that is shown; replace the file or fetch it again.")
    if None in stamps:  # AVI may carry no presentation times; its frame rate is constant
        return np.arange(len(stamps)) / float(rate or DEFAULT_RATE)
    times: NDArray[np.float64] = np.sort(np.array(stamps, np.float64)) * float(tick)
    if len(times) > 1 and np.median(np.diff(times)) < 1 / MAX_RATE:
        lasts = float(np.median([packet.lasts or 0 for packet in packets]) * tick)
        return np.asarray(np.arange(len(times)) * (lasts if lasts >= 1 / MAX_RATE else 1 / DEFAULT_RATE), np.float64)
    return np.asarray(times - times[0])


def decode(path: Path, numbers: NDArray[np.int64], short_side: int | None = None) -> NDArray[np.uint8]:
    """Return frames of a clip, upright, as (len(numbers), H, W, 3) uint8. Raises BadInput.

    Args:
        numbers: of the frames, in rising order; beyond the end, the last frame is repeated.
        short_side: pixels of the shorter side after an antialiased resize; None keeps the size.
    """
    frames = _decode_by_seeking(path, numbers, short_side)
    return _decode_in_order(path, numbers, short_side) if frames is None else frames


def _converter(short_side: int | None) -> Callable[[Any], NDArray[np.uint8]]:
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()  # one per clip, because a shared one hangs after a fork

    def convert(frame: Any) -> NDArray[np.uint8]:
        scale = 1.0 if short_side is None else short_side / min(frame.width, frame.height)
        if scale * max(frame.width, frame.height) > MAX_SIDE:
            raise ValueError(f"frames of {frame.width} × {frame.height} pixels are too elongated")
        picture = reformatter.reformat(
            frame,
            width=max(1, round(frame.width * scale)),
            height=max(1, round(frame.height * scale)),
            format="rgb24",
            interpolation="BICUBIC",
            threads=1,
        )
        pixels: NDArray[np.uint8] = np.asarray(picture.to_ndarray(), np.uint8)
        return _upright(pixels, frame)

    return convert


def _upright(picture: NDArray[np.uint8], frame: Any) -> NDArray[np.uint8]:
    """Return a picture, (H, W, 3), turned and mirrored as the frame's display matrix says, to the nearest right angle.

    The matrix, whose first rows are (a, b, u) and (c, d, v), sends column x and row y to column a · x + c · y and row
    b · x + d · y (ISO/IEC 14496-12, track header box).
    """
    from av.sidedata.sidedata import Type

    data = frame.side_data.get(Type.DISPLAYMATRIX)
    if data is None:
        return picture
    a, b, _, c, d, _ = np.frombuffer(bytes(data), np.int32)[:6].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        picture, a, d = picture.transpose(1, 0, 2), c, b
    return picture[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]


class Keyframe(NamedTuple):
    """A frame from which decoding can start."""

    shown: int  # its presentation time
    decoded: int  # its decoding time
    number: int  # in the order of decoding


def _decode_by_seeking(path: Path, numbers: NDArray[np.int64], short_side: int | None) -> NDArray[np.uint8] | None:
    """Return what ``decode`` returns while decoding few other frames; None if the file's index does not allow it.

    Each frame is reached from the last keyframe before it, and frames that no other one refers to are skipped.
    """
    with _open_video(path) as (container, stream):
        packets = _packets(container, stream)
        every = [packet.shown for packet in packets if packet.shown is not None]
        if len(set(every)) < len(packets):
            return None
        if stream.codec_context.has_b_frames and every == sorted(every):
            return None  # the codec reorders, the stamps do not: they are invented (H.264 in AVI)
        stamps = sorted(shown for shown, _, _, is_discard, _ in packets if shown is not None and not is_discard)
        keys = sorted(
            Keyframe(shown, decoded, number)
            for number, (shown, decoded, is_key, *_) in enumerate(packets)
            if is_key and shown is not None and decoded is not None
        )
        if not keys or not stamps or keys[0].shown > stamps[0]:
            return None
        requested = [stamps[min(int(number), len(stamps) - 1)] for number in numbers]
        convert = _converter(short_side)
        frames: dict[int, NDArray[np.uint8]] = {}
        while missing := sorted(set(requested) - frames.keys()):
            found = _decode_from(container, stream, keys, missing, convert)
            if not found:
                return None
            frames |= found
        return np.stack([frames[stamp] for stamp in requested])


def _decode_from(
    container: Any, stream: Any, keys: list[Keyframe], missing: list[int], convert: Callable[[Any], NDArray[np.uint8]]
) -> dict[int, NDArray[np.uint8]]:
    """Return the missing frames by their times, from the keyframe before the first one until another seek is faster."""

    def before(stamp: int) -> Keyframe:
        return keys[bisect_right(keys, stamp, key=lambda key: key.shown) - 1]

    start, left = before(missing[0]), deque(missing)
    found: dict[int, NDArray[np.uint8]] = {}
    container.seek(start.decoded, stream=stream)
    for number, packet in enumerate(container.demux(stream), start.number):
        if number == start.number and not packet.is_keyframe:
            break
        # The stream says which frames others refer to; the decoder skips only those that none refers to.
        stream.codec_context.skip_frame = "DEFAULT" if packet.pts in left else "NONREF"
        for frame in packet.decode():
            if frame.pts in left and frame.pts >= start.shown:
                found[frame.pts] = convert(frame)
                left.remove(frame.pts)
        if not left or (found and before(left[0]).number > number + MIN_SEEK):
            break
    return found


def _decode_in_order(path: Path, numbers: NDArray[np.int64], short_side: int | None) -> NDArray[np.uint8]:
    requested, convert = set(numbers.tolist()), _converter(short_side)
    frames: dict[int, NDArray[np.uint8]] = {}
    number, frame = -1, None
    with _open_video(path) as (container, stream):
        for number, frame in enumerate(container.decode(stream)):
            if number in requested:
                frames[number] = convert(frame)
                if number == numbers[-1]:
                    break
        if frame is None:
            raise BadInput(f"{path} holds no frame that can be decoded; replace the file or fetch it again.")
        if number < numbers[-1]:
            frames[number] = convert(frame)
        return np.stack([frames[min(int(index), number)] for index in numbers])


def clip_starts(duration: float, seconds: float, clips: int) -> list[float]:
    """Return where clips begin, in seconds: at the middles of ``clips`` equal parts of the possible range."""
    free = max(Fraction(duration) - Fraction(seconds), Fraction(0))
    return [float(free * (2 * number + 1) / (2 * clips)) for number in range(clips)]


@dataclass(frozen=True)
class ClipReader:
    """Reads a labelled video as raw clips: picklable, deterministic, of one shape whatever the file's is."""

    frames: int  # per clip, evenly spread over ``seconds``
    seconds: float  # span of a clip; a shorter video repeats its last frame
    clips: int  # per video, evenly spaced
    size: int  # pixels; the shorter side is resized to it and the square centre is kept

    def __call__(self, path: Path) -> Tensor:
        """Return clips of a file: (clips, 3, frames, size, size) uint8. Raises BadInput if it cannot be read."""
        import torch

        times = frame_times(path)
        step = times[-1] / (len(times) - 1) if len(times) > 1 else self.seconds
        within = np.linspace(0, max(self.seconds - step, 0), self.frames)
        starts = np.array(clip_starts(times[-1] + step, self.seconds, self.clips))
        moments = (starts[:, None] + within).ravel()
        nearest = np.searchsorted(times, moments + step / 2, side="right") - 1
        numbers, position = np.unique(nearest, return_inverse=True)
        pictures = centre_crop(decode(path, numbers, self.size), self.size)[position]
        shaped = pictures.reshape(self.clips, self.frames, self.size, self.size, 3)
        return torch.from_numpy(np.ascontiguousarray(shaped.transpose(0, 4, 1, 2, 3)))


def centre_crop(pictures: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return the square centre of (…, H, W, 3) pictures whose shorter side is ``size``."""
    height, width = pictures.shape[-3:-1]
    top, left = (height - size) // 2, (width - size) // 2
    return pictures[..., top : top + size, left : left + size, :]


def videos(rows: Sequence[Row], view: VideoView, *, test: bool) -> Listing:
    """Return labelled data of rows of paths: ``view.test_clips`` clips of each in a test, else ``view.train_clips``."""
    clips = view.test_clips if test else view.train_clips
    return Listing(rows, ClipReader(view.frames, view.seconds, clips, view.resize))
