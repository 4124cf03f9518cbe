"""Leaderboards as text: CSV and JSON for programs, LaTeX, Markdown and HTML for people.

CSV and JSON hold every column, accuracies as fractions. The other three hold a compact table in percent, in blocks
that never mix real data, shipped data and stand-ins. Names and reasons come from files and are escaped everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.leaderboard import costs
from benchmark.leaderboard.aggregate import Method, methods_of
from benchmark.leaderboard.documents import (
    is_missing,
    records_of,
    render_csv,
    render_html,
    render_json,
    render_latex,
    render_markdown,
)
from benchmark.leaderboard.latex import USUAL, Paper
from benchmark.leaderboard.references import reference_tables, references_beside
from benchmark.leaderboard.selection import (
    CONTROL,
    HANDED_IN,
    WHOLE_LEADERBOARD,
    Block,
    View,
    block_of,
    kind_of,
    place_of,
)
from benchmark.leaderboard.statement import UNSEEN
from benchmark.leaderboard.table import COLUMNS, FIGURES, WHOLE
from modalities.errors import UnknownName
from modalities.storage.atomic import atomic_write

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]

_DATA = {"real": "real data", "shipped": "shipped data", "stand-in": "stand-in data"}
_KINDS = {
    "": "",
    CONTROL: "control: real training items in place of the single datum",
    HANDED_IN: UNSEEN,
}
_CAVEATS = {
    "stand-in": 'Rows under "stand-in data" were made on generated stand-ins: their numbers are NOT results on the '
    "real datasets.",
    "shipped": 'Rows under "shipped data" were made on real data that ship inside a dependency.',
    "smoke": "The smoke profile only shows that everything runs: its numbers mean nothing.",
}
CAVEAT_OF_HANDED_IN = (
    'Rows under "predictions handed in" are of students that others trained: this tool scored their predictions and '
    "saw nothing else of them. They have no rank."
)
COLLAPSED, CLUSTERED = "†", "‡"
COLLAPSED_MEANING = (
    "predicts fewer than two classes, or under half of those that occur, so its accuracy may come from their frequency "
    "alone"
)
RANK_MEANING = "rank: the places that paired tests leave open; rows of a target that share a letter are not separated"
LEGEND = (
    "Accuracies in percent: top-1, or balanced accuracy (the mean over classes) where the target says so. Student: "
    "mean over seeds ± standard deviation over seeds (n - 1; seeds vary the student and its segments, one teacher "
    "serves all), then in parentheses the deviation that so few test items alone lead to [95 % interval over test "
    f"items, of several seeds over seeds and test items; {CLUSTERED} cluster-robust where several items share a leak "
    "unit such as a speaker]. Rank: the places that paired tests leave open among the rows of one target (Holm; all "
    "these intervals hold at once in 95 % of cases); rows that share a letter are not separated. Retention: student / "
    "teacher. Fidelity: share of test items on which both predict the same class. Chance, and an untrained student, "
    f"choose among the classes that occur; majority names the most frequent one. {COLLAPSED} {COLLAPSED_MEANING}. Test "
    "items, with the first digits of the hash of their ids. Seeds 2/3: two of three are done. Over targets: kept is "
    "the interquartile mean of (student - chance) / (teacher - chance) over all runs, with its 95 % interval for other "
    "seeds of these targets and, from five targets on, for other targets like these; against method 1, 2, …: targets "
    "won/tied/lost by score alone, without a test: a difference of at most one point of accuracy is a tie."
)


# What the tables for people show, by the column that it comes from; some join several columns to one text.
COMPACT = {
    "target": "target", "source": "source", "data": "data", "teacher_score": "teacher %", "score": "student %",
    "rank": "rank", "mean_per_class": "balanced %", "retention": "retention %", "fidelity": "fidelity %",
    "chance": "chance %", "majority": "majority %", "untrained": "untrained %", "items": "test items", "seeds": "seeds",
    "published_top1": "published %",
}  # fmt: skip
# Heads of the columns that a narrow terminal or page does without, the first of them first.
LEAST = (
    "untrained %", "majority %", "test items", "published %", "balanced %", "chance %", "fidelity %", "data", "seeds",
    "teacher %", "retention %", *costs.HEADS.values(),
)  # fmt: skip
HEADS = COMPACT | costs.HEADS  # of the columns that have one of their own
_COUNTS = {*WHOLE, "classes_predicted", "teacher_classes_predicted"}
_SECONDS = {"seconds", "distill_seconds"}
_PLAIN = {*_COUNTS, *_SECONDS, "kl", "seeds"}  # figures that are not shares


def column_names(given: Sequence[str]) -> tuple[str, ...]:
    """Return columns by their names in CSV, or by their heads in the tables for people. Raises UnknownName."""
    heads = {head: name for name, head in HEADS.items()}
    for name in given:
        if name not in COLUMNS and name not in heads:
            raise UnknownName("column", name, [*COLUMNS, *heads])
    return tuple(dict.fromkeys(name if name in COLUMNS else heads[name] for name in given))


def to_csv(frame: pd.DataFrame, view: View = WHOLE_LEADERBOARD) -> str:
    """All columns, one header line. An apostrophe precedes a text that a spreadsheet would take for a formula.

    Unless columns are chosen, ids of cells are left out, and what rows cost too if they are of one method. To columns
    that are chosen, those are added without which they would mislead (``note``, and ``rank_note`` beside a rank), if
    they say something.
    """
    return render_csv(frame[_chosen(frame, view)])


def _chosen(frame: pd.DataFrame, view: View) -> list[str]:
    if not view.columns:
        unasked = {"id", *(() if costs.are_shown(frame["method"]) else costs.COLUMNS)}
        unasked |= set() if any(frame["handed_in"]) else {"handed_in"}
        return [name for name in frame.columns if name not in unasked]
    needed = ["rank_note"] if any(name.startswith("rank") for name in view.columns) else []
    return [*view.columns, *(name for name in [*needed, "note"] if name not in view.columns and any(frame[name]))]


def to_json(frame: pd.DataFrame, view: View = WHOLE_LEADERBOARD) -> str:
    """An object with ``notes`` and ``rows``; missing figures are null; ASCII, and safe inside an HTML script.

    ``published`` has the results of others that stand beside some rows, if there are any.
    """
    rows: list[Row] = records_of(frame)
    chosen = _chosen(frame, view)
    clean = [{name: None if is_missing(row[name]) else row[name] for name in chosen} for row in rows]
    blocks = [
        {"block": title, "methods": [asdict(method) for method in _methods(part, view.targets.get(block))]}
        for block, title, part in blocks_of(rows)
    ]
    published = [asdict(one) for block, _, part in blocks_of(rows) if not block[1] for one in references_beside(part)]
    content = {"notes": [*caveats(rows), *view.caveats], "rows": clean, "over_targets": blocks}
    return render_json(content | ({"published": published} if published else {}))


def document(frame: pd.DataFrame, view: View) -> dict[str, Any]:
    """Return what the tables for people say, as ``benchmark.leaderboard.documents`` wants it."""
    rows: list[Row] = records_of(frame)
    names = view.columns or shown_columns(rows)
    heads = [HEADS.get(name) or (f"{name} %" if _is_share(name) else name) for name in names]
    figures = {*FIGURES, *(name for name in COMPACT if name not in ("target", "source", "data"))}
    texts = [place for place, name in enumerate(names) if name not in figures]
    blocks = [_block(title, part, names, view, block) for block, title, part in blocks_of(rows)]
    return {
        "title": title_of(rows), "caveats": [*view.caveats, *caveats(rows)], "header": heads, "texts": texts,
        "blocks": blocks, "least": () if view.columns else ("data", *LEAST),
        "legend": f"{LEGEND} {costs.LEGEND}" if {*costs.HEADS} & {*names} else LEGEND,
    }  # fmt: skip


def shown_columns(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the columns of the tables for people: with what rows cost, if they differ in method."""
    return (*COMPACT, *(costs.HEADS if costs.are_shown(row["method"] for row in rows) else ()))


def title_of(rows: list[Row]) -> str:
    """Return the title of a leaderboard, with its profile."""
    profiles = sorted({row["profile"] for row in rows})
    return f"Leaderboard, profile {', '.join(profiles)}" if profiles else "Leaderboard"


def blocks_of(rows: list[Row]) -> list[tuple[Block, str, list[Row]]]:
    """Return titled blocks that never mix profiles, kinds of data, modalities, or kinds of rows (``kind_of``)."""
    # Otherwise in the leaderboard's order.
    ordered = sorted(rows, key=lambda row: (row["profile"], kind_of(row)))
    found = []
    for block, part in groupby(ordered, block_of):
        data, kind, modality, _ = block
        found.append((block, ", ".join(filter(None, (modality, _DATA.get(data, data), _KINDS[kind]))), list(part)))
    return found


def caveats(rows: list[Row]) -> list[str]:
    """Return what to say of the data and the profile that rows rest on."""
    present = {row[name] for row in rows for name in ("data", "profile")}
    handed_in = [CAVEAT_OF_HANDED_IN] if any(row["handed_in"] for row in rows) else []
    return [*(text for key, text in _CAVEATS.items() if key in present), *handed_in]


def _block(title: str, rows: list[Row], columns: Sequence[str], view: View, block: Block) -> dict[str, Any]:
    """Return a block's title, caveats, remarks, and rows: one text for each column of the header."""
    targets = set(view.targets.get(block) or map(place_of, rows))
    names, methods, handed_in = labels(rows), _methods(rows, targets), block[1] == HANDED_IN
    means = [] if handed_in else [_mean_retention(source, own, targets) for source, own in _by_source(rows)]
    statements = [
        f"{target}, {source}: {row['handed_in']}."
        for row, (target, source) in zip(rows, names, strict=True)
        if handed_in
    ]
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
    notes = sorted({(row["target"], row["rank_note"]) for row in rows if row["rank_note"] and row["status"] == "done"})
    unranked = [f"{target}: {note}" for target, note in notes]
    shown = [_shown(row, *name, columns) for row, name in zip(rows, names, strict=True)]
    return {
        "title": title, "caveats": caveats(rows), "rows": shown,
        "remarks": [*means, *unfinished, *unranked, *unlike, *statements],
        "methods": _methods_shown(methods) if len(rows) > 1 else None,
        "references": [] if block[1] else reference_tables(rows), "instead": {"test items": parts_of_items(rows)},
    }  # fmt: skip


def _methods(rows: list[Row], targets: Collection[tuple[str, int]] | None) -> list[Method]:
    """Return the methods of a block over its targets; none of predictions handed in, of which no teacher is known."""
    return [] if rows and kind_of(rows[0]) == HANDED_IN else methods_of(rows, targets)


def _methods_shown(methods: list[Method]) -> dict[str, Any] | None:
    """Return header and rows of the table over targets, a row for each method and a column against each."""
    if not methods:
        return None
    numbers = [str(number) for number in range(1, len(methods) + 1)] if len(methods) > 1 else []
    header = ["", "over targets", "targets", "retention %", "kept %", "other seeds %", "other targets %", *numbers]
    rows = []
    for number, method in enumerate(methods, start=1):
        means = (method.retention, method.kept)
        intervals = (bounds_shown(bounds) for bounds in (method.over_seeds, method.over_targets))
        against = ["/".join(map(str, found)) if found else "" for found in method.against] if numbers else []
        targets = f"none: {method.reason}" if method.reason else str(method.targets)
        rows.append([str(number), method.name, targets, *map(percent, means), *intervals, *against])
    return {"header": header, "rows": rows}


def bounds_shown(bounds: tuple[float, float] | None) -> str:
    """Format an interval of shares; empty if it is missing."""
    if bounds is None:
        return ""
    low, high = map(percent, bounds)
    return f"{low} to {high}" if min(bounds) < 0 else f"{low}–{high}"


def rank_shown(row: Row) -> str:
    """Format the places that a row may have among those of its target, and its tie groups; empty if it has no rank."""
    if is_missing(row["rank"]):
        return ""
    low, high = int(row["rank_low"]), int(row["rank_high"])
    return " ".join(filter(None, (str(low) if low == high else f"{low}–{high}", row["ties"])))


def _by_source(rows: list[Row]) -> list[tuple[str, list[Row]]]:
    """Return the rows of each source, by its name, with a part of the file's hash if two sources have one name."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["source"], row["source_sha256"]), []).append(row)
    names = Counter(name for name, _ in found)
    return [
        (f"{name} ({sha256[:8]})" if names[name] > 1 else name, found[name, sha256]) for name, sha256 in sorted(found)
    ]


def _mean_retention(source: str, rows: list[Row], targets: set[tuple[str, int]]) -> str:
    own = {(row["target"], row["fold"]) for row in rows}
    if own < targets:
        return f"Mean retention, source {source}: none, since {len(own)}/{len(targets)} targets have it."
    if len(own) < len(rows):
        return f"Mean retention, source {source}: none, since a target has several rows."
    done = [row["retention"] for row in rows if row["status"] == "done" and not is_missing(row["retention"])]
    if len(done) < len(rows):
        return f"Mean retention, source {source}: none, since {len(done)}/{len(rows)} rows are complete."
    count = f"{len(rows)} row{'s' if len(rows) > 1 else ''}"
    return f"Mean retention, source {source}, {count}: {percent(sum(done) / len(done))} %."


def labels(rows: list[Row]) -> list[tuple[str, str]]:
    """Return target and source of each row, followed by what else tells it from the other rows of the same two."""
    folded = {row["target"] for row in rows if row["fold"] != 1}
    return [
        (
            f"{row['target']}, fold {row['fold']}" if row["target"] in folded else row["target"],
            f"{row['source']} ({row['differs']})" if row["differs"] else row["source"],
        )
        for row in rows
    ]


def percent(value: Any) -> str:
    """Format a share; empty if it is missing."""
    return "" if is_missing(value) else points(value)


def points(share: float) -> str:
    """Format a share or a difference of shares in points of percent."""
    return f"{100 * share:.1f}".replace("-", "−")


def _shown(row: Row, target: str, source: str, columns: Sequence[str]) -> list[str]:
    """Return the text of each column; ``target`` and ``source`` are what the row is called among those of its block."""
    if row["metric"] == "mean per-class":
        target = f"{target} (balanced)"
    joined = {
        "target": target, "source": source, "teacher_score": marked(row, "teacher"), "score": _student(row),
        "rank": rank_shown(row), "items": items_shown(row),
    }  # fmt: skip
    return [joined.get(name, _plain(row, name)) for name in columns]


def _student(row: Row) -> str:
    if is_missing(row["score"]):
        return str(row["status"])
    expected = "" if is_missing(row["score_sd_expected"]) else f" ({percent(row['score_sd_expected'])})"
    spread = "" if is_missing(row["score_sd"]) else f" ± {percent(row['score_sd'])}{expected}"
    two_way = "" if is_missing(row["score_two_way_low"]) else "two_way_"
    bounds = f"[{percent(row[f'score_{two_way}low'])}–{percent(row[f'score_{two_way}high'])}]"
    clustered = CLUSTERED if row["interval"] == "clustered" else ""
    return f"{marked(row, 'student')}{spread} {bounds}{clustered}"


def _is_share(name: str) -> bool:
    return name in FIGURES and name not in _PLAIN


def _plain(row: Row, name: str) -> str:
    """Return one column of a row as text."""
    value = row[name]
    if is_missing(value):
        return ""
    if _is_share(name):
        return percent(value)
    if name in _SECONDS and value >= 1000:
        return f"{value:,.0f}"
    if name in _COUNTS:
        return f"{value:,.4g}" if isinstance(value, float) and not value.is_integer() else f"{int(value):,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def marked(row: Row, who: str) -> str:
    """Format the score of a row's student or teacher, with a mark if it has collapsed."""
    figure = percent(row["score" if who == "student" else "teacher_score"])
    return figure + (COLLAPSED if who in str(row["collapsed"]).split(", ") else "")


def items_shown(row: Row) -> str:
    """Format the number of test items, of how many if they are not all, and the first digits of their hash."""
    if is_missing(row["items"]):
        return ""
    known = (
        "" if is_missing(row["known_items"]) or row["known_items"] == row["items"] else f" of {row['known_items']:,}"
    )
    digits = "" if is_missing(row["items_sha256"]) or not row["items_sha256"] else f" ({row['items_sha256'][:6]})"
    return f"{row['items']:,}{known}{digits}"


def parts_of_items(rows: Sequence[Row]) -> list[str]:
    """Return a sentence about the targets that were scored on a part of their test items, if there are some."""
    partial = [row for row in rows if not is_missing(row["known_items"]) and row["known_items"] != row["items"]]
    named = dict.fromkeys(f"{row['target']} ({row['items']:,} of {row['known_items']:,})" for row in partial)
    return [f"Scored on a part of the test items: {', '.join(named)}."] if named else []


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
SUFFIXES = {name: {"latex": "tex", "markdown": "md"}.get(name, name) for name in FORMATS}


def write(frame: pd.DataFrame, folder: Path) -> list[Path]:
    """Write ``leaderboard.csv``, ``.tex``, ``.md``, ``.html`` and ``.json`` into a folder; return paths."""
    paths = []
    for name, export in FORMATS.items():
        paths.append(folder / f"leaderboard.{SUFFIXES[name]}")
        atomic_write(paths[-1], export(frame))
    return paths
