"""Checkpoints: two whole ones are there whenever two were written, and one that fits nothing here is passed over."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmark.config.schema import Training
from benchmark.training.checkpoints import HEADER, Checkpoint, Checkpoints
from benchmark.training.loop import Curve, optimise
from benchmark.training.schedule import make_optimiser
from doubles import CPU, same_weights, seeded
from modalities.base import Draws

TRAINING = Training(steps=80, batch=8, lr=1e-2, warmup=0.3)


def network(width: int = 5, dtype: torch.dtype = torch.float32) -> nn.Module:
    layers = seeded(1, lambda: nn.Sequential(nn.Linear(6, width), nn.BatchNorm1d(width), nn.Linear(width, 2)))
    return layers.to(dtype)


def save(checkpoints: Checkpoints, *steps: int, made: nn.Module | None = None, training: Training = TRAINING) -> None:
    made = made or network()
    dtype = next(made.parameters()).dtype
    optimiser = make_optimiser(made, training)
    made(torch.ones(2, 6, dtype=dtype)).sum().backward()
    optimiser.step()  # so that it has averages
    for step in steps:
        checkpoints.save(Checkpoint(step, made.state_dict(), optimiser.state_dict(), [(20, 0.1, 0.5)], []))


def damage(folder: Path, *steps: int) -> None:
    for step in steps:
        path = folder / f"student-{step:09d}.ckpt"
        path.write_bytes(path.read_bytes()[:-7])


def steps_in(folder: Path) -> list[int]:
    return sorted(int(path.stem.rpartition("-")[2]) for path in folder.glob("student-*.ckpt"))


def rewritten(path: Path, change) -> None:
    """The state in a checkpoint changed, under a right hash."""
    state = torch.load(io.BytesIO(path.read_bytes()[len(HEADER) + 65 :]), weights_only=True)
    change(state)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest().encode()
    path.write_bytes(HEADER + digest + b"\n" + buffer.getvalue())


def run(folder: Path, made: nn.Module) -> Curve:
    def loss_at(step: int):
        yield made(torch.tensor(Draws(0).normal(step, "noise", (8, 6)), dtype=torch.float32)).square().mean()

    return optimise(made, loss_at, TRAINING, seed=0, device=CPU, checkpoints=Checkpoints(folder, "student"))


# --- two deep --------------------------------------------------------------------------------------------------


def test_where_all_are_damaged_those_of_a_new_start_survive(tmp_path):
    save(Checkpoints(tmp_path, "student"), 60, 80)
    damage(tmp_path, 60, 80)
    again = Checkpoints(tmp_path, "student")
    assert again.newest() is None
    save(again, 20)
    assert steps_in(tmp_path) == [20]
    save(again, 40)
    assert steps_in(tmp_path) == [20, 40]


@pytest.mark.parametrize("step", [62, 100])
def test_a_damaged_one_is_never_one_of_the_two(tmp_path, step):
    save(Checkpoints(tmp_path, "student"), 60, 80)
    damage(tmp_path, 80)
    again = Checkpoints(tmp_path, "student")
    assert again.newest().step == 60
    assert steps_in(tmp_path) == [60, 80], "reading removes nothing"
    save(again, step)
    assert steps_in(tmp_path) == [60, step]


def test_one_that_fits_no_longer_is_no_longer_kept(tmp_path):
    save(Checkpoints(tmp_path, "student"), 60, 80)
    again = Checkpoints(tmp_path, "student")
    assert again.newest(lambda found: False) is None
    save(again, 20)
    assert steps_in(tmp_path) == [20]


def test_other_runs_in_the_folder_keep_theirs(tmp_path):
    save(Checkpoints(tmp_path, "student.2"), 60, 80)
    save(Checkpoints(tmp_path, "student"), 20)
    assert len(list(tmp_path.glob("student.2-*.ckpt"))) == 2


# --- of another network ----------------------------------------------------------------------------------------

SGD = Training(steps=80, batch=8, lr=1e-2, warmup=0.3, optimiser="sgd")


@pytest.mark.parametrize(
    "other",
    [
        {"made": network(7)},
        {"made": network(dtype=torch.float64)},
        {"made": nn.Sequential(nn.Linear(6, 5))},
        {"training": SGD},
    ],
)
def test_a_run_passes_over_a_whole_checkpoint_of_another_network_or_optimiser(tmp_path, other):
    whole, again = network(), network()
    straight = run(tmp_path / "straight", whole)
    save(Checkpoints(tmp_path / "a", "student"), 20, 40, **other)
    found = run(tmp_path / "a", again)
    assert same_weights(whole, again)
    assert found.rows == straight.rows
    assert steps_in(tmp_path / "a") == [80], "those of another network are gone"


def test_a_run_goes_on_from_the_checkpoint_before_one_of_another_network(tmp_path):
    (tmp_path / "a").mkdir()
    save(Checkpoints(tmp_path / "b", "student"), 60, made=network(7))
    save(Checkpoints(tmp_path / "a", "student"), 20)
    (tmp_path / "b" / "student-000000060.ckpt").rename(tmp_path / "a" / "student-000000060.ckpt")
    assert run(tmp_path / "a", network()).rows[0] == (20, 0.1, 0.5), "what was saved at step 20"
    assert steps_in(tmp_path / "a") == [20, 80]


def cut_average(state: dict) -> None:
    state["optimiser"]["state"][0]["exp_avg"] = torch.zeros(3)


def single_average(state: dict) -> None:
    state["optimiser"]["state"][0]["exp_avg"] = torch.zeros(())


def one_average_more(state: dict) -> None:
    state["optimiser"]["state"][99] = {"exp_avg": torch.zeros(3)}


def no_group(state: dict) -> None:
    del state["optimiser"]["param_groups"][0]


def no_state(state: dict) -> None:
    del state["optimiser"]["state"]


def no_weight(state: dict) -> None:
    del state["network"]["0.weight"]


def no_weights(state: dict) -> None:
    state["network"] = [1, 2]


def words(state: dict) -> None:
    state["pending"] = ["low"]


def no_rows(state: dict) -> None:
    state["curve"] = [(20, 0.1)]


@pytest.mark.parametrize(
    "change", [cut_average, single_average, one_average_more, no_group, no_state, no_weight, no_weights, words, no_rows]
)
def test_a_state_that_could_not_be_used_is_passed_over_before_any_of_it_is(tmp_path, change):
    """An average of a wrong shape, above all: a fused Adam takes it and writes beside it, which ends the process."""
    whole, again = network(), network()
    straight = run(tmp_path / "straight", whole)
    save(Checkpoints(tmp_path / "a", "student"), 40)
    rewritten(tmp_path / "a" / "student-000000040.ckpt", change)
    found = run(tmp_path / "a", again)
    assert same_weights(whole, again)
    assert found.rows == straight.rows


def test_a_state_rewritten_without_a_change_is_used(tmp_path):
    """So that the test above can fail."""
    save(Checkpoints(tmp_path, "student"), 40)
    rewritten(tmp_path / "student-000000040.ckpt", lambda state: None)
    assert run(tmp_path, network()).rows[0] == (20, 0.1, 0.5)


# --- the last step ---------------------------------------------------------------------------------------------


def test_a_finished_run_has_a_checkpoint_so_that_what_follows_may_fail(tmp_path):
    whole, again = network(), network(5)
    straight = run(tmp_path, whole)
    assert steps_in(tmp_path) == [80]

    def never(step: int):
        raise AssertionError("a step was taken")

    found = optimise(again, never, TRAINING, seed=0, device=CPU, checkpoints=Checkpoints(tmp_path, "student"))
    assert same_weights(whole, again)
    assert found.rows == straight.rows
