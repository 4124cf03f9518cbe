"""What exported models compute on test items, how that differs from torch's logits, and how long an item takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data.batches import Batches
from benchmark.evaluation import metrics
from benchmark.statistics.paired import paired_shares_interval
from benchmark.system.threads import torch_threads
from benchmark.training.precision import full_float32
from modalities.errors import BadInput

Forward = Callable[[Tensor], Tensor]  # (B, *shape) float32 → (B, classes) logits
Logits = NDArray[np.float32]  # (items, clips, classes)
TOLERANCE = 1e-3  # of the largest logit: how far rounding may lead apart; it measures about 1e-6
ROUNDS = 50


@full_float32()
def logits_of_items(forwards: Mapping[str, Forward], items: Batches, prepare: Forward) -> dict[str, Logits]:
    """Return the logits that each network computes of all items, which are decoded once for all of them."""
    found: dict[str, list[Logits]] = {name: [] for name in forwards}
    for step in range(items.steps):
        raw, _ = items.batch(step)
        with torch.inference_mode():
            inputs = prepare(raw)
            for name, forward in forwards.items():
                logits = forward(inputs).float().numpy()
                found[name].append(logits.reshape(-1, items.clips, logits.shape[-1]))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def check_same(found: Logits, torchs: Logits) -> None:
    """Raise BadInput if logits of an ONNX model are not torch's but for rounding (``TOLERANCE``), or not finite.

    The two then predict different classes only of items whose best two are as close as that.
    """
    difference = largest_difference(found, torchs)
    if not difference <= TOLERANCE * max(1.0, float(np.abs(torchs).max())):  # NaN is not either
        raise BadInput(
            f"the ONNX model computes other logits than torch does, by up to {difference:.3g} on {len(torchs):,} test "
            "items, so nothing was written; install other versions of onnx, onnxscript and onnxruntime, or export "
            "safetensors alone."
        )


def largest_difference(one: Logits, other: Logits) -> float:
    """Return the largest absolute difference of two logits."""
    return float(np.abs(one - other).max())


def compared(found: Logits, torchs: Logits, labels: NDArray[np.int64]) -> dict[str, Any]:
    """Return the figures of a model's logits, JSON-ready, beside torch's on the same items.

    ``gain`` is its top-1 minus torch's, with its 95 % interval for paired items (``paired_shares_interval``).
    ``agreement`` is the share of items on which both predict the same class, and ``largest_difference`` is of logits.
    """
    logp, reference = metrics.average_clips(found), metrics.average_clips(torchs)
    right, was_right = metrics.predicted(logp) == labels, metrics.predicted(reference) == labels
    kinds = (right & was_right, right & ~was_right, ~right & was_right, ~right & ~was_right)
    low, high = paired_shares_interval(*(int(kind.sum()) for kind in kinds))
    return {
        "top1": metrics.top1(logp, labels),
        "mean_per_class": metrics.mean_per_class(logp, labels),
        "gain": float(right.mean() - was_right.mean()),
        "gain_low": low,
        "gain_high": high,
        "agreement": metrics.fidelity(logp, reference),
        "largest_difference": largest_difference(found, torchs),
    }


def latencies(forwards: Mapping[str, Forward], inputs: Tensor) -> dict[str, float]:
    """Return the seconds that one item takes each network on one thread: medians of ``ROUNDS`` alternating rounds.

    It is the CPU time of the process, so that other work on the machine matters less. The networks must use one thread.

    Args:
        inputs: those of one item, (clips, *shape) float32.
    """
    taken: dict[str, list[float]] = {name: [] for name in forwards}
    with torch_threads(1), torch.inference_mode():
        for forward in forwards.values():
            forward(inputs)  # which loads
        for _ in range(ROUNDS):
            for name, forward in forwards.items():
                began = time.process_time()
                forward(inputs)
                taken[name].append(time.process_time() - began)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}
