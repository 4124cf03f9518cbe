"""``benchmark preview``: a PNG of the source and of segments."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from modalities import registry
from modalities.image.preview import HEAD, LABEL, ROWS, SIDE, TITLE


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


def test_rows_of_steps_show_the_same_segments(benchmark, photo, tmp_path):
    path = tmp_path / "preview.png"
    words = ("preview", "image", f"source.image={photo}", "policy=published", "view.size=39", "profile=smoke")
    assert benchmark(*words, "policy.off=[rotation,shear]", "policy.jitter=1", "--out", path).code == 0
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    cell, grid = SIDE // ROWS, pixels.shape[1] - SIDE

    def tile(top, left):
        return pixels[top + LABEL : top + cell - 2, left : left + cell - 2]  # below the number

    row = {name: HEAD + SIDE + 16 + cell * i for i, name in enumerate(("all", "crop", "flip", "shift", "colour"))}
    assert len(pixels) == HEAD + SIDE + 16 + cell * len(row)
    for i in range(6):
        left = TITLE + cell * i
        np.testing.assert_array_equal(tile(row["all"], left), tile(HEAD, grid + cell * i))
        flipped = tile(row["flip"], left)
        plain = tile(row["crop"], left)
        assert min(np.abs(flipped - plain).max(), np.abs(flipped - plain[:, ::-1]).max()) <= 2
        assert np.abs(tile(row["colour"], left) - plain).max() > 2


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


def test_a_preview_shows_the_control_over_real_training_items_if_its_data_are_there(benchmark, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_DATA", str(tmp_path))
    words = ("preview", "image", "--target", "digits", "profile=small", "view.size=8", "--out", tmp_path / "a.png")
    assert benchmark(*words, "source.image=real-training-items:one-per-class").code == 0
    with Image.open(tmp_path / "a.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 5
    ended = benchmark(*words, "source.image=real-training-items:flowers102")
    assert ended.code != 0
    assert "benchmark data fetch flowers102" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_box_has_the_number_of_its_tile_and_only_the_picture_drawn_has_boxes():
    torch = pytest.importorskip("torch")
    from modalities.image.segments import ImageStream
    from modalities.image.source import ImageSource

    modality = registry.modality("image")
    view = modality.view_type(size=16)
    one = modality.load_source("deadleaves", view, torch.device("cpu"))
    policy = modality.policies()["published"]
    two = ImageSource(one.ref, tuple(np.concatenate([level, level]) for level in one.reductions), one.device, items=2)
    items = ImageStream(two, view, policy, batch_size=64, seed=0, device=one.device).items(0)
    assert set(items) == {0, 1}
    assert set(ImageStream(one, view, policy, batch_size=64, seed=0, device=one.device).items(0)) == {0}


def test_a_preview_says_how_much_of_a_recording_and_of_a_clip_it_shows():
    from types import SimpleNamespace

    from modalities.audio import preview as of_audio
    from modalities.video import preview as of_video

    source = SimpleNamespace(items=1, ref=SimpleNamespace(description="a talk"))
    assert of_audio._shown(10.0, 87.1, source) == "the first 10.0 of 87.1 s: a talk"
    assert of_audio._shown(4.0, 4.0, source) == "all 4.0 s: a talk"
    clip = SimpleNamespace(items=2, moves=True, times=np.array([0.0, 0.5, 1.25]), seconds=1.25)
    assert of_video._shown(clip, [0, 1, 2]) == "frames at 0.00, 0.50, 1.25 s of a clip of 1.25 s (1 of 2)"
    assert of_video._shown(SimpleNamespace(items=1, moves=False), [0]) == "the whole picture"
