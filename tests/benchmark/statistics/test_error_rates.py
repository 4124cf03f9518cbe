"""Coverage of intervals and error rates of tests: a few of the simulated designs, and the committed table of all."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MEASURED = ROOT / "results" / "measured" / "statistics" / "error_rates.csv"
NUMBERS = ("nominal", "share", "half_width")


@pytest.fixture(scope="module")
def error_rates():
    sys.path.insert(0, str(ROOT / "scripts" / "measure"))
    try:
        import error_rates
    finally:
        sys.path.pop(0)
    return error_rates


def shares(rates):
    return {(rate.method, rate.measure): rate.share for rate in rates}


# Three standard errors of 200 repeats are 4.6 points at 95 %.


@pytest.mark.parametrize(("seeds", "effect"), [(3, "none"), (5, "large")])
def test_the_two_way_interval_holds_the_truth_where_seeds_differ_and_where_they_do_not(error_rates, seeds, effect):
    found = shares(error_rates.rates_of_design(error_rates.Design(300, 300, seeds, effect), repeats=200))
    assert found["difference, two-way", "coverage"] > 0.88
    assert found["accuracy, two-way", "coverage"] > 0.88
    assert found["difference, pigeonhole bootstrap", "coverage"] > 0.9
    assert found["two-way", "rejections"] < 0.1
    assert (found["difference, items only", "coverage"] < 0.88) == (effect == "large")


def test_one_seed_each_is_compared_without_too_many_errors(error_rates):
    found = shares(error_rates.rates_of_design(error_rates.Design(300, 300, 1, "none"), repeats=200))
    assert found["difference, Newcombe", "coverage"] > 0.92
    assert found["McNemar exact", "rejections"] <= found["McNemar mid-p", "rejections"] < 0.09


def test_clusters_are_counted_as_what_they_are(error_rates):
    for seeds in (1, 3):
        found = shares(error_rates.rates_of_design(error_rates.Design(300, 20, seeds, "small"), repeats=200))
        assert found["difference, clustered" if seeds == 1 else "difference, two-way", "coverage"] > 0.9
        assert found["paired t" if seeds == 1 else "two-way", "rejections"] < 0.09


def test_families_of_tests_keep_their_promise(error_rates):
    found = {rate.method: rate.share for rate in error_rates.rates_of_families(repeats=200)}
    assert found["Holm, any false rejection"] < 0.09
    assert found["Benjamini-Hochberg at 0.1, false share"] < 0.12
    assert found["rank correlation, permutations"] < 0.09
    assert found["all rank intervals"] > 0.92


def committed():
    with MEASURED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_committed_table_covers_every_design_and_no_default_is_far_from_its_nominal_rate():
    rows = committed()
    assert len({row["design"] for row in rows}) > 18
    defaults = ("difference, two-way", "accuracy, two-way", "difference, Newcombe", "two-way", "McNemar mid-p")
    for row in rows:
        off = float(row["share"]) - float(row["nominal"])
        if row["method"] in defaults and ", 1 seed," not in row["design"]:
            assert (off > -0.07) if row["measure"] == "coverage" else (off < 0.05), row


def test_the_documented_tables_are_the_committed_ones(error_rates):
    def number(text):
        return float(text) if text else None

    rates = [
        error_rates.Rate(row["design"], row["method"], row["measure"], *(number(row[name]) for name in NUMBERS))
        for row in committed()
    ]
    table = MEASURED.with_suffix(".md").read_text(encoding="utf-8")
    assert table == error_rates.markdown(rates)
    assert table in (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
