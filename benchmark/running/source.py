"""The source of a cell, decoded: the single datum, or the control over real training items."""

from __future__ import annotations

import torch

from benchmark.planning.cell import Cell
from benchmark.running.networks import changed_since
from modalities.base import Source


def load_source(cell: Cell, device: torch.device) -> tuple[Source, list[str]]:
    """Return a cell's source on the device, and what a record is to say of it.

    Raises BadInput if it cannot be used, or if its file has changed since the cell was planned.
    """
    if cell.items is not None:
        return cell.items.load(cell.items_adapter, cell.modality, cell.config.view, device)
    source = cell.modality.load_source(cell.source_path, cell.config.view, device)
    if source.ref.sha256 != cell.source.sha256:
        raise changed_since(cell.source_path)
    return source, []
