"""A file is the same picture as a source and as a labelled item, and it is the one that its format describes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from modalities.datasets.listing import Listing, Row
from modalities.errors import BadInput
from modalities.image import MODALITY, source
from modalities.image.decode import decode_image, read_image
from modalities.image.policies import ImageView

SIDE = 32
RAMP = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) / (SIDE * SIDE - 1)  # 0 … 1
GREY = np.rint(255 * RAMP)[:, :, None].repeat(3, 2)
COLOURS = np.stack([GREY[..., 0], GREY[::-1, :, 0], GREY[:, ::-1, 0]], 2).astype(np.uint8)


def save(path: Path, picture: Image.Image | np.ndarray, **options: object) -> None:
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(path, **options)


def tiff(path: Path, values: np.ndarray, bits: int, *, kind: int = 1, white_is_zero: bool = False) -> None:
    """Write grey (SIDE, SIDE) as an uncompressed little-endian TIFF, which Pillow cannot for these kinds."""
    if bits == 12:  # two values in three bytes
        pairs = values.astype(int).reshape(-1, 2)
        packed = [pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255]
        data = np.stack(packed, 1).astype(np.uint8).tobytes()
    else:
        data = values.astype({1: "<u", 2: "<i", 3: "<f"}[kind] + str(bits // 8)).tobytes()
    tags = {256: SIDE, 257: SIDE, 258: bits, 259: 1, 262: int(not white_is_zero), 273: 8, 277: 1, 278: SIDE,
            279: len(data), 339: kind}  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    path.write_bytes(b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(tags)) + entries
                     + bytes(4))  # fmt: skip


def as_item(path: Path) -> np.ndarray:
    listing = Listing([Row(path, 0, "a", "a")], partial(read_image, side=SIDE))
    return listing[0].data[0].permute(1, 2, 0).numpy()


def both(path: Path) -> np.ndarray:
    """What a file reads as, which must be the same as a source and as an item."""
    pixels = decode_image(path)
    np.testing.assert_array_equal(as_item(path), pixels)
    np.testing.assert_array_equal(source.read(str(path)), pixels)
    return pixels


def refused_by_both(path: Path, pattern: str) -> None:
    for read in (decode_image, as_item, lambda path: source.read(str(path))):
        with pytest.raises(BadInput, match=pattern) as caught:
            read(path)
        assert path.name in str(caught.value) and str(caught.value).isprintable()


def of_16_bits() -> np.ndarray:
    return np.rint(RAMP * 65535).astype(np.uint16)


GREYS: dict[str, Callable[[Path], None]] = {
    "8.png": lambda path: save(path, GREY[..., 0].astype(np.uint8)),
    "16.png": lambda path: save(path, of_16_bits()),
    "16.tif": lambda path: save(path, of_16_bits()),
    "16 big-endian.tif": lambda path: save(path, Image.frombytes("I;16B", (SIDE, SIDE), of_16_bits().byteswap())),
    "12.tif": lambda path: tiff(path, np.rint(RAMP * 4095), 12),
    "16 white is zero.tif": lambda path: tiff(path, np.rint((1 - RAMP) * 65535), 16, white_is_zero=True),
    "8 white is zero.tif": lambda path: tiff(path, np.rint((1 - RAMP) * 255), 8, white_is_zero=True),
    "float.tif": lambda path: save(path, RAMP.astype(np.float32)),
    "float of 32 bits.tif": lambda path: tiff(path, RAMP, 32, kind=3),
    "float white is zero.tif": lambda path: tiff(path, 1 - RAMP, 32, kind=3, white_is_zero=True),
    "10 bits.pgm": lambda path: path.write_bytes(
        b"P5 32 32 1023\n" + np.rint(RAMP * 1023).astype(">u2").tobytes()
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GREYS)
def test_grey_of_any_depth_runs_from_black_to_white_as_source_and_as_item(tmp_path: Path, name: str) -> None:
    GREYS[name](tmp_path / name)
    pixels = both(tmp_path / name).astype(int)
    assert np.abs(pixels - GREY).max() <= 1
    assert (pixels.min(), pixels.max()) == (0, 255)


@given(values=st.lists(st.integers(0, 65535), min_size=4, max_size=4))
@settings(max_examples=30, deadline=None)
def test_sixteen_bits_are_rounded_to_eight(tmp_path_factory: pytest.TempPathFactory, values: list[int]) -> None:
    path = tmp_path_factory.mktemp("deep") / "a.png"
    save(path, np.array(values, np.uint16).reshape(2, 2))
    expected = [round(value / 257) for value in values]
    assert decode_image(path)[..., 1].ravel().tolist() == expected
    assert read_image(path, 2)[0, 1].ravel().tolist() == expected


def transparent() -> np.ndarray:
    return np.concatenate([COLOURS, GREY[..., :1].astype(np.uint8)], 2)


def palette() -> Image.Image:
    return Image.fromarray(COLOURS).quantize(256)


KINDS: dict[str, tuple[Callable[[Path], None], np.ndarray]] = {
    "rgb.png": (lambda path: save(path, COLOURS), COLOURS),
    "rgba.png": (lambda path: save(path, transparent()), COLOURS),
    "rgba.tif": (lambda path: save(path, transparent()), COLOURS),
    "rgba.webp": (lambda path: save(path, transparent(), lossless=True, exact=True), COLOURS),
    "grey and alpha.png": (lambda path: save(path, Image.fromarray(transparent()[..., [0, 3]], "LA")),
                           np.asarray(Image.fromarray(COLOURS[..., 0]).convert("RGB"))),
    "rgb.bmp": (lambda path: save(path, COLOURS), COLOURS),
    "rgb.ppm": (lambda path: save(path, COLOURS), COLOURS),
    "cmyk.tif": (lambda path: save(path, Image.fromarray(COLOURS).convert("CMYK")), COLOURS),
    "bits.png": (lambda path: save(path, Image.fromarray(COLOURS).convert("1")),
                 np.asarray(Image.fromarray(COLOURS).convert("1").convert("RGB"))),
    "palette.png": (lambda path: save(path, palette()), np.asarray(palette().convert("RGB"))),
    "one transparent colour.png": (lambda path: save(path, palette(), transparency=3),
                                   np.asarray(palette().convert("RGB"))),
    "transparent palette.png": (lambda path: save(path, palette(), transparency=bytes(range(256))),
                                np.asarray(palette().convert("RGB"))),
    "palette.gif": (lambda path: save(path, palette()), np.asarray(palette().convert("RGB"))),
    "film.gif": (lambda path: save(path, palette(), save_all=True, append_images=[palette().rotate(90)]),
                 np.asarray(palette().convert("RGB"))),
    "pages.tif": (lambda path: save(path, COLOURS, save_all=True, append_images=[palette()]), COLOURS),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_any_kind_of_colour_is_the_same_as_source_and_as_item(tmp_path: Path, name: str) -> None:
    write, expected = KINDS[name]
    write(tmp_path / name)
    np.testing.assert_array_equal(both(tmp_path / name), expected)


@pytest.mark.parametrize("kind", ["RGB", "L", "CMYK"])
def test_jpeg_is_what_pillow_decodes(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.jpg"
    save(path, Image.fromarray(COLOURS).convert(kind), quality=95)
    with Image.open(path) as opened:
        np.testing.assert_array_equal(both(path), np.asarray(opened.convert("RGB")))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif", "a.jpg", "deep.png", "deep.tif", "palette.png"])
def test_exif_turns_source_and_item_alike(tmp_path: Path, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture, shown = Image.fromarray(COLOURS), COLOURS
    if name.startswith("deep"):
        picture, shown = Image.fromarray(of_16_bits()), GREY.astype(np.uint8)
    if name.startswith("palette"):
        picture, shown = palette(), np.asarray(palette().convert("RGB"))
    picture.save(tmp_path / name, exif=exif, **({"lossless": True} if name.endswith("webp") else {"quality": 95}))
    upright = Image.fromarray(shown)
    upright.getexif()[0x0112] = orientation
    difference = np.abs(both(tmp_path / name) - np.asarray(ImageOps.exif_transpose(upright)).astype(int))
    assert difference.max() <= 1 if not name.endswith("jpg") else difference.mean() < 4


def test_exif_data_that_are_damaged_cost_their_orientation_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 2**31) + bytes(40)
    save(path, COLOURS, exif=exif, quality=95)
    assert both(path).shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_picture_with_a_value_that_is_not_finite_is_refused_by_both(tmp_path: Path, value: float) -> None:
    damaged = RAMP.astype(np.float32)
    damaged[3, 4] = value
    save(tmp_path / "a.tif", damaged)
    refused_by_both(tmp_path / "a.tif", "infinite or not a number")


@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 65535), (-1, 1)])
def test_floats_on_another_scale_are_refused_by_both(tmp_path: Path, low: float, high: float) -> None:
    save(tmp_path / "a.tif", (low + RAMP * (high - low)).astype(np.float32))
    refused_by_both(tmp_path / "a.tif", f"values from {low:g} to {high:g}.*scale them")


@pytest.mark.parametrize(("bits", "kind"), [(32, 1), (32, 2), (16, 2)])
def test_integers_without_a_known_white_are_refused_by_both(tmp_path: Path, bits: int, kind: int) -> None:
    tiff(tmp_path / "a.tif", np.rint(RAMP * 255), bits, kind=kind)
    refused_by_both(tmp_path / "a.tif", "nothing says which is white; save it")


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xd8\xff\xe0", b"GIF89a", None])
def test_a_broken_or_missing_file_is_one_sentence_for_both(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "bad.png").write_bytes(content)
    for read in (decode_image, as_item):
        with pytest.raises(BadInput, match=r"bad\.png") as caught:
            read(tmp_path / "bad.png")
        assert str(caught.value).isprintable() and str(caught.value).endswith(".")


FLAT = {
    "black.png": np.zeros((SIDE, SIDE, 3), np.uint8),
    "white.png": np.full((SIDE, SIDE), 255, np.uint8),
    "one colour.png": np.full((SIDE, SIDE, 3), (200, 100, 50), np.uint8),
    "8 bits in 16.png": np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE) % 256,
}


@pytest.mark.parametrize("name", FLAT)
def test_a_flat_picture_is_no_source_and_still_an_item(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    save(path, FLAT[name])
    with pytest.raises(BadInput, match=f"{name} is flat.*; give"):
        MODALITY.load_source(str(path), ImageView(), torch.device("cpu"))
    assert as_item(path).shape == (SIDE, SIDE, 3)


def test_a_dim_picture_is_a_source(tmp_path: Path) -> None:
    dim = np.zeros((SIDE, SIDE, 3), np.uint8)
    dim[3, 4] = source.MIN_CONTRAST
    save(tmp_path / "dim.png", dim)
    np.testing.assert_array_equal(both(tmp_path / "dim.png"), dim)


def test_an_orientation_in_xmp_counts_for_both(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="2"/></x:xmpmeta>'
    save(tmp_path / "a.webp", COLOURS, lossless=True, xmp=xmp)
    np.testing.assert_array_equal(both(tmp_path / "a.webp"), COLOURS[:, ::-1])
