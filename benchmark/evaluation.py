"""Run a network over labelled items: clips of an item averaged, one row of log-probabilities per item."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmark import metrics
from benchmark.batches import Batches
from benchmark.distillation.loop import Interrupted, Watch
from modalities.base import LabelledData, Modality

ROWS = 256  # clips per batch


def in_order(data: LabelledData) -> Batches:
    """A split in its own order, in batches of about ROWS clips."""
    items = max(1, ROWS // data[0].data.shape[0])
    steps = -(-len(data) // items)
    return Batches(data, lambda step: np.arange(step * items, min(len(data), (step + 1) * items)), steps)


@torch.inference_mode()
def predict(
    network: nn.Module, batches: Batches, modality: Modality, view: Any, device: torch.device, watch: Watch
) -> NDArray[np.float16]:
    """Log of the mean softmax over each item's clips.

    Returns:
        (items, classes) float16, in the split's order. Every metric is computed from exactly these numbers, so that
        stored predictions score the same again.

    Raises:
        Interrupted: ``watch`` asked to stop; evaluation starts again on the next call.
    """
    network.eval()
    rows: list[NDArray[np.float16]] = []
    for step in range(batches.steps):
        raw, _ = batches.at(step)
        logits = network(modality.prepare(raw.to(device, non_blocking=True), view)).float()
        rows.append(metrics.average_clips(logits.reshape(-1, batches.clips, logits.shape[-1]).cpu().numpy()))
        watch.step(step + 1, batches.steps, float("nan"))
        if watch.should_stop():
            raise Interrupted
    return np.concatenate(rows)
