"""What a report finds in a results folder: ablations of suites, claims or why there are none."""

from __future__ import annotations

import pytest

from benchmark.records.store import NAMED, Store
from benchmark.report.collect import findings
from example_leaderboard import cell, filled
from example_report import MEASURED
from modalities.errors import BadInput


def varied(folder, cells, variants, axis="mixing", suite="mixing") -> Store:
    store = Store(folder / "demo")
    store.write_manifest(suite, {}, [entry for entry, _ in cells], axis=axis, variants=variants)
    for _, record in cells:
        store.write(record)
    return store


def test_an_ablation_has_its_variants_in_the_suites_order_target_by_target(tmp_path):
    cells = [cell(target=target, settings=number) for target in ("digits", "stl10") for number in (1, 2)]
    rows = [entry.row for entry, _ in cells]
    varied(tmp_path, cells, {"none": [rows[1], rows[3]], "cutmix": [rows[0], rows[2]]})
    found = findings(tmp_path, "demo").ablations
    assert [(one.suite, one.axis, one.target) for one in found] == [
        ("mixing", "mixing", t) for t in ("digits", "stl10")
    ]
    assert [[(label, row.id) for label, row in one.rows] for one in found] == [
        [("none", rows[1]), ("cutmix", rows[0])], [("none", rows[3]), ("cutmix", rows[2])],
    ]  # fmt: skip


def test_the_control_over_real_items_stands_beside_the_other_variants(tmp_path):
    cells = [cell(), cell(source="real-training-items", settings=2)]
    varied(tmp_path, cells, {"datum": [cells[0][0].row], "real": [cells[1][0].row]})
    (found,) = findings(tmp_path, "demo").ablations
    assert [label for label, _ in found.rows] == ["datum", "real"]


def test_what_the_user_calls_a_row_is_no_ablation(tmp_path):
    one = cell()
    varied(tmp_path, [one], {"mine": [one[0].row]}, axis=NAMED, suite="all")
    assert findings(tmp_path, "demo").ablations == []


def test_a_profile_without_claims_says_so_and_one_with_claims_has_them(tmp_path):
    filled(tmp_path, cell())
    assert "No suite with claims" in findings(tmp_path, "demo").without_claims
    found = findings(MEASURED / "claims", "demo")
    assert found.claims
    assert found.without_claims == ""


def test_cells_of_a_row_stand_in_the_order_of_their_seeds(tmp_path):
    filled(tmp_path, *(cell(seed=seed) for seed in (10, 2, 0)))
    (row,) = findings(tmp_path, "demo").rows
    assert [found.entry.seed for found in row.cells] == [0, 2, 10]
    assert row.example is not None
    assert row.example.seed == 0


def test_a_profile_without_records_is_refused(tmp_path):
    with pytest.raises(BadInput, match="holds no results"):
        findings(tmp_path, "demo")


def test_a_damaged_curve_costs_only_the_curve(tmp_path):
    store = filled(tmp_path, cell())
    (entry,) = store.requested_cells()
    (store.cell(entry.id) / "curve.csv").write_text("step,loss\nx,y\n", encoding="utf-8")
    (row,) = findings(tmp_path, "demo").rows
    assert row.cells[0].is_done
    assert row.cells[0].curve == []
