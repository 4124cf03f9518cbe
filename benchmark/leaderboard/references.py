"""Results of others on architectures that are known here: shown beside rows of their target, and never ranked."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from benchmark.leaderboard.costs import are_shown

HEAD = ("target", "published by others: not measured here, not ranked", "reported in")


@dataclass(frozen=True)
class Reference:
    """A published top-1. What two sources say differently are two of these."""

    target: str
    teacher: str  # names of networks here
    student: str
    method: str
    top1: float  # a fraction
    source: str
    note: str

    @property
    def pair(self) -> tuple[str, str]:
        return self.teacher, self.student


@cache
def references() -> tuple[Reference, ...]:
    """Return what ``published.csv`` says, in its order."""
    text = (files("benchmark.leaderboard") / "published.csv").read_text(encoding="utf-8")
    return tuple(
        Reference(**{name: row[name] for name in ("target", "teacher", "student", "method", "source", "note")},
                  top1=round(float(row["top1_percent"]) / 100, 6))
        for row in csv.DictReader(text.splitlines())
    )  # fmt: skip


def references_beside(rows: Sequence[dict[str, Any]]) -> list[Reference]:
    """Return what is to stand beside the rows of a block of a leaderboard.

    Of a target, these are the results on pairs of networks that one of its rows has; or all of them, if the rows differ
    in method and none has such a pair. Nothing stands beside rows that were not made on real data.
    """
    found: list[Reference] = []
    for target in dict.fromkeys(row["target"] for row in rows if row["data"] == "real"):
        own = [row for row in rows if row["target"] == target]
        every = [reference for reference in references() if reference.target == target]
        pairs = {(row["teacher"], row["student"]) for row in own}
        found += [one for one in every if one.pair in pairs] or (
            every if are_shown(row["method"] for row in own) else []
        )
    return found


def reference_tables(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a table for each target that has some: a row for each method and source, a column for each pair."""
    found = references_beside(rows)
    tables = []
    for target in dict.fromkeys(one.target for one in found):
        own = [one for one in found if one.target == target]
        pairs = list(dict.fromkeys(one.pair for one in own))
        lines: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
        for one in own:
            label = f"{one.method} ({one.note})" if one.note else one.method
            lines.setdefault((label, one.source), {})[one.pair] = f"{100 * one.top1:.2f}"
        tables.append({
            "header": [*HEAD, *(f"{teacher} → {student} %" for teacher, student in pairs)],
            "rows": [[target, *line, *(figures.get(pair, "") for pair in pairs)] for line, figures in lines.items()],
        })  # fmt: skip
    return tables
