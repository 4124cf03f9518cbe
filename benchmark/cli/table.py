"""``benchmark table``: the leaderboard of one profile, computed from its records alone."""

from __future__ import annotations

import sys
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli.output import print_document
from benchmark.cli.text_table import print_table, say
from benchmark.config.published import published_results
from benchmark.leaderboard import formats
from benchmark.leaderboard import pivot as turned
from benchmark.leaderboard.documents import records_of
from benchmark.leaderboard.formats import (
    COLLAPSED,
    COLLAPSED_MEANING,
    FORMATS,
    LEAST,
    RANK_MEANING,
    SUFFIXES,
    items_shown,
    labels,
    marked,
    percent,
    rank_shown,
)
from benchmark.leaderboard.latex import USUAL, Paper, tables_beside
from benchmark.leaderboard.selection import Selection, View, select
from benchmark.leaderboard.table import leaderboard, sanitize
from benchmark.records.store import Store
from modalities.errors import BadInput, UnknownName, readable

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.cli.read_from import Found


EVERYTHING = Selection()
PIVOTS = ("target",)
MOST_LINES = 200  # of a difference


def render(
    results: Path, profile: str, format: str, selection: Selection = EVERYTHING, pivot: str = "", paper: Paper = USUAL
) -> str:
    """Return the leaderboard of ``results/profile``, or the part of it that is selected, as text.

    ``pivot`` is empty or ``target``, ``paper`` is for LaTeX. Raises BadInput if something is selected that
    is not there.
    """
    found = _selected(results, profile, selection, pivot)
    if format == "latex":
        return turned.to_latex(*found, paper) if pivot else formats.to_latex(*found, paper)
    return (turned.FORMATS if pivot else FORMATS)[format](*found)


def _selected(results: Path, profile: str, selection: Selection, pivot: str) -> tuple[pd.DataFrame, View]:
    if pivot and pivot not in PIVOTS:
        raise UnknownName("pivot", pivot, list(PIVOTS))
    if pivot and selection.columns:
        raise BadInput("--pivot makes the columns itself; leave --columns out.")
    return select(leaderboard(Store(results / profile), published_results()), selection)


def show(results: Path, profile: str, format: str, selection: Selection, pivot: str, paper: Paper) -> None:
    """Print what ``render`` returns, or text that fits the terminal: the format ``text``, or empty on a terminal."""
    format = format or ("text" if sys.stdout.isatty() else "markdown")
    if format != "text":
        print_document(render(results, profile, format, selection, pivot, paper))
        return
    found = _selected(results, profile, selection, pivot)
    document = (turned if pivot else formats).document(*found)
    for text in (document["title"], *document["caveats"]):
        say(text)
    for block in document["blocks"]:
        print()
        say(block["title"])
        print()
        print_table(block.get("header") or document["header"], block["rows"], least=LEAST)
        for beside in tables_beside(block):
            print()
            print_table(beside["header"], beside["rows"], least=beside["header"][3:])
        if block["remarks"]:
            print()
        for remark in block["remarks"]:
            say(f"  {remark}")
    print()
    say(document["legend"], rest="")


def differs(path: Path, found: Found, selection: Selection, pivot: str, paper: Paper) -> bool:
    """Return whether a file differs from the table that the records give now, and print the difference.

    Its suffix says in which format it is. Ends of lines may be those of another system.
    """
    known = {f".{suffix}": name for name, suffix in SUFFIXES.items()}
    if path.suffix.lower() not in known:
        raise BadInput(f"{path} is not a table by its name; give a file that ends in {', '.join(known)}.")
    try:
        before = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}); give a table that `benchmark table` made.") from error
    format, where = known[path.suffix.lower()], f"the records in {found.where}"
    now = render(found.folder, found.profile, format, selection, pivot, paper).splitlines()
    if before == now:
        say(f"{path} is what {where} give.")
        return False
    lines = list(unified_diff(before, now, str(path), where, n=1, lineterm=""))
    for line in lines[:MOST_LINES]:
        print(readable(line))
    if len(lines) > MOST_LINES:
        print(f"… and {len(lines) - MOST_LINES:,} lines more")
    say(f"{path} is not what {where} give now.")
    return True


def print_summary(frame: pd.DataFrame) -> None:
    """Print a short leaderboard for a terminal, in percent; rows that are not results show their status."""
    heads = ["target", "source", "data", "teacher %", "student %", "balanced %", "retention %", "chance %"]
    heads += ["majority %", "untrained %", "test items", "seeds", "rank"]
    figures = ("mean_per_class", "retention", "chance", "majority", "untrained")
    found = records_of(frame)
    rows = [
        [
            *map(sanitize, (*label, row["data"])),
            *(marked(row, who) for who in ("teacher", "student")),
            *(percent(row[name]) for name in figures),
            items_shown(row),
            row["seeds"],
            rank_shown(row),
            "" if row["status"] == "done" else row["status"],
        ]
        for row, label in zip(found, labels(found), strict=True)
    ]
    print_table([*heads, ""], rows, least=LEAST)
    if any(COLLAPSED in text for row in rows for text in row):
        say(f"({COLLAPSED} {COLLAPSED_MEANING})", rest=" ")
    if any(row["ties"] for row in found if rank_shown(row)):
        say(f"({RANK_MEANING})", rest=" ")
    for note in sorted({note for note in frame["note"] if note}):
        say(f"({note})", rest=" ")
