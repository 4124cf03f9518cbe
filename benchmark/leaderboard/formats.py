"""Leaderboards as text: CSV and JSON for programs, LaTeX, Markdown and HTML for people.

CSV and JSON hold every column, accuracies as fractions. The other three hold a compact table in percent, in blocks
that never mix real data, shipped data and stand-ins. Names and reasons come from files and are escaped everywhere.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from benchmark.records.record import REAL_TRAINING_ITEMS

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]

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
_BLOCKS = {"real": "real data", "shipped": "shipped data", "stand-in": "stand-in data"}


# --- for programs ----------------------------------------------------------------------------------------------


def to_csv(frame: pd.DataFrame) -> str:
    """Every column, one header line. A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    safe = frame.copy()
    for name in safe.columns:
        if not _is_number(safe[name]):
            safe[name] = [re.sub(r"^(?=\s*[=+\-@＝＋－＠|%])", "'", str(value)) for value in safe[name]]
    return str(safe.to_csv(index=False, lineterminator="\n"))


def to_json(frame: pd.DataFrame) -> str:
    """An object with ``notes`` and ``rows``; missing figures are null; ASCII, and safe inside an HTML script."""
    rows = [{name: _json_value(value) for name, value in row.items()} for row in _rows(frame)]
    text = json.dumps({"notes": _caveats(rows), "rows": rows}, indent=1, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + "\n"


def _is_number(column: pd.Series[Any]) -> bool:
    return column.dtype.kind in "iufb"


def _missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))


def _json_value(value: Any) -> Any:
    if _missing(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _rows(frame: pd.DataFrame) -> list[Row]:
    return [dict(zip(frame.columns, values, strict=True)) for values in frame.itertuples(index=False, name=None)]


# --- the compact table -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Block:
    title: str
    caveats: list[str]
    cells: list[list[str]]
    remarks: list[str]


@dataclass(frozen=True)
class _Table:
    title: str
    caveats: list[str]
    header: list[str]
    blocks: list[_Block]


def _table(frame: pd.DataFrame) -> _Table:
    rows = _rows(frame)
    profiles = sorted({row["profile"] for row in rows})
    published = "published" if profiles == ["paper"] else "published, other networks"
    header = ["target", "source", "data", "teacher %", "student %", "retention %", "fidelity %"]
    header += ["chance %", "untrained %", "seeds", f"{published} %"]
    title = f"Leaderboard, profile {', '.join(profiles)}" if profiles else "Leaderboard"
    blocks = [_block(key, list(part)) for key, part in groupby(sorted(rows, key=_block_order), _block_key)]
    return _Table(title, _caveats(rows), header, blocks)


def _caveats(rows: list[Row]) -> list[str]:
    present = {row[name] for row in rows for name in ("data", "profile")}
    return [text for key, text in _CAVEATS.items() if key in present]


def _block_key(row: Row) -> tuple[str, str, bool, str]:
    return row["profile"], row["data"], row["source"] == REAL_TRAINING_ITEMS, row["modality"]


def _block_order(row: Row) -> tuple[str, bool]:
    # A stable sort: apart from the control, whose rows go last, rows come in the leaderboard's own order.
    return row["profile"], row["source"] == REAL_TRAINING_ITEMS


def _block(key: tuple[str, str, bool, str], rows: list[Row]) -> _Block:
    _, data, control, modality = key
    title = f"{modality}, {_BLOCKS.get(data, data)}"
    if control:
        title += ", control: real training items in place of the single datum"
    told_apart = labels(rows)
    cells = [_cells(row, *label) for row, label in zip(rows, told_apart, strict=True)]
    sources = sorted({row["source"] for row in rows})
    means = [_mean_retention(source, [row for row in rows if row["source"] == source]) for source in sources]
    undone = [
        f"{target}, {source}: {row['status']}: {row['reason']}"
        for row, (target, source) in zip(rows, told_apart, strict=True)
        if row["status"] != "done"
    ]
    return _Block(title, _caveats(rows), cells, [*means, *undone])


def _mean_retention(source: str, rows: list[Row]) -> str:
    if len({(row["target"], row["fold"]) for row in rows}) < len(rows):
        return f"Mean retention, source {source}: none, since a target has several rows."
    done = [row["retention"] for row in rows if row["status"] == "done" and not _missing(row["retention"])]
    if len(done) < len(rows):
        return f"Mean retention, source {source}: none, since {len(done)}/{len(rows)} rows are complete."
    count = f"{len(rows)} row{'s' if len(rows) > 1 else ''}"
    return f"Mean retention, source {source}, {count}: {_percent(sum(done) / len(done))} %."


def labels(rows: list[Row]) -> list[tuple[str, str]]:
    """Target and source of each row, with whatever else is needed to tell rows of the same two apart."""
    folded = {row["target"] for row in rows if row["fold"] != 1}
    found = []
    for row in rows:
        same = [r for r in rows if all(r[axis] == row[axis] for axis in ("target", "fold", "source", "data"))]
        parts = [
            f"{axis} {row[axis]}"
            for axis in ("policy", "recipe", "teacher", "student")
            if len({other[axis] for other in same}) > 1
        ]
        alike = [r for r in same if all(r[axis] == row[axis] for axis in ("policy", "recipe", "teacher", "student"))]
        if len(alike) > 1:
            parts.append(f"settings {row['row']}")
        target = f"{row['target']}, fold {row['fold']}" if row["target"] in folded else row["target"]
        found.append((target, f"{row['source']} ({', '.join(parts)})" if parts else row["source"]))
    return found


def _percent(value: Any) -> str:
    return "" if _missing(value) else f"{100 * value:.1f}"


def _cells(row: Row, target: str, source: str) -> list[str]:
    student = row["status"]
    if not _missing(row["top1"]):
        spread = "" if _missing(row["top1_sd"]) else f" ± {_percent(row['top1_sd'])}"
        student = f"{_percent(row['top1'])}{spread} [{_percent(row['top1_low'])}–{_percent(row['top1_high'])}]"
    before = [target, source, row["data"], _percent(row["teacher_top1"]), student]
    figures = [_percent(row[name]) for name in ("retention", "fidelity", "chance", "untrained")]
    return [*before, *figures, row["seeds"], _percent(row["published_top1"])]


# --- for people ------------------------------------------------------------------------------------------------


def to_markdown(frame: pd.DataFrame) -> str:
    """GitHub-flavoured Markdown."""
    table = _table(frame)
    lines = [f"# {_md(table.title)}", ""]
    for caveat in table.caveats:
        lines += [f"**{_md(caveat)}**", ""]
    for block in table.blocks:
        lines += [f"## {_md(block.title)}", "", _md_row(table.header), _md_row_of_dashes(len(table.header))]
        lines += [_md_row(cells) for cells in block.cells]
        lines += ["", *(f"- {_md(remark)}" for remark in block.remarks), ""]
    return "\n".join([*lines, _md(_LEGEND), ""])


def _md(text: str) -> str:
    escaped = re.sub(r"([\\`*_{}\[\]#|~!$])", r"\\\1", text)
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Bare addresses and mentions would become links without any markup of their own.
    return re.sub(r"(?i)(?<=www)\.|:(?=//)|@", lambda sign: f"&#{ord(sign[0])};", escaped)


def _md_row(cells: list[str]) -> str:
    return f"| {' | '.join(map(_md, cells))} |"


def _md_row_of_dashes(columns: int) -> str:
    return "| --- | --- | --- |" + " ---: |" * (columns - 3)


def to_html(frame: pd.DataFrame) -> str:
    """A whole page without scripts or outside resources."""
    title = html.escape(_table(frame).title)
    style = (
        "body{font:15px/1.5 system-ui,sans-serif;margin:2rem}table{border-collapse:collapse}"
        "th,td{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #ccc}"
        "th:nth-child(-n+3),td:nth-child(-n+3){text-align:left}.caveat{font-weight:bold}"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>{style}</style>\n</head>\n<body>\n{to_html_fragment(frame)}</body>\n</html>\n"
    )


def to_html_fragment(frame: pd.DataFrame) -> str:
    """The same without head and body, to stand inside another page."""
    table = _table(frame)
    lines = [f"<h1>{html.escape(table.title)}</h1>"]
    lines += [f'<p class="caveat">{html.escape(caveat)}</p>' for caveat in table.caveats]
    for block in table.blocks:
        lines += [
            f"<h2>{html.escape(block.title)}</h2>",
            "<table>",
            "<thead>",
            _html_row("th", table.header),
            "</thead>",
        ]
        lines += ["<tbody>", *(_html_row("td", cells) for cells in block.cells), "</tbody>", "</table>"]
        lines += ["<ul>", *(f"<li>{html.escape(remark)}</li>" for remark in block.remarks), "</ul>"]
    return "\n".join([*lines, f"<p>{html.escape(_LEGEND)}</p>", ""])


def _html_row(tag: str, cells: list[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def to_latex(frame: pd.DataFrame) -> str:
    """One booktabs table per block, to be included in a document that loads the package ``booktabs``."""
    table = _table(frame)
    lines = ["% Needs \\usepackage{booktabs}."]
    lines += [f"% {_tex(caveat)}" for caveat in table.caveats]
    for block in table.blocks:
        caption = " ".join([f"{table.title}: {block.title}.", *block.caveats, _LEGEND])
        lines += ["\\begin{table}", "\\centering\\scriptsize\\setlength{\\tabcolsep}{2pt}"]
        lines += [f"\\caption{{{_tex(caption)}}}", f"\\begin{{tabular}}{{lll{'r' * (len(table.header) - 3)}}}"]
        lines += ["\\toprule", _tex_header(table.header), "\\midrule"]
        lines += [*(_tex_row(cells) for cells in block.cells), "\\bottomrule", "\\end{tabular}"]
        lines += [*(f"\\par {_tex(remark)}" for remark in block.remarks), "\\end{table}"]
    return "\n".join([*lines, ""])


_TEX = {
    "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}",
    ">": "\\textgreater{}", "|": "\\textbar{}", "±": "$\\pm$", "–": "--", "×": "$\\times$", "·": "$\\cdot$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{sign: f"{{{sign}}}" for sign in "[]*\"`'"},  # braces: \\ takes what follows it for an argument
}  # fmt: skip


def _tex(text: str) -> str:
    """Text for pdflatex without further packages; a character that its fonts lack becomes its code point."""
    return "".join(_TEX.get(sign) or (sign if _tex_has(sign) else f"U+{ord(sign):04X}") for sign in text)


def _tex_has(sign: str) -> bool:
    return " " <= sign <= "~" or ("À" <= sign <= "ÿ" and sign not in "÷ÐðÞþ")


def _tex_header(cells: list[str]) -> str:
    # Without the signs that the caption makes needless, and the one long heading on two lines: to fit a page.
    return _tex_row([cell.removesuffix(" %") for cell in cells]).replace(
        "published, other networks", "\\shortstack{published,\\\\other networks}"
    )


def _tex_row(cells: list[str]) -> str:
    return f"{' & '.join(map(_tex, cells))} \\\\"
