"""``benchmark merge``: what each folder and each file of predictions added, conflicts with exit code 1, and tables."""

from __future__ import annotations

import csv
import io
import json

from benchmark.records.store import Store
from example_leaderboard import cell, predicted
from handed_in import state, write_csv


def machine(folder, *cells, right):
    store = Store(folder / "demo")
    store.write_manifest("all", {}, [entry for entry, _ in cells])
    for entry in cells:
        predicted(store, entry, range(right))


def test_folders_are_joined_and_a_conflict_is_named_with_exit_code_1(benchmark, tmp_path):
    machine(tmp_path / "a", cell(seed=0), right=400)
    machine(tmp_path / "b", cell(seed=1), right=400)
    words = ("--results", tmp_path / "all")
    ended = benchmark("merge", tmp_path / "a", tmp_path / "b", *words)
    assert ended.code == 0
    text = (tmp_path / "all" / "demo" / "leaderboard.csv").read_text(encoding="utf-8")
    assert text == benchmark("table", *words, "--format", "csv").out
    machine(tmp_path / "c", cell(seed=1, top1=0.9), right=450)
    ended = benchmark("merge", tmp_path / "c", *words)
    assert ended.code == 1
    assert "conflict: " in ended.out and "has other figures here" in ended.out
    (found,) = json.loads(benchmark("merge", tmp_path / "c", *words, "--format", "json").out)
    assert (found["copied"], found["same"], len(found["conflicts"])) == (0, 0, 1)


def test_a_folder_without_results_is_refused(benchmark, tmp_path):
    ended = benchmark("merge", tmp_path / "nowhere", "--results", tmp_path / "all")
    assert ended.code == 2
    assert "holds no results" in ended.err


def test_an_outsiders_predictions_become_a_row_that_is_marked_and_compared(benchmark, tmp_path):
    """From the lists of items and classes to a comparison, by commands alone."""
    of_profile = ("--profile", "smoke")
    listed = benchmark("data", "items", "digits", *of_profile)
    items = list(csv.DictReader(io.StringIO(listed.out)))
    classes = [row["class"] for row in csv.DictReader(io.StringIO(benchmark("data", "classes", "digits").out))]
    assert list(items[0]) == ["index", "item"] and [row["index"] for row in items] == [*map(str, range(len(items)))]
    sha256 = listed.err.rpartition(" ")[2].strip()

    def handed(name, first, **said):
        rows = [[row["item"], classes[int(row["item"].encode()[-1]) % 10 if first else 0]] for row in items]
        path = write_csv(tmp_path / f"{name}.csv", ["item", "class"], rows)
        return state(path, target="digits", label=name, items_sha256=sha256, **said)

    one, other = handed("one", True, reference="A. Uthor, 2026"), handed("other", False)
    words = ("--results", tmp_path / "results")
    ended = benchmark("merge", one, other, *words, *of_profile)
    assert ended.code == 0, ended.err
    table = benchmark("table", *words, *of_profile, "--format", "markdown").out
    assert "predictions handed in: training not seen by this tool" in table and "A. Uthor, 2026" in table
    assert benchmark("compare", "digits-one", "digits-other", *words).code in (0, 10, 11)
    assert "SHA-256" in benchmark("why", "digits-one", *words).out
    (again,) = json.loads(benchmark("merge", one, *words, *of_profile, "--format", "json").out)
    assert (again["copied"], again["same"], again["conflicts"]) == (0, 1, [])
    handed("one", False)
    ended = benchmark("merge", one, *words, *of_profile)
    assert ended.code == 1 and "conflict: " in ended.out and "has other predictions" in ended.out
    benchmark("report", *words, *of_profile, "--out", tmp_path / "report.html")
    assert benchmark("table", tmp_path / "report.html", "--format", "markdown").out == table
    for verb in ("insight", "export"):
        ended = benchmark(verb, "digits-one", *words)
        assert ended.code == 2 and "were handed in" in ended.err


def test_nothing_is_written_if_one_of_several_files_cannot_be_used(benchmark, tmp_path):
    machine(tmp_path / "a", cell(seed=0), right=400)
    path = state(write_csv(tmp_path / "bad.csv", ["item", "class"], [["x", "1"]]), target="digits", label="Theirs")
    ended = benchmark("merge", tmp_path / "a", path, "--results", tmp_path / "all", "--profile", "smoke")
    assert ended.code == 2 and "line 2 names the item 'x'" in ended.err
    assert not (tmp_path / "all").exists()
