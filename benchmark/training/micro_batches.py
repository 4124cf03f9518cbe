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

    Training starts again because statistics over whole batches and over micro-batches do not mix: the result depends
    on the number of micro-batches, but not on when memory ran out. Each number has its own checkpoints.

    Args:
        train: (micro-batches per batch, prefetch, checkpoints) -> result; trains ``network`` in place.
        batch: samples per batch; no micro-batch has fewer than two.
        folder: of the checkpoints; None writes none.
        prefix: of the checkpoints' names.
        prefetch: whether to prefetch teacher outputs at first. Prefetching needs memory and does not change results,
            so it is given up before the batch is split.

    Returns:
        What ``train`` returned, and the number of micro-batches.

    Raises:
        Exception: the last error, if MAX_MICRO_BATCHES were not enough.
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
        count, prefetch = (count, False) if prefetch else (2 * count, False)
        network.load_state_dict(initial)
        network.zero_grad(set_to_none=True)
        release_memory()


def micro_batch_deviations(key: str, batch: int, count: int) -> list[str]:
    """Describe for the record what ``count`` micro-batches change; ``key`` is the setting of the batch."""
    text = (
        f"{key}={batch} went through the networks in {count} micro-batches because memory ran out: gradients are those "
        "of the batch, batch statistics those of a micro-batch"
    )
    return [text] if count > 1 else []
