"""The training loop of students and teachers, for every modality."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from benchmark.config.schema import Training
from benchmark.system.ranks import SINGLE_PROCESS, Ranks
from benchmark.training.callbacks import IgnoreProgress, Interrupted, ProgressCallback
from benchmark.training.checkpoints import Checkpoint, Checkpoints
from benchmark.training.precision import full_float32
from benchmark.training.schedule import apply_schedule, learning_rate, make_optimiser

# step → its loss, as one summand per micro-batch; each is backpropagated before the next is computed, to save memory
LossAt = Callable[[int], Iterable[Tensor]]
READ_EVERY = 20  # steps between two reads of the loss; each read waits for the device
AGREE_SECONDS = 2.0  # between two stop polls of several ranks: a scheduler may kill them half a minute after its signal


class Stateful(Protocol):
    """Something whose state checkpoints hold."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class Diverged(Exception):
    """The loss was not a finite number at ``step``."""

    def __init__(self, step: int) -> None:
        super().__init__(step)  # alone, so that the exception can be sent between processes
        self.step = step

    def __str__(self) -> str:
        return f"the loss is not finite at step {self.step}; a lower learning rate or gradient clipping may help."


@dataclass
class Curve:
    """Mean loss of every READ_EVERY steps: rows of (steps done, learning rate, loss)."""

    rows: list[tuple[int, float, float]] = field(default_factory=list)
    pending: list[float] = field(default_factory=list)  # losses not yet averaged into a row

    def add(self, losses: list[float], done: int) -> None:
        """Add the losses up to step ``done``. Raise Diverged if one is not finite."""
        self.pending += losses
        for offset, loss in enumerate(self.pending):
            if not math.isfinite(loss):
                raise Diverged(done - len(self.pending) + offset)

    def add_row(self, done: int, rate: float) -> float:
        """Average the pending losses into a row; return their mean."""
        mean = sum(self.pending) / len(self.pending)
        self.rows.append((done, rate, mean))
        self.pending = []
        return mean


class StopPoll:
    """Asks whether to stop: a single process at every step, as READ_EVERY steps of a large network may take minutes.

    Ranks have to agree: they ask at every step only until the main one's clock shows how many steps AGREE_SECONDS are.
    """

    def __init__(self, ranks: Ranks, callback: ProgressCallback, start: int) -> None:
        self._ranks, self._callback, self._every = ranks, callback, 1
        self._read_step, self._read_time = start, time.monotonic()

    def between_reads(self, done: int, loss: Tensor) -> bool:
        """Return whether any rank is to stop, if it is time to ask."""
        if self._ranks.world_size == 1:
            return self._callback.should_stop()
        if done % self._every:
            return False
        loss.item()  # wait for the device: the host may be many steps ahead of it
        return self._ranks.any(self._callback.should_stop())

    def at_read(self, done: int) -> bool:
        """Return whether any rank is to stop, after the loss was read; update how often to ask."""
        self._every = self._ranks.from_main(lambda: self._interval(done))
        self._read_step, self._read_time = done, time.monotonic()
        return self._ranks.any(self._callback.should_stop())

    def _interval(self, done: int) -> int:
        seconds = max(1e-9, time.monotonic() - self._read_time)
        return max(1, min(READ_EVERY, int(AGREE_SECONDS * (done - self._read_step) / seconds)))


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
    inputs: Stateful | None = None,
) -> Curve:
    """Take ``training.steps`` steps on ``loss_at(step)``, continuing from the newest checkpoint if there is one.

    Everything random in ``loss_at`` must depend on the step alone; torch's own generator (dropout) is seeded for each
    step from (seed, step) inside a fork, so the caller's generator is untouched and resuming is exact.

    What ``loss_at`` depends on besides is the state of ``inputs``, which checkpoints hold too.

    ``loss_at`` is the mean over this rank's share of a batch; the gradients of ``ranks`` are averaged (``Ranks.wrap``).

    Raises Diverged if a loss was not finite, and Interrupted if ``callback`` requested a stop, on any rank.
    """
    callback = callback or IgnoreProgress()
    optimiser = make_optimiser(network, training)
    start, curve = _resume(network, optimiser, checkpoints, ranks, inputs)
    network.train()
    losses: list[Tensor] = []
    saved_at = time.monotonic()
    poll = StopPoll(ranks, callback, start)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for step in range(start, training.steps):
            losses.append(take_step(network, optimiser, loss_at, training, step, seed))
            done = step + 1
            reading = done % READ_EVERY == 0 or done == training.steps
            stopping = not reading and poll.between_reads(done, losses[-1])
            if not reading and not stopping:
                continue
            values = ranks.mean(torch.stack(losses)).tolist()  # the only place where a rank waits for its device
            curve.add(values, done)
            losses.clear()
            if reading:
                mean = curve.add_row(done, learning_rate(training, step))
                callback.step(done, training.steps, mean)
                stopping = poll.at_read(done) and done < training.steps
            if checkpoints is not None and ranks.is_main:
                # One is due after the last step too: what follows the training may fail, and must not cost it.
                due = time.monotonic() - saved_at > checkpoints.every_seconds
                if due or stopping or done == training.steps:
                    weights, state = network.state_dict(), optimiser.state_dict()
                    of_inputs = inputs.state_dict() if inputs else {}
                    checkpoints.save(Checkpoint(done, weights, state, curve.rows, curve.pending, of_inputs))
                    saved_at = time.monotonic()
            if stopping:
                raise Interrupted
    return curve


def _resume(
    network: nn.Module, optimiser: torch.optim.Optimizer, checkpoints: Checkpoints | None, ranks: Ranks,
    inputs: Stateful | None,
) -> tuple[int, Curve]:  # fmt: skip
    """Load the newest checkpoint, if there is one; return the steps already taken and their curve."""
    fits = partial(Checkpoint.fits, network=network, optimiser=optimiser)
    if checkpoints is None or (found := ranks.from_main(partial(checkpoints.newest, fits))) is None:
        return 0, Curve()
    network.load_state_dict(found.network)
    optimiser.load_state_dict(found.optimiser)
    if inputs is not None:
        inputs.load_state_dict(found.inputs)
    return found.step, Curve(found.curve, found.pending)


def take_step(
    network: nn.Module, optimiser: torch.optim.Optimizer, loss_at: LossAt, training: Training, step: int, seed: int
) -> Tensor:
    """Take one step; return the loss before the update, a scalar on the device. The host does not wait for it."""
    _seed(_step_seed(seed, step), next(network.parameters()).device)
    apply_schedule(optimiser, training, step)
    losses: list[Tensor] = []
    for part in loss_at(step):
        torch.autograd.backward(part)
        losses.append(part.detach())
    update(network, optimiser, training)
    return torch.stack(losses).sum() if len(losses) > 1 else losses[0]


def update(network: nn.Module, optimiser: torch.optim.Optimizer, training: Training) -> None:
    """Update the weights from their gradients, clipped as the recipe says, and reset the gradients."""
    if training.clip:
        nn.utils.clip_grad_norm_(network.parameters(), training.clip)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)


def _step_seed(seed: int, step: int) -> int:
    """Hash both into 64 bits: torch's generator on CPUs ignores all but the low 32 bits of the number it is given."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{step}".encode(), digest_size=8).digest(), "little")


def _seed(number: int, device: torch.device) -> None:
    """Seed the generators that a step may use as ``torch.manual_seed`` does, without its cost at every step."""
    torch.default_generator.manual_seed(number)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(number)
