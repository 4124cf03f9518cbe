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
from modalities.plugins.find import find


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
        return segments_of(self.cell, self.source(), batch, self.device, seed=seed)

    def test_items(self) -> Batches:
        """Return the target's test items, raw, in their own order; ``Modality.prepare`` makes inputs of them."""
        cell = self.cell
        ensure(cell.data, cell.adapter)
        data = cell.adapter.test(cell.data.root, cell.config.view, cell.key.fold)
        return evaluation_batches(data, device=self.device)


def segments_of(
    cell: Cell, source: Source, batch: int, device: torch.device, *, seed: int | None = None
) -> SegmentStream:
    """Return the stream of segments of a cell's datum, in batches of any size: of the cell's seed, or of another."""
    config = cell.config
    seed = cell.key.seed if seed is None else seed
    return cell.modality.stream(
        source, config.view, config.policy, batch_size=batch, seed=seed, device=device
    )  # fmt: skip


def load_student(cell: Cell, store: Store, device: torch.device, network: nn.Module | None = None) -> nn.Module:
    """Return a cell's trained student, in eval mode: a new network, or a caller's own ``network``, filled in place.

    Raises BadInput if the student is a caller's own and is not given, or if its weights are not there.
    """
    name, weights = cell.config.student.network, store.student_weights(cell.id)
    if network is None:
        _refuse_own(cell.id, "student", name)
    if not weights.is_file():
        raise BadInput(
            f"{weights} is not there: the weights of this student were left out of these results, or are lost; run the "
            "cell again in another folder."
        )
    if network is None:
        classes = len(cell.adapter.info.classes)
        network = make_network(cell.modality, name, cell.config.view, classes, "student", cell.key.seed, device)
    load_weights(network, weights)
    return network.to(device).eval()


def load_teacher(cell: Cell, store: Store, device: torch.device) -> nn.Module:
    """Return a cell's teacher, in eval mode. Raises BadInput if it is a caller's own, or is not there."""
    _refuse_own(cell.id, "teacher", cell.config.teacher.network)
    teacher = saved_teacher(cell, store, device)
    if teacher is None:
        raise BadInput(
            f"{store.teacher(cell.teacher_key)} holds no teacher: its weights were left out of these results, or are "
            "lost; run the cell again in another folder."
        )
    return teacher


def _refuse_own(id: str, role: str, name: str) -> None:
    """Refuse a caller's own module; an own function that makes networks is a plug-in of this process."""
    if name.startswith(OWN_NETWORK) and find("network", name) is None:
        raise BadInput(
            f"the {role} of {id} is a module of your own, which cannot be built by its name; pass it to benchmark.run "
            "again."
        )


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
        _refuse_own(record.id, role, network)
    cell = cell_of_record(record, root, source=source)
    return FinishedCell(
        cell, record, store, load_student(cell, store, device), load_teacher(cell, store, device), device
    )
