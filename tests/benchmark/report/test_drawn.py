"""Findings as charts: intervals of retention, curves by segments, lines over rows that saw more of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.report import drawn
from benchmark.report.collect import findings
from example_leaderboard import cell, filled


def block_of(folder, *cells, curves=()):
    store = filled(folder, *cells)
    for (entry, _), text in zip(cells, curves, strict=False):
        (store.cell(entry.id) / "curve.csv").write_text(text, encoding="utf-8")
    (block,) = findings(folder, "demo").blocks
    return block


def with_batch(entry, record, batch=64):
    return entry, replace(record, config={"recipe": {"batch": batch}})


def test_the_interval_of_retention_is_that_of_the_score_by_the_teachers(tmp_path):
    (row,) = block_of(tmp_path, cell()).rows
    low, high = drawn.retention_bounds(row.row)
    assert low == pytest.approx(row.row["score_low"] / 0.96)
    assert high == pytest.approx(row.row["score_high"] / 0.96)
    assert low < row.row["retention"] < high
    found = drawn.retention(row, "digits", "")
    assert found["share"] == "83.3"
    assert "chance would be 10.4 %" in found["bar"]


def test_curves_are_by_segments_with_a_line_for_each_seed_and_a_name_for_each_row(tmp_path):
    cells = [with_batch(*cell(seed=seed)) for seed in (0, 1)]
    block = block_of(tmp_path, *cells, curves=["step,loss\n10,2.0\n20,1.0\n", "step,loss\n10,3.0\n20,1.5\n"])
    (chart,) = drawn.curves(block, "")
    assert [name for _, name in chart["legend"]] == ["deadleaves, 2 seeds"]
    assert "deadleaves, seed 0: from 2 at 640 to 1 at 1.28k. deadleaves, seed 1: from 3 at 640" in chart["svg"]
    assert chart["svg"].count('class="line c') == 2


def test_rows_beyond_those_that_a_chart_can_tell_apart_are_counted(tmp_path):
    cells = [with_batch(*cell(settings=number)) for number in range(drawn.MOST_ROWS + 3)]
    (chart,) = drawn.curves(block_of(tmp_path, *cells, curves=["step,loss\n1,2\n"] * len(cells)), "")
    assert (len(chart["legend"]), chart["left_out"]) == (drawn.MOST_ROWS, 3)


def test_a_curve_that_is_not_finite_is_no_fault(tmp_path):
    block = block_of(tmp_path, with_batch(*cell()), curves=["step,loss\n1,nan\n2,inf\n"])
    assert drawn.curves(block, "") == []


def test_noise_has_one_style_whatever_stands_before_it(tmp_path):
    rows = block_of(tmp_path, cell(source="a"), cell(source="noise"), cell(source="z")).rows
    styles = {row.row["source"]: style for style, row in drawn.styled(rows)}
    backwards = {row.row["source"]: style for style, row in drawn.styled(rows[::-1])}
    assert styles["noise"] == backwards["noise"]
    assert len(set(styles.values())) == 3
    many = [style for style, _ in drawn.styled([rows[0]] * 20)]
    assert styles["noise"] not in many
    assert len(set(many)) == 20


def test_rows_of_a_source_that_saw_more_segments_are_joined(tmp_path):
    few, more = (
        (entry, replace(record, segments=segments))
        for (entry, record), segments in ((cell(settings=1), 100), (cell(settings=2, top1=0.9), 1000))
    )
    every, own = drawn.by_segments(block_of(tmp_path, few, more, cell(target="stl10")), "")
    assert (every["target"], own["target"]) == ("every target", "digits")
    assert "deadleaves: from 80 at 100 to 90 at 1k" in own["svg"]
    assert every["svg"].count("<circle") == 3
