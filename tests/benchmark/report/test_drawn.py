"""Findings as charts: intervals of retention, curves by segments, lines over rows that saw more of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.leaderboard.selection import Selection
from benchmark.report import drawn
from benchmark.report.charts import Point
from benchmark.report.collect import findings, part
from example_leaderboard import cell, filled
from modalities.errors import BadInput


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


def test_bars_say_what_each_row_keeps_and_name_targets_if_there_are_several(tmp_path):
    rows = cell(), cell(source="noise", settings=2), cell(target="stl10", status="failed", reason="no disk")
    (plot,) = drawn.retention(block_of(tmp_path, *rows), "mark")
    assert [bar.label for bar in plot.bars] == ["digits, deadleaves", "digits, noise (control)", "stl10, deadleaves"]
    assert [bar.is_control for bar in plot.bars] == [False, True, False]
    assert plot.bars[0].share == pytest.approx(0.8 / 0.96)
    assert plot.bars[0].chance == pytest.approx(0.1 / 0.96)
    assert (plot.bars[2].share, plot.bars[2].reason) == (None, "failed: no disk")
    assert plot.mark == "mark"
    (alone,) = drawn.retention(block_of(tmp_path / "2", cell()), "")
    assert ([bar.label for bar in alone.bars], alone.title) == (["deadleaves"], "Retention, digits, image, real data")


def test_curves_are_by_segments_with_a_line_for_each_seed_and_a_name_for_each_row(tmp_path):
    cells = [with_batch(*cell(seed=seed)) for seed in (0, 1)]
    block = block_of(tmp_path, *cells, curves=["step,loss\n10,2.0\n20,1.0\n", "step,loss\n10,3.0\n20,1.5\n"])
    (plot,) = drawn.curves(block, "")
    assert {series.name for series in plot.series} == {"deadleaves, 2 seeds"}
    assert [series.points for series in plot.series] == [
        (Point(640, 2), Point(1280, 1)), (Point(640, 3), Point(1280, 1.5))
    ]  # fmt: skip


def test_rows_beyond_those_that_a_plot_can_tell_apart_are_counted(tmp_path):
    cells = [with_batch(*cell(settings=number)) for number in range(drawn.MOST_ROWS + 3)]
    (plot,) = drawn.curves(block_of(tmp_path, *cells, curves=["step,loss\n1,2\n"] * len(cells)), "")
    assert (len(plot.series), plot.remark) == (drawn.MOST_ROWS, "3 rows more are left out.")


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
    assert every.title == "Accuracy by segments, image, real data"
    assert own.title == "Accuracy by segments, digits"
    assert [(point.x, point.y) for point in own.series[0].points] == [
        (100, pytest.approx(80)),
        (1000, pytest.approx(90)),
    ]
    assert all(point.bounds for point in own.series[0].points)
    assert (len(every.series[0].points), every.series[0].joined) == (3, False)


@pytest.mark.parametrize("data", ["stand-in", "shipped"])
def test_plots_of_data_that_are_not_real_datasets_say_so(tmp_path, data):
    filled(tmp_path, with_batch(*cell(data=data)), with_batch(*cell(data=data, target="stl10")))
    found = findings(tmp_path, "demo")
    for what in ("retention", "segments"):
        assert {plot.mark for plot in drawn.plots(found, what)} == {drawn.MARKS[data]}


def test_a_part_has_the_rows_that_were_chosen_and_their_figures(tmp_path):
    filled(tmp_path, cell(), cell(source="noise", settings=2), cell(target="stl10"))
    found = findings(tmp_path, "demo")
    chosen = part(found, Selection(targets=("dig*",), sources=("noise",)))
    assert [(row.target, row.source) for row in chosen.rows] == [("digits", "noise")]
    assert chosen.rows[0].row in [row.row for row in found.rows]
    assert part(found, Selection()) is found
    with pytest.raises(BadInput, match="no row of the leaderboard has target stl10, source noise"):
        part(found, Selection(targets=("stl10",), sources=("noise",)))
