"""Training with micro-batches (gradient accumulation) if memory is too small for a whole batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from torch import nn

from benchmark.system.memory import is_out_of_memory, release_memory
from benchmark.training.checkpoints import Checkpoints

MAX_MICRO_BATCHES = 16
T = TypeVar("T")


def with_micro_batches(
    train: Callable[[int, bool, Checkpoints | None], T],
    network: nn.Module,
    batch: int,
    folder: Path | None,
    prefix: str,
    *,
    prefetch: bool = False,
) -> tuple[T, int]:
    """Train with whole batches; if memory runs out, start again with halves, quarters and so on.

    ``train`` takes the number of micro-batches, ``prefetch`` and checkpoints, and trains ``network`` in place. Return
    its result and that number: at most MAX_MICRO_BATCHES, with two or more of the ``batch`` samples in each. The result
    depends on the number, not on when memory ran out; each number has its own checkpoints in ``folder`` (None: none).
    ``prefetch`` is given up before the batch is split.
    """
    initial = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
    count = 1
    while True:
        name = prefix if count == 1 else f"{prefix}.{count}"
        try:
            return train(count, prefetch, None if folder is None else Checkpoints(folder, name)), count
        except Exception as error:
            if not is_out_of_memory(error) or (not prefetch and 2 * count > min(MAX_MICRO_BATCHES, batch // 2)):
                raise
        # Only after the except block is the error gone, and with it the tensors that its traceback held.
        count, prefetch = (count if prefetch else 2 * count), False
        network.load_state_dict(initial)
        network.zero_grad(set_to_none=True)
        release_memory()


def describe_micro_batches(key: str, batch: int, count: int) -> list[str]:
    """Describe for the record that memory ran out, if it did; ``key`` is the setting of the batch."""
    if count == 1:
        return []
    return [
        f"{key}={batch} went through the networks in {count} micro-batches because memory ran out: gradients are those "
        "of the batch, batch statistics those of a micro-batch"
    ]
