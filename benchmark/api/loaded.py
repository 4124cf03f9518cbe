"""What a cell left on disk, read part by part when it is used."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from benchmark.planning.recorded import refuse_handed_in
from benchmark.records.store import Predictions
from benchmark.running.finished import load_student, load_teacher, segments_of
from benchmark.running.source import load_source
from benchmark.system.devices import device_kind
from modalities.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from torch import Tensor, nn

    from benchmark.api.results import RunRecord
    from benchmark.planning.cell import Cell
    from modalities.base import SegmentStream


class Loaded:
    """What a finished cell left. Each part is read once, when it is first used, and raises BadInput if it is not there.

    ``student`` and ``teacher`` need the data that the record names and ``segments`` the source as well, since a record
    holds neither; ``predictions`` and ``curve`` need nothing but the results folder.
    """

    def __init__(self, record: RunRecord, device: str) -> None:
        self.record, self._origin = record, record.origin
        kind = device_kind(device)
        self._device = torch.device(kind if device == "auto" else device)

    @cached_property
    def cell(self) -> Cell:
        """The cell, with its settings: ``cell.config.view``, ``cell.config.recipe`` …"""
        return self._origin.cell()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the logits."""
        return self.cell.adapter.info.classes

    @cached_property
    def student(self) -> nn.Module:
        """The trained student, in eval mode, from (B, *view.shape) to (B, classes) logits; of your own, a copy."""
        return load_student(self.cell, self._origin.store, self._device, copy.deepcopy(self._origin.student))

    @cached_property
    def teacher(self) -> nn.Module:
        """The teacher, in eval mode, from (B, *view.shape) to (B, classes) logits; of your own, itself."""
        own = self._origin.teacher
        return load_teacher(self.cell, self._origin.store, self._device) if own is None else own.to(self._device).eval()

    @cached_property
    def predictions(self) -> Predictions:
        """What the student predicts of the n real test items, in their order.

        ``item_ids`` and ``groups`` (leak units) are lists of n names, ``labels`` is (n,) int64, and ``logp`` is
        (n, classes) float16, natural logarithms of probabilities.
        """
        store, id = self._origin.store, self.record.id
        found = store.predictions(id)
        if found is None:
            raise BadInput(
                f"{store.cell(id)} has no predictions: they were left out of these results, or are lost; run the cell "
                "again in another folder."
            )
        return found

    @cached_property
    def curve(self) -> pd.DataFrame:
        """The student's training: ``step`` (done so far), ``learning_rate``, ``loss`` (mean since the row before)."""
        import pandas as pd

        store, id = self._origin.store, self.record.id
        refuse_handed_in(self.record)
        rows = store.curve(id)
        if not rows:
            raise BadInput(
                f"{store.cell(id)} has no curve: it was left out of these results, or is lost; run the cell again in "
                "another folder."
            )
        return pd.DataFrame(rows).astype({"step": "int64"})

    @cached_property
    def segments(self) -> SegmentStream:
        """The segments that the student saw: ``segments.batch(step)``, step from 0, is (recipe.batch, *view.shape).

        They are float32, normalised, before mixing.
        """
        source = load_source(self.cell, self._device)[0]
        return segments_of(self.cell, source, self.cell.config.recipe.batch, self._device)

    def pictures(self, inputs: Tensor) -> np.ndarray:
        """Return network inputs, (B, *view.shape), as people can look at them: (B, height, width, 3) uint8."""
        return self.cell.modality.pictures(inputs, self.cell.config.view)

    def __repr__(self) -> str:
        return f"<{self.record.id}: student, teacher, predictions, curve, segments, classes>"
