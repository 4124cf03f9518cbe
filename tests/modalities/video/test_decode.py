"""Decoding: compared with frames that were written without loss, and with times worked out by hand."""

import os
import pickle
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modalities.errors import BadInput
from modalities.video import decode as decoding
from modalities.video.decode import ClipReader, centre_crop, clip_starts, decode, frame_times


def write(path, frames, *, rate=10, codec="ffv1", pixels="bgr0", rotation=0, **options):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
        for name, value in options.items():
            setattr(stream.codec_context, name, value)
        if rotation:
            stream.set_display_rotation(rotation)
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def frames_of(count, height=48, width=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def grey_frames(count, height=48, width=64):
    """Frame n is grey of value 6 n: told apart even after lossy coding."""
    values = (6 * np.arange(count, dtype=np.uint8))[:, None, None, None]
    return np.broadcast_to(values, (count, height, width, 3)).copy()


@pytest.fixture(scope="module")
def lossless(tmp_path_factory):
    frames = frames_of(20)
    return write(tmp_path_factory.mktemp("clips") / "clip.mkv", frames), frames


def test_decoding_gives_back_the_frames_that_were_written(lossless):
    path, frames = lossless
    wanted = np.array([0, 3, 4, 19])
    assert np.array_equal(decode(path, wanted), frames[wanted])


def test_beyond_the_end_the_last_frame_is_repeated(lossless):
    path, frames = lossless
    assert np.array_equal(decode(path, np.array([18, 25, 40])), frames[[18, 19, 19]])


def test_times_come_from_the_file(lossless):
    assert np.allclose(frame_times(lossless[0]), np.arange(20) / 10, atol=2e-3)  # this container counts milliseconds


@pytest.mark.parametrize(
    ("name", "codec", "between"), [("a.avi", "mpeg4", 0), ("b.mp4", "mpeg4", 2), ("c.mp4", "libx264", 3)]
)
def test_frames_come_in_the_order_of_time_also_from_codecs_that_store_them_in_another(tmp_path, name, codec, between):
    path = write(tmp_path / name, grey_frames(30), codec=codec, pixels="yuv420p", max_b_frames=between, qmax=4)
    times = frame_times(path)
    assert len(times) == 30 and np.allclose(np.diff(times), 0.1, atol=1e-6)
    shown = decode(path, np.arange(30)).mean(axis=(1, 2, 3))
    assert np.abs(shown - 6 * np.arange(30)).max() < 3


def moving_frames(count, height=48, width=64):
    """A coarse pattern that wanders, so that frames differ and coders have something to predict."""
    pattern = frames_of(1, height // 8, width // 8)[0].repeat(8, 0).repeat(8, 1)
    return np.stack([np.roll(pattern, (2 * n, 3 * n), (0, 1)) for n in range(count)])


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("one key.mp4", "libx264", {"g": "250", "bf": "3"}),
        ("keys.mp4", "libx264", {"g": "20", "bf": "3"}),
        ("pyramid.mkv", "libx264", {"x264-params": "keyint=16:bframes=5:b-pyramid=normal:scenecut=0"}),
        ("open.mp4", "libx264", {"x264-params": "keyint=16:bframes=4:open-gop=1:scenecut=0"}),
        ("refresh.mkv", "libx264", {"x264-params": "keyint=16:intra-refresh=1"}),
        ("stream.ts", "libx264", {"g": "20", "bf": "2"}),
        ("old.mp4", "mpeg4", {"g": "15", "bf": "2"}),
        ("old.avi", "mpeg4", {"g": "15"}),
        ("web.webm", "libvpx-vp9", {"g": "20", "lag-in-frames": "16", "auto-alt-ref": "1"}),
    ],
)
def test_frames_are_the_same_however_few_others_are_decoded(tmp_path, name, codec, options):
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, width=64, height=48, pix_fmt="yuv420p", options=options)
        for picture in moving_frames(90):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        every = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(every) == 90
    for wanted in ([0], [89], [44, 45], [3, 21, 22, 60], [70, 95], list(range(90)), [15, 16, 17, 31, 32, 33, 79, 80]):
        expected = np.stack([every[min(n, 89)] for n in wanted]).astype(int)
        assert np.abs(decode(path, np.array(wanted)) - expected).max() <= 2, wanted  # two roads to RGB may round apart


def test_a_late_frame_is_reached_from_the_keyframe_before_it(tmp_path, monkeypatch):
    path = tmp_path / "keys.mp4"
    with av.open(str(path), "w") as container:
        options = {"g": "25", "bf": "3"}
        stream = container.add_stream("libx264", rate=25, width=64, height=48, pix_fmt="yuv420p", options=options)
        for picture in moving_frames(250):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    starts = []
    plain = decoding._decode_from

    def counted(container, stream, keys, missing, *rest):
        starts.append([key.number for key in keys if key.shown <= missing[0]][-1])
        return plain(container, stream, keys, missing, *rest)

    monkeypatch.setattr(decoding, "_decode_from", counted)
    monkeypatch.setattr(decoding, "_decode_in_order", None)
    assert decode(path, np.array([30, 205, 210])).shape == (3, 48, 64, 3)
    assert starts == [25, 200]


def test_a_short_side_is_an_antialiased_resize_that_keeps_the_shape(tmp_path):
    from PIL import Image

    rows, columns = np.mgrid[:120, :200]
    smooth = np.stack([rows, columns, 255 - columns], -1).astype(np.uint8)
    path = write(tmp_path / "large.mkv", smooth[None])
    ours = decode(path, np.zeros(1, np.int64), 30)[0]
    theirs = np.asarray(Image.fromarray(smooth).resize((50, 30), Image.Resampling.BICUBIC))
    assert ours.shape == theirs.shape
    assert np.abs(ours.astype(int) - theirs)[3:-3, 3:-3].max() <= 2


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_clip_filmed_with_the_camera_on_its_side_is_turned_upright(tmp_path, rotation):
    frames = frames_of(1)
    path = write(tmp_path / "turned.mov", frames, codec="png", pixels="rgb24", rotation=rotation)
    with av.open(str(path)) as container:  # FFmpeg's sense of the angle: counter-clockwise
        assert next(container.decode(video=0)).rotation % 360 == rotation
    assert np.array_equal(decode(path, np.zeros(1, np.int64))[0], np.rot90(frames[0], rotation // 90))


def test_one_clip_is_the_middle_one_and_three_are_spread_over_the_video():
    assert clip_starts(10.0, 2.0, 1) == pytest.approx([4.0])
    assert clip_starts(10.0, 2.0, 4) == pytest.approx([1.0, 3.0, 5.0, 7.0])
    assert clip_starts(1.0, 2.0, 3) == [0, 0, 0]


@given(st.floats(0.1, 60), st.floats(0.1, 10), st.integers(1, 12))
def test_clips_lie_inside_the_video_and_are_evenly_spaced(duration, seconds, clips):
    starts = np.array(clip_starts(duration, seconds, clips))
    room = max(duration - seconds, 0)
    assert len(starts) == clips and starts.min() >= 0 and starts.max() <= room + 1e-9
    assert np.allclose(starts, (np.arange(clips) + 0.5) / clips * room)


@pytest.mark.parametrize(
    ("duration", "seconds", "clips"), [(10.0, 2.0, 1), (7.3, 0.8, 3), (4.0, 1.1, 10), (2.0, 2.0, 2)]
)
def test_clips_begin_where_pytorchvideos_sampler_of_twice_as_many_has_every_second_one(duration, seconds, clips):
    from pytorchvideo.data.clip_sampling import ConstantClipsPerVideoSampler

    sampler = ConstantClipsPerVideoSampler(Fraction(seconds), 2 * clips)
    starts = [float(sampler(0, Fraction(duration), {}).clip_start_sec) for _ in range(2 * clips)]
    assert clip_starts(duration, seconds, clips) == pytest.approx(starts[1::2], abs=1e-12)


def test_a_reader_gives_evenly_spread_frames_of_evenly_spread_clips(tmp_path):
    path = write(tmp_path / "clip.mkv", grey_frames(41))
    raw = ClipReader(frames=4, seconds=1.0, clips=2, size=24)(path)
    # 4.1 s; clips begin at 0.775 and 2.325 s; their frames are 0, 0.3, 0.6 and 0.9 s later, of 0.1 s each
    expected = np.array([[8, 11, 14, 17], [23, 26, 29, 32]])
    shown = raw.float().mean(dim=(1, 3, 4)).numpy() / 6
    assert raw.shape == (2, 3, 4, 24, 24)
    assert np.allclose(shown, expected, atol=0.2)


def test_a_reader_repeats_the_last_frame_of_a_short_video(tmp_path):
    path = write(tmp_path / "short.mkv", grey_frames(5))
    shown = ClipReader(frames=4, seconds=1.6, clips=1, size=24)(path).float().mean(dim=(1, 3, 4)).numpy()[0] / 6
    assert np.allclose(shown, [0, 4, 4, 4], atol=0.2)


def test_a_video_of_one_frame_is_shown_as_a_still(tmp_path):
    raw = ClipReader(frames=4, seconds=1.6, clips=2, size=24)(write(tmp_path / "one.mkv", frames_of(1)))
    assert (raw == raw[:1, :, :1]).all()


def test_the_square_centre_is_kept():
    picture = np.arange(6 * 10)[:, None].reshape(6, 10, 1).astype(np.uint8)
    assert np.array_equal(centre_crop(picture, 6), picture[:, 2:8])


def test_a_reader_travels_between_processes(lossless):
    reader = ClipReader(4, 1.0, 2, 24)
    assert (pickle.loads(pickle.dumps(reader))(lossless[0]) == reader(lossless[0])).all()


def test_a_file_without_pictures_is_named(tmp_path):
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(BadInput, match=r"sound\.wav has no video stream; give"):
        frame_times(path)


@pytest.mark.parametrize("content", [b"", b"not a video at all", bytes(5000)])
def test_a_file_that_is_no_video_is_named(tmp_path, content):
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"broken\.mp4 cannot be decoded as a video .*; replace the file"):
        frame_times(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"gone\.avi does not exist; check"):
        frame_times(tmp_path / "gone.avi")


@pytest.mark.parametrize("name", ["cut.avi", "cut.mp4"])
def test_a_file_that_was_cut_off_is_named(tmp_path, name):
    whole = write(tmp_path / f"whole{Path(name).suffix}", frames_of(30), codec="mpeg4", pixels="yuv420p")
    path = tmp_path / name
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(BadInput, match=name.replace(".", r"\.")):
        frame_times(path)


real = pytest.mark.skipif("BENCHMARK_REAL_DATA" not in os.environ, reason="BENCHMARK_REAL_DATA is not set")


@real
@pytest.mark.parametrize(("name", "count", "size"), [("demo.mp4", 280, (340, 256)), ("test.avi", 164, None)])
def test_real_clips_are_decoded_to_their_last_frame(name, count, size):
    path = Path(os.environ["BENCHMARK_REAL_DATA"]) / "clips" / name
    times = frame_times(path)
    last = decode(path, np.array([0, count - 1]))
    assert len(times) == count and (np.diff(times) > 0).all()
    assert size is None or last.shape[1:3] == size[::-1]
    assert not np.array_equal(last[0], last[1])


def test_a_name_with_odd_characters_is_no_obstacle(lossless, tmp_path):
    odd = tmp_path / "clip (1) %03d [ö] & co.mkv"
    shutil.copy(lossless[0], odd)
    assert np.array_equal(decode(odd, np.zeros(1, np.int64)), lossless[1][:1])


def without_times(path, step):
    """The same MP4 file, whose table of times says that every frame lasts ``step`` ticks."""
    content = path.read_bytes()
    entry = content.index(b"stts") + 16  # behind version, number of entries and number of frames
    path.write_bytes(content[:entry] + step.to_bytes(4, "big") + content[entry + 4 :])
    return path


@pytest.mark.parametrize("step", [0, 1])
def test_a_file_whose_writer_set_no_times_is_spread_over_its_frames(tmp_path, step):
    options = {"rate": 30, "codec": "libx264", "pixels": "yuv420p", "max_b_frames": 0}
    path = without_times(write(tmp_path / "a.mp4", grey_frames(30), **options), step)
    steps = np.diff(frame_times(path))
    assert len(steps) == 29 and np.ptp(steps) < 1e-6 and steps[0] in (pytest.approx(1 / 30), pytest.approx(1 / 25))
    shown = ClipReader(4, 1.0, 1, 32)(path)[0, 0, :, 16, 16].int().diff()
    assert (shown > 20).all(), "a clip of four equal frames is a picture"


def test_a_fast_camera_is_believed(tmp_path):
    path = write(tmp_path / "a.mkv", grey_frames(24), rate=500)
    assert frame_times(path)[-1] == pytest.approx(23 / 500, abs=2e-3)
