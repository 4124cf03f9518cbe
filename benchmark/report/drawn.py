"""Findings as plots: what is kept of the teachers, training curves, accuracy by segments, ablations, claims."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmark.claims import formats as claim_formats
from benchmark.claims.collect import Tested
from benchmark.leaderboard.documents import is_missing
from benchmark.leaderboard.formats import COLLAPSED
from benchmark.plotting.style import CONTROL
from benchmark.report.charts import Bar, Bars, Difference, Differences, Interval, Lines, Plot, Point, Series
from benchmark.report.collect import Ablation, Block, Findings, ReportRow

Row = dict[str, Any]

MARKS = {
    "stand-in": "stand-in data: not a result on the real dataset",
    "shipped": "small real data that ship with a library",
    "smoke": "smoke profile: the numbers mean nothing",
}
MOST_ROWS = 12  # of one plot of curves


def mark(data: str, profile: str) -> str:
    """Return what every part of a page has to say of the data and the profile it rests on; empty for real results."""
    return "; ".join(MARKS[name] for name in (data, profile) if name in MARKS)


def plots(found: Findings, what: str) -> list[Plot]:
    """Return the plots of one kind (``KINDS``) that findings give, in the order of the page."""
    return KINDS[what](found)


def score_bounds(row: Row) -> Interval | None:
    """Return the interval of a row's score that the leaderboard shows: over seeds too, if there are several."""
    two_way = "" if is_missing(row["score_two_way_low"]) else "two_way_"
    bounds = row[f"score_{two_way}low"], row[f"score_{two_way}high"]
    return None if any(map(is_missing, bounds)) else bounds


def retention_bounds(row: Row) -> Interval | None:
    """Return the interval of a row's score as shares of its teacher's score, which is taken as it is."""
    bounds, teacher = score_bounds(row), row["teacher_score"]
    if bounds is None or is_missing(teacher) or not teacher > 0:
        return None
    return bounds[0] / teacher, bounds[1] / teacher


def retention(block: Block, mark: str) -> list[Plot]:
    """Return what the students of a block keep of their teachers' accuracy: a bar for each row."""
    targets = by_target(block.rows)
    named = len(targets) > 1
    bars = tuple(
        _bar(row, f"{target}, {row.source}" if named else row.source) for target, rows in targets for row in rows
    )
    title = f"Retention, {block.title}" if named else f"Retention, {targets[0][0]}, {block.title}"
    return [Bars(title, mark, bars=bars)]


def ablation(one: Ablation, mark: str) -> list[Plot]:
    """Return what each variant of a suite keeps of its teacher's accuracy on one target."""
    bars = tuple(_bar(row, label) for label, row in one.rows)
    title = f"{one.target} by {one.axis} (suite {one.suite}), {one.data} data"
    return [Bars(title, mark, bars=bars)]


def _bar(row: ReportRow, label: str) -> Bar:
    share, teacher = row.row["retention"], row.row["teacher_score"]
    if is_missing(share):
        status, reason = row.row["status"], row.row["reason"]
        if row.is_handed_in and status == "done":
            status, reason = "not known", "its teacher was not seen"
        return Bar(label, None, reason=f"{status}: {reason}" if reason else status)
    chance, untrained = (
        None if is_missing(row.row[what]) or not teacher > 0 else row.row[what] / teacher
        for what in ("chance", "untrained")
    )
    return Bar(_marked(row, label), share, retention_bounds(row.row), chance, untrained, row.is_noise)


def _marked(row: ReportRow, name: str) -> str:
    return f"{name}{' (control)' if row.is_noise else ''}{f' {COLLAPSED}' if row.row['collapsed'] else ''}"


def curves(block: Block, mark: str) -> list[Plot]:
    """Return a plot for each target of a block: the loss of every student by the segments that it had seen."""
    found: list[Plot] = []
    for target, rows in by_target(block.rows):
        series: list[Series] = []
        known = 0
        for style, row in styled(rows):
            losses = [points for cell in row.cells if (points := _loss(cell.curve, _batch(row)))]
            name = _marked(row, row.source)
            seeds = f", {len(losses)} seeds" if len(losses) > 1 else ""
            known += bool(losses)
            if known <= MOST_ROWS:
                series += [Series(name + seeds, points, style) for points in losses]
        if series:
            left_out = f"{known - MOST_ROWS} rows more are left out." if known > MOST_ROWS else ""
            title = f"Training loss, {target}"
            found.append(Lines(title, mark, left_out, tuple(series), "segments seen", "loss"))
    return found


def by_segments(block: Block, mark: str) -> list[Plot]:
    """Return plots of accuracy by segments seen.

    The first has a point for each row of the block. For each target of which some rows saw more segments than others,
    another one joins the rows of a source.
    """
    done = [row for row in block.rows if not is_missing(row.row["score"]) and not is_missing(row.row["segments"])]
    every = tuple(
        Series(
            _marked(own[0], own[0].row["source"]), tuple(_scored(row, whole=False) for row in own), style, joined=False
        )
        for style, own in _by_source(done)
    )
    found = [_by_segments(f"Accuracy by segments, {block.title}", mark, every)] if done else []
    for target, rows in by_target(done):
        series = []
        for style, own in _by_source(rows):
            points = sorted((_scored(row, whole=True) for row in own), key=lambda point: point.x)
            if len({point.x for point in points}) > 1:
                series.append(Series(_marked(own[0], own[0].row["source"]), tuple(points), style))
        if series:
            found.append(_by_segments(f"Accuracy by segments, {target}", mark, tuple(series)))
    return found


def _by_segments(title: str, mark: str, series: tuple[Series, ...]) -> Plot:
    return Lines(title, mark, "", series, "segments seen (logarithmic)", "student's accuracy, %", log_x=True)


def claims(title: str, part: Sequence[Tested], mark: str) -> list[Plot]:
    """Return each claim's difference beside 0 and what was predicted."""
    rows = []
    for comparison, judged in part:
        claim, one = comparison.claim, comparison.measured.difference
        compared, target = f"{claim.better} / {claim.than}", comparison.target
        bounds = (100 * one.low, 100 * one.high) if one and math.isfinite(one.low) and math.isfinite(one.high) else None
        predicted = 100 * (claim.at_least or -claim.at_most_worse)
        rows.append(
            Difference(f"{claim.name} {compared}, {target}", 100 * one.value if one else None, bounds, predicted,
                       judged.verdict)
        )  # fmt: skip
    return [Differences(f"Claims, {title}", mark, rows=tuple(rows))] if rows else []


def _of_blocks(draw: Callable[[Block, str], list[Plot]]) -> Callable[[Findings], list[Plot]]:
    return lambda found: [plot for block in found.blocks for plot in draw(block, mark(block.data, found.profile))]


def _ablations(found: Findings) -> list[Plot]:
    return [plot for one in found.ablations for plot in ablation(one, mark(one.data, found.profile))]


def _claims(found: Findings) -> list[Plot]:
    return [
        plot
        for title, part in claim_formats.blocks(found.claims)
        for plot in claims(title, part, mark(part[0][0].data, found.profile))
    ]


KINDS: dict[str, Callable[[Findings], list[Plot]]] = {
    "retention": _of_blocks(retention), "curves": _of_blocks(curves), "segments": _of_blocks(by_segments),
    "ablations": _ablations, "claims": _claims,
}  # fmt: skip


def by_target(rows: Iterable[ReportRow]) -> list[tuple[str, list[ReportRow]]]:
    """Return rows by target, each in the order of the leaderboard."""
    found: dict[str, list[ReportRow]] = {}
    for row in rows:
        found.setdefault(row.target, []).append(row)
    return list(found.items())


def styled(rows: Sequence[ReportRow]) -> list[tuple[int, ReportRow]]:
    """Return rows with numbers of styles: one for controls that learned from noise, the others in turn."""
    found, number = [], 0
    for row in rows:
        found.append((CONTROL if row.is_noise else number, row))
        number += 0 if row.is_noise else 1 + (number + 1 == CONTROL)
    return found


def _by_source(rows: Sequence[ReportRow]) -> list[tuple[int, list[ReportRow]]]:
    """Return the rows of each source, with the number of a style."""
    own: dict[str, list[ReportRow]] = {}
    for row in rows:
        own.setdefault(row.row["source"], []).append(row)
    return [(style, own[first.row["source"]]) for style, first in styled([some[0] for some in own.values()])]


def _scored(row: ReportRow, *, whole: bool) -> Point:
    bounds = score_bounds(row.row)
    shown = (100 * bounds[0], 100 * bounds[1]) if bounds and whole else None
    return Point(float(row.row["segments"]), 100 * row.row["score"], shown)


def _batch(row: ReportRow) -> float:
    """Return the segments of a step, as a record's settings have it; 0 if they do not say."""
    recipe = row.example.config.get("recipe") if row.example else None
    found = recipe.get("batch") if isinstance(recipe, dict) else None
    return float(found) if isinstance(found, int) else 0.0


def _loss(curve: Sequence[dict[str, float]], batch: float) -> tuple[Point, ...]:
    points = [Point(one["step"] * batch, one["loss"]) for one in curve if {"step", "loss"} <= one.keys() and batch]
    return tuple(point for point in points if abs(point.y) < 1e12)  # neither infinite nor no number
