"""Several ranks on one cell: shares without loss or repetition, and stops at one and the same step."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from benchmark.config.schema import Training
from benchmark.evaluation.predict import evaluation_batches, predict
from benchmark.system.ranks import SINGLE_PROCESS, Ranks, merge_shares, share
from benchmark.training.callbacks import IgnoreProgress, Interrupted
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.loop import optimise
from doubles import CPU, noise_split, seeded
from modalities.errors import BadInput


class FakeRanks(Ranks):
    """One of several ranks in one process; records its own part instead of exchanging it."""

    def __init__(self, rank: int, world_size: int) -> None:
        self.rank, self.world_size = rank, world_size
        self.mine: list = []

    def gather(self, make):
        self.mine = make()
        return [self.mine]


# --- shares ----------------------------------------------------------------------------------------------------


@given(count=st.integers(0, 60), ranks=st.integers(1, 9))
def test_shares_put_together_are_the_whole_in_its_order(count, ranks):
    parts = [list(share(count, rank, ranks)) for rank in range(ranks)]
    assert merge_shares(parts) == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("parts", [[[0, 2], [1], [3, 4, 5]], [[0], [1, 2]], [[], [0]]])
def test_parts_that_are_not_shares_of_one_list_are_refused(parts):
    with pytest.raises(ValueError, match="size"):
        merge_shares(parts)


@settings(max_examples=25, deadline=None)
@given(items=st.integers(1, 1200), clips=st.integers(1, 3), ranks=st.integers(1, 7))
def test_predictions_gathered_from_any_number_of_ranks_are_those_of_one_to_the_bit(items, clips, ranks):
    network = seeded(0, lambda: nn.Linear(4, 3))
    whole = predict(
        network, evaluation_batches(noise_split(items, clips, 4)), torch.Tensor.float, CPU, IgnoreProgress()
    )
    parts, decoded = [], []
    for rank in range(ranks):
        split, one = noise_split(items, clips, 4), FakeRanks(rank, ranks)
        try:
            predict(network, evaluation_batches(split, one), torch.Tensor.float, CPU, IgnoreProgress(), one)
        except ValueError:  # nothing to merge: this rank has no item at all
            assert not one.mine
        parts.append(one.mine)
        decoded += sorted(set(split.read) - {0}) + [0] * (rank == 0)
    assert sorted(decoded) == list(range(items)), "each item is decoded on one rank (and the first for its shape)"
    gathered = np.concatenate(merge_shares(parts))
    assert gathered.shape == (items, 3)
    assert (gathered == whole).all()


def test_a_batch_that_has_no_mirrored_shares_is_refused_in_one_sentence():
    three = FakeRanks(0, 3)
    three.check(12)
    SINGLE_PROCESS.check(13)
    with pytest.raises(BadInput, match=r"recipe\.batch=16 cannot be shared by 3 processes .* multiple of 6"):
        three.check(16)


# --- polling whether to stop -------------------------------------------------------------------------------------


class Threads(Ranks):
    """Ranks that are threads of this process and exchange values at a barrier."""

    def __init__(self, rank: int, table: list, barrier: threading.Barrier) -> None:
        self.rank, self.world_size, self._table, self._barrier = rank, len(table), table, barrier
        self.polls = 0

    def _all(self, mine):
        self._table[self.rank] = mine
        self._barrier.wait(20)
        values = list(self._table)
        self._barrier.wait(20)
        return values

    def mean(self, values):
        return torch.stack(self._all(values)).mean(0)

    def any(self, flag):
        self.polls += 1
        return any(self._all(flag))

    def from_main(self, make):
        return self._all(make() if self.is_main else None)[0]


class StopAfterCalls(IgnoreProgress):
    """Requests a stop once ``left`` has been counted down."""

    def __init__(self, stop_after: int) -> None:
        self.left = stop_after

    def should_stop(self) -> bool:
        return self.left <= 0


def train_together(folder: Path, steps: int, stop_after: tuple[int, ...], seconds: float) -> list[Threads]:
    """Steps last ``seconds`` by each rank's own clock; the folder has the checkpoint at which the ranks stop."""
    table, barrier = [None] * len(stop_after), threading.Barrier(len(stop_after))
    ranks = [Threads(rank, table, barrier) for rank in range(len(stop_after))]
    training = Training(steps=steps, batch=4, lr=1e-3, warmup=0.3)

    def run(one: Threads) -> str:
        network, callback = nn.Linear(3, 2), StopAfterCalls(stop_after[one.rank])

        def loss_at(step: int):
            clock.passed[one.rank] += seconds
            callback.left -= 1
            yield network(torch.ones(4, 3)).square().mean()

        clock.of[threading.get_ident()] = one.rank
        try:
            optimise(
                network, loss_at, training, seed=0, device=CPU, checkpoints=Checkpoints(folder, "student"),
                callback=callback, ranks=one,
            )  # fmt: skip
        except Interrupted:
            return "interrupted"
        return "finished"

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(len(ranks)) as pool:
        clock = Clocks(len(ranks))
        patch.setattr("benchmark.training.loop.time", clock)
        ended = set(pool.map(run, ranks))
    assert len(ended) == 1, "all stop or none"
    return ranks


class Clocks:
    """A clock for each thread."""

    def __init__(self, ranks: int) -> None:
        self.passed, self.of = [0.0] * ranks, {}

    def monotonic(self) -> float:
        return self.passed[self.of[threading.get_ident()]]


def last_checkpoint(folder: Path) -> int:
    return max(int(path.stem.rpartition("-")[2]) for path in folder.glob("*.ckpt"))


@pytest.mark.parametrize("requested", [3, 27, 45])
@pytest.mark.parametrize("seconds", [3.0, 1.2, 0.5])
def test_ranks_stop_at_one_step_within_some_seconds_of_the_first_request(tmp_path, requested, seconds):
    """Only the second one gets the request, as a scheduler's signals arrive one after another."""
    train_together(tmp_path, 80, (1000, requested), seconds)
    late = (last_checkpoint(tmp_path) - requested) * seconds
    assert 0 <= late <= 2.0


def test_ranks_with_quick_steps_poll_no_more_often_than_they_read_the_loss(tmp_path):
    (first, second) = train_together(tmp_path, 120, (1000, 1000), 0.01)
    assert first.polls == second.polls == 20 + 5
    assert last_checkpoint(tmp_path) == 120
