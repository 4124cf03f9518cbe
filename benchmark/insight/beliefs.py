"""What a teacher believes about the segments that its student was shown, in the beginning, the middle and the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.evaluation.teacher_only import GROUP, teacher_only
from benchmark.training.precision import full_float32
from modalities.base import SegmentStream

STEPS, EVERY = 100, 10  # steps of training in a window, and which of them are looked at
BINS = 20  # of the histogram of entropies


def windows(steps: int) -> dict[str, range]:
    """Return the first, the middle and the last STEPS steps of a training; all of them, if it has no more."""
    if steps <= STEPS:
        return {"all": range(steps)}
    middle = (steps - STEPS) // 2
    starts = {"first": 0, "middle": middle, "last": steps - STEPS}
    return {f"{name} {STEPS}": range(start, start + STEPS) for name, start in starts.items()}


def segments_of(stream: SegmentStream, window: range, most: int) -> Iterator[Tensor]:
    """Yield about ``most`` segments of a window: the first ones of every EVERY-th step, as many of each."""
    steps = window[::EVERY]
    for step in steps:
        yield stream.batch(step)[: -(-most // len(steps))]


@full_float32()
@torch.inference_mode()
def probabilities(network: nn.Module, inputs: Iterator[Tensor]) -> NDArray[np.float64]:
    """Return a network's probabilities, (n, classes), of network inputs that come in batches."""
    return np.concatenate([network(batch).float().softmax(1).double().cpu().numpy() for batch in inputs])


def beliefs(believed: NDArray[np.float64]) -> dict[str, Any]:
    """Return figures of a teacher's probabilities of segments, (n, classes), JSON-ready.

    ``mean`` is the mean probability of each class, ``share`` the share of segments of which it is the most probable,
    and ``entropy`` a histogram of the entropies of single segments in equal parts from 0 to log2(classes) bits. The
    figures of ``teacher_only`` are there if the segments suffice for them.
    """
    count, classes = believed.shape
    logs = np.log2(believed, where=believed > 0, out=np.zeros_like(believed))
    entropy = -(believed * logs).sum(axis=1)
    histogram = np.histogram(entropy, bins=BINS, range=(0, max(np.log2(classes), 1e-9)))[0]
    return {
        "segments": count,
        "mean": believed.mean(axis=0).tolist(),
        "share": (np.bincount(believed.argmax(axis=1), minlength=classes) / count).tolist(),
        "entropy": histogram.tolist(),
        "mean_entropy": float(entropy.mean()),
        "most_entropy": float(np.log2(classes)),
        **(teacher_only(believed) if count >= 2 * GROUP else {}),
    }
