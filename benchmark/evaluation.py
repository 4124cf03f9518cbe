"""Run a network over labelled items: clips of an item averaged, one row of log-probabilities per item."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmark import metrics
from benchmark.batches import Batches, Subset
from benchmark.distillation.loop import Interrupted, Watch
from benchmark.distributed import ONE, Ranks, interleave, share
from benchmark.precision import full_float32
from modalities.base import LabelledData, Modality

CPU = torch.device("cpu")
ROWS = 256  # clips per batch on CPUs
GPU_ROWS, GPU_BYTES = 2048, 64 * 1024**2  # the most clips and raw bytes per batch on GPUs: chosen, never measured


def in_order(data: LabelledData, ranks: Ranks = ONE, device: torch.device = CPU) -> Batches:
    """A split in its own order, in batches that suit the device; with several ranks, this one's share of the batches.

    Predictions are float32 whatever the recipe's precision, so that the size of a batch moves last bits alone.
    """
    first = data[0].data
    rows = ROWS if device.type == "cpu" else min(GPU_ROWS, GPU_BYTES // (first[0].numel() * first.element_size()))
    items = max(1, rows // len(first))
    starts = [items * batch for batch in share(-(-len(data) // items), ranks.rank, ranks.ranks)]
    if ranks.ranks > 1:  # so that no other rank's items are decoded here
        mine = [np.arange(start, min(len(data), start + items)) for start in starts]
        data = Subset(data, np.concatenate([np.arange(0), *mine]))
    return Batches(data, lambda step: np.arange(step * items, min(len(data), (step + 1) * items)), len(starts))


@full_float32()
def predict(
    network: nn.Module, batches: Batches, modality: Modality, view: Any, device: torch.device, watch: Watch,
    ranks: Ranks = ONE,
) -> NDArray[np.float16]:  # fmt: skip
    """Log of the mean softmax over each item's clips.

    Args:
        batches: those of ``in_order``, made for the same ranks.

    Returns:
        (items, classes) float16, in the split's order, the same on every rank. Every metric is computed from exactly
        these numbers, so that stored predictions score the same again.

    Raises:
        Interrupted: ``watch`` asked to stop, on any rank; evaluation starts again on the next call.
    """
    network.eval()

    def my_rows() -> list[NDArray[np.float16]]:
        rows: list[NDArray[np.float16]] = []
        coming = batches.on(0, device) if batches.steps else None
        for step in range(batches.steps):
            assert coming is not None
            with torch.inference_mode():
                logits = network(modality.prepare(coming[0], view)).float()
            # Got ready while a GPU is busy with this one: the next line but one waits for it.
            coming = batches.on(step + 1, device) if step + 1 < batches.steps else None
            rows.append(metrics.average_clips(logits.reshape(-1, batches.clips, logits.shape[-1]).cpu().numpy()))
            watch.step(step + 1, batches.steps, float("nan"))
            if watch.should_stop():
                raise Interrupted
        return rows

    return np.concatenate(interleave(ranks.gather(my_rows)))
