"""What a plug-in makes is kept without loss and read like a file; what it cannot be is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from modalities.audio.source import read as read_recording
from modalities.errors import BadInput
from modalities.image.source import read as read_picture
from modalities.plugins.sources import made_source
from modalities.registry import modality
from modalities.video.decode import frame_times

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
WAVE = RNG.normal(0, 0.1, 16_000)
CLIP = RNG.integers(0, 256, (5, 48, 64, 3), dtype=np.uint8)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))


def plugin(tmp_path, body):
    path = tmp_path / "mine.py"
    path.write_text(
        f"import numpy as np\ndef SOURCE(seed):\n    rng = np.random.default_rng(seed)\n    return {body}\n"
    )
    return str(path)


@pytest.mark.parametrize(
    "made",
    [PICTURE, torch.from_numpy(PICTURE), torch.from_numpy(PICTURE).permute(2, 0, 1), Image.fromarray(PICTURE),
     Image.fromarray(PICTURE).convert("RGBA")],
    ids=["array", "tensor", "channels first", "Pillow", "RGBA"],
)  # fmt: skip
def test_pictures_keep_every_pixel(tmp_path, made):
    path = modality("image").write_source(made, tmp_path / "made")
    assert np.array_equal(read_picture(str(path)), PICTURE)


def test_grey_pictures_have_three_channels(tmp_path):
    path = modality("image").write_source(PICTURE[..., 0], tmp_path / "made")
    assert np.array_equal(read_picture(str(path)), np.repeat(PICTURE[..., :1], 3, axis=2))


def test_recordings_keep_every_sample(tmp_path):
    import soundfile

    path = modality("audio").write_source((WAVE, 16_000), tmp_path / "made")
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == 16_000 and np.array_equal(samples, WAVE.astype(np.float32))
    assert len(read_recording(str(path), 8_000)) == 8_000


def test_clips_keep_every_pixel_and_their_times(tmp_path):
    import av

    path = modality("video").write_source((CLIP, 12.5), tmp_path / "made")
    with av.open(str(path)) as container:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    assert np.array_equal(frames, CLIP) and frame_times(path) == pytest.approx(np.arange(5) / 12.5)
    assert modality("video").write_source(PICTURE, tmp_path / "still").suffix == ".png"


@pytest.mark.parametrize(
    ("name", "body", "shape"),
    [
        ("image", "rng.integers(0, 256, (90, 80, 3), dtype=np.uint8)", (3, 32, 32)),
        ("audio", "(rng.normal(0, 0.1, 40_000), 16_000)", None),
        ("video", "(rng.integers(0, 256, (9, 64, 64, 3), dtype=np.uint8), 5)", None),
    ],
)
def test_a_seed_is_another_source_of_the_same_plugin(tmp_path, name, body, shape):
    kind, path = modality(name), plugin(tmp_path, body)
    first, seventh = kind.source_ref(path), kind.source_ref(f"{path}:7")
    assert (first.name, seventh.name) == ("mine", "mine:7") and first.sha256 != seventh.sha256
    view, policy = kind.view_type(), next(iter(kind.policies().values()))
    batches = []
    for source in (path, f"{path}:7", path):
        loaded = kind.load_source(source, view, CPU)
        assert loaded.ref == kind.source_ref(source)
        batches.append(kind.stream(loaded, view, policy, batch_size=2, seed=0, device=CPU).batch(0))
    assert torch.equal(batches[0], batches[2]) and not torch.equal(batches[0], batches[1])
    assert kind.density(path) != kind.density(f"{path}:7")


def test_it_is_made_once_and_again_if_its_code_changes(tmp_path):
    path = plugin(tmp_path, "rng.integers(0, 256, (90, 80, 3), dtype=np.uint8)")
    files = [made_source(path).path(modality("image").write_source) for _ in range(2)]
    written = files[0].stat().st_mtime_ns
    assert files[0] == files[1] and files[1].stat().st_mtime_ns == written
    plugin(tmp_path, "rng.integers(0, 256, (70, 80, 3), dtype=np.uint8)")
    assert made_source(path).path(modality("image").write_source) != files[0]


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("image", "rng.random((8, 8, 3))", "float64, and a picture of uint8"),
        ("image", "np.zeros((8, 8, 4), np.uint8)", r"\(8, 8, 4\)"),
        ("image", "1 / 0", "ZeroDivisionError"),
        ("image", "None", "not one"),
        ("image", "np.zeros((90, 80, 3), np.uint8)", "flat"),
        ("audio", "rng.random(8_000)", "a pair of samples"),
        ("audio", "(np.zeros(8_000), 8_000)", "silent"),
        ("audio", "(np.full(8_000, np.nan), 8_000)", "finite"),
        ("audio", "(np.zeros(8_000, int), 8_000)", "floats"),
        ("video", "(np.zeros((1, 8, 8, 3), np.uint8), 8)", "2 or more"),
        ("video", "(rng.random((4, 8, 8, 3)), 8)", "uint8"),
    ],
)
def test_what_is_no_source_is_refused(tmp_path, name, body, message):
    kind = modality(name)
    with pytest.raises(BadInput, match=message):
        kind.load_source(plugin(tmp_path, body), kind.view_type(), CPU)


def test_other_names_with_colons_are_what_they_were():
    assert made_source("deadleaves:7") is None and made_source("photo.jpg") is None and made_source("a:b:3") is None
