"""Intervals of accuracies: against SciPy where items are independent, by their coverage where they are not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.statistics.intervals import clustered_variance, effective_items, wilson_interval


@pytest.mark.parametrize(("right", "items"), [(0, 1), (1, 1), (3, 10), (941, 1000), (10000, 10000), (5012, 10000)])
def test_the_interval_is_scipys_wilson_interval(right, items):
    expected = stats.binomtest(right, items).proportion_ci(method="wilson")
    assert wilson_interval(right / items, items) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.floats(0, 1), st.integers(1, 10**6))
def test_an_interval_holds_its_share_and_stays_within_0_and_1(share, items):
    low, high = wilson_interval(share, items)
    assert 0 <= low <= share <= high <= 1


@pytest.mark.parametrize(("share", "items"), [(-0.1, 5), (1.1, 5), (0.5, -1), (math.nan, 5)])
def test_no_interval_for_what_is_no_share(share, items):
    with pytest.raises(ValueError, match="no interval"):
        wilson_interval(share, items)


def test_items_of_their_own_count_one_each():
    right = np.arange(500) < 415
    for groups in (None, [f"item {i}" for i in range(500)]):
        assert effective_items(right, groups) == 500


def test_no_effective_item_leaves_everything_open():
    assert wilson_interval(0.3, 0) == (0.0, 1.0)
    assert effective_items(np.ones(50, bool), ["one"] * 50) == 0


def test_the_clustered_variance_worked_by_hand():
    # ȳ = 1/2; the clusters' sums of (y - ȳ)/4 are 1/4, -1/8 and -1/8.
    influence = (np.array([1, 1, 0, 0]) - 0.5) / 4
    squares = 1 / 16 + 1 / 64 + 1 / 64
    assert clustered_variance(influence, np.array([0, 0, 1, 2])) == pytest.approx(3 / 2 * squares)
    assert clustered_variance(influence, np.array([0, 0, 1, 2]), samples=2) == pytest.approx(3 / 1 * squares)


@given(st.integers(3, 40), st.integers(2, 8), st.floats(0.1, 0.9), st.integers(0, 10**6))
def test_copies_of_an_item_tell_less_than_the_items_alone(clusters, copies, share, seed):
    once = np.random.default_rng(seed).random(clusters) < share
    groups = [str(c) for c in range(clusters) for _ in range(copies)]
    few = (stats.norm.ppf(0.975) / stats.t(clusters - 1).ppf(0.975)) ** 2
    # (C - 1)/C of the C items, as the variance is estimated without bias; all of them if they agree.
    agree = once.all() or not once.any()
    expected = few * (clusters if agree else clusters - 1)
    assert effective_items(np.repeat(once, copies), groups) == pytest.approx(expected)


def test_the_design_effect_of_alike_items_widens_the_interval():
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(25), 8)
    right = rng.random(200) < np.repeat(rng.choice([0.35, 1.0], 25), 8)
    share = float(right.mean())
    low, high = wilson_interval(share, effective_items(right, [f"instrument {c}" for c in cluster]))
    sums = [((right[cluster == c]) - share).sum() for c in range(25)]
    error = math.sqrt(25 / 24 * sum(value**2 for value in sums)) / 200  # as published, written out
    assert high - low == pytest.approx(2 * stats.t(24).ppf(0.975) * error, rel=0.1)
    naive = wilson_interval(share, 200)
    assert high - low > 1.5 * (naive[1] - naive[0])


def test_the_balanced_accuracy_of_independent_items_has_the_variance_of_a_stratified_mean():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [300, 60, 40])
    right = rng.random(400) < np.array([0.9, 0.5, 0.7])[labels]
    shares = [right[labels == k].mean() for k in range(3)]
    variance = sum(p * (1 - p) / n for p, n in zip(shares, (300, 60, 40), strict=True)) / 9
    score = float(np.mean(shares))
    assert effective_items(right, None, labels) == pytest.approx(score * (1 - score) / variance, rel=0.02)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=60))
def test_every_interval_holds_its_score(items):
    right = np.array([value for value, _, _ in items])
    labels = np.array([label for _, _, label in items])
    groups = [str(group) for _, group, _ in items]
    for given_labels in (None, labels):
        count = effective_items(right, groups, given_labels)
        assert 0 <= count <= len(items)
        share = right.mean() if given_labels is None else np.mean([right[labels == k].mean() for k in set(labels)])
        low, high = wilson_interval(float(share), count)
        assert 0 <= low <= share <= high <= 1


def test_no_items_have_no_interval():
    with pytest.raises(ValueError, match="0 items"):
        effective_items(np.zeros(0, bool))


# --- coverage --------------------------------------------------------------------------------------------------

REPEATS = 600
DESIGNS = {  # number of clusters, of items in each, spread of the clusters' shares, mean share
    "independent items": (300, 1, 0.0, 0.8),
    "speakers": (40, 8, 0.15, 0.8),
    "few instruments": (12, 25, 0.2, 0.75),
    "uneven films": (60, 0, 0.2, 0.7),
}


def coverage(design: str, *, balanced: bool, clustered: bool = True) -> float:
    """Share of simulated test sets whose interval holds the true accuracy."""
    clusters, each, spread, mean = DESIGNS[design]
    rng = np.random.default_rng(list(DESIGNS).index(design))
    scale = mean * (1 - mean) / spread**2 - 1 if spread else 0
    held = 0
    for _ in range(REPEATS):
        sizes = rng.integers(1, 15, clusters) if each == 0 else np.full(clusters, each)
        shares = rng.beta(mean * scale, (1 - mean) * scale, clusters) if spread else np.full(clusters, mean)
        cluster = np.repeat(np.arange(clusters), sizes)
        right = rng.random(len(cluster)) < shares[cluster]
        labels = cluster % 4
        size = effective_items(right, cluster if clustered else None, labels if balanced else None)
        score = float(np.mean([right[labels == k].mean() for k in range(4)]) if balanced else right.mean())
        low, high = wilson_interval(score, size)
        held += low <= mean <= high
    return held / REPEATS


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("design", DESIGNS)
def test_nominal_95_percent_intervals_hold_the_truth_about_that_often(design, balanced):
    # Three standard errors of 600 repeats are 2.7 points.
    assert 0.92 <= coverage(design, balanced=balanced) <= 0.985


@pytest.mark.parametrize("design", ["speakers", "few instruments", "uneven films"])
def test_intervals_that_ignore_clusters_hold_it_far_less_often(design):
    assert coverage(design, balanced=False, clustered=False) < 0.9
