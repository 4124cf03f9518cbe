"""The leaderboard turned: methods by targets, with gaps that stay gaps."""

from __future__ import annotations

import csv
import io
import json

import pytest

from benchmark.leaderboard import pivot
from benchmark.leaderboard.selection import Selection, select
from benchmark.leaderboard.table import leaderboard
from example_leaderboard import cell, filled


@pytest.fixture
def frame(tmp_path):
    """Two sources on two targets, with three seeds on the digits; the second lacks the letters."""
    china = [cell(source="china", seed=seed, top1=0.80 + 0.03 * seed) for seed in range(3)]
    noise = cell(source="noise", top1=0.4)
    return leaderboard(filled(tmp_path, *china, noise, cell("letters", source="china", top1=0.6)))


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def test_rows_are_methods_columns_are_targets_and_a_gap_is_an_empty_cell_without_a_mean(frame):
    assert lines(pivot.to_markdown(frame)) == [
        "| method | digits | letters | mean |",
        "| --- | ---: | ---: | ---: |",
        "| china | 83.0 ± 3.0 | 60.0 | 71.5 |",
        "| noise | 40.0 |  |  |",
    ]
    assert "\\begin{tabular}{lrrr}" in pivot.to_latex(frame)


def test_a_filter_of_sources_leaves_the_column_of_a_target_that_is_missing(frame):
    shown = lines(pivot.to_markdown(*select(frame, Selection(sources=("noise",)))))
    assert shown[0] == "| method | digits | letters | mean |"
    assert shown[2] == "| noise | 40.0 |  |  |"
    one = lines(pivot.to_markdown(*select(frame, Selection(sources=("noise",), targets=("digits",)))))
    assert one == ["| method | digits |", "| --- | ---: |", "| noise | 40.0 |"]


@pytest.mark.parametrize("status", ["failed", "no data", "out of memory"])
def test_a_row_without_a_score_says_why_and_has_no_mean(tmp_path, status):
    frame = leaderboard(filled(tmp_path, cell(), cell("letters", status=status)))
    assert lines(pivot.to_markdown(frame))[2] == f"| deadleaves | 80.0 | {status} |  |"


def test_a_row_with_some_of_its_seeds_says_how_many_and_has_no_mean(tmp_path):
    cells = [cell(), cell("letters", seed=0), cell("letters", seed=1, status="failed")]
    assert lines(pivot.to_markdown(leaderboard(filled(tmp_path, *cells))))[2] == (
        "| deadleaves | 80.0 | 80.0 (1/2) |  |"
    )


def test_rows_that_differ_in_a_setting_are_methods_of_their_own(tmp_path):
    cells = [cell(policy="published"), cell(policy="standard", top1=0.5)]
    shown = lines(pivot.to_markdown(leaderboard(filled(tmp_path, *cells))))
    assert [line.split(" | ")[0] for line in shown[2:]] == [
        "| deadleaves (policy published)",
        "| deadleaves (policy standard)",
    ]


def test_folds_and_balanced_accuracies_are_named_in_the_head(tmp_path):
    cells = [cell(fold=1), cell(fold=2), cell("letters", metric="mean per-class")]
    head = lines(pivot.to_markdown(leaderboard(filled(tmp_path, *cells))))[0]
    assert head == "| method | digits, fold 1 | digits, fold 2 | letters (balanced) | mean |"


def test_csv_and_json_hold_fractions_and_the_same_gaps(frame):
    rows = {row["method"]: row for row in csv.DictReader(io.StringIO(pivot.to_csv(frame)))}
    assert rows["china"]["digits"] == "0.83"
    assert rows["china"]["digits sd"] == "0.03"
    assert rows["china"]["digits seeds"] == "3"
    assert (rows["noise"]["letters"], rows["noise"]["mean"]) == ("", "")
    (block,) = json.loads(pivot.to_json(frame))["blocks"]
    assert block["targets"] == ["digits", "letters"]
    china, noise = block["methods"]
    assert (china["mean"], noise["mean"]) == (0.715, None)
    assert noise["cells"]["letters"] is None
    assert noise["cells"]["digits"]["score"] == 0.4


@pytest.mark.parametrize("export", list(pivot.FORMATS.values()))
def test_stand_ins_keep_their_mark(tmp_path, export):
    text = export(leaderboard(filled(tmp_path, cell(data="stand-in"))))
    assert "not a result" in text.lower() or "not results" in text.lower()
