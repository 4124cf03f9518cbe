"""Leaderboards as text: CSV and JSON for programs, LaTeX, Markdown and HTML for people.

CSV and JSON hold every column, accuracies as fractions. The other three hold a compact table in percent, in blocks
that never mix real data, shipped data and stand-ins. Names and reasons come from files and are escaped everywhere.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.leaderboard.table import ROW_AXES, leaderboard
from benchmark.records.record import REAL_TRAINING_ITEMS
from benchmark.records.store import Store
from modalities.base import Published
from modalities.storage.atomic import atomic_write

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]

_DATA = {"real": "real data", "shipped": "shipped data", "stand-in": "stand-in data"}
_CAVEATS = {
    "stand-in": 'Rows under "stand-in data" were made on generated stand-ins: their numbers are NOT results on the '
    "real datasets.",
    "shipped": 'Rows under "shipped data" were made on real data that ship inside a dependency.',
    "smoke": "The smoke profile only shows that everything runs: its numbers mean nothing.",
}
_LEGEND = (
    "Accuracies in percent. Student: mean top-1 over seeds ± standard deviation over seeds (n - 1; seeds vary the "
    "student and its segments, one teacher serves all) [95 % Wilson interval over test items]. Retention: student / "
    "teacher. Fidelity: share of test items on which both predict the same class. Seeds 2/3: two of three are done."
)
# Of a row's axes, those that the compact table always shows, and those that it shows if they tell rows apart.
_SHOWN = ("target", "fold", "source", "data")
_SHOWN_IF_NEEDED = [axis for axis in ROW_AXES if axis not in (*_SHOWN, "modality", "profile", "row")]


def to_csv(frame: pd.DataFrame) -> str:
    """Every column, one header line. An apostrophe precedes a text that a spreadsheet would take for a formula."""
    safe = frame.copy()
    for name in safe.columns:
        if safe[name].dtype.kind not in "iuf":
            safe[name] = [re.sub(r"^(?=\s*[=+\-@＝＋－＠|%])", "'", str(value)) for value in safe[name]]
    return str(safe.to_csv(index=False, lineterminator="\n"))


def to_json(frame: pd.DataFrame) -> str:
    """An object with ``notes`` and ``rows``; missing figures are null; ASCII, and safe inside an HTML script."""
    rows: list[Row] = frame.to_dict("records")
    clean = [{name: None if _missing(value) else value for name, value in row.items()} for row in rows]
    text = json.dumps({"notes": _caveats(rows), "rows": clean}, indent=1, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + "\n"


def _missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))


def _table(frame: pd.DataFrame) -> dict[str, Any]:
    """Return what the templates print: title, caveats, header and blocks."""
    rows: list[Row] = frame.to_dict("records")
    profiles = sorted({row["profile"] for row in rows})
    header = ["target", "source", "data", "teacher %", "student %", "retention %", "fidelity %"]
    header += ["chance %", "untrained %", "seeds", "published %"]
    title = f"Leaderboard, profile {', '.join(profiles)}" if profiles else "Leaderboard"
    for row in rows:
        row["control"] = row["source"] == REAL_TRAINING_ITEMS
    rows.sort(key=itemgetter("profile", "control"))  # stable: otherwise, rows stay in the leaderboard's order
    parts = groupby(rows, itemgetter("data", "control", "modality", "profile"))
    blocks = [_block(data, control, modality, list(part)) for (data, control, modality, _), part in parts]
    return {"title": title, "caveats": _caveats(rows), "header": header, "blocks": blocks}


def _caveats(rows: list[Row]) -> list[str]:
    present = {row[name] for row in rows for name in ("data", "profile")}
    return [text for key, text in _CAVEATS.items() if key in present]


def _block(data: str, control: bool, modality: str, rows: list[Row]) -> dict[str, Any]:
    """Return a block's title, caveats, remarks, and rows: one text for each column of the header."""
    title = f"{modality}, {_DATA.get(data, data)}"
    if control:
        title += ", control: real training items in place of the single datum"
    names = labels(rows)
    sources = sorted({row["source"] for row in rows})
    means = [_mean_retention(source, [row for row in rows if row["source"] == source]) for source in sources]
    unfinished = [
        f"{target}, {source}: {row['status']}: {row['reason']}"
        for row, (target, source) in zip(rows, names, strict=True)
        if row["status"] != "done"
    ]
    unlike = [
        f"{target}, {source}: {row['published_differs']}."
        for row, (target, source) in zip(rows, names, strict=True)
        if row["published_differs"]
    ]
    shown = [_shown(row, *name) for row, name in zip(rows, names, strict=True)]
    return {"title": title, "caveats": _caveats(rows), "rows": shown, "remarks": [*means, *unfinished, *unlike]}


def _mean_retention(source: str, rows: list[Row]) -> str:
    if len({(row["target"], row["fold"]) for row in rows}) < len(rows):
        return f"Mean retention, source {source}: none, since a target has several rows."
    done = [row["retention"] for row in rows if row["status"] == "done" and not _missing(row["retention"])]
    if len(done) < len(rows):
        return f"Mean retention, source {source}: none, since {len(done)}/{len(rows)} rows are complete."
    count = f"{len(rows)} row{'s' if len(rows) > 1 else ''}"
    return f"Mean retention, source {source}, {count}: {percent(sum(done) / len(done))} %."


def labels(rows: list[Row]) -> list[tuple[str, str]]:
    """Return target and source of each row, followed by what else tells it from the other rows of the same two."""

    def values(row: Row, axes: Sequence[str]) -> list[Any]:
        return [row[axis] for axis in axes]

    folded = {row["target"] for row in rows if row["fold"] != 1}
    found = []
    for row in rows:
        alike = [other for other in rows if values(other, _SHOWN) == values(row, _SHOWN)]
        differing = [axis for axis in _SHOWN_IF_NEEDED if len({other[axis] for other in alike}) > 1]
        parts = [f"{axis} {row[axis]}" for axis in differing]
        if sum(values(other, differing) == values(row, differing) for other in alike) > 1:
            parts.append(f"settings {row['row']}")
        target = f"{row['target']}, fold {row['fold']}" if row["target"] in folded else row["target"]
        found.append((target, f"{row['source']} ({', '.join(parts)})" if parts else row["source"]))
    return found


def percent(value: Any) -> str:
    """Format a share; empty if it is missing."""
    return "" if _missing(value) else f"{100 * value:.1f}"


def _shown(row: Row, target: str, source: str) -> list[str]:
    student = row["status"]
    if not _missing(row["top1"]):
        spread = "" if _missing(row["top1_sd"]) else f" ± {percent(row['top1_sd'])}"
        student = f"{percent(row['top1'])}{spread} [{percent(row['top1_low'])}–{percent(row['top1_high'])}]"
    figures = [percent(row[name]) for name in ("retention", "fidelity", "chance", "untrained")]
    before = [target, source, row["data"], percent(row["teacher_top1"]), student]
    return [*before, *figures, row["seeds"], percent(row["published_top1"])]


def to_markdown(frame: pd.DataFrame) -> str:
    """GitHub-flavoured Markdown."""
    return _render("table.md", frame, _escape_markdown)


def to_html(frame: pd.DataFrame) -> str:
    """A whole page without scripts or outside resources."""
    return _render("table.html", frame, html.escape)


def to_latex(frame: pd.DataFrame) -> str:
    """One booktabs table per block, to be included in a document that loads the package ``booktabs``."""
    # Braces mean something else in LaTeX, so its template has other marks.
    marks = {
        "block_start_string": "<%", "block_end_string": "%>", "variable_start_string": "<<",
        "variable_end_string": ">>", "comment_start_string": "<#", "comment_end_string": "#>",
    }  # fmt: skip
    return _render("table.tex", frame, _escape_latex, **marks)


def _render(template: str, frame: pd.DataFrame, escape: Callable[[str], str], **marks: Any) -> str:
    """Fill a template; everything it prints passes through ``escape``, so that no template can forget to."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("benchmark.leaderboard"), finalize=escape, undefined=jinja2.StrictUndefined,
        trim_blocks=True, keep_trailing_newline=True, **marks,
    )  # fmt: skip
    return environment.get_template(template).render(table=_table(frame), legend=_LEGEND)


def _escape_markdown(text: str) -> str:
    escaped = html.escape(re.sub(r"([\\`*_{}\[\]#|~!$])", r"\\\1", text), quote=False)
    # Bare addresses and mentions would become links without any markup of their own.
    return re.sub(r"(?i)(?<=www)\.|:(?=//)|@", lambda sign: f"&#{ord(sign[0])};", escaped)


_LATEX = {
    "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}",
    ">": "\\textgreater{}", "|": "\\textbar{}", "±": "$\\pm$", "–": "--", "×": "$\\times$", "·": "$\\cdot$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{sign: f"{{{sign}}}" for sign in "[]*\"`'"},  # braces: \\ takes what follows it for an argument
}  # fmt: skip


def _escape_latex(text: str) -> str:
    """Text for pdflatex without further packages; a character that its fonts lack becomes its code point."""
    in_fonts = re.compile("[ -~À-ÿ](?<![÷ÐðÞþ])").fullmatch
    return "".join(_LATEX.get(sign) or (sign if in_fonts(sign) else f"U+{ord(sign):04X}") for sign in text)


FORMATS = {"csv": to_csv, "latex": to_latex, "markdown": to_markdown, "html": to_html, "json": to_json}
_SUFFIXES = {"latex": "tex", "markdown": "md"}


def write(store: Store, published: Mapping[str, Sequence[Published]] | None = None) -> list[Path]:
    """Write ``leaderboard.csv``, ``.tex``, ``.md``, ``.html`` and ``.json`` into the store's folder; return paths."""
    frame, paths = leaderboard(store, published), []
    for name, export in FORMATS.items():
        paths.append(store.root / f"leaderboard.{_SUFFIXES.get(name, name)}")
        atomic_write(paths[-1], export(frame))
    return paths
