"""What rows cost: means over seeds, shown unasked only where rows differ in method, and derived from older records."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest

from benchmark.leaderboard import costs, formats, pivot
from benchmark.leaderboard.selection import Selection, View, select
from benchmark.leaderboard.table import leaderboard
from benchmark.records.store import Store
from example_leaderboard import cell, filled, only_row

ASKED = View(columns=("target", "student_steps", "teacher_forwards", "generator_steps", "distill_seconds"))
FOR_PEOPLE = (formats.to_markdown, formats.to_html, formats.to_latex)


def spent(method="segments", steps=10, seconds=2.0, recipe="quick", **costs):
    """A cell with the costs in its record, which is of a method."""
    entry, record = cell(recipe=recipe, **({"seed": costs.pop("seed")} if "seed" in costs else {}))
    config = {"recipe": {"steps": steps}} | ({} if method == "segments" else {"method": method})
    return entry, replace(record, config=config, costs=costs, segments=steps * 100, seconds={"distill": seconds})


@pytest.fixture
def two(tmp_path):
    """A row of segments and one of the generator."""
    plain = spent(student_steps=10, teacher_forwards=1000)
    made = spent(
        "generator", recipe="quick + generator", seconds=5.0,
        student_steps=10, teacher_forwards=1500, student_forwards=300, generator_steps=20,
    )  # fmt: skip
    return leaderboard(filled(tmp_path, plain, made))


def test_means_are_over_the_seeds_that_are_done(tmp_path):
    row = only_row(
        filled(
            tmp_path,
            spent("inversion", seed=0, seconds=2.0, student_steps=10, teacher_forwards=1000, generator_steps=3),
            spent("inversion", seed=1, seconds=3.0, student_steps=10, teacher_forwards=1200, generator_steps=5),
            cell(seed=2, recipe="quick", status="failed"),
        )
    )
    assert (row.student_steps, row.student_forwards, row.teacher_forwards) == (10, 1000, 1100)
    assert (row.generator_steps, row.distill_seconds, row.seeds) == (4, 2.5, "2/3")


def test_a_record_of_an_earlier_version_showed_each_network_one_batch_a_step(tmp_path):
    row = only_row(filled(tmp_path, spent(steps=40)))
    assert (row.method, row.student_steps, row.teacher_forwards, row.generator_steps) == ("segments", 40, 4000, 0)
    bare = leaderboard(filled(tmp_path / "bare", cell()))  # nor its steps
    assert bare.student_steps.isna().all() and bare.teacher_forwards.tolist() == [1000]
    assert "| digits |  | 1,000 | 0 | 2 |" in formats.to_markdown(bare, ASKED)


def test_the_method_is_that_of_the_manifest_where_it_says_it(tmp_path):
    entry, record = spent("inversion")
    store = Store(tmp_path)
    store.write_manifest("all", {}, [entry], {entry.row: record.settings})
    for write in (False, True):
        if write:
            store.write(record)
        assert leaderboard(store).method.tolist() == ["inversion"]


def test_a_row_that_is_not_done_has_a_method_and_no_costs(tmp_path):
    row = only_row(filled(tmp_path, cell(status="failed")))
    assert row.method == "segments"
    assert row[list(costs.COLUMNS[1:])].isna().all()


def test_tables_for_people_show_costs_where_methods_differ(two):
    text = formats.to_markdown(two)
    assert "| student steps | teacher forwards | generator steps | distill seconds |" in text
    assert re.search(r"method segments\).*\| 10 \| 1,000 \| 0 \| 2 \|", text)
    assert re.search(r"method generator\).*\| 10 \| 1,500 \| 20 \| 5 \|", text)
    for export in FOR_PEOPLE:
        assert costs.LEGEND[:40] in export(two)


def test_tables_for_programs_have_cost_columns_where_methods_differ(two):
    rows = list(csv.DictReader(io.StringIO(formats.to_csv(two))))
    assert [row["method"] for row in rows] == ["segments", "generator"]
    assert [row["student_forwards"] for row in rows] == ["1000", "1300"]
    assert [row["teacher_forwards"] for row in json.loads(formats.to_json(two))["rows"]] == [1000, 1500]


def test_a_table_of_one_method_has_them_only_if_they_are_asked_for(two):
    part, _ = select(two, Selection(recipes=("quick + generator",)))
    for frame, steps in ((part, "20"), (two[two.method == "segments"], "0")):
        for export in FOR_PEOPLE:
            assert "generator steps" not in export(frame)
        assert not set(costs.COLUMNS) & set(next(csv.reader(io.StringIO(formats.to_csv(frame)))))
        assert not set(costs.COLUMNS) & json.loads(formats.to_json(frame))["rows"][0].keys()
        assert f"| {steps} |" in formats.to_markdown(frame, ASKED)
        for export in FOR_PEOPLE:
            assert costs.LEGEND[:40] in export(frame, ASKED)
        for export in (*FOR_PEOPLE, formats.to_csv, formats.to_json):
            assert re.search("generator.steps", export(frame, ASKED).replace("\\_", "_"))


def test_costs_go_by_their_heads_too():
    assert formats.column_names(list(costs.HEADS.values())) == tuple(costs.HEADS)


def test_the_pivot_shows_no_costs(two):
    for export in pivot.FORMATS.values():
        assert not re.search("generator.steps|teacher.forwards", export(two))


def test_long_times_are_whole_seconds(tmp_path):
    frame = leaderboard(filled(tmp_path, spent(seconds=23456.7)))
    assert "| 23,457 |" in formats.to_markdown(frame, View(columns=("target", "distill_seconds")))
