"""Over targets: what each method keeps of its teachers, and methods against each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

Row = dict[str, Any]
Interval = tuple[float, float]

MOST_METHODS = 12  # of which a matrix shows every pair
POINT = 0.01  # a smaller difference of two accuracies on a target is a tie


@dataclass(frozen=True)
class Method:
    """A source and a recipe, with whatever else tells rows apart, over all targets of a block."""

    name: str
    targets: int
    reason: str = ""  # why there are no means
    retention: float | None = None  # mean over targets
    kept: float | None = None  # interquartile mean of (student - chance) / (teacher - chance)
    over_seeds: Interval | None = None
    over_targets: Interval | None = None
    against: list[tuple[int, int, int] | None] = field(default_factory=list)  # win, tie, loss against each method


def methods_of(rows: Sequence[Row], targets: Collection[tuple[str, int]] | None = None) -> list[Method]:
    """Return the methods of a block of the leaderboard, the best first; none if there are more than MOST_METHODS.

    A method has means only if every one of ``targets``, each with its fold, has one row of it, with all of its seeds;
    these are the targets of the rows unless they are given. The interquartile mean is over all runs, (student - chance)
    / (teacher - chance), targets counting alike, with an interval for other seeds of these targets and one for other
    targets like these (``benchmark.statistics.bootstrap``). Against another method with means, a target is a tie if the
    accuracies differ by at most one point.
    """
    own = by_method(rows)
    if len(own) > MOST_METHODS:
        return []
    places = {(row["target"], row["fold"]) for row in rows} if targets is None else set(targets)
    found = [(_method(name, some, places), some) for name, some in own]
    found.sort(key=lambda entry: (entry[0].kept is None, -(entry[0].kept or 0), entry[0].name))
    for method, some in found:
        method.against.extend(
            None if method is other or method.reason or other.reason else _wins(some, others) for other, others in found
        )
    return [method for method, _ in found]


def by_method(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Return each method with its rows; its name is its source, and what tells it from the others of this source."""
    own: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in rows:
        own.setdefault((row["source"], row["source_sha256"], row["recipe"], row["differs"]), []).append(row)
    hashes: dict[str, set[str]] = {}
    for source, sha256, _, _ in own:
        hashes.setdefault(source, set()).add(sha256)
    recipes = {recipe for _, _, recipe, _ in own}
    found = []
    for (source, sha256, recipe, differs), some in own.items():
        parts = [differs] if differs else []
        if len(hashes[source]) > 1:
            parts.append(sha256[:8])
        if len(recipes) > 1 and f"recipe {recipe}" not in differs:
            parts.append(f"recipe {recipe}")
        found.append((f"{source} ({', '.join(parts)})" if parts else source, some))
    return found


def _method(name: str, rows: list[Row], targets: set[tuple[str, int]]) -> Method:
    own = {(row["target"], row["fold"]) for row in rows}
    if len(own) < len(rows):
        return Method(name, len(own), "a target has several rows")
    if missing := sorted(targets - own):
        some = ", ".join(target for target, _ in missing[:3]) + (", …" if len(missing) > 3 else "")
        return Method(name, len(own), f"{len(own)}/{len(targets)} targets; missing: {some}")
    if unfinished := [row for row in rows if row["status"] != "done"]:
        done = len(rows) - len(unfinished)
        return Method(
            name, len(own), f"{done}/{len(rows)} rows are complete; the first other: {unfinished[0]['target']}"
        )
    kept = []
    for row in rows:
        teacher, chance = row["teacher_score"], row["chance"]
        if not teacher > chance or not row["seed_scores"]:  # false for missing figures too
            return Method(name, len(own), f"the teacher of {row['target']} is not above chance, or a score is missing")
        kept.append([(float(score) - chance) / (teacher - chance) for score in row["seed_scores"].split()])
    from benchmark.statistics.bootstrap import bootstrap_over_seeds, bootstrap_over_targets, interquartile_mean_of_runs

    return Method(
        name, len(own), "",
        _round(fmean(row["retention"] for row in rows)), _round(interquartile_mean_of_runs(kept)),
        _round_both(bootstrap_over_seeds(kept)), _round_both(bootstrap_over_targets(kept)),
    )  # fmt: skip


def _round(share: float) -> float:
    return round(share, 6)  # so that sums in another order give the same bytes


def _round_both(bounds: Interval | None) -> Interval | None:
    return None if bounds is None else (_round(bounds[0]), _round(bounds[1]))


def _wins(rows: list[Row], others: list[Row]) -> tuple[int, int, int]:
    theirs = {(row["target"], row["fold"]): row["score"] for row in others}
    gaps = [round(row["score"] - theirs[row["target"], row["fold"]], 6) for row in rows]
    wins, losses = sum(gap > POINT for gap in gaps), sum(gap < -POINT for gap in gaps)
    return wins, len(gaps) - wins - losses, losses
