"""One experiment: what a process needs to run it, and what has become of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from benchmark.config.schema import Config
from benchmark.data.locate import DataLocation
from benchmark.records.provenance import below_root
from benchmark.records.record import ManifestEntry, Record, Status
from benchmark.records.store import Store
from modalities.base import SourceRef
from modalities.errors import BadInput

State = Literal["done", "to run", "no data"]


@dataclass(frozen=True)
class Cell:
    """One experiment: everything a process needs to run it and nothing about how it went."""

    id: str
    row: str
    target: str
    modality: str
    fold: int
    seed: int
    source: SourceRef
    source_path: str  # the registered name or the file that the source is read from
    data: DataLocation
    config: Config
    resolved: dict[str, Any]  # the part of the configuration that the id covers
    teacher_key: str

    def manifest_entry(self) -> ManifestEntry:
        """The cell as a manifest lists it."""
        return ManifestEntry(
            id=self.id, row=self.row, modality=self.modality, target=self.target, fold=self.fold,
            source=self.source.name, policy=self.config.policy.name, recipe=self.config.recipe.name,
            teacher=self.config.teacher.network, student=self.config.student.network,
            profile=self.config.profile.name, data=self.data.kind, seed=self.seed, teacher_key=self.teacher_key,
        )  # fmt: skip

    def record(self, status: Status, reason: str = "", **found: Any) -> Record:
        """This cell's record: what was asked for, with ``found`` (fields of ``Record``) on top.

        The reason names the folder of the real datasets as ``ROOT``.
        """
        config = self.config
        if self.data.kind == "real":
            reason = below_root(reason, self.data.root)
        fields: dict[str, Any] = {
            "source": {"name": self.source.name, "sha256": self.source.sha256, "description": self.source.description},
            "policy": config.policy.name, "recipe": config.recipe.name,
            "teacher": config.teacher.network, "student": config.student.network, "profile": config.profile.name,
            "data": self.data.kind, "data_fingerprint": self.data.fingerprint, "config": self.resolved,
            "teacher_key": self.teacher_key,
        }  # fmt: skip
        return Record(
            id=self.id, row=self.row, target=self.target, modality=self.modality, fold=self.fold, seed=self.seed,
            status=status, reason=reason, **(fields | found),
        )  # fmt: skip


def state_of(cell: Cell, store: Store) -> tuple[State, str]:
    """What would happen to a cell now, and why."""
    try:
        record = store.read(cell.id)
    except BadInput as error:
        return "to run", str(error)
    if record is not None and record.status == "done":
        return "done", ""
    if not cell.data.ready:
        return "no data", cell.data.instructions
    if record is not None:
        return "to run", f"{record.status} before: {record.reason}"
    return "to run", ""


def describe(cell: Cell) -> str:
    """A cell in a few words, for progress lines."""
    fold = f" fold {cell.fold}" if cell.fold != 1 else ""
    return f"{cell.target}{fold} · {cell.source.name} · seed {cell.seed}"
