"""Ranks of rows within a target: the one place that compares rows, from the predictions kept beside their records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from benchmark.leaderboard.outcomes import RowOutcomes, row_outcomes
from benchmark.leaderboard.selection import HANDED_IN, kind_of
from benchmark.records.store import Store
from modalities.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Row = dict[str, Any]

LEVEL = 0.05
MOST_ROWS = 20  # of a target; more are a search, for which ranks with intervals are no answer
MOST_BYTES = 500_000_000  # of predictions that are read for one table, some seconds
LEAST_BYTES = 250_000  # a file counts for at least this much, since opening it takes its time


@dataclass(frozen=True)
class Rank:
    """A row's place among k rows: 1 + the rows that are better beyond doubt, its 95 % interval, and its tie groups."""

    rank: int
    low: int
    high: int
    ties: str  # letters: two rows that share one are not separated by any test


def ranks(scores: Sequence[float], separated: NDArray[np.bool_]) -> list[Rank]:
    """Rank k rows by their scores and by which pairs a test separates, (k, k), symmetric.

    A row's rank is 1 + the number of rows with a higher score that a test separates from it, and its interval reaches
    to k - the number of rows with a lower score so separated. If the tests of all pairs are adjusted together (Holm),
    all these intervals hold at once in 95 % of cases (Mogstad, Romano, Shaikh and Wilhelm, Review of Economic Studies
    91, 2024). A tie group is a run of rows, in order of score, no two of which are separated, and as long as can be.
    """
    k = len(scores)
    better = [
        [bool(separated[i][j]) and scores[i] > scores[j] for j in range(k)] for i in range(k)
    ]  # i is better than j
    letters = _tie_groups(sorted(range(k), key=lambda i: -scores[i]), separated)
    return [
        Rank(
            low := 1 + sum(better[i][j] for i in range(k)),
            low,
            k - sum(better[j]),
            "".join(letters[j]),
        )
        for j in range(k)
    ]


def _tie_groups(ordered: list[int], separated: NDArray[np.bool_]) -> dict[int, list[str]]:
    letters: dict[int, list[str]] = {i: [] for i in ordered}
    found, last = 0, 0
    for start in range(len(ordered)):
        end = start + 1
        while end < len(ordered) and not any(separated[i][ordered[end]] for i in ordered[start:end]):
            end += 1
        if end > last and end - start > 1:  # neither inside the group before nor a row alone
            for i in ordered[start:end]:
                letters[i].append(chr(ord("a") + found))
            found += 1
        last = max(last, end)
    return letters


def add_ranks(store: Store, rows: Sequence[Row]) -> None:
    """Add to every row its rank among the rows of its target, or say why it has none; and its two-way interval.

    Sets ``rank``, ``rank_low``, ``rank_high``, ``ties`` and ``rank_note``, and ``score_two_way_low`` and ``_high`` for
    rows of several seeds. A row's ``cells`` are the ids of its seeds that are done.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        axes = (row[axis] for axis in ("profile", "data", "modality", "target", "fold"))
        groups.setdefault((*axes, kind_of(row)), []).append(row)
    left = MOST_BYTES
    for group in groups.values():
        left -= _add_to_group(store, group, left)


def _add_to_group(store: Store, group: list[Row], bytes_left: int) -> int:
    """Rank the complete rows of one target; return how many bytes of predictions that took."""
    complete = [row for row in group if row["status"] == "done"]
    for row in group:
        row["rank_note"] = "" if row["status"] == "done" else f"no rank: {row['seeds']} of its seeds are done"
        if kind_of(row) == HANDED_IN and row["status"] == "done":
            row["rank_note"] = "no rank: predictions handed in are compared with other rows one by one"
    if len(complete) == 1 and len(complete[0]["cells"]) == 1:
        return 0
    if len(complete) > MOST_ROWS:
        return _without_ranks(complete, f"no rank: {len(complete)} rows of one target, of more than {MOST_ROWS}")
    sizes = [store.predictions_bytes(id) for row in complete for id in row["cells"]]
    needed = sum(max(LEAST_BYTES, size or 0) for size in sizes)
    if None in sizes:
        return _without_ranks(complete, "no rank: predictions of a row of this target are missing")
    if needed > bytes_left:
        return _without_ranks(complete, f"no rank: {needed / 1e6:.0f} MB of predictions are too many to be read")
    try:
        outcomes = [_outcomes_of(store, row) for row in complete]
    except BadInput as error:
        return _without_ranks(complete, f"no rank: {error}".replace(str(store.cells), "cells"))
    if not all(found.same_items(outcomes[0]) for found in outcomes[1:]):
        _without_ranks(complete, "no rank: rows of this target are scored on other test items")
    elif len(complete) > 1 and kind_of(complete[0]) != HANDED_IN:
        _set_ranks(complete, outcomes)
    return needed


def _without_ranks(rows: Sequence[Row], note: str) -> int:
    for row in rows:
        row["rank_note"] = note if len(rows) > 1 else ""
    return 0


def _outcomes_of(store: Store, row: Row) -> RowOutcomes:
    """Read the predictions of a row's seeds; set its two-way interval."""
    from benchmark.statistics.two_way import two_way_interval

    found = row_outcomes(store, row["cells"], metric=row["metric"])
    if len(found.right) > 1:
        bounds = two_way_interval(found.right, found.design)
        row["score_two_way_low"], row["score_two_way_high"] = (round(bound, 6) for bound in bounds)
    return found


def _set_ranks(rows: Sequence[Row], outcomes: Sequence[RowOutcomes]) -> None:
    import numpy as np

    from benchmark.statistics.multiple import holm
    from benchmark.statistics.paired import compare

    pairs = list(combinations(range(len(rows)), 2))
    p = holm([compare(outcomes[i].right, outcomes[j].right, outcomes[i].design).p for i, j in pairs])
    separated = np.zeros((len(rows), len(rows)), dtype=bool)
    for (i, j), adjusted in zip(pairs, p, strict=True):
        separated[i, j] = separated[j, i] = adjusted <= LEVEL
    scores = [float(found.design.mean(found.right.mean(axis=0))) for found in outcomes]
    for row, found in zip(rows, ranks(scores, separated), strict=True):
        row |= {"rank": found.rank, "rank_low": found.low, "rank_high": found.high, "ties": found.ties}
