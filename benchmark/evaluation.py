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
from modalities.base import LabelledData, Modality

ROWS = 256  # clips per batch


def in_order(data: LabelledData, ranks: Ranks = ONE) -> Batches:
    """A split in its own order, in batches of about ROWS clips; with several ranks, this one's share of the batches."""
    items = max(1, ROWS // data[0].data.shape[0])
    starts = [items * batch for batch in share(-(-len(data) // items), ranks.rank, ranks.ranks)]
    if ranks.ranks > 1:  # so that no other rank's items are decoded here
        mine = [np.arange(start, min(len(data), start + items)) for start in starts]
        data = Subset(data, np.concatenate([np.arange(0), *mine]))
    return Batches(data, lambda step: np.arange(step * items, min(len(data), (step + 1) * items)), len(starts))


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
        for step in range(batches.steps):
            raw, _ = batches.at(step)
            with torch.inference_mode():
                logits = network(modality.prepare(raw.to(device, non_blocking=True), view)).float()
            rows.append(metrics.average_clips(logits.reshape(-1, batches.clips, logits.shape[-1]).cpu().numpy()))
            watch.step(step + 1, batches.steps, float("nan"))
            if watch.should_stop():
                raise Interrupted
        return rows

    return np.concatenate(interleave(ranks.gather(my_rows)))
