"""From a results folder to claims with verdicts: which rows a claim compares, and what their records say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from benchmark.claims.judge import Judgement, Prediction, judge
from benchmark.config.schema import Claim
from benchmark.leaderboard.outcomes import row_outcomes
from benchmark.records.record import Manifest, ManifestEntry, Record
from benchmark.records.store import Store
from benchmark.statistics.two_way import Difference, two_way_difference
from modalities.errors import BadInput


@dataclass(frozen=True)
class Comparison:
    """A claim on one target: what was predicted, and what was measured."""

    suite: str
    profile: str
    data: str  # real, shipped or stand-in
    target: str  # with its fold, if it is not the first
    settings: str  # what was typed for this run, which all of its cells share
    claim: Claim
    seeds: str  # of both rows, such as 3, or 3 and 2
    accuracies: tuple[float | None, float | None]
    difference: Difference | None
    note: str  # why there is none, or what to mind about it

    @property
    def family(self) -> tuple[str, str, str]:
        """Which claims are adjusted together."""
        return self.suite, self.profile, self.data


Tested = tuple[Comparison, Judgement]


def judged_claims(store: Store, suites: Iterable[str] = ()) -> list[Tested]:
    """Return every claim of a results folder on every target that its suite has run, judged.

    ``suites`` names those that count; none: all. All claims of one suite on one kind of data are a family. Raises
    BadInput if there are no claims, or if a manifest is damaged.
    """
    wanted = set(suites)
    manifests = [found for found in store.manifest_files().values() if found.claims]
    if unknown := wanted - {found.suite for found in manifests}:
        known = ", ".join(sorted({found.suite for found in manifests})) or "none"
        raise BadInput(
            f"{store.root} holds no results of a suite {', '.join(sorted(unknown))} with claims; it has: {known}.",
            about="results",
        )
    manifests = [found for found in manifests if not wanted or found.suite in wanted]
    if not manifests:
        raise BadInput(f"{store.root} holds no claims; run a suite that makes some, such as `claims`.", about="results")
    families: dict[tuple[str, str, str], list[Comparison]] = {}
    for manifest in manifests:
        for comparison in _comparisons(store, manifest):
            families.setdefault(comparison.family, []).append(comparison)
    found: list[Tested] = []
    for _, members in sorted(families.items()):
        members = _with_changed_noted(members)
        predictions = [Prediction(member.claim.at_least, member.claim.at_most_worse) for member in members]
        found += zip(members, judge(predictions, [member.difference for member in members]), strict=True)
    return found


def _with_changed_noted(members: list[Comparison]) -> list[Comparison]:
    """Say of a claim if the suite said something else under its name in another run: each was judged as it was then."""
    versions: dict[str, list[Claim]] = {}
    for member in members:
        known = versions.setdefault(member.claim.name, [])
        if member.claim not in known:
            known.append(member.claim)
    changed = "the claim was another one in another run"
    return [
        replace(member, note="; ".join(filter(None, (member.note, changed)))) if len(versions[member.claim.name]) > 1
        else member
        for member in members
    ]  # fmt: skip


def _comparisons(store: Store, manifest: Manifest) -> Iterator[Comparison]:
    places: dict[tuple[str, str, str, int], list[ManifestEntry]] = {}
    for cell in manifest.cells:
        places.setdefault((cell.profile, cell.data, cell.target, cell.fold), []).append(cell)
    typed = " ".join(str(text) for text in manifest.selection.get("overrides", ()))
    for entry in manifest.claims:
        claim = _claim(entry)
        for (profile, data, target, fold), cells in sorted(places.items()):
            if any(fnmatchcase(target, pattern) for pattern in claim.targets):
                name = target if fold == 1 else f"{target}, fold {fold}"
                measured = _compare(store, manifest.variants, claim, cells)
                yield Comparison(manifest.suite, profile, data, name, typed, claim, *measured)


def _claim(entry: Mapping[str, Any]) -> Claim:
    try:
        return Claim(**entry)
    except TypeError as error:
        raise BadInput(f"a manifest has a claim that is not one ({error}); run its suite again.") from error


@dataclass(frozen=True)
class _Side:
    """The row of one variant: its records, or why there are none."""

    records: tuple[Record, ...] = ()
    reason: str = ""

    @property
    def accuracy(self) -> float | None:
        name = "mean_per_class" if self.records and self.records[0].metric == "mean per-class" else "top1"
        values = [record.metrics.get(name) for record in self.records]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known and len(known) == len(values) else None

    @property
    def collapsed(self) -> bool:
        from benchmark.evaluation.metrics import is_collapsed

        counts = [(r.metrics.get("classes_predicted"), r.metrics.get("classes")) for r in self.records]
        return any(found is not None and known and is_collapsed(found, known) for found, known in counts)


def _compare(
    store: Store, variants: Mapping[str, list[str]], claim: Claim, cells: list[ManifestEntry]
) -> tuple[str, tuple[float | None, float | None], Difference | None, str]:
    """Return seeds, accuracies, difference and note of a claim on one target."""
    labels = (claim.better, claim.than)
    sides = [_side(store, label, [cell for cell in cells if cell.row in variants.get(label, ())]) for label in labels]
    counts = [len(side.records) for side in sides]
    seeds = f"{counts[0]}" if counts[0] == counts[1] else f"{counts[0]} and {counts[1]}"
    accuracies = sides[0].accuracy, sides[1].accuracy
    notes = [side.reason for side in sides if side.reason]
    if not notes:
        try:
            first, second = (
                row_outcomes(store, [record.id for record in side.records], side.records[0].metric) for side in sides
            )
            if not first.same_items(second):
                notes.append("the two are scored on different test items")
        except BadInput as error:
            notes.append(str(error).replace(str(store.cells), "cells"))
    if notes:
        return seeds, accuracies, None, "; ".join(notes)
    remarks = [f"{label} answers too few classes" for label, side in zip(labels, sides, strict=True) if side.collapsed]
    remarks += ["one seed: for other test items only"] if min(counts) == 1 else []
    return seeds, accuracies, two_way_difference(first.right, second.right, first.design), "; ".join(remarks)


def _side(store: Store, label: str, cells: list[ManifestEntry]) -> _Side:
    """Return the records of a variant's cells, all of which have to be done."""
    if not cells:
        return _Side(reason=f"{label} was not requested")
    if len({cell.row for cell in cells}) > 1:
        return _Side(reason=f"{label} stands for several rows, made of different files; run the suite anew")
    records = []
    for cell in sorted(cells, key=lambda cell: cell.seed):
        try:
            record = store.read(cell.id)
        except BadInput as error:
            return _Side(reason=f"{label}, seed {cell.seed}: {error}".replace(str(store.cells), "cells"))
        if record is None or record.status != "done":
            status = "not run yet" if record is None else f"{record.status}: {record.reason}"
            return _Side(reason=f"{label}, seed {cell.seed}: {status}")
        records.append(record)
    return _Side(tuple(records))
