"""Headers that lie: what a file claims to hold gets no memory before it is there, and ends in one sentence."""

from __future__ import annotations

import contextlib
import resource
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from modalities.audio.decode import read_windows
from modalities.audio.source import read_recording
from modalities.datasets.listing import Listing, Row
from modalities.errors import BadInput
from modalities.image.decode import decode_image, read_image
from modalities.image.matfile import load_mat
from modalities.video import standins
from modalities.video.decode import ClipReader
from modalities.video.decode import decode as decode_clip
from modalities.video.source import read_clip

HUGE = 60_000


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """Two GiB above what the process has, so that a lie that is believed shows."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    used = 1024 * int(Path("/proc/self/status").read_text().partition("VmData:")[2].split()[0])
    resource.setrlimit(resource.RLIMIT_DATA, (used + (2 << 30), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


def refused(path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(BadInput) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()


# --- pictures ----------------------------------------------------------------------------------------------------


def png(path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", HUGE, HUGE, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))))


def jpeg(path: Path) -> None:
    Image.new("RGB", (16, 16)).save(path, "JPEG")
    data = bytearray(path.read_bytes())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", HUGE, HUGE)
    path.write_bytes(bytes(data))


def bmp(path: Path) -> None:
    Image.new("RGB", (16, 16)).save(path, "BMP")
    data = bytearray(path.read_bytes())
    data[18:26] = struct.pack("<ii", HUGE, HUGE)
    path.write_bytes(bytes(data))


def tiff(path: Path) -> None:
    Image.new("RGB", (16, 16)).save(path, "TIFF")
    data = path.read_bytes()
    for tag in (256, 257):  # width and height, in entries of 12 bytes: tag, type, count, value
        at = next(at for at in range(8, len(data)) if data[at : at + 2] == struct.pack("<H", tag) and data[at + 3] == 0)
        data = data[: at + 2] + struct.pack("<HII", 4, 1, HUGE) + data[at + 12 :]
    path.write_bytes(data)


def gif(path: Path) -> None:
    Image.new("P", (16, 16)).save(path, "GIF")
    data = bytearray(path.read_bytes())
    data[6:10] = struct.pack("<HH", HUGE, HUGE)
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("write", [png, jpeg, bmp, tiff, gif], ids=lambda write: write.__name__)
def test_a_picture_that_claims_to_be_huge_is_refused_as_source_and_as_item(tmp_path: Path, write) -> None:
    path = tmp_path / f"picture.{write.__name__}"
    write(path)
    refused(path, decode_image)
    refused(path, lambda path: Listing([Row(path, 0, "a", "a")], partial(read_image, side=32))[0])


@pytest.mark.parametrize("kind", [b"IDAT", b"IHDR", b"IEND"])
def test_a_piece_of_a_picture_that_claims_to_be_huge_gets_no_memory(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(np.arange(768, dtype=np.uint8).reshape(16, 16, 3)).save(path)
    data = bytearray(path.read_bytes())
    at = data.index(kind)
    data[at - 4 : at] = b"\xff\xff\xff\xf0"
    path.write_bytes(bytes(data))
    for read in (decode_image, lambda path: Listing([Row(path, 0, "a", "a")], partial(read_image, side=32))[0]):
        with contextlib.suppress(BadInput):  # where all of it is there, Pillow may do without the piece
            read(path)


@pytest.mark.parametrize("shape", [(1, 80_000), (80_000, 1)])
def test_a_picture_that_is_a_line_is_not_blown_up(tmp_path: Path, shape: tuple[int, int]) -> None:
    path = tmp_path / "line.png"
    Image.new("RGB", shape).save(path)
    refused(path, lambda path: Listing([Row(path, 0, "a", "a")], partial(read_image, side=224))[0])


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_in_a_format_that_runs_a_program_is_not_opened(tmp_path: Path, suffix: str, monkeypatch) -> None:
    path = tmp_path / f"picture.{suffix}"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n")
    with Image.open(path) as opened:
        assert opened.format == "EPS", "Pillow itself takes it, and would start Ghostscript"
    monkeypatch.setattr("subprocess.Popen", lambda *words, **more: pytest.fail("a program was started"))
    refused(path, decode_image)
    refused(path, lambda path: Listing([Row(path, 0, "a", "a")], partial(read_image, side=32))[0])


# --- recordings --------------------------------------------------------------------------------------------------


def wav(path: Path, at: int, value: int, size: int = 4) -> None:
    soundfile.write(path, np.sin(np.arange(8000) / 9) / 3, 16_000)
    data = bytearray(path.read_bytes())
    data[at : at + size] = value.to_bytes(size, "little")
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(("at", "value", "size"), [(24, 2**31 - 1, 4), (24, 1, 4), (22, 1000, 2)])
def test_a_recording_that_claims_an_absurd_rate_or_number_of_channels_is_refused(tmp_path, at, value, size) -> None:
    path = tmp_path / "sound.wav"
    wav(path, at, value, size)
    refused(path, lambda path: read_recording(path, 16_000))
    refused(path, lambda path: read_windows(path, 16_000, 16_000, 1))


def test_a_flac_that_claims_a_month_of_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.flac"
    soundfile.write(path, np.sin(np.arange(16_000) / 9) / 3, 16_000)
    data = bytearray(path.read_bytes())
    data[21] |= 0x0F  # the upper bits of 36 that count the samples
    data[22:26] = b"\xff" * 4
    path.write_bytes(bytes(data))
    assert soundfile.info(path).frames > 2**35
    refused(path, lambda path: read_recording(path, 16_000))


# --- clips -------------------------------------------------------------------------------------------------------


def frames(height: int, width: int, count: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (count, height, width, 3), np.uint8)


@pytest.mark.parametrize("suffix", ["mp4", "avi"])
def test_frames_that_claim_to_be_huge_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip.{suffix}"
    standins.write_video(path, frames(32, 48))
    data = path.read_bytes()
    if suffix == "mp4":  # width and height of the sample description
        at = data.index(b"mp4v") + 28
        data = data[:at] + struct.pack(">HH", HUGE, HUGE) + data[at + 4 :]
    else:
        at = data.index(b"strf") + 12
        data = data[:at] + struct.pack("<ii", HUGE, HUGE) + data[at + 8 :]
    path.write_bytes(data)
    try:  # the stream itself tells its true size; where the decoder believes that, the clip is read
        assert ClipReader(4, 0.4, 1, 32)(path).shape == (1, 3, 4, 32, 32)
    except BadInput as error:
        assert str(path) in str(error)


def test_frames_larger_than_any_camera_makes_are_refused(tmp_path: Path) -> None:
    import av

    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 9000, 8000, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(9000, 8000, "yuv420p")))
        container.mux(stream.encode())
    refused(path, lambda path: decode_clip(path, np.zeros(1, np.int64), 32))


def test_frames_that_are_lines_are_not_blown_up(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    standins.write_video(path, frames(16, 8000))
    refused(path, read_clip)


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nprivate.mp4\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize("name", ["clip.m3u8", "clip.mp4"])
@pytest.mark.parametrize("content", [PLAYLIST, "ffconcat version 1.0\nfile 'private.mp4'\n"], ids=["hls", "concat"])
def test_a_clip_that_names_another_file_opens_none(tmp_path: Path, name: str, content: str) -> None:
    standins.write_video(tmp_path / "private.mp4", frames(32, 48))
    path = tmp_path / name
    path.write_text(content)
    refused(path, read_clip)


def test_ffmpeg_itself_would_follow_a_list_of_files(tmp_path: Path) -> None:
    import av

    standins.write_video(tmp_path / "private.mp4", frames(32, 48))
    (tmp_path / "clip.mp4").write_text("ffconcat version 1.0\nfile private.mp4\n")
    with av.open(str(tmp_path / "clip.mp4")) as container:
        assert container.streams.video


def test_the_name_of_a_clip_is_never_taken_for_a_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    standins.write_video(tmp_path / "private.avi", frames(32, 48))
    Path("subfile,,start,0,end,0,,:private.avi").write_bytes(b"harmless")
    with pytest.raises(BadInput, match="cannot be decoded"):
        read_clip(Path("subfile,,start,0,end,0,,:private.avi"))


# --- MATLAB files ------------------------------------------------------------------------------------------------


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(kind: int, shape: tuple[int, int], name: bytes, rest: bytes) -> bytes:
    return element(14, element(6, struct.pack("<II", kind, 0)) + element(5, struct.pack("<ii", *shape))
                   + element(1, name) + rest)  # fmt: skip


def mat(path: Path, body: bytes) -> None:
    path.write_bytes(b"MATLAB 5.0".ljust(124) + struct.pack("<H", 0x0100) + b"IM" + body)


def test_a_matlab_file_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    body = matrix(9, (1, 1), b"", element(2, b"\1"))
    for _ in range(2000):  # scipy's reader needs some more to overflow the stack
        body = matrix(1, (1, 1), b"labels", body)
    mat(tmp_path / "a.mat", body)
    refused(tmp_path / "a.mat", lambda path: load_mat(path, "labels"))


def test_a_matlab_file_that_unpacks_to_gigabytes_or_claims_to_hold_them_is_refused(tmp_path: Path) -> None:
    mat(tmp_path / "bomb.mat", struct.pack("<II", 15, len(z := zlib.compress(bytes(1 << 27)))) + z)
    refused(tmp_path / "bomb.mat", lambda path: load_mat(path, "labels"))
    for kind in (1, 2, 9):
        mat(tmp_path / "lie.mat", matrix(kind, (2**31 - 1, 2**31 - 1), b"labels", element(2, b"\1")))
        refused(tmp_path / "lie.mat", lambda path: load_mat(path, "labels"))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_matlab_file_reads_as_scipy_reads_it(tmp_path: Path, compressed: bool) -> None:
    from scipy.io import loadmat, savemat

    path = tmp_path / "a.mat"
    synsets = np.zeros((3, 1), [("ILSVRC2012_ID", object), ("WNID", object), ("num_children", object)])
    for i in range(3):
        synsets[i, 0] = (i + 1, f"n{i:08}", 0.0)
    rng = np.random.default_rng(0)
    arrays = {
        str(kind): rng.integers(0, 100, (1, 7)).astype(kind) for kind in ("u1", "i2", "u2", "i4", "i8", "f4", "f8")
    }
    content = {f"v{name}": array for name, array in arrays.items()}
    savemat(path, {**content, "grid": rng.normal(size=(3, 4)), "text": "words – and more", "synsets": synsets},
            do_compression=compressed)  # fmt: skip
    expected = loadmat(path, squeeze_me=True)
    for name in (*content, "grid"):
        found = load_mat(path, name)
        assert found.dtype == expected[name].dtype
        np.testing.assert_array_equal(found, expected[name])
    assert load_mat(path, "text") == str(expected["text"])
    found = load_mat(path, "synsets")
    assert [(int(row["ILSVRC2012_ID"]), row["WNID"], int(row["num_children"])) for row in found] == [
        (int(row["ILSVRC2012_ID"]), str(row["WNID"]), int(row["num_children"])) for row in expected["synsets"]
    ]
