"""THE training loop: students and teachers of every modality are optimised here, and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from benchmark.config.schema import Training
from benchmark.system.ranks import SINGLE_PROCESS, Ranks
from benchmark.training.callbacks import IgnoreProgress, Interrupted, ProgressCallback
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.precision import full_float32
from benchmark.training.schedule import apply_schedule, learning_rate, make_optimiser

LossAt = Callable[[int], Iterable[Tensor]]  # step → the parts of its loss, one for each slice of the batch
READ_EVERY = 20  # steps between two looks at the loss: each look waits for the device
AGREE_SECONDS = 2.0  # between two questions of several ranks: what stops them may kill them half a minute later


class Diverged(Exception):
    """The loss stopped being a finite number at ``step``."""

    def __init__(self, step: int) -> None:
        super().__init__(f"the loss is not finite at step {step}; a lower learning rate or gradient clipping may help.")
        self.step = step

    def __reduce__(self) -> tuple[type[Diverged], tuple[int]]:  # exceptions travel between processes
        return (Diverged, (self.step,))


@dataclass
class Curve:
    """Mean loss of every READ_EVERY steps: rows of (steps done, learning rate, loss)."""

    rows: list[tuple[int, float, float]] = field(default_factory=list)


class StopPoll:
    """Whether to stop, which all ranks must ask at the same steps.

    One rank alone asks at every step: a scheduler gives seconds, and READ_EVERY steps of a large network may take
    minutes. Several ranks have to agree each time, so they ask at every step only until the first one's clock has told
    how many steps AGREE_SECONDS are.
    """

    def __init__(self, ranks: Ranks, callback: ProgressCallback, start: int) -> None:
        self._ranks, self._callback, self._every = ranks, callback, 1
        self._looked, self._looked_at = start, time.monotonic()

    def between_looks(self, done: int, loss: Tensor) -> bool:
        """Whether some rank is to stop; False where it is not time to ask."""
        if self._ranks.world_size == 1:
            return self._callback.should_stop()
        if done % self._every:
            return False
        loss.item()  # a host that runs ahead of its device would ask long before this step is done
        return self._ranks.any(self._callback.should_stop())

    def at_look(self, done: int) -> bool:
        """When the loss has been read: whether some rank is to stop; from here on all ask as often as is affordable."""
        self._every = self._ranks.from_main(lambda: self._interval(done))
        self._looked, self._looked_at = done, time.monotonic()
        return self._ranks.any(self._callback.should_stop())

    def _interval(self, done: int) -> int:
        seconds = max(1e-9, time.monotonic() - self._looked_at)
        return max(1, min(READ_EVERY, int(AGREE_SECONDS * (done - self._looked) / seconds)))


@full_float32()
def optimise(
    network: nn.Module,
    loss_at: LossAt,
    training: Training,
    *,
    seed: int,
    device: torch.device,
    checkpoints: Checkpoints | None = None,
    callback: ProgressCallback | None = None,
    ranks: Ranks = SINGLE_PROCESS,
) -> Curve:
    """Take ``training.steps`` steps on ``loss_at(step)``; continue from the newest checkpoint if there is one.

    ``loss_at`` yields the parts of a step's loss, whose sum it is, one for each slice of the batch: each is
    backpropagated before the next is asked for, so that one slice at a time needs memory.

    Everything random in ``loss_at`` must depend on the step alone; torch's own generator (dropout) is seeded for each
    step from (seed, step) inside a fork, so the caller's generator is untouched and resuming is exact.

    Args:
        ranks: the processes that take these steps together; ``loss_at`` is the mean over this one's share of a batch
            and its gradients are averaged (``Ranks.wrap``). The first one alone writes checkpoints.

    Raises:
        Diverged: a loss was not finite.
        Interrupted: ``callback`` asked to stop, on any rank.
    """
    callback = callback or IgnoreProgress()
    optimiser = make_optimiser(network, training)
    curve = Curve()
    start = 0
    values: list[float] = []  # losses that no row of the curve has counted yet
    if checkpoints is not None:
        newest = partial(checkpoints.newest, lambda state: state.fits(network, optimiser))
        if (found := ranks.from_main(newest)) is not None:
            network.load_state_dict(found.network)
            optimiser.load_state_dict(found.optimiser)
            start, curve.rows, values = found.step, found.curve, found.pending
    network.train()
    forked = [device] if device.type == "cuda" else []
    losses: list[Tensor] = []
    saved_at = time.monotonic()
    question = StopPoll(ranks, callback, start)
    with torch.random.fork_rng(devices=forked):
        for step in range(start, training.steps):
            losses.append(take_step(network, optimiser, loss_at, training, step, seed))
            done = step + 1
            counted = done % READ_EVERY == 0 or done == training.steps
            stopping = not counted and question.between_looks(done, losses[-1])
            if not counted and not stopping:
                continue
            values += ranks.mean(torch.stack(losses)).tolist()  # the one place where one rank waits for its device
            losses.clear()
            for offset, value in enumerate(values):
                if value != value or abs(value) == float("inf"):
                    raise Diverged(done - len(values) + offset)
            if counted:
                mean = sum(values) / len(values)
                curve.rows.append((done, learning_rate(training, step), mean))
                values = []
                callback.step(done, training.steps, mean)
                stopping = question.at_look(done) and done < training.steps
            if checkpoints is not None and ranks.is_main:
                # One is due after the last step too: what follows the training may fail, and need not cost it.
                due = time.monotonic() - saved_at > checkpoints.every_seconds
                if due or stopping or done == training.steps:
                    checkpoints.save(done, network, optimiser, curve.rows, values)
                    saved_at = time.monotonic()
            if stopping:
                raise Interrupted
    return curve


def take_step(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    loss_at: LossAt,
    training: Training,
    step: int,
    seed: int,
) -> Tensor:
    """One step: its random numbers, its learning rate, its loss and the update. The host waits for nothing.

    Returns:
        The loss before the update, a scalar without gradient that stays on the device.
    """
    _seed((seed << 32) + step, next(network.parameters()).device)
    apply_schedule(optimiser, training, step)
    losses: list[Tensor] = []
    for part in loss_at(step):
        torch.autograd.backward(part)
        losses.append(part.detach())
    if training.clip:
        nn.utils.clip_grad_norm_(network.parameters(), training.clip)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return torch.stack(losses).sum() if len(losses) > 1 else losses[0]


def _seed(number: int, device: torch.device) -> None:
    """What ``torch.manual_seed`` does to the generators that a step may use, without its cost at every step."""
    torch.default_generator.manual_seed(number)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(number)
