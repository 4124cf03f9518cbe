"""The loop: seeds of dropout, the loss curve, gradients, checkpoints and stops, each value worked by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from benchmark.config.schema import OPTIMISERS, Training
from benchmark.system.ranks import Ranks
from benchmark.training import loop
from benchmark.training.callbacks import IgnoreProgress, Interrupted
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.loop import AGREE_SECONDS, READ_EVERY, Curve, Diverged, StopPoll, optimise, take_step
from benchmark.training.schedule import learning_rate, make_optimiser
from doubles import CPU, StopAfter, as_read, same_weights, seeded


def training(**changes) -> Training:
    return Training(**{"steps": 50, "batch": 2, "lr": 0.1, "warmup": 0.3, **changes})


def weight(value: float = 1.0) -> nn.Module:
    """A network of one weight."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, value)
    return network


def drawn(seed: int, steps: int = 30, start: int = 0) -> list[float]:
    """What torch's generator gives at each step."""
    network, seen = weight(), []

    def loss_at(step: int) -> Iterator[torch.Tensor]:
        seen.append(torch.rand(()).item())
        yield network.weight.square().sum()

    made = make_optimiser(network, training())
    for step in range(start, start + steps):
        take_step(network, made, loss_at, training(), step, seed)
    return seen


def test_torchs_generator_is_another_one_at_every_step_and_for_every_seed():
    seen = [number for seed in (0, 1, 2, 2**16, 2**32, 2**40) for number in drawn(seed)]
    assert len(set(seen)) == len(seen)
    assert drawn(1, steps=10, start=20) == drawn(1)[20:], "and depends on nothing but the two"


def test_dropout_leaves_out_other_units_at_every_step():
    left_out, network = [], nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.5))

    def loss_at(step: int) -> Iterator[torch.Tensor]:
        left_out.append(network[1](torch.ones(64)) == 0)
        yield network(torch.ones(1)).sum()

    optimise(network, loss_at, training(steps=40), seed=0, device=CPU)
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(left_out, 2))
    assert torch.stack(left_out).float().mean().item() == pytest.approx(0.5, abs=0.05)


def test_the_curve_holds_the_mean_loss_of_every_read_and_the_rate_of_its_last_step():
    network, told = weight(), []

    class Told(IgnoreProgress):
        def step(self, done: int, total: int, loss: float) -> None:
            told.append((done, total, loss))

    def loss_at(step: int) -> Iterator[torch.Tensor]:
        yield 0 * network.weight.sum() + step

    made = training(steps=2 * READ_EVERY + 5)
    curve = optimise(network, loss_at, made, seed=0, device=CPU, callback=Told())
    assert READ_EVERY == 20
    assert curve.rows == [
        (20, learning_rate(made, 19), 9.5), (40, learning_rate(made, 39), 29.5), (45, learning_rate(made, 44), 42.0)
    ]  # fmt: skip
    assert told == [(20, 45, 9.5), (40, 45, 29.5), (45, 45, 42.0)]
    assert curve.pending == []


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_the_loss_of_a_step_is_the_sum_of_its_micro_batches_and_so_is_the_gradient(parts):
    network = weight(3.0)
    made = training(optimiser="sgd", schedule="constant", warmup=0.0, lr=0.5)
    optimiser = make_optimiser(network, made)

    def loss_at(step: int) -> Iterator[torch.Tensor]:
        for part in range(1, parts + 1):
            yield part * network.weight.sum()

    loss = take_step(network, optimiser, loss_at, made, 0, 0)
    total = sum(range(1, parts + 1))
    assert loss.shape == () and loss.item() == 3 * total and not loss.requires_grad
    assert network.weight.item() == pytest.approx(3 - 0.5 * 1.9 * total)  # Nesterov's first step: 1 + momentum
    assert network.weight.grad is None


@pytest.mark.parametrize(("clip", "step"), [(0.0, 10.0), (0.5, 0.5), (2.0, 2.0), (20.0, 10.0)])
def test_gradients_are_clipped_to_the_norm_of_the_recipe(clip, step):
    network = weight()
    made = training(optimiser="sgd", schedule="constant", warmup=0.0, lr=0.01, clip=clip)
    take_step(network, make_optimiser(network, made), lambda _: [10 * network.weight.sum()], made, 0, 0)
    assert 1 - network.weight.item() == pytest.approx(0.01 * 1.9 * step, rel=1e-4)


def test_a_step_uses_the_rate_of_that_step():
    made = training(optimiser="sgd", schedule="step", warmup=0.0, milestones=[0.5], gamma=0.1, lr=1.0)
    for step, rate in ((24, 1.0), (25, 0.1)):
        network = weight()
        take_step(network, make_optimiser(network, made), lambda _, w=network: [w.weight.sum()], made, step, 0)
        assert 1 - network.weight.item() == pytest.approx(1.9 * rate)


@pytest.mark.parametrize("bad", [0, 1, 19, 20, 33, 44])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_divergence_names_its_step_with_or_without_reads_before(bad, value):
    network = weight()

    def loss_at(step: int) -> Iterator[torch.Tensor]:
        yield 0 * network.weight.sum() + (value if step == bad else 1.0)

    with pytest.raises(Diverged) as caught:
        optimise(network, loss_at, training(steps=45), seed=0, device=CPU)
    assert caught.value.step == bad
    assert f"step {bad};" in str(caught.value)


def test_divergence_among_losses_that_waited_in_a_checkpoint_names_its_step():
    curve = Curve(pending=[1.0, 1.0, float("nan")])
    with pytest.raises(Diverged) as caught:
        curve.add([1.0, 1.0], done=25)
    assert caught.value.step == 22


def test_the_network_is_trained_in_training_mode():
    network = nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.5)).eval()
    optimise(network, lambda step: [network(torch.ones(1)).sum()], training(steps=1), seed=0, device=CPU)
    assert network.training


# --- stops and checkpoints


@pytest.mark.parametrize("stop", [1, 7, 20, 33, 40])
def test_a_stop_comes_after_the_step_that_asked_for_it_and_leaves_a_checkpoint(tmp_path, stop):
    network, taken = weight(), []

    def loss_at(step: int) -> Iterator[torch.Tensor]:
        taken.append(step)
        yield network.weight.square().sum()

    class Stop(IgnoreProgress):
        def should_stop(self) -> bool:
            return len(taken) >= stop

    with pytest.raises(Interrupted):
        optimise(
            network, loss_at, training(), seed=0, device=CPU, checkpoints=Checkpoints(tmp_path, "a"), callback=Stop()
        )  # fmt: skip
    assert taken == list(range(stop))
    saved = Checkpoints(tmp_path, "a").newest()
    assert (saved.step, len(saved.pending)) == (stop, stop % READ_EVERY)
    assert [row[0] for row in saved.curve] == list(range(READ_EVERY, stop + 1, READ_EVERY))


def test_a_long_training_ends_with_its_last_step_and_a_checkpoint_of_it(tmp_path):
    network, made = weight(), training(steps=int("301"), schedule=as_read("constant"))
    curve = optimise(
        network, lambda step: [network.weight.square().sum()], made, seed=0, device=CPU,
        checkpoints=Checkpoints(tmp_path, "a"),
    )  # fmt: skip
    assert curve.rows[-1][0] == Checkpoints(tmp_path, "a").newest().step == 301


def test_a_stop_after_the_last_step_is_too_late_to_stop_anything(tmp_path):
    curve = optimise(
        network := weight(), lambda step: [network.weight.square().sum()], training(), seed=0, device=CPU,
        checkpoints=Checkpoints(tmp_path, "a"), callback=StopAfter(50),
    )  # fmt: skip
    assert curve.rows[-1][0] == 50
    assert Checkpoints(tmp_path, "a").newest().step == 50


def saved_steps(folder, monkeypatch, seconds: float, every: float) -> list[int]:
    """Steps at which checkpoints are written if each reading of the clock is ``seconds`` after the last."""
    steps = []
    checkpoints = Checkpoints(folder, "a")
    monkeypatch.setattr(checkpoints, "every_seconds", every)
    monkeypatch.setattr(checkpoints, "save", lambda checkpoint: steps.append(checkpoint.step))
    now = itertools.count(1000)
    monkeypatch.setattr(loop.time, "monotonic", lambda: seconds * next(now))
    network = weight()
    made = training(steps=105)
    optimise(network, lambda step: [network.weight.sum()], made, seed=0, device=CPU, checkpoints=checkpoints)
    return steps


def test_checkpoints_are_written_when_due_and_after_the_last_step(tmp_path, monkeypatch):
    assert saved_steps(tmp_path, monkeypatch, 1e-3, 1e6) == [105]
    assert saved_steps(tmp_path, monkeypatch, 10.0, 1.0) == [20, 40, 60, 80, 100, 105]
    # Some four looks at the clock between two reads: every other one is due.
    assert len(saved_steps(tmp_path, monkeypatch, 1.0, 5.0)) in (3, 4)


def test_only_the_main_rank_writes_checkpoints(tmp_path):
    ranks = Ranks()
    ranks.rank = 1
    network = weight()
    optimise(
        network, lambda step: [network.weight.sum()], training(), seed=0, device=CPU, ranks=ranks,
        checkpoints=Checkpoints(tmp_path, "a"),
    )  # fmt: skip
    assert not list(tmp_path.iterdir())


class Asked(IgnoreProgress):
    def __init__(self) -> None:
        self.times = 0

    def should_stop(self) -> bool:
        self.times += 1
        return False


def test_a_single_process_is_asked_at_every_step():
    asked, network = Asked(), weight()
    optimise(network, lambda step: [network.weight.sum()], training(), seed=0, device=CPU, callback=asked)
    assert asked.times == 50


@pytest.mark.parametrize(
    ("seconds", "every"), [(0.0, READ_EVERY), (20.0, 2), (10.0, 4), (4.0, 10), (1.9, 20), (39.0, 1), (4000.0, 1)]
)
def test_ranks_are_asked_about_every_two_seconds(monkeypatch, seconds, every):
    ranks, asked, clock = Ranks(), Asked(), [50.0]
    ranks.world_size = 2
    monkeypatch.setattr(loop.time, "monotonic", lambda: clock[0])
    poll = StopPoll(ranks, asked, start=5)
    assert AGREE_SECONDS == 2.0
    assert [poll.between_reads(done, torch.zeros(())) for done in (6, 7)] == [False, False]
    assert asked.times == 2, "before the first read, at every step"
    for read in (25, 45):  # the second as the first: time and steps since the last read count
        clock[0] += seconds
        assert poll.at_read(read) is False
        asked.times = 0
        for done in range(read + 1, read + 41):
            poll.between_reads(done, torch.zeros(()))
        assert asked.times == sum(done % every == 0 for done in range(read + 1, read + 41))


def test_a_short_stretch_counts_by_its_own_steps_and_seconds(monkeypatch):
    ranks, asked, clock = Ranks(), Asked(), [50.0]
    ranks.world_size = 2
    monkeypatch.setattr(loop.time, "monotonic", lambda: clock[0])
    poll = StopPoll(ranks, asked, start=19)
    clock[0] += 0.5
    poll.at_read(20)  # one step in half a second: four in two seconds
    asked.times = 0
    for done in range(21, 41):
        poll.between_reads(done, torch.zeros(()))
    assert asked.times == 5


def test_the_loop_computes_in_full_float32():
    network, seen = weight(), []

    def loss_at(step: int) -> Iterator[torch.Tensor]:
        seen.append(torch.backends.cuda.matmul.fp32_precision)
        yield network.weight.sum()

    before = torch.backends.cuda.matmul.fp32_precision
    optimise(network, loss_at, training(steps=1), seed=0, device=CPU)
    assert (seen, torch.backends.cuda.matmul.fp32_precision) == (["ieee"], before)


@pytest.mark.parametrize("stop", [7, 20, 33])
def test_a_training_that_was_stopped_continues_to_the_same_weights_and_the_same_curve(tmp_path, stop):
    def trained(network: nn.Module, callback: IgnoreProgress | None = None, **options) -> Curve:
        def loss_at(step: int) -> Iterator[torch.Tensor]:
            yield (network.weight * torch.rand(()) - 2).square().sum()

        return optimise(network, loss_at, training(), seed=1, device=CPU, callback=callback, **options)

    whole, parts = weight(), weight()
    expected = trained(whole)
    stopped = StopAfter(0)
    polls = itertools.count(1)
    stopped.should_stop = lambda: next(polls) >= stop
    with pytest.raises(Interrupted):
        trained(parts, stopped, checkpoints=Checkpoints(tmp_path, "a"))
    parts = weight(-5.0)  # a new process would begin with other weights
    assert trained(parts, checkpoints=Checkpoints(tmp_path, "a")).rows == expected.rows
    assert torch.equal(parts.weight, whole.weight)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("stop", [1, 25, 49])
def test_the_state_of_every_optimiser_is_taken_up_again(tmp_path, optimiser, stop):
    def fresh() -> nn.Module:
        return seeded(1, lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(128, 5)))

    def trained(network: nn.Module, callback: IgnoreProgress | None = None, **options) -> Curve:
        def loss_at(step: int) -> Iterator[torch.Tensor]:
            yield network(torch.rand(4, 3, 6, 6)).square().mean()

        made = training(optimiser=optimiser, lr=0.01, weight_decay=0.1)
        return optimise(network, loss_at, made, seed=1, device=CPU, callback=callback, **options)

    whole, parts, polls = fresh(), fresh(), itertools.count(1)
    expected = trained(whole)
    stopped = StopAfter(0)
    stopped.should_stop = lambda: next(polls) >= stop
    with pytest.raises(Interrupted):
        trained(fresh(), stopped, checkpoints=Checkpoints(tmp_path, "a"))
    assert trained(parts, checkpoints=Checkpoints(tmp_path, "a")).rows == expected.rows
    assert same_weights(parts, whole)
