"""What a report shows: rows of the leaderboard with their cells, records and curves, suites, and claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.claims.collect import Tested, judged_claims
from benchmark.leaderboard.documents import records_of
from benchmark.leaderboard.formats import blocks_of, document, labels, shown_columns
from benchmark.leaderboard.selection import WHOLE_LEADERBOARD, Selection, chosen_rows
from benchmark.leaderboard.table import leaderboard
from benchmark.planning.select import CONTROLS
from benchmark.records.record import Manifest, ManifestEntry, Record
from benchmark.records.store import NAMED, Store
from modalities.base import Published
from modalities.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]


@dataclass(frozen=True)
class FoundCell:
    """A cell that was requested: its record, its curve, and why it has no result, if it has none."""

    entry: ManifestEntry
    record: Record | None
    problem: str
    curve: list[dict[str, float]]

    @property
    def is_done(self) -> bool:
        return self.record is not None and not self.problem


@dataclass(frozen=True)
class ReportRow:
    """A row of the leaderboard, with what a report says of it besides."""

    row: Row
    target: str  # with the fold, if that is not the only one
    source: str  # with what else tells the row from others
    texts: list[str]  # of each column of the leaderboard
    cells: list[FoundCell]  # one for each seed

    @property
    def id(self) -> str:
        return str(self.row["row"])

    @property
    def is_noise(self) -> bool:
        """Whether the row is a control: its datum has nothing to see or hear in it."""
        return not self.is_handed_in and str(self.row["source"]).partition(":")[0] in CONTROLS

    @property
    def is_handed_in(self) -> bool:
        """Whether others made its predictions outside this package."""
        return bool(self.row["handed_in"])

    @property
    def example(self) -> Record | None:
        """The record of the first seed that is done, or else of the first that has one."""
        known = [cell for cell in self.cells if cell.record]
        return next((cell.record for cell in known if cell.is_done), known[0].record if known else None)


@dataclass(frozen=True)
class Block:
    """Rows that belong into one table (``formats.blocks_of``)."""

    title: str
    data: str
    modality: str
    caveats: list[str]
    rows: list[ReportRow]
    remarks: list[str]
    methods: Mapping[str, Any] | None
    references: list[Mapping[str, Any]]  # tables of what others published (``leaderboard.references``)


@dataclass(frozen=True)
class Ablation:
    """The variants that a suite ran on one target, in the suite's order."""

    suite: str
    axis: str
    target: str
    data: str
    modality: str
    rows: list[tuple[str, ReportRow]]  # by the variant's label


@dataclass(frozen=True)
class Findings:
    """All that a report shows of one profile."""

    profile: str
    title: str
    caveats: list[str]
    columns: dict[str, str]  # of the leaderboard, with their heads
    legend: str
    frame: pd.DataFrame
    blocks: list[Block]
    ablations: list[Ablation]
    claims: list[Tested]
    without_claims: str  # why there are none
    records: dict[str, Record]  # by cell

    @property
    def rows(self) -> list[ReportRow]:
        return [row for block in self.blocks for row in block.rows]


def findings(results: Path, profile: str, published: Mapping[str, Sequence[Published]] | None = None) -> Findings:
    """Read all records of a profile. Raises BadInput if there are none, or if a manifest is damaged."""
    store = Store(results / profile)
    frame = leaderboard(store, published)
    said = document(frame, WHOLE_LEADERBOARD)
    by_row: dict[str, list[FoundCell]] = {}
    for entry in store.requested_cells():
        by_row.setdefault(entry.row, []).append(_found(store, entry))
    blocks = []
    every: list[Row] = records_of(frame)
    for (_, title, rows), block in zip(blocks_of(every), said["blocks"], strict=True):
        found = [
            ReportRow(row, target, source, texts, sorted(by_row[row["row"]], key=lambda cell: cell.entry.seed))
            for row, (target, source), texts in zip(rows, labels(rows), block["rows"], strict=True)
        ]
        first = rows[0]
        blocks.append(
            Block(title, first["data"], first["modality"], block["caveats"], found,
                  block["remarks"], block["methods"], block["references"])
        )  # fmt: skip
    claims, without = _claims(results, profile)
    records = {cell.entry.id: cell.record for cells in by_row.values() for cell in cells if cell.record is not None}
    return Findings(
        profile, said["title"], said["caveats"], dict(zip(shown_columns(every), said["header"], strict=True)),
        said["legend"], frame, blocks,
        _ablations(list(store.manifest_files().values()), blocks), claims, without, records,
    )  # fmt: skip


def part(found: Findings, selection: Selection) -> Findings:
    """Return findings about the rows that are selected alone: figures, ranks and verdicts stay what they are.

    Raises BadInput for a name that no row has, or if no row is left.
    """
    if not selection.chooses_rows:
        return found
    rows = found.rows
    chosen = chosen_rows([row.row for row in rows], selection)
    kept = {row.id for row, is_chosen in zip(rows, chosen, strict=True) if is_chosen}
    targets = {row.row["target"] for row in rows if row.id in kept}
    blocks = [replace(block, rows=[row for row in block.rows if row.id in kept]) for block in found.blocks]
    ablations = [
        replace(one, rows=[(label, row) for label, row in one.rows if row.id in kept]) for one in found.ablations
    ]
    return replace(
        found,
        blocks=[block for block in blocks if block.rows],
        ablations=[one for one in ablations if one.rows],
        claims=[one for one in found.claims if one[0].target.partition(",")[0] in targets],
    )


def _found(store: Store, entry: ManifestEntry) -> FoundCell:
    try:
        record = store.read(entry.id)
    except BadInput as error:
        return FoundCell(entry, None, _without_folder(store, error), [])
    if record is None:
        return FoundCell(entry, None, "not run yet", [])
    problem = "" if record.status == "done" else f"{record.status}: {record.reason}"
    try:
        return FoundCell(entry, record, problem, store.curve(entry.id))
    except BadInput:  # a page without this curve is better than none
        return FoundCell(entry, record, problem, [])


def _without_folder(store: Store, error: BadInput) -> str:
    return str(error).replace(str(store.cells), "cells")


def _claims(results: Path, profile: str) -> tuple[list[Tested], str]:
    try:
        return judged_claims(results, profile), ""
    except BadInput as error:
        if error.about != "results":
            raise
        return [], "No suite with claims was run in this profile."


def _ablations(manifests: Sequence[Manifest], blocks: Sequence[Block]) -> list[Ablation]:
    """Return the variants of every suite that varies something, target by target; the same ones of two runs once."""
    found: dict[tuple[Any, ...], Ablation] = {}
    for manifest in manifests:
        if manifest.axis in ("", NAMED):
            continue
        by_place: dict[tuple[str, str, str], list[tuple[str, ReportRow]]] = {}
        for label, ids in manifest.variants.items():
            for row in (row for block in blocks for row in block.rows if row.id in ids):
                place = row.row["data"], row.row["modality"], row.target
                by_place.setdefault(place, []).append((label, row))
        for (data, modality, target), rows in by_place.items():
            made_of = (manifest.suite, target, *((label, row.id) for label, row in rows))
            found.setdefault(made_of, Ablation(manifest.suite, manifest.axis, target, data, modality, rows))
    return list(found.values())
