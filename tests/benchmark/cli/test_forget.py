"""``benchmark forget`` and ``benchmark run --label``: what rows are called, and how they leave the leaderboard."""

from __future__ import annotations

import csv
import io
import json

import pytest

from benchmark.records.store import Store


@pytest.fixture
def words(tmp_path, small):
    return ("--results", tmp_path, "--root", tmp_path / "empty", "--exclude", "cifar10", *small)


def rows(benchmark, results):
    text = benchmark("table", "profile=small", "--results", results, "--format", "csv").out
    return list(csv.DictReader(io.StringIO(text)))


def test_a_setting_is_forgotten_after_a_yes_and_the_same_run_takes_it_back(benchmark, inline, words, tmp_path):
    assert benchmark("run", *words).code == 0
    assert benchmark("run", *words, "recipe.lr=0.5").code == 0
    before = rows(benchmark, tmp_path)
    assert len(before) == 2
    gone = next(row for row in before if "recipe.lr 0.5" in row["differs"])
    records = {path: path.read_bytes() for path in (tmp_path / "small" / "cells").rglob("*.*") if path.is_file()}
    ended = benchmark("forget", gone["row"], "profile=small", "--results", tmp_path, "--yes")
    assert ended.code == 0
    assert "1 cell of the profile small left the leaderboard" in ended.out
    (left,) = rows(benchmark, tmp_path)
    assert left["row"] != gone["row"]
    assert gone["row"] not in (tmp_path / "small" / "leaderboard.csv").read_text(encoding="utf-8")
    assert records == {path: path.read_bytes() for path in records}
    inline.ran.clear()
    assert benchmark("run", *words, "recipe.lr=0.5").code == 0
    assert inline.ran == [], "its record counts"
    assert len(rows(benchmark, tmp_path)) == 2


@pytest.mark.parametrize(("answer", "left"), [("n\n", 1), ("y\n", 0)])
def test_it_asks_before_it_does(benchmark, finished, tmp_path, monkeypatch, answer, left):
    store = Store(tmp_path / "small")
    entries = [cell for cell in Store(finished / "small").requested_cells() if cell.target == "digits"]
    store.write_manifest("all", {}, entries)
    monkeypatch.setattr("sys.stdin", Typed(answer))
    ended = benchmark("forget", entries[0].row, "--profile", "small", "--results", tmp_path)
    assert ended.code == 0
    assert "Take 1 cell of the profile small out of the leaderboard?" in ended.out
    assert ("Nothing was changed." in ended.out) == bool(left)
    assert len(store.requested_cells()) == left


class Typed(io.StringIO):
    """What a person types on a terminal."""

    def isatty(self) -> bool:
        return True


def test_nobody_to_ask_no_name_and_no_results_are_refused(benchmark, finished, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    words = ("profile=small", "--results", finished)
    for wrong, sentence in (
        (("digits", *words), "nobody is there to be asked, so say --yes"),
        (words, "name the rows or cells to forget"),
        (("nothing", *words), "no requested cell or row named 'nothing'"),
        (("digits", "--results", tmp_path), "holds no results"),
    ):
        ended = benchmark("forget", *wrong)
        assert ended.code == 2
        assert sentence in ended.err
    assert Store(finished / "small").requested_cells()


# --- labels ------------------------------------------------------------------------------------------------------


def test_a_run_is_called_in_the_table_what_its_label_says_and_the_last_label_counts(benchmark, inline, words, tmp_path):
    assert benchmark("run", *words, "--label", "my photograph").code == 0
    (row,) = rows(benchmark, tmp_path)
    assert (row["variant"], row["differs"]) == ("my photograph", "my photograph")
    assert "(my photograph)" in benchmark("table", "profile=small", "--results", tmp_path).out
    assert benchmark("run", *words, "recipe.lr=0.5").code == 0
    differing = {row["variant"]: row["differs"] for row in rows(benchmark, tmp_path)}
    assert differing["my photograph"] == "my photograph"
    assert differing[""].startswith("recipe.lr 0.5")
    ended = benchmark("run", *words, "--label", "the *best*")
    assert {row["variant"] for row in rows(benchmark, tmp_path)} == {"the *best*", ""}
    assert "the *best*" in ended.out
    (cell,) = (cell for cell in Store(tmp_path / "small").requested_cells() if cell.row == row["row"])
    found = json.loads(benchmark("why", cell.id, "--results", tmp_path, "--format", "json").out)
    assert found["row"]["labels"] == ["the *best*"]
    assert "--label 'the *best*'" in found["requested_by"][0]


def test_rows_of_one_label_say_also_how_they_differ(benchmark, inline, words, tmp_path):
    for rate in ("0.1", "0.2"):
        assert benchmark("run", *words, f"recipe.lr={rate}", "--label", "rates").code == 0
    assert {row["differs"] for row in rows(benchmark, tmp_path)} == {"rates, recipe.lr 0.1", "rates, recipe.lr 0.2"}


def test_a_suite_with_variants_names_them_itself(benchmark, tmp_path):
    ended = benchmark("run", "--suite", "mixing", "--target", "digits", "--label", "mine", "--results", tmp_path)
    assert ended.code == 2
    assert "the suite mixing names its variants itself" in ended.err
