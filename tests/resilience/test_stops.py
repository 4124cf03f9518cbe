"""A request to stop is heard at every step, and what was stopped anywhere goes on to the same curve and weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmark.config.schema import Recipe
from benchmark.training import checkpoints as checkpoints_room
from benchmark.training.callbacks import IgnoreProgress, Interrupted
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.loop import Curve, optimise
from modalities.base import Draws

CPU = torch.device("cpu")


class StopAt(IgnoreProgress):
    """Asks to stop after so many questions, which come at every step at least."""

    def __init__(self, questions: int) -> None:
        self.left = questions

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
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.3), nn.Linear(5, 2))


@pytest.mark.parametrize("questions", [0, 3, 19, 20, 21, 47, 70])
def test_a_run_stopped_between_two_looks_at_the_loss_has_the_same_curve_and_weights(tmp_path, questions):
    whole, parts = student(), student()
    straight = run(tmp_path / "straight", whole, IgnoreProgress())
    with pytest.raises(Interrupted):
        run(tmp_path / "stopped", parts, StopAt(questions))
    (written,) = (tmp_path / "stopped").glob("*.ckpt")
    assert int(written.stem.rpartition("-")[2]) <= questions + 1, "at the very step"
    resumed = run(tmp_path / "stopped", parts := student(), IgnoreProgress())
    assert resumed.rows == straight.rows
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), parts.state_dict().values(), strict=True))


def test_two_checkpoints_are_kept_and_a_file_of_another_version_is_passed_over(tmp_path, monkeypatch):
    network = student()
    optimiser = torch.optim.SGD(network.parameters(), lr=1)
    kept = Checkpoints(tmp_path, "student")
    for step in (20, 40):
        kept.save(step, network, optimiser, [], [0.5])
    monkeypatch.setattr(checkpoints_room, "HEADER", checkpoints_room.HEADER.replace(b"2", b"9"))
    kept.save(60, network, optimiser, [], [])
    monkeypatch.undo()
    assert [path.name[-8:-5] for path in sorted(tmp_path.glob("*.ckpt"))] == ["040", "060"]
    assert kept.newest().step == 40
    assert kept.newest().pending == [0.5]
