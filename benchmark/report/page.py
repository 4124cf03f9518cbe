"""Findings to a single HTML file: tables, charts and records, without fonts, servers or addresses of other files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from benchmark.claims import formats as claim_formats
from benchmark.leaderboard.costs import costs_of
from benchmark.leaderboard.documents import is_missing
from benchmark.leaderboard.formats import bounds_shown, percent
from benchmark.leaderboard.statement import UNSEEN
from benchmark.leaderboard.table import sanitize
from benchmark.records.record import Record
from benchmark.records.settings import changes
from benchmark.report import drawn
from benchmark.report.charts import Plot, in_page
from benchmark.report.collect import Ablation, Block, Findings, FoundCell, ReportRow
from benchmark.report.datum import Datum
from benchmark.report.drawn import MARKS, mark

if TYPE_CHECKING:
    from jinja2 import Environment

About = Callable[[ReportRow, Record], Mapping[str, Any]]
"""Of a row, by one of its records: ``facts`` (names, texts), ``command``, ``is_exact``, ``remarks``, ``operations``."""

MOST_CHANGES = 12  # settings in which a row differs from its neighbour that are listed
_TEXTS = ("target", "source", "data", "seeds")


def to_html(found: Findings, data: Sequence[Datum], about: About, embedded: tuple[str, str]) -> str:
    """Return the page; ``embedded`` are the records and their checksum (``embedded.pack``)."""
    from markupsafe import Markup

    text, sha256 = embedded
    profile = found.profile
    rows = found.rows
    details = [_details(row, rows, profile, about) for row in rows]
    return _environment().get_template("report.html").render(
        it=found, legend=found.legend, shipped=MARKS["shipped"],
        heads=[(head, name) for name, head in found.columns.items()], texts=_TEXTS,
        filters={name: _values(rows, name) for name in ("modality", "target", "source")},
        blocks=[_block(block, number, profile) for number, block in enumerate(found.blocks)],
        references=[(block.modality, table) for block in found.blocks for table in block.references],
        ablations=[_ablation(one, number, profile) for number, one in enumerate(found.ablations)],
        claims=_claims(found), claims_legend=claim_formats.LEGEND, claims_header=claim_formats.HEADER,
        data=[{"datum": one, "mark": _mark_of_all(one.data, profile)} for one in data],
        details=details, without_command=sum(_is_done(one["row"]) and not one["command"] for one in details),
        records=Markup(text), sha256=sha256, count=len(found.records), figures=sum(map(_is_done, rows)),
    )  # fmt: skip


@cache
def _environment() -> Environment:
    from jinja2 import DictLoader, Environment, StrictUndefined
    from markupsafe import Markup

    folder = resources.files("benchmark.report").joinpath("templates")
    names = ("report.html", "report.css", "report.js")
    parts = {name: folder.joinpath(name).read_text(encoding="utf-8") for name in names}

    def cleaned(value: Any) -> Any:
        return value if isinstance(value, Markup) else sanitize(str(value))

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=cleaned,
        keep_trailing_newline=True, loader=DictLoader(parts),
    )  # fmt: skip
    environment.filters |= {"svg": Markup, "sort_key": _sort_key, "percent": percent}
    return environment


def _mark_of_all(data: Sequence[str], profile: str) -> str:
    """Return the mark of what is used by rows of several kinds of data, unless some are real: the rows say it then."""
    return "" if "real" in data else " / ".join(dict.fromkeys(mark(kind, profile) for kind in data))


def _values(rows: Sequence[ReportRow], name: str) -> list[str]:
    return list(dict.fromkeys(str(row.row[name]) for row in rows))


def _sort_key(row: ReportRow, column: str) -> str:
    """Return what a column is sorted by: the figure itself, or the text; empty if there is none."""
    if column in ("target", "source"):
        return row.target if column == "target" else row.source
    value = row.row[column]
    return "" if is_missing(value) else str(value)


def _block(block: Block, number: int, profile: str) -> dict[str, Any]:
    text = mark(block.data, profile)
    drawn_by = {"kept": drawn.retention, "curves": drawn.curves, "by_segments": drawn.by_segments}
    return {
        "block": block, "mark": text, "costs": [_cost(row) for row in block.rows],
        **{part: _in_page(draw(block, text), f"{part}-{number}") for part, draw in drawn_by.items()},
    }  # fmt: skip


def _ablation(one: Ablation, number: int, profile: str) -> dict[str, Any]:
    text = mark(one.data, profile)
    rows = [(label, row, percent(row.row["retention"]), bounds_shown(drawn.retention_bounds(row.row)))
            for label, row in one.rows]  # fmt: skip
    return {"of": one, "mark": text, "rows": rows, "plots": _in_page(drawn.ablation(one, text), f"ablation-{number}")}


def _in_page(plots: Sequence[Plot], name: str) -> list[str]:
    return [in_page(plot, f"{name}-{place}") for place, plot in enumerate(plots)]


def _claims(found: Findings) -> list[dict[str, Any]]:
    blocks = []
    for number, (title, part) in enumerate(claim_formats.blocks(found.claims)):
        text = mark(part[0][0].data, found.profile)
        rows = [{"texts": claim_formats.shown(*one), "note": one[0].note, "verdict": one[1].verdict} for one in part]
        blocks.append({
            "title": title, "mark": text, "rows": rows, "remarks": claim_formats.remarks(part),
            "plots": _in_page(drawn.claims(title, part, text), f"claims-{number}"),
        })  # fmt: skip
    return blocks


def _is_done(row: ReportRow) -> bool:
    return bool(row.row["status"] == "done")


def _cost(row: ReportRow) -> dict[str, Any]:
    """Return what a row's cells took, of those seeds that are done: means over them, or why nothing is known."""
    records = [cell.record for cell in row.cells if cell.is_done and cell.record]
    if not records:
        return {"row": row, "reason": f"{row.row['status']}: {row.row['reason']}"}
    if row.is_handed_in:
        return {"row": row, "reason": UNSEEN}

    def mean(values: list[float | None]) -> str:
        known = [value for value in values if value is not None]
        return f"{sum(known) / len(known):,.0f}" if known and len(known) == len(values) else "not recorded"

    spent = [costs_of(record) for record in records]
    devices = list(dict.fromkeys(_machine(record) for record in records))
    memory = [None if r.peak_memory_bytes is None else r.peak_memory_bytes / 1e6 for r in records]
    return {
        "row": row, "reason": "", "cells": len(records),
        "segments": mean([record.segments for record in records]),
        "forwards": mean([costs["teacher_forwards"] for costs in spent]),
        "seconds": mean([sum(record.seconds.values()) for record in records]),
        "distilling": mean([costs["distill_seconds"] for costs in spent]),
        "memory": mean(memory), "device": "; ".join(devices),
    }  # fmt: skip


def _machine(record: Record) -> str:
    threads = record.provenance.get("threads")
    parts = [record.provenance.get("device"), f"{threads} thread{'s' if threads != 1 else ''}" if threads else None]
    return ", ".join(str(part) for part in parts if part) or "not recorded"


def _details(row: ReportRow, rows: Sequence[ReportRow], profile: str, about: About) -> dict[str, Any]:
    example = row.example
    nothing = {"facts": [], "command": "", "is_exact": False, "remarks": [], "operations": ""}
    return {
        "row": row, "mark": mark(row.row["data"], profile), "cells": [_seed(cell) for cell in row.cells],
        "neighbour": _neighbour(row, rows), "deviations": example.deviations if example else [],
        **(about(row, example) if example else nothing),
    }  # fmt: skip


def _seed(cell: FoundCell) -> dict[str, Any]:
    record = cell.record
    known = {"id": cell.entry.id, "seed": cell.entry.seed, "problem": cell.problem}
    if not cell.is_done or record is None:
        return known
    return known | {
        "score": percent(record.score),
        "seconds": f"{sum(record.seconds.values()):,.1f}", "when": record.provenance.get("started") or "not recorded",
        "commit": _commit(record) or "not recorded",
    }  # fmt: skip


def _neighbour(row: ReportRow, rows: Sequence[ReportRow]) -> dict[str, Any] | None:
    """Return the row of the same target and data that differs in the fewest settings, and in which, in words."""
    if row.example is None:
        return None
    axes = ("modality", "target", "fold", "data")
    alike = [
        other
        for other in rows
        if other is not row
        and other.example
        and other.is_handed_in == row.is_handed_in
        and all(other.row[axis] == row.row[axis] for axis in axes)
    ]
    found = [(changes(row.example.settings, other.example.settings), other) for other in alike if other.example]
    if not found:
        return None
    differing, other = min(found, key=lambda entry: len(entry[0]))
    words = [f"{key}: {_value(here)} here, {_value(there)} there" for key, (here, there) in differing.items()]
    for what, of in (("seeds", _seeds), ("commit of this package", _commits)):
        if of(row) != of(other):
            words.append(f"{what}: {of(row)} here, {of(other)} there")
    if len(words) > MOST_CHANGES:
        words = [*words[:MOST_CHANGES], f"and {len(words) - MOST_CHANGES} settings more"]
    return {"row": other, "words": words or ["no setting: only the files or versions they were made of differ"]}


def _seeds(row: ReportRow) -> str:
    return ", ".join(str(cell.entry.seed) for cell in row.cells if cell.is_done)


def _commits(row: ReportRow) -> str:
    return ", ".join(sorted({_commit(cell.record) for cell in row.cells if cell.record} - {""})) or "not recorded"


def _commit(record: Record) -> str:
    """Return the first digits of the commit that made a record; empty if it does not say."""
    return str(record.provenance.get("commit") or "")[:7]


def _value(value: Any) -> str:
    return "none" if value is None or value == "" else str(value)
