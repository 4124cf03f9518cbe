"""Two rows of one target, or all rows of two results folders: what changed, and whether the second is better."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from benchmark.leaderboard.formats import points
from benchmark.leaderboard.outcomes import row_outcomes
from benchmark.leaderboard.ranking import LEVEL
from benchmark.leaderboard.statement import stated
from benchmark.leaderboard.table import ROW_AXES
from benchmark.records.record import ManifestEntry, Record
from benchmark.records.settings import changes, flat, without_data
from benchmark.records.store import Store
from modalities.errors import BadInput

if TYPE_CHECKING:
    from benchmark.statistics.two_way import Difference

Verdict = Literal["better", "worse", "undecided", "not compared"]
Changes = dict[str, tuple[Any, Any]]

_OF_A_RUN = {"started", "ended"}  # what differs between any two runs
_SCORING = {"package", "version", "commit", "dirty"}  # what is known of the process that scored predictions
_NAMES = attrgetter(*(axis for axis in ROW_AXES if axis != "row"))


@dataclass(frozen=True)
class Side:
    """One or several seeds of a row, all of which are done; or of the rows that it has in several folds."""

    name: str  # of its cell, or its row
    store: Store
    records: tuple[Record, ...]

    @property
    def title(self) -> str:
        """Its name, its source and its seeds."""
        return f"{self.name}, {self.records[0].source['name']}, {self.seeds_shown}"

    @property
    def seeds_shown(self) -> str:
        """Its seeds, as text."""
        seeds = sorted({record.seed for record in self.records})
        return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"

    @property
    def place(self) -> str:
        """Its target and, unless it is the first one alone, its folds."""
        folds = sorted({record.fold for record in self.records})
        target = self.records[0].target
        if folds == [1]:
            return target
        return f"{target}, fold{'s' if len(folds) > 1 else ''} {', '.join(map(str, folds))}"

    def by_fold(self) -> list[list[Record]]:
        """Its records, fold by fold and in each seed by seed. Raises BadInput if a fold lacks a seed of another."""
        folds: dict[int, list[Record]] = {}
        for record in sorted(self.records, key=lambda record: (record.fold, record.seed)):
            folds.setdefault(record.fold, []).append(record)
        seeds = {fold: [record.seed for record in records] for fold, records in folds.items()}
        first = next(iter(seeds))
        for fold, own in seeds.items():
            if own != seeds[first]:
                raise BadInput(
                    f"{self.name} has seeds {own} in fold {fold} and {seeds[first]} in fold {first}; run the others too"
                )
        return list(folds.values())


@dataclass(frozen=True, repr=False)
class Comparison:
    """What changed from one side to another, and how much better the second one is."""

    place: str  # target and fold
    first: Side
    second: Side
    settings: Changes
    environment: Changes
    figures: Changes  # means over seeds
    changed_items: int | None = None  # that the two sides do not predict equally well
    items: int | None = None
    difference: Difference | None = None  # second minus first
    p: float | None = None  # adjusted for the number of comparisons (Holm)
    note: str = ""  # why there is no test, or what it leaves out

    @property
    def verdict(self) -> Verdict:
        """Whether the second side is better: at 5 %, by a paired test."""
        if self.difference is None or self.p is None:
            return "not compared"
        if self.p > LEVEL or not self.difference.value:
            return "undecided"
        return "better" if self.difference.value > 0 else "worse"

    def __repr__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        return f"A: {self.first.title}\nB: {self.second.title}\n{self.place}: {sentence(self)}{note}."


def compare_rows(first: Side, second: Side) -> Comparison:
    """Compare two sides on the same test items (``benchmark.statistics.paired.compare``).

    Items of several folds count as those of one test set, on which each seed has a student per fold. Raises BadInput if
    they are of two targets, or of other folds.
    """
    one, other = first.records[0], second.records[0]
    if first.place != second.place:
        raise BadInput(
            f"{first.name} is of {first.place} and {second.name} of {second.place}; compare rows of one target."
        )
    handed_in = one.is_handed_in or other.is_handed_in
    environments = [_environment(side.records, _SCORING if handed_in else None) for side in (first, second)]
    found = Comparison(
        first.place, first, second,
        settings=changes(*_settings(first, second, handed_in)),
        environment=changes(*environments),
        figures=_figures(first.records, second.records),
    )  # fmt: skip
    try:
        return _tested(found)
    except BadInput as error:
        return replace(found, note=str(error))


def _settings(first: Side, second: Side, handed_in: bool) -> list[dict[str, Any]]:
    """Return what tells two sides apart; of predictions handed in nothing is known but what was stated with them."""
    sides = [side.records[0] for side in (first, second)]
    own = [record.config if len(first.records) == len(second.records) == 1 else record.settings for record in sides]
    if handed_in:
        own = [
            {"source": record.source["name"], "handed_in": stated(record.handed_in) if record.is_handed_in else None}
            for record in sides
        ]
    return [{"profile": record.profile, **settings} for record, settings in zip(sides, own, strict=True)]


def _tested(found: Comparison) -> Comparison:
    from benchmark.statistics.paired import compare

    sides = (found.first, found.second)
    metrics = {record.metric for side in sides for record in side.records}
    if len(metrics) > 1:
        return replace(found, note="the two are scored by two metrics")
    metric = metrics.pop()
    before, after = (
        row_outcomes(side.store, *([record.id for record in fold] for fold in side.by_fold()), metric=metric)
        for side in sides
    )
    if not before.same_items(after):
        return replace(found, note="the two are scored on other test items")
    difference = compare(after.right, before.right, after.design)
    changed = int((before.right.mean(axis=0) != after.right.mean(axis=0)).sum())
    one_seed = min(len(before.right), len(after.right)) == 1
    note = "for other test items alone: with one seed on a side, how much seeds vary is not known" if one_seed else ""
    return replace(
        found, changed_items=changed, items=len(before.item_ids), difference=difference, p=difference.p, note=note
    )


def _environment(records: Sequence[Record], keys: Collection[str] | None = None) -> dict[str, Any]:
    """Return what processes ran in, by key, of ``keys`` if there are some; of several that differ, all values."""
    every = [
        {k: v for k, v in flat(record.provenance).items() if (k not in _OF_A_RUN if keys is None else k in keys)}
        for record in records
    ]
    found: dict[str, Any] = {}
    for key in dict.fromkeys(key for one in every for key in one):
        values = list(dict.fromkeys(one.get(key) for one in every))
        found[key] = values[0] if len(values) == 1 else sorted(map(str, values))
    return found


def _figures(first: Sequence[Record], second: Sequence[Record]) -> Changes:
    names = ("top1", "mean_per_class", "teacher_top1", "retention", "fidelity", "kl", "ece")
    found = {name: tuple(_mean(r.metrics.get(name) for r in side) for side in (first, second)) for name in names}
    for name in ("segments", "seconds"):
        values = [
            [None if r.is_handed_in else r.segments if name == "segments" else sum(r.seconds.values()) for r in side]
            for side in (first, second)
        ]
        found[name] = tuple(_mean(side) for side in values)
    return {name: (one, other) for name, (one, other) in found.items()}


def _mean(values: Iterable[float | None]) -> float | None:
    given = list(values)
    known = [value for value in given if value is not None]
    return fmean(known) if len(known) == len(given) else None


@dataclass(frozen=True)
class FolderComparison:
    """Rows of two folders that belong together, compared, and those that only one of them has."""

    pairs: list[Comparison]
    only_first: list[str]
    only_second: list[str]


def compare_folders(first: Path, second: Path) -> FolderComparison:
    """Compare the rows of two results folders, or of two folders of one profile each.

    Rows belong together if they are of the same settings, of which the seeds are compared that both have; and of those
    that are left, if they have the same names (target, source, policy, recipe, networks, profile, kind of data) and no
    other row that is left has. p-values are adjusted together (Holm). Raises BadInput if no row is in both.
    """
    from benchmark.statistics.multiple import holm

    one, other = _rows(first), _rows(second)
    partners = {key: key for key in one if key in other}
    rest, theirs = ([key for key in rows if key not in partners] for rows in (one, other))
    for key in rest:
        alike, same = ([k for k in keys if k[0] == key[0]] for keys in (rest, theirs))
        if len(alike) == len(same) == 1:
            partners[key] = same[0]
    if not partners:
        raise BadInput(f"{first} and {second} have no row in common; compare two of their cells.")
    pairs = [
        compare_rows(*_of_common_seeds(one[key], other[partner]) if key == partner else (one[key], other[partner]))
        for key, partner in sorted(partners.items())
    ]
    tested = [number for number, pair in enumerate(pairs) if pair.p is not None]
    adjusted = holm([pairs[number].p or 0.0 for number in tested])
    for number, p in zip(tested, adjusted, strict=True):
        pairs[number] = replace(pairs[number], p=float(p))
    return FolderComparison(
        pairs,
        sorted(_described(one[key]) for key in one if key not in partners),
        sorted(_described(other[key]) for key in other if key not in partners.values()),
    )


def _of_common_seeds(first: Side, second: Side) -> tuple[Side, Side]:
    """Return two sides of one row with the seeds that both have, which are the same cells; or with all."""
    common = {record.seed for record in first.records} & {record.seed for record in second.records}
    if not common:
        return first, second
    one, other = (
        replace(side, records=tuple(record for record in side.records if record.seed in common))
        for side in (first, second)
    )
    return one, other


def _described(side: Side) -> str:
    record = side.records[0]
    return f"{record.target}, {record.source['name']} ({side.name})"


def _rows(folder: Path) -> dict[tuple[Any, ...], Side]:
    """Return the rows of a folder that have results, by their names and settings."""
    stores = [Store(folder)] if (folder / "manifests").is_dir() else [Store(path) for path in sorted(folder.glob("*/"))]
    found: dict[tuple[Any, ...], Side] = {}
    for store in stores:
        entries: dict[tuple[Any, ...], list[ManifestEntry]] = {}
        for cell in store.requested_cells():
            entries.setdefault((_NAMES(cell), cell.row), []).append(cell)
        for key, cells in entries.items():
            records = [record for cell in cells if (record := store.read(cell.id)) and record.status == "done"]
            if records:
                found[key] = Side(f"row {key[1]}", store, tuple(sorted(records, key=lambda record: record.seed)))
    if not found:
        raise BadInput(f"{folder} holds no results of cells that are done; name a results folder.", about="results")
    return found


def sides_of(results: Path, names: Sequence[str]) -> list[Side]:
    """Return the rows or cells of these names: a row by its id, a cell by its id or a part of it."""
    from benchmark.records.find import find_records

    sides = []
    for name in names:
        store, records = find_records(results, name)
        done = [record for record in records if record.status == "done"]
        if not done:
            raise BadInput(f"{name} is not done ({records[0].status}: {records[0].reason}); run it to the end first.")
        sides.append(Side(f"row {name}" if len(records) > 1 or records[0].row == name else records[0].id, store,
                          tuple(done)))  # fmt: skip
    return sides


def in_all_folds(side: Side) -> Side:
    """Return a side with the rows that differ from it in the fold alone: those of its seeds that are done.

    Raises BadInput if there are none.
    """
    first, seeds = side.records[0], {record.seed for record in side.records}
    folds = {record.fold for record in side.records}
    cells = [cell for cell in side.store.requested_cells() if cell.target == first.target and cell.fold not in folds]
    every = [record for cell in cells if cell.seed in seeds and (record := side.store.read(cell.id))]
    own = but_fold(first.settings)
    others = [record for record in every if record.status == "done" and but_fold(record.settings) == own]
    if not others and len(folds) == 1:
        raise BadInput(f"{side.name} is done in one fold alone; run it in the others too, with folds=[1,2].")
    rows: dict[int, set[str]] = {}
    for record in others:
        rows.setdefault(record.fold, set()).add(record.row)
    if several := [fold for fold, found in rows.items() if len(found) > 1]:
        raise BadInput(
            f"{side.name} has several rows in fold {several[0]}, of other data: {', '.join(sorted(rows[several[0]]))}; "
            "take those that do not count out of the leaderboard (`benchmark forget`)."
        )
    found = [*side.records, *others]
    ordered = sorted(found, key=lambda record: (record.fold, record.seed))
    return replace(side, name=f"{side.name} in all folds", records=tuple(ordered))


def but_fold(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a row without its fold, and without the hash of its data, which every fold has its own."""
    return {key: value for key, value in without_data(settings).items() if key != "fold"}


def sentence(pair: Comparison) -> str:
    """Say how much better the second side, B, is than the first, A."""
    difference = pair.difference
    if difference is None or pair.p is None:
        return "B is not compared with A"
    verdict = {"better": "B is better", "worse": "B is worse"}.get(pair.verdict, "undecided")
    items = f"{pair.items or 0:,} test item{'' if pair.items == 1 else 's'}"
    return (
        f"B - A: {signed(difference.value)} points {interval_shown(difference)}, p {p_shown(pair.p)}: {verdict}; "
        f"the two differ on {pair.changed_items:,} of {items}"
    )


def signed(share: float) -> str:
    """Format a difference of shares in points of percent, with its sign."""
    return f"{'+' if share > 0 else ''}{_points(share)}"


def interval_shown(difference: Difference) -> str:
    """Format the 95 % interval of a difference of shares, in points of percent."""
    return f"[{_points(difference.low)}, {_points(difference.high)}]"


def p_shown(p: float) -> str:
    """Format a p-value."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _points(share: float) -> str:
    return points(round(share, 3) + 0.0)  # without a sign before 0.0


def as_json(found: Comparison) -> dict[str, Any]:
    """Return a comparison, JSON-ready; differences are fractions, second minus first."""
    difference = found.difference
    return {
        "target": found.place, "first": _side(found.first), "second": _side(found.second), "verdict": found.verdict,
        "difference": difference and difference.value, "low": difference and difference.low,
        "high": difference and difference.high, "p": difference and difference.p, "p_adjusted": found.p,
        "items": found.items, "changed_items": found.changed_items, "note": found.note,
        "settings": _as_lists(found.settings), "environment": _as_lists(found.environment),
        "figures": _as_lists(found.figures),
    }  # fmt: skip


def _side(side: Side) -> dict[str, Any]:
    return {"name": side.name, "folder": str(side.store.root), "cells": [record.id for record in side.records]}


def _as_lists(changed: Mapping[str, tuple[Any, Any]]) -> dict[str, list[Any]]:
    return {key: list(values) for key, values in changed.items()}
