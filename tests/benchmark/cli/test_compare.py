"""``benchmark compare``: exit codes that a script can act on, text and JSON."""

from __future__ import annotations

import json

import pytest

from benchmark.cli import exit_codes
from benchmark.records.store import Store
from example_leaderboard import cell, of_folds, predicted, with_folds


@pytest.fixture
def compared(tmp_path):
    """A results folder with three cells: the second is better than the first, the third about as good as it."""
    cells = {name: cell(source=name, top1=top1) for name, top1 in (("china", 0.6), ("city", 0.8), ("noise", 0.602))}
    store = Store(tmp_path / "demo")
    store.write_manifest("all", {}, [entry for entry, _ in cells.values()])
    for name, right in (("china", range(300)), ("city", range(400)), ("noise", range(1, 302))):
        predicted(store, cells[name], right)
    return tmp_path


def test_the_exit_code_says_which_is_better(benchmark, compared):
    words = ("--results", compared)
    better, worse, same = (
        benchmark("compare", *names, *words) for names in (("china", "city"), ("city", "china"), ("china", "noise"))
    )
    assert (better.code, worse.code, same.code) == (10, 11, 0)
    assert "B - A: +20.0 points" in better.out and "B is better" in better.out
    assert "B - A: −20.0 points" in worse.out and "B is worse" in worse.out
    assert "undecided" in same.out
    assert "the two differ on 100 of 500 test items" in better.out


def test_rows_of_several_folds_are_compared_on_the_items_of_all(benchmark, tmp_path):
    china, city = of_folds("china"), of_folds("city")
    store = with_folds(tmp_path, (china, lambda fold, seed: 0.2 * fold), (city, lambda fold, seed: 0.3 + 0.2 * fold))
    rows = [row[0][1].row for row in (china, city)]
    one, every = (benchmark("compare", *rows, *words, "--results", tmp_path) for words in ((), ("--all-folds",)))
    assert "of 100 test items" in one.out and "of 300 test items" in every.out
    assert every.code == 10 and "digits, folds 1, 2, 3, seeds 0, 1" in every.out
    refused = benchmark("compare", store.root, store.root, "--all-folds")
    assert refused.code == 2 and "leave it out for folders" in refused.err


def test_no_two_exit_codes_are_one():
    codes = [value for name, value in vars(exit_codes).items() if name.isupper()]
    assert len(codes) == len(set(codes)) > 6


def test_json_has_the_figures_and_the_changes(benchmark, compared):
    ended = benchmark("compare", "china", "city", "--results", compared, "--format", "json")
    found = json.loads(ended.out)
    assert ended.code == 10
    assert (found["verdict"], found["difference"]) == ("better", 0.2)
    assert found["low"] < 0.2 < found["high"]
    assert found["figures"]["top1"] == [0.6, 0.8]


def test_two_folders_are_compared_row_by_row(benchmark, compared, tmp_path):
    other = tmp_path / "other"
    store = Store(other / "demo")
    city = cell(source="city", top1=0.5)
    store.write_manifest("all", {}, [city[0]])
    predicted(store, city, range(250))
    ended = benchmark("compare", compared, other)
    assert ended.code == 11
    assert "Only in the first folder: digits, china" in ended.out
    assert "adjusted for 1 comparison (Holm)" in ended.out
    assert json.loads(benchmark("compare", compared, other, "--format", "json").out)["pairs"][0]["verdict"] == "worse"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("china", "nothing"), "there is no cell named 'nothing'"),
        (("china", "."), "give two cells or two folders"),
        (("digits", "city"), "is a part of 3 cells"),
    ],
)
def test_wrong_usage_is_refused(benchmark, compared, words, sentence):
    ended = benchmark("compare", *words, "--results", compared)
    assert ended.code == 2
    assert sentence in ended.err
