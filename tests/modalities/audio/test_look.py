"""Which view fits a dataset of sounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from modalities.audio.look import suggest_view
from modalities.audio.policies import AudioView


def recorded(folder: Path, *sounds: tuple[int, float]) -> list[Path]:
    paths = [folder / f"{number}.wav" for number in range(len(sounds))]
    for path, (rate, seconds) in zip(paths, sounds, strict=True):
        soundfile.write(path, np.zeros(round(rate * seconds)), rate)
    return paths


@pytest.mark.parametrize(
    ("sounds", "view"),
    [
        ([(8_000, 0.43), (8_000, 0.5), (8_000, 0.41)], {"rate": 8_000, "seconds": 0.4, "test_clips": 1}),
        ([(16_000, 1.0), (16_000, 1.0), (44_100, 9.0)], {"rate": 16_000, "seconds": 1.0, "test_clips": 1}),
        ([(44_100, 5.0)], {"rate": 16_000, "seconds": 2.0, "test_clips": 2}),
        ([(48_000, 60.0)], {"rate": 16_000, "seconds": 2.0, "test_clips": 10}),
        ([(8_000, 0.05)], {"rate": 8_000, "seconds": 0.2, "test_clips": 1}),
    ],
)
def test_rate_and_length_are_those_of_most_recordings(
    sounds: list[tuple[int, float]], view: dict[str, float], tmp_path: Path
) -> None:
    found = suggest_view(recorded(tmp_path, *sounds))
    assert found.view == view
    assert AudioView(**found.view).samples > 0
    assert f"{sounds[0][0]:,} Hz" in found.seen
