"""What records say of two rows: the difference of their accuracies, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.claims.questions import Question, Side
from benchmark.config.schema import PROTOTYPES
from benchmark.leaderboard.outcomes import row_outcomes
from benchmark.records.prototypes import STUDENT, read_recognised
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.statistics.paired import compare
from benchmark.statistics.two_way import Difference
from modalities.errors import BadInput

OF_PROTOTYPES = "the figures are shares of prototypes that the teacher recognises, not accuracies"


@dataclass(frozen=True)
class Measured:
    """The answer to a question."""

    seeds: str  # of both rows, such as 3, or 3 and 2; 2/3 if only two of three are done
    accuracies: tuple[float | None, float | None]
    difference: Difference | None = None
    note: str = ""  # why there is no difference, or a caveat
    no_data: bool = False  # a cell's data were not there


@dataclass(frozen=True)
class _Row:
    """A row's records, of those seeds that are done, and why a seed is not."""

    label: str
    records: tuple[Record, ...]
    seeds: str
    reason: str = ""
    no_data: bool = False

    @property
    def metric(self) -> str:
        return self.records[0].metric

    @property
    def accuracy(self) -> float | None:
        """The mean over the seeds that are done, by the metric of the target."""
        if not self.records:
            return None
        known = [record.score for record in self.records if record.score is not None]
        return sum(known) / len(known) if len(known) == len(self.records) else None

    @property
    def collapsed(self) -> bool:
        from benchmark.evaluation.metrics import is_collapsed

        counts = [(r.metrics.get("classes_predicted"), r.metrics.get("classes")) for r in self.records]
        return any(found is not None and known and is_collapsed(found, known) for found, known in counts)


def measure(question: Question) -> Measured:
    """Read the records and predictions of a question's rows. The difference is known if every seed requested is done.

    Both rows have to be complete, and scored by the same metric on the same test items.
    """
    store = question.store
    first, second = rows = [_row(store, side) for side in question.sides]
    of_prototypes = question.claim.figure == PROTOTYPES
    seeds = first.seeds if first.seeds == second.seeds else f"{first.seeds} and {second.seeds}"
    accuracies = (None, None) if of_prototypes else (first.accuracy, second.accuracy)
    reasons = [row.reason for row in rows if row.reason]
    if not reasons and first.records[0].row == second.records[0].row:
        reasons = ["both variants are the same cells here"]
    if not reasons and first.metric != second.metric:
        reasons = [f"{first.label} is scored by {first.metric} accuracy, {second.label} by {second.metric}"]
    if reasons:
        return Measured(seeds, accuracies, note="; ".join(reasons), no_data=any(row.no_data for row in rows))
    if of_prototypes:
        return _compare_prototypes(store, first, second, seeds)
    try:
        one, other = (row_outcomes(store, [record.id for record in row.records], metric=row.metric) for row in rows)
    except BadInput as error:
        return Measured(seeds, accuracies, note=_without_folder(store, error))
    if not one.same_items(other):
        return Measured(seeds, accuracies, note="the two are scored on different test items; run their cells again")
    remarks = [f"the student of {row.label} predicts too few classes" for row in rows if row.collapsed]
    remarks += ["one seed: for other test items only"] if min(len(row.records) for row in rows) == 1 else []
    return Measured(seeds, accuracies, compare(one.right, other.right, one.design), "; ".join(remarks))


def _compare_prototypes(store: Store, first: _Row, second: _Row, seeds: str) -> Measured:
    """Compare the shares of prototypes that the teacher recognises, those of ``second`` as controls of ``first``.

    For each seed, both networks climbed from the same beginnings in the spectrum of the first one's datum.
    """
    import numpy as np

    from benchmark.statistics.items import design_of

    controls = {record.seed: record.id for record in second.records}
    own, others, labels = [], [], []
    for record in first.records:
        try:
            found = read_recognised(store, record.id)
        except BadInput as error:
            return Measured(seeds, (None, None), note=_without_folder(store, error))
        if found is None:
            return Measured(seeds, (None, None), note=f"{first.label}, seed {record.seed}: no prototypes were made yet")
        name = next((name for name, id in found.cells.items() if id == controls.get(record.seed)), "")
        if name not in found.right:
            reason = f"its prototypes were not compared with those of {second.label}, seed {record.seed}"
            return Measured(seeds, (None, None), note=f"{first.label}, {reason}; make them again")
        own.append(found.right[STUDENT])
        others.append(found.right[name])
        labels.append(found.labels)
    if any(one != labels[0] for one in labels):
        return Measured(seeds, (None, None), note=f"{first.label}: its seeds have prototypes of different classes")
    one, other = np.array(own), np.array(others)
    remarks = [OF_PROTOTYPES] + (["one seed: for other beginnings only"] if len(own) == 1 else [])
    difference = compare(one, other, design_of(len(labels[0])))
    return Measured(seeds, (float(one.mean()), float(other.mean())), difference, "; ".join(remarks))


def _row(store: Store, side: Side) -> _Row:
    records, reasons, no_data = [], [], False
    for cell in side.cells:
        try:
            record = store.read(cell.id)
        except BadInput as error:
            reasons.append(f"seed {cell.seed}: {_without_folder(store, error)}")
            continue
        if record is not None and record.status == "done":
            records.append(record)
            continue
        no_data |= record is not None and record.status == "no data"
        status = "not run yet" if record is None else f"{record.status}: {record.reason.rstrip('.')}"
        reasons.append(f"seed {cell.seed}: {status}")
    seeds = f"{len(records)}/{len(side.cells)}" if reasons else f"{len(records)}"
    reason = f"{side.label}, {reasons[0]}" if reasons else ""
    if not side.cells:
        reason = f"{side.label} was not requested"
    return _Row(side.label, tuple(records), seeds, reason, no_data)


def _without_folder(store: Store, error: BadInput) -> str:
    return str(error).replace(str(store.cells), "cells").rstrip(".")
