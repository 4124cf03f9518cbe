"""One experiment: what a process needs to run it, and its state."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.config.published import deviations
from benchmark.config.schema import ACCURACY, Claim, Config, Suite, Teacher
from benchmark.data.locate import DataLocation
from benchmark.data.training_items import TrainingItems
from benchmark.records.cell_key import CellKey
from benchmark.records.provenance import below_root
from benchmark.records.record import ManifestEntry, Record, Status
from benchmark.records.settings import differences, tell_apart
from benchmark.records.store import NAMED, Store
from modalities import registry
from modalities.base import Modality, SourceRef, TargetAdapter
from modalities.errors import BadInput
from modalities.storage.paths import usual_data_root

State = Literal["done", "to run", "no data"]


@dataclass(frozen=True)
class Cell:
    """One experiment: everything a process needs to run it and nothing about its outcome."""

    id: str
    row: str
    key: CellKey
    source: SourceRef
    source_path: str  # a registered name, or the file that the source is read from
    data: DataLocation
    config: Config
    identity: dict[str, Any]  # everything that changes the numbers; the id is its hash
    teacher_key: str
    variants: tuple[str, ...] = ()  # labels, of the suite that it was planned for or the user's; no part of what it is
    items: TrainingItems | None = None  # the source, if it is the control over real training items

    @property
    def adapter(self) -> TargetAdapter:
        """The target's adapter; a process that was sent this cell asks here, not the registry."""
        return registry.target(self.key.target)

    @property
    def items_adapter(self) -> TargetAdapter:
        """The adapter of the target whose training items are the source, or of the cell's own."""
        return registry.target(self.items.target if self.items else self.key.target)

    @property
    def missing(self) -> str:
        """How to get the data that are not there, the target's or those of the source; empty if all are."""
        needed = [self.data, *([self.items.data] if self.items else [])]
        return next((data.instructions for data in needed if not data.ready), "")

    @property
    def modality(self) -> Modality:
        """The target's modality."""
        return registry.modality(self.key.modality)

    def manifest_entry(self) -> ManifestEntry:
        """Return the cell as a manifest lists it."""
        return ManifestEntry(id=self.id, row=self.row, teacher_key=self.teacher_key, **asdict(self.key))

    @property
    def settings(self) -> dict[str, Any]:
        """What the cells of this one's row have in common: everything that its id covers, except the seed."""
        return {key: value for key, value in self.identity.items() if key != "seed"}

    def record(self, status: Status, reason: str = "", **results: Any) -> Record:
        """Return this cell's record: its settings and ``results``; the reason has the data's folder as ``ROOT``.

        ``deviations`` among the results follow those that its settings are.
        """
        if self.data.kind == "real":
            reason = below_root(reason, self.data.root)
        settings: dict[str, Any] = {
            **asdict(self.key),
            "source": {"name": self.source.name, "sha256": self.source.sha256, "description": self.source.description},
            "data_fingerprint": self.data.fingerprint,
            "config": self.identity,
            "teacher_key": self.teacher_key,
        }
        known = deviations(self.config, self.adapter.info, self.modality, self.source)
        known += lowered_guard(self.config.teacher.times_chance)
        results["deviations"] = [*known, *results.get("deviations", [])]
        return Record(id=self.id, row=self.row, status=status, reason=reason, **(settings | results))


def lowered_guard(times_chance: float) -> list[str]:
    """Return, for a record, that poorer teachers than usual are accepted, if they are."""
    usual = Teacher().times_chance
    if times_chance >= usual:
        return []
    return [f"teacher.times_chance is {times_chance:g} instead of {usual:g}, so a poorer teacher is accepted"]


def accepted_guard(deviations: Sequence[str]) -> float | None:
    """Return the multiple of chance below which a record's teacher would have been refused, if ``lowered_guard`` says.

    None if it was the usual one.
    """
    found = (re.match(r"teacher\.times_chance is (\S+) instead of ", text) for text in deviations)
    return next((float(match[1]) for match in found if match), None)


def state_of(cell: Cell, store: Store) -> tuple[State, str]:
    """Return what a run would do with a cell now, and why."""
    try:
        record = store.read(cell.id)
    except BadInput as error:
        return "to run", str(error)
    if record is not None and record.status == "done":
        return "done", ""
    if cell.missing:
        return "no data", cell.missing
    if record is not None:
        return "to run", f"{record.status} before: {record.reason}"
    return "to run", ""


def describe(cell: Cell, differs: str = "") -> str:
    """Return a cell in a few words, for progress lines; ``differs`` tells it from others with the same words."""
    fold = f" fold {cell.key.fold}" if cell.key.fold != 1 else ""
    also = f" ({differs})" if differs else ""
    return f"{cell.key.target}{fold} · {cell.source.name}{also} · seed {cell.key.seed}"


def told_apart(cells: Sequence[Cell]) -> dict[str, str]:
    """Return by id how each cell differs from others with the same description; empty if there are none.

    The labels of a suite's variants say it, if they tell all of them apart, or else the settings that differ.
    """
    alike: dict[str, list[Cell]] = {}
    for cell in cells:
        alike.setdefault(describe(cell), []).append(cell)
    texts = dict.fromkeys((cell.id for cell in cells), "")
    for some in alike.values():
        if len(some) > 1:
            labels = ["; ".join(cell.variants) for cell in some]
            found = labels if tell_apart(labels) else differences([cell.settings for cell in some])
            texts |= zip((cell.id for cell in some), found, strict=True)
    return texts


def describe_all(cells: Sequence[Cell]) -> dict[str, str]:
    """Return by id what ``describe`` says of each of some cells, no two of which are described alike."""
    differing = told_apart(cells)
    return {cell.id: describe(cell, differing[cell.id]) for cell in cells}


def _claim_entry(claim: Claim) -> dict[str, Any]:
    """Return a claim as a manifest lists it: without the figure if it is the accuracy, as in earlier manifests."""
    entry = asdict(claim)
    return entry if claim.figure != ACCURACY else {key: value for key, value in entry.items() if key != "figure"}


def unused_data(cells: Sequence[Cell], root: Path) -> str:
    """Return a sentence on data that somebody gave and no cell reads, because of stand-ins; empty if there are none.

    ``root`` is the folder of the real datasets; the usual one was not given by anybody.
    """
    targets = list(dict.fromkeys(cell.key.target for cell in cells if cell.data.kind == "stand-in"))
    if not targets or root == usual_data_root():
        return ""
    named = ", ".join(targets[:4]) + (" …" if len(targets) > 4 else "")
    profile = cells[0].key.profile
    return (
        f"the profile {profile} runs {named} on generated stand-ins, so the data in {root} are not read; the profile "
        "small reads them."
    )


def write_manifest(store: Store, suite: Suite, selection: Mapping[str, Any], cells: Sequence[Cell]) -> None:
    """Record that a run requests these cells of a suite; ``selection`` as for ``Store.write_manifest``."""
    entries = [cell.manifest_entry() for cell in cells]
    names = [] if suite.variants else list(dict.fromkeys(label for cell in cells for label in cell.variants))
    settings = {cell.row: cell.settings for cell in cells}
    variants = {
        label: sorted({cell.row for cell in cells if label in cell.variants}) for label in (*suite.variants, *names)
    }
    claims = [_claim_entry(claim) for claim in suite.claims]
    store.write_manifest(
        suite.name, selection, entries, settings, axis=NAMED if names else suite.axis, variants=variants, claims=claims
    )  # fmt: skip
