"""Labelled pictures in every variant that occurs in the wild are read as the RGB picture that they show."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from PIL import Image

from modalities.datasets.listing import Listing, Row
from modalities.errors import BadInput
from modalities.image.decode import read_image

SIDE = 32


def scene() -> Image.Image:
    """A smooth picture, so that JPEG changes it little."""
    y, x = np.mgrid[0:48, 0:64] / 64
    return Image.fromarray((255 * np.stack([x, y, 1 - x], 2)).astype(np.uint8))


def expected(picture: Image.Image) -> np.ndarray:
    """Pillow's own resize of the shorter side, then the centre."""
    small = picture.convert("RGB").resize((42, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(small.crop((5, 0, 5 + SIDE, SIDE))).transpose(2, 0, 1).astype(float)


VARIANTS = {
    "plain.jpg": (lambda p: p, {"quality": 95}),
    "progressive.jpg": (lambda p: p, {"quality": 95, "progressive": True}),
    "grey.jpg": (lambda p: p.convert("L"), {"quality": 95}),
    "cmyk.jpg": (lambda p: p.convert("CMYK"), {"quality": 95}),
    "opaque.png": (lambda p: p.convert("RGBA"), {}),
    "palette.png": (lambda p: p.quantize(256), {}),
    "grey-alpha.png": (lambda p: p.convert("LA"), {}),
    "picture.bmp": (lambda p: p, {}),
    "picture.webp": (lambda p: p, {"lossless": True}),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_read_as_the_picture_it_shows(tmp_path, name):
    change, options = VARIANTS[name]
    changed = change(scene())
    changed.save(tmp_path / name, **options)
    raw = read_image(tmp_path / name, SIDE)
    assert tuple(raw.shape) == (1, 3, SIDE, SIDE)
    assert str(raw.dtype) == "torch.uint8"
    assert np.abs(raw[0].numpy().astype(float) - expected(changed)).mean() < 3


def test_a_png_that_calls_itself_jpeg_is_read_by_its_content(tmp_path):
    scene().save(tmp_path / "picture.png")
    (tmp_path / "picture.png").rename(tmp_path / "picture.JPEG")
    assert np.abs(read_image(tmp_path / "picture.JPEG", SIDE)[0].numpy() - expected(scene())).max() <= 1


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff\xe0"])
def test_a_file_without_a_picture_is_named_and_its_neighbours_stay_readable(tmp_path, content):
    scene().save(tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_bytes(content)
    rows = [Row(tmp_path / name, 0, name, name) for name in ("bad.jpg", "good.png")]
    listing = Listing(rows, partial(read_image, side=SIDE))
    with pytest.raises(BadInput, match=r"bad\.jpg .*fetch it again"):
        listing[0]
    assert listing[1].item_id == "good.png"


@pytest.mark.parametrize("name", ["bicubic", "bilinear"])
@pytest.mark.parametrize("size", [(300, 200), (200, 333), (90, 120)])
def test_an_item_is_resized_and_cropped_as_torchvision_does(tmp_path, name, size):
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as F

    picture = scene().resize(size)
    picture.save(tmp_path / "a.png")
    resized = F.resize(picture, 256, InterpolationMode(name))
    theirs = np.asarray(F.center_crop(resized, [256, 256])).transpose(2, 0, 1)
    assert np.array_equal(read_image(tmp_path / "a.png", 256, name)[0].numpy(), theirs)
