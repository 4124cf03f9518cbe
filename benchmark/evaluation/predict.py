"""Run a network over labelled items: clips of an item averaged, one row of log-probabilities per item."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.data.batches import CPU, Batches
from benchmark.data.splits import Subset
from benchmark.evaluation import metrics
from benchmark.system.memory import is_out_of_memory, release_memory
from benchmark.system.ranks import SINGLE_PROCESS, Ranks, merge_shares, share
from benchmark.training.callbacks import Interrupted, ProgressCallback
from benchmark.training.precision import full_float32
from modalities.base import LabelledData

CPU_ROWS = 256  # clips per batch on CPUs
GPU_ROWS, GPU_BYTES = 2048, 64 * 1024**2  # maximum clips and raw bytes per batch on GPUs: chosen, never measured


def evaluation_batches(data: LabelledData, ranks: Ranks = SINGLE_PROCESS, device: torch.device = CPU) -> Batches:
    """Return a split in its own order, in batches that suit the device; several ranks get a share of them each."""
    first = data[0].data
    rows = CPU_ROWS if device.type == "cpu" else min(GPU_ROWS, GPU_BYTES // (first[0].numel() * first.element_size()))
    items = max(1, rows // len(first))
    starts = [items * batch for batch in share(-(-len(data) // items), ranks.rank, ranks.world_size)]
    if ranks.world_size > 1:  # so that items of other ranks are not decoded here
        mine = [np.arange(start, min(len(data), start + items)) for start in starts]
        data = Subset(data, np.concatenate([np.arange(0), *mine]))
    return Batches(data, lambda step: np.arange(step * items, min(len(data), (step + 1) * items)), len(starts))


class NotFinite(ValueError):
    """An output of the network is NaN or infinite, as after an update that was too large."""


@full_float32()
def predict(
    network: nn.Module,
    batches: Batches,
    prepare: Callable[[Tensor], Tensor],
    device: torch.device,
    callback: ProgressCallback,
    ranks: Ranks = SINGLE_PROCESS,
) -> NDArray[np.float16]:
    """Predict the log of the mean softmax over each item's clips.

    If memory runs out, half as many items at a time go through the network, down to one; only last bits change.
    ``prepare`` makes network inputs of raw items on the device (``Modality.prepare``).

    Returns:
        (items, classes) float16, in the split's order, the same on every rank.

    Raises:
        Interrupted: ``callback`` requested a stop, on any rank; the next call starts the evaluation again.
        NotFinite: an output is NaN or infinite.
    """
    network.eval()

    def predict_share() -> list[NDArray[np.float16]]:
        rows: list[NDArray[np.float16]] = []
        upcoming = (batches.batch(step, device)[0] for step in range(batches.steps))
        raw = next(upcoming, None)
        items = 0 if raw is None else len(raw) // batches.clips
        while raw is not None:
            logits, items = _forward_in_parts(lambda part: network(prepare(part)).float(), raw, batches.clips, items)
            raw = next(upcoming, None)  # while a GPU works on this batch, before waiting for its results
            clip_logits = logits.reshape(-1, batches.clips, logits.shape[-1]).cpu().numpy()
            if not np.isfinite(clip_logits).all():
                raise NotFinite("an output of the network is not finite")
            rows.append(metrics.average_clips(clip_logits))
            callback.step(len(rows), batches.steps, float("nan"))
            if callback.should_stop():
                raise Interrupted
        return rows

    return np.concatenate(merge_shares(ranks.gather(predict_share)))


def _forward_in_parts(forward: Callable[[Tensor], Tensor], raw: Tensor, clips: int, items: int) -> tuple[Tensor, int]:
    """Return the logits of a batch, computed ``items`` items at a time or fewer, and how many fitted into memory."""
    while True:
        try:
            with torch.inference_mode():
                parts = [forward(part) for part in torch.split(raw, items * clips)]
                return (parts[0] if len(parts) == 1 else torch.cat(parts)), items
        except Exception as error:
            if items == 1 or not is_out_of_memory(error):
                raise
        # Only after the except block is the error gone, and with it the tensors that its traceback held.
        items = -(-items // 2)
        release_memory()
