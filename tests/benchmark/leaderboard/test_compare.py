"""Two rows or folders compared: what changed, and a verdict that is that of the paired test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.leaderboard.compare import Side, compare_folders, compare_rows, in_all_folds, sides_of
from benchmark.records.store import Store
from benchmark.statistics.items import design_of
from benchmark.statistics.multiple import holm
from benchmark.statistics.paired import compare
from example_leaderboard import cell, of_folds, predicted, with_folds
from modalities.errors import BadInput

PROCESS = {"commit": "a" * 40, "libraries": {"torch": "2.11.0", "numpy": "2.4"}, "started": "1", "ended": "2"}


def with_cells(folder, *cells):
    """A store of cells, each with the test items that it predicts rightly."""
    store = Store(folder / "demo")
    store.write_manifest("all", {}, [entry for (entry, _), _ in cells])
    for entry, right in cells:
        predicted(store, entry, right)
    return store


def side(store, *cells):
    return Side("a side", store, tuple(record for _, record in cells))


def right(*shares):
    return [range(int(500 * share)) for share in shares]


def test_one_seed_each_is_the_paired_test_of_two_students_second_minus_first(tmp_path):
    china, city = cell(source="china"), cell(source="city")
    store = with_cells(tmp_path, (china, range(300)), (city, range(50, 400)))
    found = compare_rows(side(store, china), side(store, city))
    first, second = (np.isin(np.arange(500), items)[None] for items in (range(300), range(50, 400)))
    wanted = compare(second, first, design_of(500))
    assert (found.difference, found.p) == (wanted, wanted.p)
    assert (found.changed_items, found.items) == (150, 500)
    assert found.verdict == "better"
    assert "how much seeds vary is not known" in found.note
    back = compare_rows(side(store, city), side(store, china))
    assert back.difference.value == -wanted.value
    assert back.verdict == "worse"


def test_several_seeds_are_compared_over_seeds_and_items(tmp_path):
    before = [cell(source="china", seed=seed) for seed in range(3)]
    after = [cell(source="city", seed=seed) for seed in range(2)]
    rights = right(0.5, 0.52, 0.54), right(0.8, 0.82)
    pairs = [*zip(before, rights[0], strict=True), *zip(after, rights[1], strict=True)]
    store = with_cells(tmp_path, *pairs)
    found = compare_rows(side(store, *before), side(store, *after))
    outcomes = [np.array([np.isin(np.arange(500), items) for items in of_side]) for of_side in rights]
    assert found.difference == compare(outcomes[1], outcomes[0], design_of(500))
    assert found.note == ""
    assert found.verdict == "better"


def test_a_small_difference_is_undecided_and_no_difference_too(tmp_path):
    china, city = cell(source="china"), cell(source="city")
    store = with_cells(tmp_path, (china, range(300)), (city, range(1, 302)))
    assert compare_rows(side(store, china), side(store, city)).verdict == "undecided"
    same = compare_rows(side(store, china), side(store, china))
    assert (same.verdict, same.changed_items, same.settings, same.environment) == ("undecided", 0, {}, {})


def test_settings_environment_and_figures_that_changed_are_told_with_both_values(tmp_path):
    one, other = cell(source="china"), cell(source="city", top1=0.7)
    configs = {"recipe": {"lr": 0.1, "steps": 5}}, {"recipe": {"lr": 0.2, "steps": 5}, "threads": 2}
    process = PROCESS | {"libraries": {"torch": "2.12.0", "numpy": "2.4"}, "started": "9"}
    records = [
        replace(entry[1], config=config, provenance=made)
        for entry, config, made in zip((one, other), configs, (PROCESS, process), strict=True)
    ]
    store = with_cells(tmp_path, (one, range(300)), (other, range(300)))
    found = compare_rows(Side("A", store, (records[0],)), Side("B", store, (records[1],)))
    assert found.settings == {"recipe.lr": (0.1, 0.2), "threads": (None, 2)}
    assert found.environment == {"libraries.torch": ("2.11.0", "2.12.0")}
    assert found.figures["top1"] == (0.8, 0.7)


def test_what_cannot_be_compared_says_why_and_has_no_verdict(tmp_path):
    china, city = cell(source="china"), cell(source="city")
    store = with_cells(tmp_path, (china, range(300)))
    predicted(store, city, range(300), name="other")
    found = compare_rows(side(store, china), side(store, city))
    assert (found.verdict, found.note) == ("not compared", "the two are scored on other test items")
    (store.cell(city[1].id) / "predictions.npz").unlink()
    assert "are missing" in compare_rows(side(store, china), side(store, city)).note
    balanced = cell(source="city", metric="mean per-class")
    predicted(store, balanced, range(300))
    assert "two metrics" in compare_rows(side(store, china), side(store, balanced)).note


@pytest.mark.parametrize("other", [{"target": "letters"}, {"fold": 2}])
def test_rows_of_two_targets_or_folds_are_refused(tmp_path, other):
    one, two = cell(), cell(**other)
    store = with_cells(tmp_path, (one, range(300)), (two, range(300)))
    with pytest.raises(BadInput, match="compare rows of one target"):
        compare_rows(side(store, one), side(store, two))


def test_items_of_all_folds_count_as_one_test_set(tmp_path):
    china, city = of_folds("china"), of_folds("city")
    shares = (lambda fold, seed: 0.3 + 0.1 * fold), (lambda fold, seed: 0.45 + 0.1 * fold + 0.02 * seed)
    with_folds(tmp_path, (china, shares[0]), (city, shares[1]))
    found = compare_rows(*(in_all_folds(one) for one in sides_of(tmp_path, [china[0][1].row, city[2][1].row])))
    outcomes = [
        np.array([
            np.concatenate([np.arange(100) < int(100 * share(fold, seed)) for fold in (1, 2, 3)]) for seed in (0, 1)
        ])
        for share in shares
    ]  # fmt: skip
    assert found.difference == compare(outcomes[1], outcomes[0], design_of(300))
    assert (found.items, found.place, found.note) == (300, "digits, folds 1, 2, 3", "")
    assert found.first.seeds_shown == "seeds 0, 1"
    assert "in all folds" in found.first.name
    assert found.settings == {"source": ("china", "city")}


def test_a_cell_in_all_folds_keeps_its_seed_and_another_setting_is_another_row(tmp_path):
    row, other = of_folds("china"), of_folds("china", settings=2)
    store = with_folds(tmp_path, (row, lambda fold, seed: 0.5), (other, lambda fold, seed: 0.5))
    one = in_all_folds(side(store, row[1]))
    assert [(record.fold, record.seed, record.settings["settings"]) for record in one.records] == [
        (fold, 1, 1) for fold in (1, 2, 3)
    ]


def test_folds_that_lack_a_seed_or_that_are_not_there_are_named(tmp_path):
    whole, part, single = of_folds("china"), of_folds("city")[:-1], of_folds("noise", folds=(1,))
    store = with_folds(tmp_path, *((row, lambda fold, seed: 0.5) for row in (whole, part, single)))
    found = compare_rows(in_all_folds(side(store, *whole)), in_all_folds(side(store, *part)))
    assert (found.verdict, found.difference) == ("not compared", None)
    assert "has seeds [0] in fold 3 and [0, 1] in fold 1" in found.note
    with pytest.raises(BadInput, match="done in one fold alone"):
        in_all_folds(side(store, *single))
    again = of_folds("china", folds=(2,), data="y")
    store.write_manifest("all", {"seeds": [9]}, [entry for entry, _ in again])
    for one in again:
        predicted(store, one, range(50), items=100)
    with pytest.raises(BadInput, match=r"a side has several rows in fold 2, of other data: \w+, \w+;"):
        in_all_folds(side(store, *whole[:2]))
    with pytest.raises(BadInput, match="of digits and a side in all folds of digits, folds 1, 2, 3"):
        compare_rows(side(store, *single), replace(side(store, *whole), name="a side in all folds"))


def test_a_name_is_a_row_with_all_of_its_seeds_or_a_cell(tmp_path):
    cells = [cell(seed=seed) for seed in (1, 0)]
    store = with_cells(tmp_path, *((entry, range(300)) for entry in cells))
    row, one = sides_of(tmp_path, [cells[0][1].row, "s1"])
    assert [record.seed for record in row.records] == [0, 1]
    assert [record.id for record in one.records] == [cells[0][1].id]
    assert row.store.root == store.root
    with pytest.raises(BadInput, match="there is no cell named 'nothing'"):
        sides_of(tmp_path, ["nothing"])


def test_a_cell_that_is_not_done_is_refused_with_its_reason(tmp_path):
    broken = cell(status="failed", reason="the disk is full")
    store = Store(tmp_path / "demo")
    store.write_manifest("all", {}, [broken[0]])
    store.write(broken[1])
    with pytest.raises(BadInput, match=r"is not done \(failed: the disk is full\)"):
        sides_of(tmp_path, [broken[1].id])


# --- folders -----------------------------------------------------------------------------------------------------


def test_rows_of_two_folders_are_paired_by_settings_then_by_names_and_tested_together(tmp_path):
    same, changed, now = cell(source="china"), cell(source="city", settings=1), cell(source="city", settings=2)
    gone, new = cell(source="noise"), cell("letters", source="noise")
    with_cells(tmp_path / "a", (same, range(300)), (changed, range(300)), (gone, range(10)))
    with_cells(tmp_path / "b", (same, range(20, 320)), (now, range(260)), (new, range(10)))
    found = compare_folders(tmp_path / "a", tmp_path / "b")
    places = {pair.second.records[0].source["name"]: pair for pair in found.pairs}
    assert set(places) == {"china", "city"}
    assert (places["china"].verdict, places["city"].verdict) == ("undecided", "worse")
    assert [found.only_first, found.only_second] == [
        [f"digits, noise (row {gone[1].row})"], [f"letters, noise (row {new[1].row})"],
    ]  # fmt: skip
    raw = [pair.difference.p for pair in found.pairs]
    assert [pair.p for pair in found.pairs] == pytest.approx(list(holm(raw)))
    of_profiles = compare_folders(tmp_path / "a" / "demo", tmp_path / "b" / "demo")
    assert [pair.p for pair in of_profiles.pairs] == [pair.p for pair in found.pairs]


def test_of_rows_with_the_same_settings_the_same_seeds_are_compared(tmp_path):
    seeds = [cell(seed=seed) for seed in range(3)]
    rights = right(0.5, 0.8, 0.9)
    with_cells(tmp_path / "a", *zip(seeds, rights, strict=True))
    with_cells(tmp_path / "b", (seeds[0], rights[0]))
    with_cells(tmp_path / "c", (cell(seed=7), rights[0]))
    (pair,) = compare_folders(tmp_path / "a", tmp_path / "b").pairs
    assert [record.seed for record in pair.first.records] == [0]
    assert (pair.difference.value, pair.changed_items) == (0, 0)
    (others,) = compare_folders(tmp_path / "a", tmp_path / "c").pairs
    assert [record.seed for record in others.first.records] == [0, 1, 2]


def test_rows_of_one_name_and_several_settings_are_not_paired_by_name(tmp_path):
    with_cells(tmp_path / "a", (cell(settings=1), range(300)), (cell(settings=2), range(300)))
    with_cells(tmp_path / "b", (cell(settings=3), range(300)), (cell(settings=1), range(300)))
    found = compare_folders(tmp_path / "a", tmp_path / "b")
    assert len(found.pairs) == 2, "one by its settings, and the two that are left by their names"
    with_cells(tmp_path / "c", (cell(settings=4), range(300)), (cell(settings=5), range(300)))
    with pytest.raises(BadInput, match="have no row in common"):
        compare_folders(tmp_path / "a", tmp_path / "c")


def test_a_folder_without_results_is_refused(tmp_path):
    with_cells(tmp_path / "a", (cell(), range(300)))
    (tmp_path / "b").mkdir()
    with pytest.raises(BadInput, match="holds no results"):
        compare_folders(tmp_path / "a", tmp_path / "b")
