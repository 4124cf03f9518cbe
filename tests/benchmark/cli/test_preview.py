"""``benchmark preview``: a PNG of the source and of segments."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from modalities import registry


@pytest.mark.parametrize("modality", registry.MODALITIES)
def test_a_preview_is_a_picture_of_the_source_and_of_many_segments(benchmark, modality, photo, tmp_path):
    path = tmp_path / "folder.of" / "preview.png"
    path.parent.mkdir()
    source = "noise" if modality == "audio" else photo
    ended = benchmark("preview", modality, f"source.{modality}={source}", "profile=smoke", "--out", path)
    assert ended.code == 0, ended.err
    assert ended.out == f"wrote {path}\n"
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) >= 200
        assert np.asarray(picture.convert("L")).std() > 5


@pytest.mark.parametrize("name", ["preview.jpg", "preview", "preview.png.pdf"])
def test_a_preview_is_written_under_the_name_of_a_png_only(benchmark, photo, tmp_path, name):
    ended = benchmark("preview", "image", f"source.image={photo}", "--out", tmp_path / name)
    assert ended.code == 2
    assert ended.err == f"benchmark: --out {tmp_path / name} does not end in .png; a preview is a PNG " + ("file.\n")
    assert not (tmp_path / name).exists()


def test_a_preview_that_cannot_be_written_is_one_sentence(benchmark, photo, tmp_path):
    (tmp_path / "file").write_text("")
    ended = benchmark("preview", "image", f"source.image={photo}", "--out", tmp_path / "file" / "x.png")
    assert ended.code == 2
    assert "cannot be written" in ended.err
    assert ended.err.count("\n") == 1
