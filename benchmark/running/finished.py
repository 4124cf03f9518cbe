"""What a finished cell left: its networks, its segments and its test items, ready to be used again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from benchmark.data.batches import Batches
from benchmark.data.locate import ensure
from benchmark.evaluation.predict import evaluation_batches
from benchmark.planning.cell import Cell
from benchmark.planning.recorded import cell_of_record
from benchmark.records.find import find_cell
from benchmark.records.record import OWN_NETWORK, Record
from benchmark.records.store import Store
from benchmark.running.networks import load_weights, make_network
from benchmark.running.screening import saved_teacher
from benchmark.running.source import load_source
from modalities.base import SegmentStream, Source
from modalities.errors import BadInput


@dataclass(frozen=True)
class FinishedCell:
    """A cell that is done, with its networks on a device, in eval mode."""

    cell: Cell
    record: Record
    store: Store
    student: nn.Module  # (B, *view.shape) to (B, classes) logits
    teacher: nn.Module
    device: torch.device

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the logits."""
        return self.cell.adapter.info.classes

    def new_student(self, seed: int) -> nn.Module:
        """Return an untrained network of the student's architecture, in eval mode."""
        name, view = self.cell.config.student.network, self.cell.config.view
        classes = len(self.classes)
        return make_network(self.cell.modality, name, view, classes, "student", seed, self.device).eval()

    def source(self) -> Source:
        """Decode the one datum onto the device."""
        return load_source(self.cell, self.device)[0]

    def segments(self, batch: int, *, seed: int | None = None) -> SegmentStream:
        """Return the stream of segments that the student saw, in batches of another size, or those of another seed."""
        config = self.cell.config
        return self.cell.modality.stream(
            self.source(), config.view, config.policy, batch_size=batch,
            seed=self.cell.key.seed if seed is None else seed, device=self.device,
        )  # fmt: skip

    def test_items(self) -> Batches:
        """Return the target's test items, raw, in their own order; ``Modality.prepare`` makes inputs of them."""
        cell = self.cell
        ensure(cell.data, cell.adapter)
        data = cell.adapter.test(cell.data.root, cell.config.view, cell.key.fold)
        return evaluation_batches(data, device=self.device)


def load_finished(results: Path, name: str, root: Path, device: torch.device, *, source: str = "") -> FinishedCell:
    """Load a cell that is done, by its id or a part of it (``find_cell``).

    Args:
        root: folder of the real datasets.
        source: path of the source's file; a named source needs none.

    Raises BadInput if the cell is not done or has a caller's own network, or if its files, data or source are not
    there or have changed.
    """
    store, record = find_cell(results, name)
    if record.status != "done":
        raise BadInput(f"the cell {record.id} is not done ({record.status}: {record.reason}); run it again.")
    for role, network in (("student", record.student), ("teacher", record.teacher)):
        if network.startswith(OWN_NETWORK):
            raise BadInput(f"the {role} of {record.id} is a module of your own, which cannot be built by its name.")
    cell = cell_of_record(record, root, source=source)
    view, classes = cell.config.view, len(cell.adapter.info.classes)
    weights = store.student_weights(record.id)
    if not weights.is_file():
        raise BadInput(
            f"{weights} is not there, so the student is lost; delete {weights.parent} and run the cell again."
        )
    student = make_network(cell.modality, cell.config.student.network, view, classes, "student", record.seed, device)
    load_weights(student, weights)
    teacher = saved_teacher(cell, store, device)
    if teacher is None:
        raise BadInput(f"{store.teacher(cell.teacher_key)} holds no teacher; run the cell again in another folder.")
    return FinishedCell(cell, record, store, student.eval(), teacher, device)
