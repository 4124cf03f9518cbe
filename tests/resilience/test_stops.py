"""A request to stop takes effect at the very step, and a run stopped anywhere continues to the same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmark.config.schema import Recipe
from benchmark.training import checkpoints as checkpoints_module
from benchmark.training.callbacks import IgnoreProgress, Interrupted
from benchmark.training.checkpoints import Checkpoint, Checkpoints
from benchmark.training.loop import Curve, optimise
from doubles import CPU, same_weights, seeded
from modalities.base import Draws


class StopAt(IgnoreProgress):
    """Requests a stop after a number of polls, of which there is at least one per step."""

    def __init__(self, polls: int) -> None:
        self.left = polls

    def should_stop(self) -> bool:
        self.left -= 1
        return self.left < 0


def run(folder: Path, student: nn.Module, callback: IgnoreProgress) -> Curve:
    def loss_at(step: int):
        noise = torch.tensor(Draws(0).normal(step, "noise", (8, 6)), dtype=torch.float32)
        yield student(noise).square().mean()

    recipe = Recipe(name="test", steps=75, batch=8, lr=1e-2, warmup=0.3, temperature=2.0)
    return optimise(
        student, loss_at, recipe, seed=0, device=CPU, checkpoints=Checkpoints(folder, "student"), callback=callback
    )


def student() -> nn.Module:
    return seeded(1, lambda: nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.3), nn.Linear(5, 2)))


@pytest.mark.parametrize("polls", [0, 3, 19, 20, 21, 47, 70])
def test_a_run_stopped_between_two_reads_of_the_loss_has_the_same_curve_and_weights(tmp_path, polls):
    whole, parts = student(), student()
    straight = run(tmp_path / "straight", whole, IgnoreProgress())
    with pytest.raises(Interrupted):
        run(tmp_path / "stopped", parts, StopAt(polls))
    (written,) = (tmp_path / "stopped").glob("*.ckpt")
    assert int(written.stem.rpartition("-")[2]) <= polls + 1, "at the very step"
    resumed = run(tmp_path / "stopped", parts := student(), IgnoreProgress())
    assert resumed.rows == straight.rows
    assert same_weights(whole, parts)


def test_two_checkpoints_are_kept_and_a_file_of_another_version_is_skipped(tmp_path, monkeypatch):
    network = student()
    optimiser = torch.optim.SGD(network.parameters(), lr=1)
    saved = Checkpoints(tmp_path, "student")
    for step in (20, 40):
        saved.save(Checkpoint(step, network.state_dict(), optimiser.state_dict(), [], [0.5]))
    monkeypatch.setattr(checkpoints_module, "HEADER", checkpoints_module.HEADER.replace(b"2", b"9"))
    saved.save(Checkpoint(60, network.state_dict(), optimiser.state_dict(), [], []))
    monkeypatch.undo()
    assert [path.name[-8:-5] for path in sorted(tmp_path.glob("*.ckpt"))] == ["040", "060"]
    assert saved.newest().step == 40
    assert saved.newest().pending == [0.5]
