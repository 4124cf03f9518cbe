"""Variance over seeds and test items: against the textbook's mean squares, statsmodels, and simulated truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.statistics.intervals import clustered_error, wilson_interval
from benchmark.statistics.items import design_of
from benchmark.statistics.two_way import components, run_variance, two_way_difference, two_way_interval


def outcomes(seeds, items, rng, share=0.7):
    return rng.random((seeds, items)) < np.clip(rng.normal(share, 0.2, items), 0, 1)


def test_the_clustered_error_is_that_of_a_regression_on_a_constant():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 17, 200)
    y = (rng.random(200) < rng.random(17)[groups]).astype(float)
    fitted = sm.OLS(y, np.ones(200)).fit()
    # Their small-sample factor is C/(C-1) (n-1)/(n-k), which is ours for one coefficient.
    reference = fitted.get_robustcov_results("cluster", groups=groups).bse[0]
    assert clustered_error(y, groups) == pytest.approx(reference, rel=1e-12)


def test_the_error_of_independent_items_is_that_of_a_mean():
    y = np.random.default_rng(1).random(50)
    assert clustered_error(y) == pytest.approx(stats.sem(y), rel=1e-12)
    assert clustered_error(y, ["one"] * 50) == math.inf


def test_components_are_the_mean_squares_of_a_crossed_design_worked_by_hand():
    y = np.array([[1, 1, 0, 1], [1, 0, 0, 1]], dtype=bool)
    # Seed means 3/4 and 1/2, s² = 1/32; item means 1, 1/2, 0, 1, variance 11/48; residuals ±1/8, 3/8 in one item.
    residual = (y - y.mean(axis=0)) - (y.mean(axis=1, keepdims=True) - y.mean())
    mean_square = (residual**2).sum() / ((2 - 1) * (4 - 1))
    found = components([y], design_of(4))
    assert run_variance(y, design_of(4)) == pytest.approx(mean_square / 4)
    assert found.item == pytest.approx(np.var(y.mean(axis=0), ddof=1) / 4) == pytest.approx(11 / 48 / 4)
    assert found.seed == pytest.approx(max(0, (1 / 32 - mean_square / 4) / 2))


def test_seed_and_item_components_are_unbiased():
    """Normal effects of known variance, seen by the same formula."""
    rng = np.random.default_rng(2)
    seeds, items, sd_seed, sd_item, sd_run = 4, 60, 0.5, 1.0, 0.8
    sums = np.zeros(2)
    for _ in range(4000):
        y = rng.normal(0, sd_seed, (seeds, 1)) + rng.normal(0, sd_item, items) + rng.normal(0, sd_run, (seeds, items))
        design = design_of(items)
        mean = components([y], design)
        spread = np.var(design.mean(y), ddof=1)
        sums += mean.item, (spread - run_variance(y, design)) / seeds  # before it is cut off at zero
    item, seed = sums / 4000
    assert item == pytest.approx((sd_item**2 + sd_run**2 / seeds) / items, rel=0.03)
    assert seed == pytest.approx(sd_seed**2 / seeds, rel=0.06)


def test_degrees_of_freedom_lie_between_those_of_seeds_and_of_items():
    rng = np.random.default_rng(3)
    sides = [outcomes(3, 200, rng) ^ (rng.random((3, 1)) < 0.3) for _ in range(2)]
    found = components(sides, design_of(200))
    assert found.seed > found.item
    expected = found.variance**2 / (found.item**2 / 199 + found.seed**2 / 4)
    assert found.degrees_of_freedom == pytest.approx(expected)
    assert 4 < found.degrees_of_freedom < 199


def test_one_seed_each_is_the_paired_t_test_over_items():
    rng = np.random.default_rng(4)
    first, second = outcomes(1, 300, rng), outcomes(1, 300, rng, share=0.6)
    found = two_way_difference(first, second, design_of(300))
    reference = stats.ttest_rel(first[0].astype(float), second[0].astype(float))
    low, high = reference.confidence_interval()
    assert (found.p, found.low, found.high) == pytest.approx((reference.pvalue, low, high), rel=1e-9)


def test_clusters_that_are_copies_count_once():
    rng = np.random.default_rng(5)
    first, second = outcomes(3, 40, rng), outcomes(2, 40, rng)
    copies = [np.repeat(side, 5, axis=1) for side in (first, second)]
    groups = [str(i // 5) for i in range(200)]
    once, copied = two_way_difference(first, second, design_of(40)), two_way_difference(*copies, design_of(200, groups))
    for name in ("value", "low", "high", "p"):
        assert getattr(copied, name) == pytest.approx(getattr(once, name), rel=1e-9)


def test_a_balanced_difference_weighs_classes_alike():
    labels = np.repeat([0, 1], [90, 10])
    first, second = np.ones((1, 100), bool), np.ones((1, 100), bool)
    second[0, 90:95] = False  # half of the rare class
    found = two_way_difference(first, second, design_of(100, None, labels))
    assert found.value == pytest.approx(0.25)
    variance = 0.5 * 0.5 / 10 / 4 * 100 / 98  # of the rare class alone; the other never differs
    assert found.high - found.low == pytest.approx(2 * stats.t(98).ppf(0.975) * math.sqrt(variance))


def test_equal_rows_do_not_differ_and_one_cluster_tells_nothing():
    rng = np.random.default_rng(6)
    same = outcomes(3, 50, rng)
    assert two_way_difference(same, same, design_of(50)).p == 1.0
    unknown = two_way_difference(same, ~same, design_of(50, ["speaker"] * 50))
    assert (unknown.low, unknown.high, unknown.p) == (-1.0, 1.0, 1.0)


@pytest.mark.parametrize("clusters", [2, 3, 20])
def test_few_clusters_that_agree_are_not_taken_for_certainty(clusters):
    groups = [str(i % clusters) for i in range(60)]
    found = two_way_difference(np.ones((2, 60), bool), np.zeros((2, 60), bool), design_of(60, groups))
    assert found.value == 1.0
    assert found.low < 1.0
    assert found.p == pytest.approx(2 * stats.t(clusters - 1).sf(clusters + 1))
    assert (found.p < 0.05) == (clusters > 3)


@given(st.integers(2, 4), st.integers(5, 40), st.integers(0, 10**6))
def test_a_comparison_is_antisymmetric_and_its_interval_agrees_with_its_p(seeds, items, seed):
    rng = np.random.default_rng(seed)
    first, second = outcomes(seeds, items, rng), outcomes(2, items, rng, 0.5)
    one, other = (
        two_way_difference(first, second, design_of(items)),
        two_way_difference(second, first, design_of(items)),
    )
    assert (one.value, one.low, one.high, one.p) == pytest.approx((-other.value, -other.high, -other.low, other.p))
    assert one.low <= one.value <= one.high
    if abs(one.p - 0.05) > 1e-4:
        assert (one.low <= 0 <= one.high) == (one.p > 0.05)


def test_the_interval_over_seeds_and_items_holds_that_over_items_when_seeds_differ():
    rng = np.random.default_rng(7)
    easy = rng.random(400) < 0.4
    unlike = np.array([easy | (rng.random(400) < share) for share in (0.2, 0.5, 0.8)])
    share = unlike.mean()
    low, high = two_way_interval(unlike, design_of(400))
    over_items = wilson_interval(share, 400)
    assert low < over_items[0] < share < over_items[1] < high
    alike = np.array([easy] * 3)
    assert two_way_interval(alike, design_of(400)) == pytest.approx(
        wilson_interval(easy.mean(), 400 * (1 - 1 / 400) * (1.959964 / stats.t(399).ppf(0.975)) ** 2), abs=1e-6
    )
    assert two_way_interval(np.ones((3, 400), bool), design_of(400)) == pytest.approx(wilson_interval(1, 397), abs=1e-4)
    with pytest.raises(ValueError, match="one seed"):
        two_way_interval(unlike[:1], design_of(400))
