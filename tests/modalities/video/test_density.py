"""The density of a clip is that of its frames, and of a picture that of the picture."""

from __future__ import annotations

import numpy as np
import pytest

from modalities.image import density as of_pictures
from modalities.video import density, source
from modalities.video.standins import write_video


def test_a_picture_has_the_density_that_images_have() -> None:
    assert density.density("sparse") == of_pictures.density("sparse")


def test_a_clip_has_the_mean_of_its_frames(tmp_path) -> None:
    path = tmp_path / "clip.avi"
    frames = np.random.default_rng(0).integers(0, 255, (6, 48, 64, 3), dtype=np.uint8)
    frames[3:] //= 8
    write_video(path, frames, 10)
    read, _ = source.read_clip(path)
    each = [of_pictures.figures(frame) for frame in read]
    assert len(each) == 6 and each[0]["entropy"] > each[5]["entropy"] + 1
    found = density.density(str(path))
    for key in ("entropy", "edges", "slope"):
        assert found[key] == pytest.approx(np.mean([one[key] for one in each]))


def test_of_a_long_clip_the_frames_are_evenly_spaced(monkeypatch) -> None:
    frames = np.repeat(np.arange(100, dtype=np.uint8), 8 * 8 * 3).reshape(100, 8, 8, 3)
    monkeypatch.setattr(density, "is_clip", lambda name: True)
    monkeypatch.setattr(density, "read_clip", lambda path: (frames, np.arange(100.0)))
    monkeypatch.setattr(density, "figures", lambda frame: {"level": float(frame.mean())})
    assert density.density("any") == {"level": pytest.approx(49.5, abs=0.3)}
