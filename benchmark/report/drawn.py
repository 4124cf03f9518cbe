"""Findings as charts: what is kept of the teachers, training curves, accuracy by segments, claims."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmark.claims.collect import Tested
from benchmark.leaderboard.documents import is_missing
from benchmark.leaderboard.formats import bounds_shown, percent
from benchmark.report import charts
from benchmark.report.charts import Interval, Point, Series
from benchmark.report.collect import Block, ReportRow

Row = dict[str, Any]
Figure = dict[str, Any]

MOST_ROWS = 12  # of one chart of curves


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


def retention(row: ReportRow, name: str, mark: str) -> Figure:
    """Return the bar of what a row's student keeps of its teacher's accuracy, and its figures; a reason if unknown."""
    share, teacher, bounds = row.row["retention"], row.row["teacher_score"], retention_bounds(row.row)
    if is_missing(share):
        status, reason = row.row["status"], row.row["reason"]
        if row.is_handed_in and status == "done":
            status, reason = "not known", "its teacher was not seen"
        return {"bar": "", "reason": f"{status}: {reason}" if reason else status, "share": "", "bounds": ""}
    ticks = [
        (what, row.row[what] / teacher)
        for what in ("chance", "untrained")
        if not is_missing(row.row[what]) and teacher > 0
    ]
    title = f"{name}{mark}: keeps {percent(share)} % of the teacher's accuracy"
    title += f", 95 % interval {bounds_shown(bounds)} %" if bounds else ""
    title += "".join(f"; {what} would be {percent(value)} %" for what, value in ticks)
    svg = charts.bar(share, bounds, ticks, title, control=row.is_noise)
    return {"bar": svg, "reason": "", "share": percent(share), "bounds": bounds_shown(bounds)}


def curves(block: Block, mark: str) -> list[Figure]:
    """Return a chart for each target of a block: the loss of every student by the segments that it had seen."""
    found = []
    for target, rows in by_target(block.rows):
        series: list[Series] = []
        names: list[tuple[str, str]] = []
        for style, row in styled(rows):
            own = [
                Series(f"{row.source}, seed {cell.entry.seed}", points, style)
                for cell in row.cells
                if (points := _loss(cell.curve, _batch(row)))
            ]
            if own:
                seeds = f", {len(own)} seeds" if len(own) > 1 else ""
                names.append((charts.swatch(own[0]), row.source + seeds))
                series += own if len(names) <= MOST_ROWS else []
        title = f"Training loss by segments seen, {target}{mark}"
        svg = charts.lines(series, "segments seen", "loss", title)
        if svg:
            found.append(figure(svg, target, block, names[:MOST_ROWS], max(0, len(names) - MOST_ROWS)))
    return found


def by_segments(block: Block, mark: str) -> list[Figure]:
    """Return charts of accuracy by segments seen.

    The first has a point for each row of the block. For each target of which some rows saw more segments than others,
    another one joins the rows of a source.
    """
    done = [row for row in block.rows if not is_missing(row.row["score"]) and not is_missing(row.row["segments"])]
    every = [
        Series(own[0].row["source"], tuple(_scored(row, whole=False) for row in own), style, joined=False)
        for style, own in _by_source(done)
    ]
    title = f"Student's accuracy by segments seen, every row of {block.title}{mark}"
    found = [figure(_scaling_chart(every, title), "every target", block, legend(every), 0)] if done else []
    for target, rows in by_target(done):
        series = []
        for style, own in _by_source(rows):
            points = sorted((_scored(row, whole=True) for row in own), key=lambda point: point.x)
            if len({point.x for point in points}) > 1:
                series.append(Series(own[0].row["source"], tuple(points), style))
        if series:
            chart = _scaling_chart(series, f"Student's accuracy by segments seen, {target}{mark}")
            found.append(figure(chart, target, block, legend(series), 0))
    return found


def _scaling_chart(series: Sequence[Series], title: str) -> str:
    return charts.lines(series, "segments seen (logarithmic)", "accuracy, %", title, log_x=True)


def claim_bars(found: Sequence[Tested]) -> list[str]:
    """Return a drawing of each claim's difference beside 0 and what was predicted; "" if it is not known."""
    known = [c.measured.difference for c, _ in found if c.measured.difference]
    limits = [abs(bound) for one in known for bound in (one.low, one.high) if abs(bound) <= 1]
    scale = max([0.05, *limits])
    drawn = []
    for comparison, _ in found:
        claim, one = comparison.claim, comparison.measured.difference
        wanted = claim.at_least or -claim.at_most_worse
        if one is None:
            drawn.append("")
            continue
        title = f"{claim.name}, {comparison.target}: difference {percent(one.value)} points, predicted from "
        title += f"{percent(wanted)} points on, scale −{percent(scale)} to {percent(scale)}"
        drawn.append(charts.difference(one.value, (one.low, one.high), wanted, scale, title))
    return drawn


def by_target(rows: Iterable[ReportRow]) -> list[tuple[str, list[ReportRow]]]:
    """Return rows by target, each in the order of the leaderboard."""
    found: dict[str, list[ReportRow]] = {}
    for row in rows:
        found.setdefault(row.target, []).append(row)
    return list(found.items())


def legend(series: Sequence[Series]) -> list[tuple[str, str]]:
    """Return the swatch and the name of each series."""
    return [(charts.swatch(one), one.name) for one in series]


def figure(svg: str, target: str, block: Block, names: list[tuple[str, str]], left_out: int) -> Figure:
    """Return what the page needs of a chart."""
    return {
        "svg": svg, "target": target, "modality": block.modality, "data": block.data, "legend": names,
        "left_out": left_out,
    }  # fmt: skip


def styled(rows: Sequence[ReportRow]) -> list[tuple[int, ReportRow]]:
    """Return rows with numbers of styles: one for controls that learned from noise, the others in turn."""
    found, number = [], 0
    for row in rows:
        found.append((charts.CONTROL if row.is_noise else number, row))
        number += 0 if row.is_noise else 1 + (number + 1 == charts.CONTROL)
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
