"""The leaderboard turned: a row for each method, a column for each target, as papers print it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmark.leaderboard.aggregate import by_method
from benchmark.leaderboard.documents import (
    is_missing,
    records_of,
    render_csv,
    render_html,
    render_json,
    render_latex,
    render_markdown,
)
from benchmark.leaderboard.formats import (
    COLLAPSED,
    COLLAPSED_MEANING,
    blocks_of,
    caveats,
    marked,
    parts_of_items,
    percent,
    title_of,
)
from benchmark.leaderboard.latex import USUAL, Paper
from benchmark.leaderboard.selection import WHOLE_LEADERBOARD, View, place_of

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]

LEGEND = (
    "Student's accuracy in percent: top-1, or balanced accuracy (the mean over classes) where the target says so; mean "
    "over seeds ± standard deviation over seeds (n - 1), and 2/3 if two of three seeds are done. A cell without a "
    "figure says why it has none, and an empty one was not requested. Mean: over all targets of the block, and only if "
    f"each of them has a complete row. {COLLAPSED} {COLLAPSED_MEANING}."
)


@dataclass(frozen=True)
class Line:
    """A method on all targets of a block."""

    method: str
    rows: dict[tuple[str, int], Row]  # by target and fold
    mean: float | None  # of the scores; None if a target is missing or not complete


@dataclass(frozen=True)
class Pivot:
    """A block of the leaderboard with a column for each target."""

    title: str
    caveats: list[str]
    places: list[tuple[str, int]]  # target and fold of each column
    heads: list[str]
    lines: list[Line]  # those with means first, the best first, then by name
    partial: list[str]  # what to say of targets that were scored on a part of their test items


def pivots(rows: Sequence[Row], view: View) -> list[Pivot]:
    """Return the blocks of a leaderboard, turned. Means are over the targets that the view counts."""
    found = []
    for block, title, part in blocks_of(list(rows)):
        places = sorted(view.targets.get(block) or {place_of(row) for row in part})
        metrics = {place_of(row): row["metric"] for row in part if not is_missing(row["metric"])}
        folded = {target for target, fold in places if fold != 1}
        heads = [
            (f"{target}, fold {fold}" if target in folded else target)
            + (" (balanced)" if metrics.get((target, fold)) == "mean per-class" else "")
            for target, fold in places
        ]
        lines = [_line(name, own, places) for name, own in by_method(part)]
        lines.sort(key=lambda line: (line.mean is None, -(line.mean or 0), line.method))
        found.append(Pivot(title, caveats(part), places, heads, lines, parts_of_items(part)))
    return found


def _line(name: str, rows: Sequence[Row], places: Sequence[tuple[str, int]]) -> Line:
    own = {place_of(row): row for row in rows}
    complete = [own[place]["score"] for place in places if place in own and own[place]["status"] == "done"]
    return Line(name, own, round(fmean(complete), 6) if len(complete) == len(places) else None)


def to_csv(frame: pd.DataFrame, view: View = WHOLE_LEADERBOARD) -> str:
    """A line for each method of a block: its score on each target as a fraction, with ``sd`` and ``seeds``."""
    import pandas as pd

    lines = []
    for pivot in pivots(records_of(frame), view):
        for line in pivot.lines:
            one = next(iter(line.rows.values()))
            cells: dict[str, Any] = {name: one[name] for name in ("profile", "data", "modality")}
            cells |= {"method": line.method, "source": one["source"], "mean": line.mean}
            for head, place in zip(pivot.heads, pivot.places, strict=True):
                row = line.rows.get(place)
                if row is not None:
                    cells |= {head: row["score"], f"{head} sd": row["score_sd"], f"{head} seeds": row["seeds"]}
            lines.append(cells | {"note": "; ".join(dict.fromkeys(row["note"] for row in line.rows.values()))})
    names = dict.fromkeys(name for line in lines for name in line)
    return render_csv(pd.DataFrame(lines, columns=[*(name for name in names if name != "note"), "note"]))


def to_json(frame: pd.DataFrame, view: View = WHOLE_LEADERBOARD) -> str:
    """An object with ``notes`` and ``blocks``: a list of methods, each with its cells by target; fractions."""
    rows: list[Row] = records_of(frame)
    blocks = []
    for pivot in pivots(rows, view):
        columns = list(zip(pivot.heads, pivot.places, strict=True))
        methods = [
            {"method": line.method, "mean": line.mean, "cells": {head: _cell(line.rows.get(p)) for head, p in columns}}
            for line in pivot.lines
        ]
        blocks.append({"block": pivot.title, "targets": pivot.heads, "methods": methods})
    return render_json({"notes": [*caveats(rows), *view.caveats], "blocks": blocks})


def _cell(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    names = ("row", "status", "score", "score_sd", "seeds", "collapsed")
    return {name: None if is_missing(row[name]) else row[name] for name in names}


def document(frame: pd.DataFrame, view: View) -> dict[str, Any]:
    """Return what the tables for people say, as ``benchmark.leaderboard.documents`` wants it."""
    rows: list[Row] = records_of(frame)
    blocks = []
    for pivot in pivots(rows, view):
        mean = ["mean"] if len(pivot.places) > 1 else []
        header = ["method", *pivot.heads, *mean]
        lines = [
            [
                line.method,
                *(_shown(line.rows.get(place)) for place in pivot.places),
                *([percent(line.mean)] * len(mean)),
            ]
            for line in pivot.lines
        ]
        blocks.append({"title": pivot.title, "caveats": pivot.caveats, "header": header, "rows": lines,
                       "remarks": pivot.partial, "methods": None})  # fmt: skip
    said = [*view.caveats, *caveats(rows)]
    return {"title": title_of(rows), "caveats": said, "legend": LEGEND, "texts": [0], "blocks": blocks}


def to_markdown(frame: pd.DataFrame, view: View = WHOLE_LEADERBOARD) -> str:
    """GitHub-flavoured Markdown."""
    return render_markdown(document(frame, view))


def to_html(frame: pd.DataFrame, view: View = WHOLE_LEADERBOARD) -> str:
    """A whole page without scripts or outside resources."""
    return render_html(document(frame, view))


def to_latex(frame: pd.DataFrame, view: View = WHOLE_LEADERBOARD, paper: Paper = USUAL) -> str:
    """Tables of booktabs and siunitx for each block, to be included in a document that loads both packages."""
    return render_latex(document(frame, view), paper)


FORMATS = {"csv": to_csv, "latex": to_latex, "markdown": to_markdown, "html": to_html, "json": to_json}


def _shown(row: Row | None) -> str:
    """Return the text of a cell: its score and spread, or why it has none; empty for one that was not requested."""
    if row is None:
        return ""
    if is_missing(row["score"]):
        return str(row["status"])
    spread = "" if is_missing(row["score_sd"]) else f" ± {percent(row['score_sd'])}"
    return f"{marked(row, 'student')}{spread}" + (f" ({row['seeds']})" if row["status"] != "done" else "")
