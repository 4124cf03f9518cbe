"""What an MP4 file says about display is kept: edit lists, display matrices; however its frames are reached."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modalities.errors import BadInput
from modalities.video import decode as decoding
from modalities.video.decode import ClipReader, decode, frame_times
from modalities.video.source import read_clip
from tests.support.boxes import ONE, set_edits, set_matrix

RATE, COUNT = 25, 50
TICK = 512  # ticks of the media per frame, as FFmpeg writes it
FIRST = 2 * TICK  # the first frame's; two may be reordered
MS = 1000 // RATE


def write(path: Path, codec: str = "libx264", count: int = COUNT, **more: object) -> Path:
    """Write frames of which number n is grey of value 4 n, with a keyframe every 12 frames and reordering."""
    with av.open(str(path), "w", **more) as container:
        options = {"g": "12", "bf": "2"}
        stream = container.add_stream(codec, rate=RATE, width=64, height=48, pix_fmt="yuv420p", options=options)
        stream.codec_context.thread_count = 1
        for value in range(0, 4 * count, 4):
            picture = np.full((48, 64, 3), value, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("whole") / "clip.mp4").read_bytes()


def values(frames: np.ndarray) -> list[int]:
    return np.rint(frames.mean(axis=(1, 2, 3)) / 4).astype(int).tolist()


def shown_by_ffmpeg(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return values(np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]))


def check_all_ways(path: Path, expected: list[int]) -> None:
    """Every frame is what is expected: all at once, one by one, by seeking where that is possible, and in order."""
    assert len(frame_times(path)) == len(expected)
    numbers = np.arange(len(expected))
    assert values(decode(path, numbers)) == expected
    assert values(decoding._decode_in_order(path, numbers, None)) == expected
    for number in numbers:
        assert values(decode(path, numbers[[number]])) == [expected[number]]
    jumps = numbers[:: max(1, len(numbers) // 3)]
    assert values(decode(path, jumps)) == [expected[number] for number in jumps]


def edited(path: Path, whole: bytes, *edits: tuple[int, int]) -> Path:
    """Write the clip with edits of (frames shown, first of them; -1 for none)."""
    path.write_bytes(whole)
    set_edits(path, [(frames * MS, -1 if first < 0 else FIRST + first * TICK) for frames, first in edits])
    return path


EDITS: dict[str, tuple[list[tuple[int, int]], list[int]]] = {
    "first half": ([(25, 0)], [*range(25)]),
    "second half": ([(25, 25)], [*range(25, 50)]),
    "middle": ([(15, 20)], [*range(20, 35)]),
    "from a keyframe": ([(10, 24)], [*range(24, 34)]),
    "one frame": ([(1, 30)], [30]),
    "two parts": ([(10, 0), (10, 30)], [*range(10), *range(30, 40)]),
    "a part twice": ([(10, 0), (10, 0)], [*range(10)] * 2),
    "parts in another order": ([(10, 30), (10, 0)], [*range(30, 40), *range(10)]),
    "a late start": ([(12, -1), (50, 0)], [*range(50)]),
    "a late start of the middle": ([(12, -1), (25, 10)], [*range(10, 35)]),
    "longer than the media": ([(200, 0)], [*range(50)]),
}


@pytest.mark.parametrize("name", EDITS)
def test_frames_that_an_edit_list_leaves_out_are_neither_counted_nor_shown(
    tmp_path: Path, whole: bytes, name: str
) -> None:
    edits, expected = EDITS[name]
    path = edited(tmp_path / "clip.mp4", whole, *edits)
    assert shown_by_ffmpeg(path) == expected
    check_all_ways(path, expected)


@given(first=st.integers(0, COUNT - 1), frames=st.integers(1, COUNT), picks=st.sets(st.integers(0, COUNT - 1)))
@settings(max_examples=25, deadline=None)
def test_any_cut_is_read_as_ffmpeg_shows_it(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, first: int, frames: int, picks: set[int]
) -> None:
    path = edited(tmp_path_factory.mktemp("cut") / "clip.mp4", whole, (frames, first))
    expected = shown_by_ffmpeg(path)
    assert expected == [*range(first, min(first + frames, COUNT))]
    assert len(frame_times(path)) == len(expected)
    numbers = np.array(sorted(pick for pick in picks if pick < len(expected)) or [0])
    assert values(decode(path, numbers)) == [expected[number] for number in numbers]


def test_the_times_of_a_cut_count_from_its_first_frame(tmp_path: Path, whole: bytes) -> None:
    path = edited(tmp_path / "clip.mp4", whole, (12, -1), (25, 10))
    assert np.allclose(frame_times(path), np.arange(25) / RATE)


def test_clips_and_sources_of_a_cut_move_to_its_end(tmp_path: Path, whole: bytes) -> None:
    path = edited(tmp_path / "clip.mp4", whole, (25, 20))
    item = ClipReader(frames=5, seconds=1.0, clips=1, size=48)(path)
    assert np.rint(item.float().mean(dim=(0, 1, 3, 4)).numpy() / 4).tolist() == [20, 26, 32, 38, 44]
    frames, times = read_clip(path)
    assert values(frames) == [*range(20, 45)] and len(times) == 25


def test_a_cut_file_that_breaks_off_is_still_named(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    whole = write(path, options={"movflags": "faststart"}).read_bytes()
    edited(path, whole, (25, 25))  # as long as the edit list that FFmpeg wrote, so that no frame moves
    check_all_ways(path, [*range(25, 50)])
    path.write_bytes(path.read_bytes()[: int(0.7 * len(whole))])
    with pytest.raises(BadInput, match=r"clip\.mp4 is cut short after \d+ of 50 frames; replace"):
        frame_times(path)


def test_a_file_whose_edit_list_shows_nothing_is_named(tmp_path: Path, whole: bytes) -> None:
    with pytest.raises(BadInput, match=r"clip\.mp4 holds no frame that is shown; replace"):
        frame_times(edited(tmp_path / "clip.mp4", whole, (0, 0)))


def test_reordered_frames_without_true_stamps_come_in_the_order_of_display(tmp_path: Path) -> None:
    check_all_ways(write(tmp_path / "clip.avi"), [*range(COUNT)])


# --- display matrices --------------------------------------------------------------------------------------------


def placed(picture: np.ndarray, a: int, b: int, c: int, d: int) -> np.ndarray:
    """Put every pixel where the matrix sends it."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    across, down = a * columns + c * rows, b * columns + d * rows
    across, down = across - across.min(), down - down.min()
    shown = np.zeros((down.max() + 1, across.max() + 1, 3), np.uint8)
    shown[down, across] = picture
    return shown


@pytest.mark.parametrize("scale", [1, 2, 0.5])
@pytest.mark.parametrize(
    "matrix",
    [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0), (-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0),
     (0, -1, -1, 0)],
)  # fmt: skip
def test_a_clip_is_turned_and_mirrored_as_its_matrix_says(
    tmp_path: Path, matrix: tuple[int, ...], scale: float
) -> None:
    path = tmp_path / "clip.mp4"
    frames = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=RATE, width=64, height=48, pix_fmt="rgb24")
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    set_matrix(path, *(round(scale * ONE * value) for value in matrix))
    expected = np.stack([placed(picture, *matrix) for picture in frames])
    assert np.array_equal(decode(path, np.arange(3)), expected)
    assert np.array_equal(decoding._decode_in_order(path, np.arange(3), None), expected)
    short = min(expected.shape[1:3])
    left, top = ((side - short) // 2 for side in expected.shape[2:0:-1])
    item = ClipReader(frames=3, seconds=3 / RATE, clips=1, size=short)(path)[0].permute(1, 2, 3, 0).numpy()
    assert np.array_equal(item, expected[:, top : top + short, left : left + short])


@pytest.mark.parametrize(("degrees", "turns"), [(0, 0), (1, 0), (-1, 0), (89, 1), (91, 1), (179, 2), (-91, -1)])
def test_a_slant_is_taken_as_the_nearest_right_angle(tmp_path: Path, degrees: float, turns: int) -> None:
    path = write(tmp_path / "clip.mp4", "mpeg4", count=2)
    cosine, sine = (round(ONE * part(np.radians(degrees))) for part in (np.cos, np.sin))
    set_matrix(path, cosine, sine, -sine, cosine)
    assert decode(path, np.zeros(1, np.int64)).shape[1:3] == ((48, 64), (64, 48))[turns % 2]


def test_a_matrix_of_zeros_says_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.mp4", "mpeg4", count=2)
    set_matrix(path, 0, 0, 0, 0)
    assert decode(path, np.zeros(1, np.int64)).shape == (1, 48, 64, 3)


# --- sources -----------------------------------------------------------------------------------------------------


def test_a_clip_that_shows_nothing_is_no_source_and_still_an_item(tmp_path: Path, whole: bytes) -> None:
    path = edited(tmp_path / "clip.mp4", whole, (1, 0), (1, 0))
    assert len(frame_times(path)) == 2
    with pytest.raises(BadInput, match=r"clip\.mp4 is flat"):
        read_clip(path)
    assert ClipReader(2, 0.1, 1, 32)(path).shape == (1, 3, 2, 32, 32)
