"""Leaderboards are pure functions of records and never average in silence."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.leaderboard import costs, formats
from benchmark.leaderboard import table as table_module
from benchmark.leaderboard.formats import write
from benchmark.leaderboard.table import COLUMNS, leaderboard
from benchmark.records import store as store_module
from benchmark.records.store import Store
from benchmark.statistics.intervals import wilson_interval
from benchmark.system import forked
from example_leaderboard import cell, filled, only_row
from modalities.base import Published
from modalities.errors import BadInput

# --- aggregation -------------------------------------------------------------------------------------------------


def test_a_row_is_the_mean_over_its_seeds_with_both_uncertainties(tmp_path):
    accuracies = [0.80, 0.83, 0.86]
    row = only_row(filled(tmp_path, *(cell(seed=seed, top1=top1) for seed, top1 in enumerate(accuracies))))
    assert row.seeds == "3"
    assert row.status == "done"
    assert row.top1 == pytest.approx(np.mean(accuracies))
    assert row.top1_sd == pytest.approx(np.std(accuracies, ddof=1), abs=1e-6)
    interval = stats.binomtest(415, 500).proportion_ci(method="wilson")  # 0.83 of the 500 items, not of 1500
    assert (row.top1_low, row.top1_high) == pytest.approx((interval.low, interval.high), abs=1e-6)
    assert row.retention == pytest.approx(0.83 / 0.96, abs=1e-6)
    assert (row.segments, row.seconds) == (1000, 2.5)


def test_one_seed_has_no_spread_but_an_interval(tmp_path):
    row = only_row(filled(tmp_path, cell()))
    assert np.isnan(row.top1_sd)
    assert row.top1_low < 0.8 < row.top1_high


def test_clusters_widen_the_interval_by_their_effective_number_of_items(tmp_path):
    clusters = {"clusters": 40, "top1_effective_items": 65.5}
    row = only_row(filled(tmp_path, cell(metrics=clusters)))
    assert (row.interval, row.clusters) == ("clustered", 40)
    assert (row.top1_low, row.top1_high) == pytest.approx(wilson_interval(0.8, 65.5), abs=1e-6)
    alone = only_row(filled(tmp_path / "b", cell(metrics={"clusters": 500, "top1_effective_items": 500})))
    assert alone.interval == "wilson"
    assert row.top1_low < alone.top1_low < alone.top1_high < row.top1_high


@pytest.mark.parametrize(
    ("predicted", "marked"), [((5, 5), ""), ((1, 5), "student"), ((2, 5), "student"), ((3, 5), ""), ((1, 1), "student")]
)
def test_a_network_that_predicts_too_few_classes_is_named(tmp_path, predicted, marked):
    counts = {"classes": predicted[1], "classes_predicted": predicted[0], "teacher_classes_predicted": 5}
    assert only_row(filled(tmp_path, cell(seed=0), cell(seed=1, metrics=counts))).collapsed == marked


def test_test_sets_that_differ_between_seeds_have_no_common_hash(tmp_path):
    sets = [{"items": 500, "known_items": 500, "ids_sha256": digits * 64} for digits in "ab"]
    same = only_row(filled(tmp_path / "a", *(cell(seed=seed, test_set=sets[0]) for seed in (0, 1))))
    assert (same.items_sha256, same.known_items) == ("a" * 64, 500)
    differ = only_row(filled(tmp_path / "b", *(cell(seed=seed, test_set=sets[seed]) for seed in (0, 1))))
    assert differ.items_sha256 == "differ"


def test_the_columns_are_those_of_the_contract_in_order(tmp_path):
    header = formats.to_csv(leaderboard(filled(tmp_path, cell()))).split("\n")[0].split(",")
    assert header == [name for name in COLUMNS if name not in ("id", "handed_in", *costs.COLUMNS)]
    assert set(header) >= {
        "modality", "target", "source", "policy", "recipe", "teacher", "student", "profile", "data", "status", "reason",
        "seeds", "top1", "top1_sd", "top1_low", "top1_high", "teacher_top1", "retention", "fidelity", "chance",
        "majority", "untrained", "published_top1", "segments", "seconds",
    }  # fmt: skip


def test_a_mean_over_fewer_seeds_than_requested_says_so(tmp_path):
    broken = cell(seed=2, status="failed", reason="the disk is full")
    row = only_row(filled(tmp_path, cell(seed=0, top1=0.7), cell(seed=1, top1=0.9), broken))
    assert (row.seeds, row.status, row.reason) == ("2/3", "failed", "seed 2: the disk is full")
    assert row.top1 == pytest.approx(0.8)


@pytest.mark.parametrize("status", ["failed", "refused", "no data", "diverged", "out of memory"])
def test_a_cell_that_is_not_done_keeps_its_row_status_and_reason_and_has_no_figures(tmp_path, status):
    row = only_row(filled(tmp_path, cell(status=status, reason="because of it")))
    assert (row.status, row.reason, row.seeds) == (status, "because of it", "0/1")
    assert row[["top1", "retention", "chance", "segments"]].isna().all()


def test_a_cell_that_has_not_run_yet_has_a_row(tmp_path):
    row = only_row(filled(tmp_path, unwritten=[cell()]))
    assert (row.status, row.reason, row.seeds) == ("to run", "not run yet", "0/1")


def test_a_damaged_record_costs_its_own_cell_only(tmp_path):
    store = filled(tmp_path, cell(), cell("letters"))
    store.record_file(cell()[0].id).write_text("{")
    frame = leaderboard(store).set_index("target")
    assert frame.status.to_dict() == {"digits": "failed", "letters": "done"}
    assert "record.json is not a record" in frame.reason["digits"]
    assert str(tmp_path) not in formats.to_csv(frame.reset_index())


@pytest.mark.parametrize(
    "metrics", [{}, {"top1": None, "items": 3}, {"top1": 1.5, "items": 3}, {"top1": 0.5, "items": 0}]
)
def test_a_record_that_claims_to_be_done_without_a_possible_accuracy_is_not_a_result(tmp_path, metrics):
    entry, record = cell()
    row = only_row(filled(tmp_path, (entry, replace(record, metrics=metrics))))
    assert (row.status, row.seeds) == ("failed", "0/1")


def test_a_figure_that_one_seed_lacks_is_not_averaged_over_the_others(tmp_path):
    entry, record = cell(seed=1)
    lacking = replace(record, metrics={**record.metrics, "kl": None})
    row = only_row(filled(tmp_path, cell(seed=0), (entry, lacking)))
    assert np.isnan(row.kl)
    assert row.ece == 0.1


def test_rows_that_agree_in_all_names_and_differ_in_a_setting_are_never_merged(tmp_path):
    frame = leaderboard(filled(tmp_path, cell(settings=1, top1=0.6), cell(settings=2, top1=0.8)))
    assert sorted(frame.top1) == [0.6, 0.8]
    for row in frame.itertuples():
        assert f"settings {row.row}" in formats.to_html(frame)


def test_folds_are_rows_of_their_own(tmp_path):
    frame = leaderboard(filled(tmp_path, cell(fold=1), cell(fold=2)))
    assert list(frame.fold) == [1, 2]
    assert "digits, fold 2" in formats.to_html(frame)


def test_results_that_no_manifest_lists_any_more_leave_the_table(tmp_path):
    store = filled(tmp_path, cell(), cell("letters"))
    store.write_manifest("all", {}, [cell("letters")[0]])
    assert list(leaderboard(store).target) == ["letters"]


def test_a_row_without_data_goes_when_the_data_have_come_and_no_other_row_does(tmp_path):
    before = cell(settings="no fingerprint", status="no data"), cell("letters", status="no data")
    failed = cell(settings="another", status="failed")
    frame = leaderboard(filled(tmp_path, *before, failed, cell(settings="fingerprint")))
    assert sorted(zip(frame.target, frame.status, strict=True)) == [
        ("digits", "done"),
        ("digits", "failed"),
        ("letters", "no data"),
    ]


def test_a_folder_without_results_says_what_to_do(tmp_path):
    with pytest.raises(BadInput, match="benchmark run"):
        leaderboard(Store(tmp_path / "demo"))


# --- purity ------------------------------------------------------------------------------------------------------


def test_the_same_records_give_the_same_bytes_in_whatever_order_they_were_written(tmp_path):
    cells = [
        cell(target, seed, top1=0.5 + seed / 7, data=data, modality=modality)
        for target in ("b", "a", "c")
        for seed in range(3)
        for data, modality in (("real", "video"), ("stand-in", "audio"), ("real", "image"))
    ]
    written = []
    for name in ("one", "two", "three"):
        random.Random(name).shuffle(cells)
        store = filled(tmp_path / name, *cells)
        paths = write(leaderboard(store, {"a": [Published(0.5, "student", "A → B", "one image", "x")]}), store.root)
        written.append([path.read_bytes() for path in paths])
        assert [path.name for path in paths] == [f"leaderboard.{kind}" for kind in ("csv", "tex", "md", "html", "json")]
    assert written[0] == written[1] == written[2]


def test_rows_that_several_processes_make_are_those_of_one(tmp_path, monkeypatch):
    cells = [cell(target, seed, top1=0.5 + seed / 7) for target in ("a", "b", "c", "d") for seed in range(3)]
    alike = [cell(target, settings=settings) for target in ("f", "g") for settings in range(3)]
    store = filled(tmp_path, *cells, *alike, unwritten=[cell("e")])
    store.record_file(cells[0][0].id).write_text("{")
    alone = leaderboard(store)
    for name in ("FORKED_FROM", "DIFFERENCES_FORKED_FROM"):
        monkeypatch.setattr(table_module, name, 1)
    monkeypatch.setattr(forked, "cores", lambda: 3)
    pd.testing.assert_frame_equal(leaderboard(store), alone)
    assert len(set(alone["differs"])) > 3


# --- how often ---------------------------------------------------------------------------------------------------


def test_each_record_and_each_manifest_is_read_once(tmp_path, monkeypatch):
    cells = [cell(seed=seed, settings=settings) for seed in range(3) for settings in range(4)]
    store = filled(tmp_path, *cells)
    store.write_manifest("all", {"targets": ["digits"]}, [entry for entry, _ in cells[:5]])
    read = {"records": [], "manifests": []}
    for name, place, function in (("records", Store, "read"), ("manifests", store_module, "_read_manifest")):
        real = getattr(place, function)
        monkeypatch.setattr(
            place, function, lambda *given, real=real, seen=read[name]: seen.append(given) or real(*given)
        )
    assert len(leaderboard(store)) == 4
    assert sorted(id for _, id in read["records"]) == sorted(entry.id for entry, _ in cells)
    assert len(read["manifests"]) == 2


def test_labels_of_variants_tell_rows_apart_and_settings_do_if_a_label_is_missing(tmp_path):
    cells = [cell(settings=1), cell(settings=2), cell(source="noise", settings=3)]
    rows = [entry.row for entry, _ in cells]
    store = filled(tmp_path, *cells)
    store.write_manifest(
        "mixing", {}, [entry for entry, _ in cells],
        axis="mixing", variants={"CutMix": rows[:1], "no CutMix": rows[1:2], "noise": rows[2:]},
    )  # fmt: skip
    frame = leaderboard(store).set_index("row")
    assert frame.variant.to_dict() == dict(zip(rows, ("CutMix", "no CutMix", "noise"), strict=True))
    assert frame.differs.to_dict() == dict(zip(rows, ("CutMix", "no CutMix", ""), strict=True)), "one needs no label"
    store.write_manifest("mixing", {}, [entry for entry, _ in cells], axis="mixing", variants={"CutMix": rows[:1]})
    frame = leaderboard(store).set_index("row")
    assert set(frame.differs[rows[:2]]) == {f"settings {row}" for row in rows[:2]}


def test_a_label_is_one_line_whatever_a_suite_writes(tmp_path):
    entry, record = cell()
    store = filled(tmp_path, (entry, record))
    store.write_manifest("mine", {}, [entry], variants={"two\nlines\x1b[31m": [entry.row]})
    assert only_row(store).variant == "two lines[31m"
