"""``benchmark plan``: every cell and its state, as JSON and as a table; it runs and writes nothing."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmark.planning.expected import ROLES, rest_work, step_work
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from benchmark.records.speeds import keep_speeds
from benchmark.records.store import Store
from benchmark.system.resources import device_name
from modalities import registry


def test_the_plan_as_json_lists_every_cell_and_its_state(benchmark, small, finished):
    words = ("--results", finished, "--root", finished / "empty", *small)
    ended = benchmark("plan", *words, "--format", "json", "seeds=[0,1]")
    rows = json.loads(ended.out)
    states = {(row["target"], row["seed"]): row["state"] for row in rows}
    assert ended.code == 0
    assert states == {
        ("cifar10", 0): "no data",
        ("cifar10", 1): "no data",
        ("digits", 0): "done",
        ("digits", 1): "to run",
    }
    cifar = next(row for row in rows if row["target"] == "cifar10")
    assert cifar["download_bytes"] == registry.target("cifar10").info.download_bytes


def test_the_plan_reads_folders_that_cannot_be_written_and_names_what_cannot_be_read(
    benchmark, block, inline, small, tmp_path
):
    words = ("--results", tmp_path, "--exclude", "cifar10", *small, "seeds=[0,1]")
    assert benchmark("run", *words, "seeds=[0]").code == 0
    first, second = json.loads(benchmark("plan", *words, "--format", "json").out)
    block(tmp_path / "small" / "cells" / first["cell"])
    (tmp_path / "small" / "cells" / second["cell"]).write_text("a file")
    ended = benchmark("plan", *words, "--format", "json")
    assert ended.code == 0
    states = [(row["state"], row["reason"]) for row in json.loads(ended.out)]
    assert states[0] == ("done", "")
    assert states[1][0] == "to run"
    assert "record.json cannot be read" in states[1][1]


def test_the_plan_for_people_ends_with_totals_and_runs_nothing(benchmark, small, tmp_path):
    ended = benchmark("plan", "--results", tmp_path / "new", "--root", tmp_path, *small)
    assert ended.code == 0
    assert "2 cells, 1 to run" in ended.out
    assert not (tmp_path / "new").exists()


def test_the_plan_says_which_difference_its_seeds_and_items_can_show(benchmark, small, tmp_path):
    words = ("plan", "--results", tmp_path / "new", "--root", tmp_path, *small)
    text = " ".join(benchmark(*words).out.split())
    assert "that these seeds and test items show, in points: cifar10 0.9, digits 4.6." in text
    shown = {row["target"]: row["smallest_difference"] for row in json.loads(benchmark(*words, "--format", "json").out)}
    assert shown == {"digits": 0.0464, "cifar10": 0.0089}
    assert benchmark(*words, "seeds=[0,1,2]").out != benchmark(*words).out


def test_a_plan_waits_for_no_library_of_statistics():
    code = (
        "import sys, benchmark.cli.plan\n"
        "assert not {'scipy', 'pandas', 'torch'} & set(sys.modules), 'something heavy was imported'"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_plan_for_people_names_folds_where_one_is_not_the_first(benchmark, tmp_path):
    words = ("plan", "--results", tmp_path / "new", "--root", tmp_path, "--device", "cpu", "--target", "esc50")
    heads, *lines = benchmark(*words, "folds=[1,2,3,4,5]", "profile=smoke").out.splitlines()[:6]
    assert heads.split()[:3] == ["target", "fold", "source"]
    assert [line.split()[:2] for line in lines] == [["esc50", fold] for fold in "12345"]
    alone = benchmark(*words, "profile=smoke").out
    assert "fold" not in alone
    assert "\n1 cell, " in alone


def test_each_record_is_read_once_to_tell_what_is_done(cells, tmp_path, monkeypatch, benchmark):
    store, many = Store(tmp_path / "smoke"), cells(f"seeds={list(range(30))}")
    for cell in many:
        store.write(cell.record("done", provenance={}))
    read = []
    real = Store.read
    monkeypatch.setattr(Store, "read", lambda self, id: read.append(id) or real(self, id))
    monkeypatch.setattr("benchmark.cli.plan.make_plan", lambda request: many)
    assert "30 cells, 0 to run" in benchmark("plan", "--results", tmp_path, "profile=smoke").out
    assert sorted(read) == sorted([*(cell.id for cell in many), many[0].id]), "the first one once more, for its items"


def test_the_plan_marks_estimates_and_takes_what_was_measured_for_any_number_of_steps(
    benchmark, small, tmp_path, monkeypatch
):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    words = ("plan", "--results", tmp_path / "new", "--exclude", "cifar10", *small)

    def planned(*more):
        (row,) = json.loads(benchmark(*words, *more, "--format", "json").out)
        return row["measured"], row["seconds"]

    measured, seconds = planned()
    assert not measured and seconds > 0
    page = benchmark(*words).out
    assert " ~0:0" in page and "~ an estimate: 1 cell of a kind that was not measured on this machine yet" in page

    assert "a method does besides" not in page
    assert "what a method does besides (inversion)" in benchmark(*words, "method=inversion").out

    settings = [word for word in small if "=" in word and not word.startswith("profile=")]
    (cell,) = make_plan(Request(profile="small", targets=("digits",), overrides=tuple(settings)))
    name = device_name("cpu")
    keep_speeds({step_work(cell, role, name): (2.0, 0.0) for role in ROLES})
    keep_speeds({rest_work(cell, role, name): (30.0, 0.0) for role in ROLES})
    assert planned() == (True, 60 + 2 * (60 + 40))
    assert planned("recipe.steps=1000") == (True, 60 + 2 * (60 + 1000))
    assert "~" not in benchmark(*words).out


def test_the_plan_of_a_suite_says_what_its_claims_still_need(benchmark, tmp_path):
    words = ("--suite", "claims", "--target", "fsdd", "profile=smoke", "--results", tmp_path)
    told = benchmark("plan", *words, "seeds=[1]").out
    assert "0 of 9 claims on these targets have every cell that they need" in told
    assert "claim 1 on fsdd needs one datum (seed 1) and noise (seed 1)" in told
    assert "One seed: the verdicts will be about other test items alone" in told
    assert "One seed" not in benchmark("plan", *words, "seeds=[1,2]").out
    assert "claim" not in benchmark("plan", "--target", "fsdd", "profile=smoke", "--results", tmp_path).out
