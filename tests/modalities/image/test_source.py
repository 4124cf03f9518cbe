"""Sources: generated ones repeat themselves, odd files work, bad files cost one sentence."""

import errno
import hashlib
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from modalities.assembly.generators import Generator
from modalities.errors import BadInput, UnknownName
from modalities.image import MODALITY, generated_sources, scenes, source
from modalities.image.decode import decode_image
from modalities.image.policies import POLICIES, ImageView

CPU = torch.device("cpu")
# Of the pixels of version 1 of each generator; a change of pixels must raise generated_sources.VERSION.
PIXELS = {
    "deadleaves": "fb8da1299853e38bc47690aa80b08b940de1ae1c8d66cfdac0f15826be5803fc",
    "sparse": "d95b323dd80056b859682d1f45ef4a5d95cf11fb9bcb7765fc57fea39d08efb4",
    "noise": "22105a17914f3f882290c7abefe35bd697944c167fc3080a7d690e657bd7dfc6",
}
# Of a grid of 4 × 3, to within what libraries round differently.
LOOKS = {
    "fractals": [54, 49, 60, 55, 52, 48, 79, 56, 34, 32, 56, 57],
    "gradients": [111, 125, 125, 144, 131, 128, 120, 126, 125, 127, 129, 142],
    "pink": [94, 108, 152, 111, 136, 137, 154, 170, 104, 107, 143, 115],
    "shader": [132, 138, 109, 122, 134, 117, 128, 129, 125, 135, 128, 121],
    "stars": [49, 43, 28, 75, 34, 48, 27, 50, 31, 41, 27, 49],
    "text": [225, 226, 214, 216, 225, 209, 206, 211, 225, 222, 225, 223],
}  # fmt: skip


def png(path, width, height):
    """A file whose header promises that many pixels, and which holds none."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")))
    return path


def gradient(height=48, width=64):
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=2).astype(np.uint8)


def one_sentence(error):
    text = str(error.value)
    assert "\n" not in text
    assert text.endswith((".", "?"))
    return text


def test_every_listed_source_loads_and_is_identified_without_decoding():
    for name, description in MODALITY.sources().items():
        assert description
        ref = MODALITY.source_ref(name)
        assert ref.name == name
        assert len(ref.sha256) == 64
        assert source.read(name).ndim == 3
    assert next(iter(MODALITY.sources())) == "deadleaves"


def test_the_pixels_of_measured_sources_are_those_of_this_version():
    assert generated_sources.VERSION == 1
    for name, digest in PIXELS.items():
        assert hashlib.sha256(source.read(name).tobytes()).hexdigest() == digest, name
        assert source.source_ref(name).sha256 == hashlib.sha256(f"{name}/0/1".encode()).hexdigest()


@pytest.mark.parametrize("name", sorted(set(generated_sources.GENERATORS) - set(PIXELS)))
def test_generated_pictures_look_the_same_each_time_and_others_under_another_seed(name):
    make = generated_sources.GENERATORS[name].make
    first = make(0)
    assert first.dtype == np.uint8 and first.shape[2] == 3 and min(first.shape[:2]) >= 960
    np.testing.assert_array_equal(first, source.read(name))
    assert (first != make(1)).mean() > 0.2
    small = np.asarray(Image.fromarray(first).resize((4, 3), Image.Resampling.BOX)).mean(axis=2)
    np.testing.assert_allclose(small.ravel(), LOOKS[name], atol=2)


def edges(pixels):
    return (np.abs(np.diff(pixels.mean(axis=2), axis=0)) > 24).mean()


def tint(pixels):
    return np.ptp(pixels.astype(int), axis=2).mean()


@pytest.mark.parametrize(
    ("settings", "law"),
    [
        ("colour=grey", lambda was, now: tint(now) < tint(was) / 3),
        ("colour=uniform", lambda was, now: tint(now) > 1.5 * tint(was)),
        ("shapes=50", lambda was, now: edges(now) < edges(was) / 5),
        ("shape=line", lambda was, now: edges(now) != edges(was)),
        ("smallest=50", lambda was, now: edges(now) < edges(was) / 2),
        ("exponent=6", lambda was, now: edges(now) > edges(was)),
    ],
)
def test_the_parameters_of_dead_leaves_do_what_they_say(settings, law):
    ref = source.source_ref(f"deadleaves:{settings}")
    assert ref.sha256 == hashlib.sha256(f"deadleaves/0/1/{settings}".encode()).hexdigest()
    assert ref.name == f"deadleaves:{settings}" and ref.description.endswith(f", {settings}")
    assert law(source.read("deadleaves"), source.read(f"deadleaves:{settings}"))


def test_parameters_at_their_defaults_are_the_source_itself():
    assert source.source_ref("deadleaves:shapes=14000,exponent=3") == source.source_ref("deadleaves")
    assert source.source_ref("deadleaves:5,colour=normal").name == "deadleaves:5"
    assert source.source_ref("pink:slope=2.0") == source.source_ref("pink")


def test_sizes_of_dead_leaves_follow_their_power_law():
    unit = np.linspace(0, 1, 100_001)[:-1]
    for exponent in (1.5, 3.0, 5.0):
        drawn = scenes.half_sizes(unit, 6.0, 400.0, exponent)
        at, power = np.array([7.0, 12.0, 50.0, 200.0]), 1 - exponent
        expected = (6.0**power - at**power) / (6.0**power - 400.0**power)
        np.testing.assert_allclose(np.searchsorted(drawn, at) / len(drawn), expected, atol=1e-4)


def test_a_generated_picture_is_the_same_in_another_process(tmp_path):
    command = "import hashlib; from modalities.image.scenes import sparse; print(hashlib.sha256(sparse(5)).hexdigest())"
    output = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout.strip()
    assert output == hashlib.sha256(scenes.sparse(5)).hexdigest()
    assert output != hashlib.sha256(scenes.sparse(6)).hexdigest()


def test_a_generated_picture_is_cached_whole_and_read_again(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path))
    first = source.read("sparse:9")
    files = list((tmp_path / "sources").iterdir())
    assert [file.suffix for file in files] == [".png"]
    monkeypatch.setitem(generated_sources.GENERATORS, "sparse", Generator(None, ""))
    np.testing.assert_array_equal(source.read("sparse:9"), first)


def test_a_cache_that_cannot_be_written_is_one_sentence_with_a_remedy(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(BadInput, match=r"sparse:9 cannot be written to .*BENCHMARK_CACHE to a folder with free space"):
        source.read("sparse:9")


def test_seeds_of_a_generated_picture_have_references_of_their_own():
    assert source.source_ref("deadleaves:1").sha256 != source.source_ref("deadleaves").sha256


def test_dead_leaves_are_dense_and_sparse_is_not():
    def detail(name):
        grey = source.read(name).mean(axis=2)
        return (np.abs(np.diff(grey, axis=0)) > 24).mean()

    assert detail("deadleaves") > 20 * detail("sparse")


def test_a_files_reference_is_its_sha256_and_carries_no_folder(tmp_path):
    path = tmp_path / "mine.png"
    Image.fromarray(gradient()).save(path)
    ref = source.source_ref(str(path))
    assert ref.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert ref.name == "mine.png"
    assert str(tmp_path) not in ref.description


def test_the_pyramid_halves_and_keeps_the_mean():
    pixels = gradient(256, 512)
    levels = source.planes(source.reductions(pixels), CPU)
    per_octave = round(1 / source.STEP)
    for k, level in enumerate(levels):
        scale = 2 ** (-k * source.STEP)
        assert level.shape == (3, round(256 * scale), round(512 * scale))
        torch.testing.assert_close(level.mean((1, 2)), levels[0].mean((1, 2)), atol=0.02, rtol=0)
    assert levels[per_octave].shape == (3, 128, 256)


# --- odd files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1"])
def test_any_colour_mode_works(tmp_path, mode):
    path = tmp_path / "picture.tif"
    original = Image.fromarray(gradient()).convert(mode)
    original.save(path)
    np.testing.assert_array_equal(decode_image(path), np.asarray(original.convert("RGB")))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_keep_their_high_byte(tmp_path, suffix):
    path = tmp_path / f"deep.{suffix}"
    ramp = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)
    Image.fromarray(ramp).save(path)
    pixels = decode_image(path)
    assert pixels.shape == (32, 32, 3)
    np.testing.assert_allclose(pixels[:, :, 0], ramp / 257, atol=0.5)


def test_a_picture_is_turned_upright_as_its_exif_data_say(tmp_path):
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(gradient()).save(path, exif=exif, quality=95)
    assert decode_image(path).shape == (64, 48, 3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3)])
def test_the_smallest_pictures_give_segments_of_their_colours(shape):
    pixels = np.full((*shape, 3), (200, 100, 50), np.uint8)
    view = ImageView(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    picture = source.ImageSource(source.source_ref("deadleaves"), source.reductions(pixels), CPU)
    batch = MODALITY.stream(picture, view, POLICIES["geometry"], batch_size=8, seed=0, device=CPU).batch(0)
    expected = torch.tensor([200, 100, 50])[:, None, None] / 255
    torch.testing.assert_close(batch, expected.expand_as(batch), atol=1e-4, rtol=0)


# --- bad files ---------------------------------------------------------------------------------------------------


def test_a_missing_file_is_named_in_one_sentence(tmp_path):
    with pytest.raises(BadInput, match=r"there is no file .*nowhere\.png") as error:
        source.source_ref(str(tmp_path / "nowhere.png"))
    one_sentence(error)


def test_an_unknown_name_answers_with_the_nearest(tmp_path):
    with pytest.raises(UnknownName, match="did you mean deadleaves") as error:
        source.source_ref("deadleafs")
    one_sentence(error)


def test_a_folder_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(BadInput, match="is a folder") as error:
        source.source_ref(str(tmp_path))
    one_sentence(error)


def test_an_empty_file_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "empty.png").touch()
    with pytest.raises(BadInput, match=r"empty\.png is empty") as error:
        decode_image(tmp_path / "empty.png")
    one_sentence(error)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_truncated_file_is_refused_in_one_sentence(tmp_path, suffix):
    path = tmp_path / f"half.{suffix}"
    Image.fromarray(gradient(200, 300)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadInput, match=f"half.{suffix} is damaged") as error:
        decode_image(path)
    one_sentence(error)


def test_a_file_that_is_not_an_image_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "notes.png").write_text("these are notes")
    with pytest.raises(BadInput, match=r"notes\.png is not an image") as error:
        decode_image(tmp_path / "notes.png")
    one_sentence(error)


@pytest.mark.parametrize("side", [12_000, 60_000])
def test_a_decompression_bomb_is_refused_in_one_sentence(tmp_path, side):
    with pytest.raises(BadInput, match="more than 89,000,000 pixels") as error:
        decode_image(png(tmp_path / "bomb.png", side, side))
    one_sentence(error)


def test_a_file_that_may_not_be_read_is_refused_in_one_sentence(tmp_path, monkeypatch):
    path = tmp_path / "locked.png"
    Image.fromarray(gradient()).save(path)

    def refuse(*_):  # permissions do not stop root, under whom tests may run
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(hashlib, "file_digest", refuse)
    with pytest.raises(BadInput, match=r"locked\.png cannot be read \(Permission denied\)") as error:
        source.source_ref(str(path))
    one_sentence(error)
