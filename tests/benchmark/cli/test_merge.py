"""``benchmark merge``: what each folder added, conflicts with exit code 1, and tables of all of it."""

from __future__ import annotations

import json

from benchmark.records.store import Store
from example_leaderboard import cell, predicted


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
