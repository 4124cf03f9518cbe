"""What docs/tables.md says of the CSV is what the CSV has."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from benchmark.claims import formats as claims
from benchmark.claims.collect import judged_claims
from benchmark.leaderboard import costs, formats
from benchmark.leaderboard.table import leaderboard
from benchmark.records.store import Store

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / "results" / "measured"


def documented(head):
    """Return the names in the first column of the table that begins with a head, and the cells of each line."""
    text = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    lines = text.split(f"| {head} |", 1)[1].split("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    assert all(len(row) == 3 and all(row) for row in rows)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row[0])], rows


def test_every_column_of_the_leaderboard_is_documented_in_its_order():
    names, _ = documented("column")
    header = next(csv.reader(io.StringIO(formats.to_csv(leaderboard(Store(MEASURED / "small"))))))
    assert set(names) == set(formats.COLUMNS)
    assert set(names) - set(header) == {"id", "handed_in", *costs.COLUMNS}, "left out unless there is a reason"
    assert len(names) == len(set(names))


def test_every_column_of_claims_is_documented():
    names, _ = documented("column of claims")
    header = next(csv.reader(io.StringIO(claims.to_csv(judged_claims(MEASURED / "claims", "demo")))))
    assert names == header


def test_the_measured_figures_lie_in_the_documented_ranges():
    _, rows = documented("column")
    shares = {name for row in rows if row[2] == "0 to 1" for name in re.findall(r"`([^`]+)`", row[0])}
    assert {"score", "fidelity", "ece"} <= shares
    for folder in (MEASURED / "small", MEASURED / "demo"):
        frame = leaderboard(Store(folder))
        for name in shares:
            assert frame[name].dropna().between(0, 1).all(), name
