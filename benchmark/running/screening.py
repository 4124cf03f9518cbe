"""Sources judged by a saved teacher alone: what it makes of their segments, in seconds and without a student."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from benchmark.evaluation.teacher_only import teacher_only
from benchmark.planning.cell import Cell
from benchmark.records.store import Store
from benchmark.running.networks import make_network
from benchmark.running.source import load_source
from benchmark.running.teacher import saved_network

SEGMENTS, BATCH = 512, 64


def saved_teacher(cell: Cell, store: Store, device: torch.device) -> nn.Module | None:
    """Return a cell's teacher on the device, ready to predict; None if the store has none that is whole."""
    name, view, classes = cell.config.teacher.network, cell.config.view, len(cell.adapter.info.classes)

    def new_network() -> nn.Module:
        return make_network(cell.modality, name, view, classes, "teacher", 0, device)

    saved = saved_network(store.teacher(cell.teacher_key), new_network)
    return None if saved is None else saved[0].eval()


@torch.inference_mode()
def screen(cell: Cell, source: str, teacher: nn.Module, device: torch.device) -> dict[str, float]:
    """Return the figures of ``teacher_only`` for the first segments that the cell's policy cuts from a source.

    Raises BadInput if the source cannot be used.
    """
    view = cell.config.view
    own = source == cell.source_path
    datum = load_source(cell, device)[0] if own else cell.modality.load_source(source, view, device)
    stream = cell.modality.stream(datum, view, cell.config.policy, batch_size=BATCH, seed=cell.key.seed, device=device)
    logits = (teacher(stream.batch(step)) for step in range(SEGMENTS // BATCH))
    return teacher_only(np.concatenate([batch.float().softmax(1).cpu().numpy() for batch in logits]))
