"""Every change of a teacher's training item: its range, its distribution, and independence of all others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from draw_laws import check_draws, uniform
from modalities.audio import augmentations, items
from modalities.audio.augmentations import KNOTS
from modalities.audio.logmel import SpectralChanges
from modalities.audio.policies import AudioView
from modalities.base import Draws

VIEW = AudioView(rate=1_000, seconds=1.0, fmax=400, window_ms=64, hop_ms=16)
MANY, LEVEL, MARGIN = 3000, 8_192, 100
SPOT = 600  # where alone the stand-in for noise is not 0


def changed(
    monkeypatch: pytest.MonkeyPatch, seed: int, step: int
) -> tuple[torch.Tensor, torch.Tensor, SpectralChanges]:
    """Wave, place in the noise bank and spectral changes of MANY items that have the same value at every sample."""
    seen = {}

    def noise(place: torch.Tensor, samples: int) -> torch.Tensor:
        seen["place"] = place
        return torch.nn.functional.one_hot(torch.full((MANY,), SPOT), samples).float()

    def log_mel(wave: torch.Tensor, view: AudioView, changes: SpectralChanges) -> torch.Tensor:
        assert view is VIEW
        seen.update(wave=wave, changes=changes)
        return wave

    with monkeypatch.context() as patch:
        patch.setattr(augmentations, "noise", noise)
        patch.setattr(items, "log_mel", log_mel)
        raw = torch.full((MANY, VIEW.samples), LEVEL, dtype=torch.int16)
        assert items.augment(raw, VIEW, Draws(seed, "teacher/"), step) is seen["wave"]
    return seen["wave"], seen["place"], seen["changes"]


def test_every_change_follows_its_law_and_no_other_change(monkeypatch: pytest.MonkeyPatch) -> None:
    def columns(seed: int, step: int) -> dict[str, np.ndarray]:
        wave, place, changes = changed(monkeypatch, seed, step)
        gain, sound = wave[:, 500] / (LEVEL / 2**15), wave.clone()
        noise = wave[:, SPOT] - wave[:, 500]
        sound[:, SPOT] = wave[:, 500]
        silent_first = (sound[:, :MARGIN] == 0).sum(1)
        silent_last = (sound[:, -MARGIN:] == 0).sum(1)
        assert (silent_first * silent_last == 0).all()
        assert not changes.reverb_seconds.any()
        return {
            # A whole number of samples, spread over the step that it stands for.
            "shift": (silent_last - silent_first).numpy() + np.random.default_rng(seed).uniform(0, 1, MANY),
            "gain": 20 * gain.log10().numpy(),
            "noise level": 10 * (noise.square() / sound.square().mean(1)).log10().numpy(),
            "noise place": place.numpy(),
            "bands": changes.shift,
            **{f"knot {knot}": changes.knots[:, knot] for knot in range(KNOTS)},
            "mel start": changes.mel_start, "mel width": changes.mel_width,
            "time start": changes.time_start, "time width": changes.time_width,
        }  # fmt: skip

    share = uniform(0, 1)
    check_draws(columns, {
        "shift": uniform(-MARGIN, MARGIN), "gain": uniform(-6.001, 6.001), "noise level": uniform(-50.1, -9.9),
        "noise place": share, "bands": uniform(-1.5, 1.5), **{f"knot {knot}": uniform(-4, 4) for knot in range(KNOTS)},
        "mel start": share, "mel width": uniform(0, 0.15), "time start": share, "time width": uniform(0, 0.15),
    })  # fmt: skip


def test_full_scale_is_1(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(items, "log_mel", lambda wave, view: seen.append(wave) or wave)
    items.prepare(torch.tensor([[-(2**15), 2**14]], dtype=torch.int16), VIEW)
    assert seen[0].tolist() == [[-1.0, 0.5]]
