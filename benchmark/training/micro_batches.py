"""Training in slices of a batch, where there is too little memory for a whole one."""

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
    ahead: bool = False,
) -> tuple[T, int]:
    """Train with whole batches; when memory is not enough, again from the start with halves, quarters and so on.

    It starts anew because statistics over a whole batch and over slices of it do not mix: what comes out depends on the
    number of slices and not on the moment at which memory ended. Each number has checkpoints of its own.

    Args:
        train: trains ``network`` in place with that many slices per batch, making lessons ahead or not, and with these
            checkpoints.
        batch: samples in one; no slice is smaller than two.
        folder: of the checkpoints; None keeps none.
        prefix: of their names.
        ahead: whether to make lessons ahead at first: that takes memory and changes no number, so that going without
            comes before slices.

    Returns:
        What ``train`` returned, and the number of slices; the last error where MAX_MICRO_BATCHES were not enough.
    """
    initial = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
    slices = 1
    while True:
        name = prefix if slices == 1 else f"{prefix}.{slices}"
        try:
            return train(slices, ahead, None if folder is None else Checkpoints(folder, name)), slices
        except Exception as error:
            if not is_out_of_memory(error) or (not ahead and 2 * slices > min(MAX_MICRO_BATCHES, batch // 2)):
                raise
        # Out here the error is gone, and with it the tensors that its traceback held.
        slices, ahead = (slices, False) if ahead else (2 * slices, False)
        network.load_state_dict(initial)
        network.zero_grad(set_to_none=True)
        release_memory()
