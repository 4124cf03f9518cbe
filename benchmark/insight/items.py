"""A cell's test items: what was predicted of them, as the store has it, and some of them as network inputs."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data.batches import Batches
from benchmark.records.store import TEACHER_PREDICTIONS
from benchmark.running.finished import FinishedCell
from modalities.base import Draws
from modalities.errors import BadInput


@dataclass(frozen=True)
class Predicted:
    """What student and teacher predicted of the n test items: log-probabilities (n, classes), float16."""

    ids: Sequence[str]
    labels: NDArray[np.int64]
    student: NDArray[np.float16]
    teacher: NDArray[np.float16]


def predicted_items(finished: FinishedCell) -> Predicted:
    """Read the predictions of a cell from its store. Raises BadInput if they are gone, damaged or of other items."""
    store, id = finished.store, finished.record.id
    kept = store.predictions(id)
    if kept is None:
        raise BadInput(f"{store.cell(id)} has no predictions; delete the folder and run the cell again.")
    path = store.teacher(finished.cell.teacher_key) / TEACHER_PREDICTIONS
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            teacher = np.asarray(arrays["logp"])
    except Exception as error:  # a damaged archive raises nearly anything
        raise BadInput(f"{path} cannot be read ({error}); delete its folder and run the cell again.") from error
    if teacher.shape != kept.logp.shape or not np.isfinite(teacher).all():
        raise BadInput(f"{path} holds predictions of other items; delete its folder and run the cell again.")
    return Predicted(kept.item_ids, kept.labels, kept.logp, teacher)


def some_items(items: int, most: int, seed: int = 0) -> NDArray[np.int64]:
    """Return which items to look at, in a random order that is the same every time: all, or ``most`` of them."""
    return Draws(seed, "insight/").permutation(0, "items", items)[:most]


def raw_batches(batches: Batches, chosen: NDArray[np.int64], size: int, device: torch.device) -> Iterator[Tensor]:
    """Yield raw items, (size, *raw), in minibatches of one size; the middle clip of an item that has several.

    What is left over at the end of ``chosen`` is not used.
    """
    steps = len(chosen) // size
    picked = Batches(batches.data, lambda step: chosen[step * size : (step + 1) * size], steps)
    for step in range(steps):
        raw = picked.batch(step, device)[0]
        yield raw[picked.clips // 2 :: picked.clips]
