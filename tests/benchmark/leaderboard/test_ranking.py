"""Ranks: what tests cannot separate is not ranked apart, and what cannot be compared has no rank and says why."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from benchmark.leaderboard import formats, ranking
from benchmark.leaderboard.ranking import ranks
from benchmark.leaderboard.table import leaderboard
from benchmark.records.store import Predictions
from benchmark.statistics.items import design_of
from benchmark.statistics.two_way import two_way_interval
from example_leaderboard import cell, filled

ITEMS = 400


def outputs(right, ids=None, groups=None):
    """Predictions of two classes that are right where ``right`` says so."""
    labels = np.arange(len(right)) % 2
    logp = np.log(np.where((labels ^ ~np.asarray(right))[:, None] == np.arange(2), 0.9, 0.1)).astype(np.float16)
    ids = [f"item {i}" for i in range(len(right))] if ids is None else ids
    return Predictions(ids, labels.astype(np.int64), logp, ids if groups is None else groups)


def store_of(folder, *rows, **kwargs):
    """A store whose rows, source: list of a boolean array for each seed, have predictions."""
    cells = [
        (*cell(source=source, seed=seed, top1=float(np.mean(right)), **kwargs), right)
        for source, seeds in rows
        for seed, right in enumerate(seeds)
    ]
    store = filled(folder, *((entry, record) for entry, record, _ in cells))
    for entry, record, right in cells:
        store.write(record, predictions=outputs(right))
        assert store.predictions_bytes(entry.id)
    return store


def drawn(share, seeds=3, seed=0):
    rng = np.random.default_rng(seed)
    ease = rng.random(ITEMS)
    return [np.clip(ease * 0.4 + share - 0.2, 0, 1) > rng.random(ITEMS) for _ in range(seeds)]


# --- the function ------------------------------------------------------------------------------------------------


def separated(k, *pairs):
    found = np.zeros((k, k), dtype=bool)
    for i, j in pairs:
        found[i, j] = found[j, i] = True
    return found


def told(found):
    return [(one.rank, one.low, one.high, one.ties) for one in found]


def test_rows_that_are_all_separated_have_ranks_of_their_own():
    assert told(ranks([0.5, 0.9, 0.7], separated(3, (0, 1), (0, 2), (1, 2)))) == [
        (3, 3, 3, ""),
        (1, 1, 1, ""),
        (2, 2, 2, ""),
    ]


def test_rows_that_no_test_separates_share_a_rank():
    assert told(ranks([0.5, 0.6, 0.7], separated(3))) == [(1, 1, 3, "a")] * 3
    above = ranks([0.5, 0.6, 0.9], separated(3, (0, 2), (1, 2)))
    assert told(above) == [(2, 2, 3, "a"), (2, 2, 3, "a"), (1, 1, 1, "")]


def test_groups_that_overlap_have_a_letter_each():
    """The first and the last are separated, and neither from the row between them."""
    found = ranks([0.9, 0.8, 0.7], separated(3, (0, 2)))
    assert told(found) == [(1, 1, 2, "a"), (1, 1, 3, "ab"), (2, 2, 3, "b")]


def test_a_rank_does_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(0)
    scores = rng.random(8)
    apart = np.abs(scores[:, None] - scores) > 0.2
    order = rng.permutation(8)
    found, shuffled = ranks(list(scores), apart), ranks(list(scores[order]), apart[np.ix_(order, order)])
    assert [found[i] for i in order] == shuffled
    assert all(one.low <= one.rank <= one.high for one in found)


# --- from predictions --------------------------------------------------------------------------------------------


def test_rows_are_ranked_by_their_predictions_in_every_export(tmp_path):
    store = store_of(tmp_path, ("good", drawn(0.8)), ("twin", drawn(0.8, seed=1)), ("noise", drawn(0.3, seed=2)))
    frame = leaderboard(store).set_index("source")
    assert frame["rank"].to_dict() == {"good": 1, "twin": 1, "noise": 3}
    assert list(frame.loc["noise", ["rank_low", "rank_high", "ties"]]) == [3, 3, ""]
    assert list(frame.loc["good", ["rank_low", "rank_high", "ties"]]) == [1, 2, "a"]
    assert (frame.rank_note == "").all()
    for export in (formats.to_markdown, formats.to_html):
        assert export(frame.reset_index()).count("1–2 a") == 2
    rows = json.loads(formats.to_json(frame.reset_index()))["rows"]
    assert {row["source"]: row["rank"] for row in rows} == {"good": 1, "twin": 1, "noise": 3}


def test_a_row_of_several_seeds_has_the_two_way_interval_and_the_expected_spread(tmp_path):
    right = np.array(drawn(0.8))
    frame = leaderboard(store_of(tmp_path, ("good", right)))
    (row,) = frame.to_dict("records")
    low, high = two_way_interval(right, design_of(ITEMS))
    assert (row["score_two_way_low"], row["score_two_way_high"]) == pytest.approx((low, high), abs=1e-6)
    expected = np.sqrt((1 - right.mean()) / 2 / 500)  # of the 500 items in the records
    assert row["score_sd_expected"] == pytest.approx(expected, abs=1e-6)
    assert row["seed_scores"] == " ".join(f"{score:.6g}" for score in right.mean(axis=1))
    assert formats.rank_shown(row) == "", "alone, there is no rank"
    text = formats.to_markdown(frame)
    shown = (
        rf"± {100 * row['score_sd']:.1f} \({100 * row['score_sd_expected']:.1f}\) \\\[{100 * low:.1f}–{100 * high:.1f}"
    )
    assert re.search(shown, text)


def test_clusters_and_balance_decide_as_they_do_for_intervals(tmp_path):
    """A hundred speakers' worth of items that are copies of ten: what separates items does not separate speakers."""
    first, second = np.ones(ITEMS, bool), np.ones(ITEMS, bool)
    second[:40] = False  # one speaker of ten
    store = store_of(tmp_path, ("a", [first]), ("b", [second]))
    assert sorted(leaderboard(store)["rank"]) == [1, 2]
    groups = [f"speaker {i // 40}" for i in range(ITEMS)]
    for (_, record), right in ((cell(source="a", top1=1.0), first), (cell(source="b", top1=0.9), second)):
        store.write(record, predictions=outputs(right, groups=groups))
    assert sorted(leaderboard(store)["rank"]) == [1, 1]


@pytest.mark.parametrize("control", ["real-training-items", "real-training-items:one-per-class"])
def test_the_control_over_real_items_is_not_ranked_among_single_data(tmp_path, control):
    rows = [("a", drawn(0.8, 1)), ("b", drawn(0.3, 1)), (control, drawn(0.95, 1))]
    frame = leaderboard(store_of(tmp_path, *rows)).set_index("source")
    assert frame["rank"]["a"] == 1
    assert formats.rank_shown(frame.reset_index().to_dict("records")[-1]) == ""


# --- no rank -----------------------------------------------------------------------------------------------------


def notes(store):
    frame = leaderboard(store).set_index("source")
    assert frame.loc[frame.rank_note != "", "rank"].isna().all()
    return frame.rank_note.to_dict()


def test_without_predictions_there_is_no_rank(tmp_path):
    found = notes(filled(tmp_path, cell(source="a"), cell(source="b")))
    assert set(found.values()) == {"no rank: predictions of a row of this target are missing"}


def test_rows_on_other_items_are_not_ranked(tmp_path):
    store = store_of(tmp_path, ("a", drawn(0.8, 1)), ("b", drawn(0.3, 1)))
    store.write(
        cell(source="b", top1=0.3)[1], predictions=outputs(drawn(0.3, 1)[0], ids=[f"other {i}" for i in range(ITEMS)])
    )
    assert set(notes(store).values()) == {"no rank: rows of this target are scored on other test items"}


def test_a_row_with_seeds_missing_has_no_rank_and_the_others_have(tmp_path):
    store = store_of(tmp_path, ("a", drawn(0.8, 1)), ("b", drawn(0.3, 1)), ("c", drawn(0.9, 1)))
    _, record = cell(source="c")
    store.write(replace(record, status="failed", reason="it broke", metrics={}))
    found = notes(store)
    assert found == {"a": "", "b": "", "c": "no rank: 0/1 of its seeds are done"}


def test_damaged_predictions_cost_ranks_and_not_the_table(tmp_path):
    store = store_of(tmp_path, ("a", drawn(0.8, 1)), ("b", drawn(0.3, 1)))
    (store.cell(cell(source="a")[0].id) / "predictions.npz").write_bytes(b"PK")
    found = notes(store)
    assert all("cannot be read" in note for note in found.values())
    assert not any(str(tmp_path) in note for note in found.values())
    assert "no rank: " in formats.to_markdown(leaderboard(store))


def test_too_many_rows_or_bytes_are_not_read(tmp_path, monkeypatch):
    store = store_of(tmp_path, *((name, drawn(0.8, 1, seed)) for seed, name in enumerate("abc")))
    monkeypatch.setattr(ranking, "MOST_ROWS", 2)
    assert "3 rows of one target, of more than 2" in notes(store)["a"]
    monkeypatch.setattr(ranking, "MOST_ROWS", 20)
    monkeypatch.setattr(ranking, "MOST_BYTES", 2 * ranking.LEAST_BYTES)
    assert "1 MB of predictions are too many" in notes(store)["a"]
