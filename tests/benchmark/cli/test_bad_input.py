"""Bad input, end to end: one sentence with the file or value and the remedy, a non-zero exit, and nothing lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from typer.main import get_command

from benchmark.cli.app import app
from benchmark.cli.remedies import INSTEAD
from benchmark.config.compose import defaults
from benchmark.config.reference import reference
from benchmark.data.locate import STAND_IN_SEED
from benchmark.records.store import Store
from benchmark.running.run_cell import run_cell
from benchmark.training.callbacks import IgnoreProgress
from modalities import registry
from modalities.errors import BadInput

CPU = torch.device("cpu")
RATE = 16_000


@pytest.fixture(autouse=True)
def no_workers(inline) -> None:
    """Run cells in this process."""


def refused(ended: tuple[int, str, str], *parts: str) -> None:
    code, _, text = ended
    assert code == 2
    assert text.startswith("benchmark: ")
    assert text.count("\n") == 1, text
    for part in parts:
        assert part in text


@pytest.mark.parametrize(
    ("setting", "option"),
    [("callback=mine.py", "--log FILE.py, --log tensorboard or --log wandb"), ("logger=wandb", "--log FILE.py"),
     ("device=cuda", "--device NAME"), ("target=cifar10", "--target NAME"), ("max_time=5m", "--max-time 30m")],
)  # fmt: skip
@pytest.mark.parametrize("command", ["run", "plan"])
def test_an_option_that_is_typed_as_a_setting_is_named(benchmark, command, setting, option):
    key = setting.partition("=")[0]
    refused(benchmark(command, setting), f"'{key}' is not a setting but an option; write {option}")


def test_every_option_that_stands_in_for_a_setting_is_one_of_run_and_no_setting_itself():
    options = {name for param in get_command(app).commands["run"].params for name in param.opts}
    assert {text.split()[0] for text in INSTEAD.values()} <= options
    keys = {row.name for modality in registry.MODALITIES for row in reference(defaults(modality), modality)}
    assert not set(INSTEAD) & {key.partition(".")[0] for key in keys}


def segments(modality: str, name: Path | str) -> torch.Tensor:
    """The first 64 segments of a source under the default policy."""
    adapter = registry.modality(modality)
    view = adapter.view_type()
    policy = next(iter(adapter.policies().values()))
    source = adapter.load_source(str(name), view, CPU)
    return adapter.stream(source, view, policy, batch_size=64 if modality != "video" else 4, seed=0, device=CPU).batch(
        0
    )


# --- what is not there -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", registry.MODALITIES)
@pytest.mark.parametrize("missing", ["missing.file", "folder/missing", "nosuchsource"])
def test_a_missing_source_is_refused_before_anything_runs_or_is_written(benchmark, tmp_path, modality, missing):
    results = tmp_path / "results"
    said = benchmark("run", "--modality", modality, "--results", results, f"source.{modality}={missing}")
    refused(said, missing)
    assert not results.exists()


def test_a_folder_is_not_a_source(benchmark, tmp_path):
    refused(benchmark("run", "--target", "digits", "--results", tmp_path, f"source.image={tmp_path}"), str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_results_that_cannot_be_written_are_noticed_before_the_first_step(benchmark, tmp_path, quick):
    (tmp_path / "file").write_text("precious")
    words = ("run", "--target", "digits", "--results", tmp_path / "file" / "results", *quick, "profile=smoke")
    refused(benchmark(*words), str(tmp_path / "file"), "--results")
    refused(benchmark("run", "--target", "digits", "--results", tmp_path / "file", "profile=smoke"), "--results")
    assert (tmp_path / "file").read_text() == "precious"


def test_half_a_dataset_is_no_data_that_names_what_is_missing_and_is_left_alone(benchmark, tmp_path):
    folder = tmp_path / "data" / "fsdd" / "recordings"
    folder.mkdir(parents=True)
    soundfile.write(folder / "3_ada_0.wav", np.zeros(800), 8000)
    code, _, text = benchmark(
        "run", "--target", "fsdd", "--root", tmp_path / "data", "--results", tmp_path / "r", "profile=small"
    )
    assert code == 3
    assert "no data: fsdd: partial (2,999 of 3,000 recordings)" in text
    assert "benchmark data fetch fsdd" in text
    assert [path.name for path in folder.iterdir()] == ["3_ada_0.wav"]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--target", "cifar11"), ("'cifar11'", "did you mean cifar10")),
        (("--suite", "alll"), ("'alll'", "did you mean all")),
        (("--target", "digits", "recipe.temprature=4"), ("recipe.temprature", "did you mean recipe.temperature")),
        (("--target", "digits", "recipe.temperature=warm"), ("recipe.temperature=warm",)),
        (("--target", "digits", "recipe.temperature=0"), ("recipe.temperature=0", "above 0")),
        (("--target", "digits", "recipe.optimiser=adamm"), ("adamm", "did you mean adam")),
        (("--target", "digits", "view.size=1"), ("view.size is 1", "8 or more")),
        (("--target", "digits", "seeds=[]"), ("seeds=[]", "'seeds=[0]'")),
        (("--target", "digits", "teacher.weights=mine.safetensors"), ("mine.safetensors", "give a safetensors file")),
        (("--target", "digits", "policy=croop"), ("croop", "did you mean crop")),
    ],
)
def test_an_unknown_name_key_or_value_is_refused_with_a_remedy(benchmark, tmp_path, words, parts):
    refused(benchmark("run", "--results", tmp_path / "r", *words), *parts)
    assert not (tmp_path / "r").exists()


# --- pictures --------------------------------------------------------------------------------------------------


def truncated(path: Path, picture: Path) -> None:
    whole = picture.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


DAMAGED: dict[str, Callable[[Path, Path], object]] = {
    "empty.png": lambda path, _: path.write_bytes(b""),
    "letter.jpg": lambda path, _: path.write_text("Dear Sir or Madam"),
    "half.png": truncated,
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_picture_that_cannot_be_decoded_fails_with_its_name_and_a_remedy(cells, photo, tmp_path, name):
    path = tmp_path / name
    DAMAGED[name](path, photo)
    (cell,) = cells(f"source.image={path}")
    record = run_cell(cell, Store(tmp_path / "r"), device="cpu", callback=IgnoreProgress())
    assert (record.status, record.traceback) == ("failed", "")
    assert name in record.reason
    assert "give a" in record.reason or "replace it" in record.reason
    assert record.reason.count("\n") == 0


def exif_turned(picture: Image.Image, path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90° to the right to see it
    picture.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=95)


def deep_grey(picture: Image.Image, path: Path) -> None:
    Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save(path)


def see_through(picture: Image.Image, path: Path) -> None:
    picture = picture.convert("RGBA")
    picture.putalpha(128)
    picture.save(path)


UNUSUAL: dict[str, Callable[[Image.Image, Path], object]] = {
    "grey.png": lambda picture, path: picture.convert("L").save(path),
    "palette.png": lambda picture, path: picture.convert("P", palette=Image.Palette.ADAPTIVE).save(path),
    "bits.png": lambda picture, path: picture.convert("1").save(path),
    "ink.jpg": lambda picture, path: picture.convert("CMYK").save(path, quality=95),
    "alpha.png": see_through,
    "deep.png": deep_grey,
    "turned.jpg": exif_turned,
    "name with spaces, (brackets) & 'quotes'.png": lambda picture, path: picture.save(path),
}


def blocks(grey: np.ndarray) -> np.ndarray:
    """Means of blocks of 8 × 8 pixels."""
    return grey.reshape(16, 8, 24, 8).mean(axis=(1, 3))


@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_picture_works_end_to_end(cells, photo, tmp_path, name):
    path = tmp_path / name
    with Image.open(photo) as picture:
        UNUSUAL[name](picture, path)
        upright = blocks(np.asarray(picture.convert("L"), np.float64))
    (cell,) = cells(f"source.image={path}")
    record = run_cell(cell, Store(tmp_path / "r"), device="cpu", callback=IgnoreProgress())
    assert record.status == "done", record.reason
    assert record.source["name"] == name

    source = registry.modality("image").load_source(str(path), cell.config.view, CPU)
    assert (source.width, source.height) == (192, 128), "upright"
    luma = np.tensordot([0.299, 0.587, 0.114], 255 * source.levels[0].numpy().astype(np.float64), axes=1)
    assert np.abs(blocks(luma) - upright).mean() < 4, "of 255, averaged over blocks, which dithering keeps"
    assert torch.isfinite(segments("image", path)).all()


def test_a_single_pixel_fails_in_one_sentence_because_nothing_can_be_learned_from_it(cells, tmp_path):
    path = tmp_path / "dot.png"
    Image.new("RGB", (1, 1), (200, 40, 90)).save(path)
    (cell,) = cells(f"source.image={path}")
    record = run_cell(cell, Store(tmp_path / "r"), device="cpu", callback=IgnoreProgress())
    assert (record.status, record.traceback) == ("failed", "")
    assert "dot.png is flat" in record.reason


# --- recordings ------------------------------------------------------------------------------------------------


def tone(seconds: float, rate: int, hertz: float = 1000.0) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def cut_off(path: Path) -> None:
    soundfile.write(path, tone(2, RATE), RATE, format="FLAC")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


UNHEARD: dict[str, tuple[Callable[[Path], object], str]] = {
    "silent.wav": (lambda path: soundfile.write(path, np.zeros(RATE), RATE), "give a recording with sound in it"),
    "short.wav": (lambda path: soundfile.write(path, tone(0.01, RATE), RATE), "give a recording of 0.05 s or more"),
    "none.wav": (lambda path: soundfile.write(path, np.zeros(0), RATE), "give a recording of"),
    "empty.wav": (lambda path: path.write_bytes(b""), "give a WAV, FLAC, OGG or MP3 file"),
    "letter.wav": (lambda path: path.write_text("Dear Sir"), "give a WAV, FLAC, OGG or MP3 file"),
    "cut.flac": (cut_off, "give a"),
    "nan.wav": (
        lambda path: soundfile.write(path, np.full(RATE, np.nan), RATE, subtype="FLOAT"),
        "holds invalid samples",
    ),
}


@pytest.mark.parametrize("name", UNHEARD)
def test_a_recording_that_cannot_be_used_is_refused_with_its_name_and_a_remedy(tmp_path, name):
    path = tmp_path / name
    UNHEARD[name][0](path)
    with pytest.raises(BadInput) as caught:
        segments("audio", path)
    said = str(caught.value)
    assert str(path) in said
    assert UNHEARD[name][1] in said
    assert "\n" not in said


@pytest.mark.parametrize(("rate", "channels"), [(96_000, 1), (44_100, 2), (8_000, 6), (16_000, 1)])
def test_a_recording_of_any_rate_and_number_of_channels_is_heard_at_its_own_pitch_and_length(tmp_path, rate, channels):
    path = tmp_path / "tone.wav"
    soundfile.write(path, np.stack([tone(3, rate)] * channels, axis=1), rate)
    room = registry.modality("audio")
    view = room.view_type()
    wave = room.load_source(str(path), view, CPU).wave.numpy()
    assert len(wave) == pytest.approx(3 * view.rate, abs=2)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    assert spectrum.argmax() * view.rate / len(wave) == pytest.approx(1000, abs=1)
    made = segments("audio", path)
    assert torch.isfinite(made).all()
    assert made.shape[1:] == view.shape


def test_a_recording_shorter_than_a_window_works(tmp_path):
    path = tmp_path / "click.wav"
    soundfile.write(path, tone(0.1, RATE), RATE)
    assert torch.isfinite(segments("audio", path)).all()


# --- clips -----------------------------------------------------------------------------------------------------


def film(path: Path, frames: int = 12) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        rng = np.random.default_rng(0)
        for _ in range(frames):
            picture = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def half_a_film(path: Path) -> None:
    film(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


UNSEEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "tone.wav": (lambda path: soundfile.write(path, tone(1, RATE), RATE), "has no video stream"),
    "letter.mp4": (lambda path: path.write_text("Dear Sir or Madam"), "cannot be decoded"),
    "empty.mp4": (lambda path: path.write_bytes(b""), "cannot be decoded"),
    "half.mp4": (half_a_film, "replace the file"),
    "still.avi": (lambda path: film(path, frames=1), "single frame"),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_a_clip_that_cannot_be_used_is_refused_with_its_name_and_a_remedy(tmp_path, name):
    path = tmp_path / name
    UNSEEN[name][0](path)
    with pytest.raises(BadInput) as caught:
        segments("video", path)
    said = str(caught.value)
    assert str(path) in said
    assert UNSEEN[name][1] in said
    assert "\n" not in said


def test_a_small_clip_works(tmp_path):
    film(tmp_path / "film.avi")
    made = segments("video", tmp_path / "film.avi")
    assert torch.isfinite(made).all()
    assert made.std() > 0.1


# --- among others ----------------------------------------------------------------------------------------------


def test_a_source_that_cannot_be_decoded_fails_the_cells_of_its_modality_alone(benchmark, photo, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_text("Dear Sir or Madam")
    words = ("run", "--target", "digits,fsdd", "--results", tmp_path / "r", "profile=smoke", "teacher.times_chance=1")
    small = ("teacher.training.steps=60", "recipe.steps=20", "recipe.batch=16")
    code, _, text = benchmark(*words, *small, f"source.image={photo}", f"source.audio={bad}")
    assert code == 1
    rows = json.loads((tmp_path / "r" / "smoke" / "leaderboard.json").read_text())["rows"]
    assert {row["target"]: row["status"] for row in rows} == {"digits": "done", "fsdd": "failed"}
    assert "failed: fsdd-bad.wav-s0-" in text
    assert "bad.wav cannot be read as sound" in text
    assert str(tmp_path) not in json.dumps(rows), "no folder of this machine in a table"


def test_a_test_item_that_cannot_be_decoded_is_named(tmp_path, cells):
    adapter = registry.target("cifar10")
    adapter.write_sample(tmp_path, STAND_IN_SEED)
    test = adapter.test(tmp_path, cells()[0].config.view)
    for path in tmp_path.rglob("test_batch"):
        path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(BadInput) as caught:
        adapter.test(tmp_path, cells()[0].config.view)
    assert "test_batch" in str(caught.value)
    assert len(test) > 0
