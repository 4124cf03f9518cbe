"""Run a network over labelled items: clips of an item averaged, one row of log-probabilities per item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.data.batches import Batches
from benchmark.data.subsets import Subset
from benchmark.evaluation import metrics
from benchmark.system.memory import is_out_of_memory, release_memory
from benchmark.system.ranks import SINGLE_PROCESS, Ranks, interleave, share
from benchmark.training.callbacks import Interrupted, ProgressCallback
from benchmark.training.precision import full_float32
from modalities.base import LabelledData, Modality

CPU = torch.device("cpu")
ROWS = 256  # clips per batch on CPUs
GPU_ROWS, GPU_BYTES = 2048, 64 * 1024**2  # the most clips and raw bytes per batch on GPUs: chosen, never measured


def in_order(data: LabelledData, ranks: Ranks = SINGLE_PROCESS, device: torch.device = CPU) -> Batches:
    """A split in its own order, in batches that suit the device; with several ranks, this one's share of the batches.

    Predictions are float32 whatever the recipe's precision, so that the size of a batch moves last bits alone.
    """
    first = data[0].data
    rows = ROWS if device.type == "cpu" else min(GPU_ROWS, GPU_BYTES // (first[0].numel() * first.element_size()))
    items = max(1, rows // len(first))
    starts = [items * batch for batch in share(-(-len(data) // items), ranks.rank, ranks.world_size)]
    if ranks.world_size > 1:  # so that no other rank's items are decoded here
        mine = [np.arange(start, min(len(data), start + items)) for start in starts]
        data = Subset(data, np.concatenate([np.arange(0), *mine]))
    return Batches(data, lambda step: np.arange(step * items, min(len(data), (step + 1) * items)), len(starts))


class NotFinite(ValueError):
    """A network's answer to a test item is not a number or infinite, as after a step that was too large."""


@full_float32()
def predict(
    network: nn.Module, batches: Batches, modality: Modality, view: Any, device: torch.device,
    callback: ProgressCallback, ranks: Ranks = SINGLE_PROCESS,
) -> NDArray[np.float16]:  # fmt: skip
    """Log of the mean softmax over each item's clips.

    Where a batch does not fit into memory, half as many items at a time go through the network, down to one: that
    moves last bits at most.

    Args:
        batches: those of ``in_order``, made for the same ranks.

    Returns:
        (items, classes) float16, in the split's order, the same on every rank. Every metric is computed from exactly
        these numbers, so that stored predictions score the same again.

    Raises:
        Interrupted: ``callback`` asked to stop, on any rank; evaluation starts again on the next call.
        NotFinite: an answer is no number.
    """
    network.eval()

    def answers(raw: Tensor) -> Tensor:
        logits: Tensor = network(modality.prepare(raw, view)).float()
        return logits

    def my_rows() -> list[NDArray[np.float16]]:
        rows: list[NDArray[np.float16]] = []
        coming = batches.on(0, device) if batches.steps else None
        items = 0 if coming is None else len(coming[1])
        for step in range(batches.steps):
            assert coming is not None
            logits, items = _in_parts(answers, coming[0], batches.clips, items)
            # Got ready while a GPU is busy with this one: the next line but one waits for it.
            coming = batches.on(step + 1, device) if step + 1 < batches.steps else None
            found = logits.reshape(-1, batches.clips, logits.shape[-1]).cpu().numpy()
            if not np.isfinite(found).all():
                raise NotFinite("an answer of the network is not finite")
            rows.append(metrics.average_clips(found))
            callback.step(step + 1, batches.steps, float("nan"))
            if callback.should_stop():
                raise Interrupted
        return rows

    return np.concatenate(interleave(ranks.gather(my_rows)))


def _in_parts(answers: Callable[[Tensor], Tensor], raw: Tensor, clips: int, items: int) -> tuple[Tensor, int]:
    """A network's answers to a batch, so many items at a time, and to how many at a time there was memory."""
    while True:
        try:
            with torch.inference_mode():
                parts = [answers(part) for part in torch.split(raw, items * clips)]
                return (parts[0] if len(parts) == 1 else torch.cat(parts)), items
        except Exception as error:
            if items == 1 or not is_out_of_memory(error):
                raise
        # Out here the error is gone, and with it the tensors that its traceback held.
        items = -(-items // 2)
        release_memory()
