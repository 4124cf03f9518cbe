"""Resampling: against SciPy's bootstrap and trimmed mean, enumeration, and known variances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.statistics import bootstrap as resampling
from benchmark.statistics.bootstrap import (
    bootstrap_over_seeds,
    bootstrap_over_targets,
    interquartile_mean,
    interquartile_mean_of_runs,
    pigeonhole_bootstrap,
)
from benchmark.statistics.items import design_of
from benchmark.statistics.two_way import two_way_difference


@given(st.integers(1, 12), st.integers(0, 10**6))
def test_the_interquartile_mean_is_scipys_trimmed_mean_where_quarters_are_whole(quarter, seed):
    values = np.random.default_rng(seed).normal(size=(3, 4 * quarter))
    assert interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25, axis=1))


def test_the_border_of_a_quarter_counts_in_part():
    # Of five values, a quarter is one and a quarter of the next: (3/4 · 2 + 3 + 3/4 · 10) / 2.5.
    assert interquartile_mean(np.array([100.0, 3, 1, 10, 2])) == pytest.approx((1.5 + 3 + 7.5) / 2.5)
    assert interquartile_mean(np.array([7.0])) == 7
    assert interquartile_mean(np.array([1.0, 3.0])) == 2


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 4)), min_size=1, max_size=8))
def test_a_weight_counts_as_that_many_copies(pairs):
    values, weights = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    copies = np.repeat(values, weights.astype(int))
    assert interquartile_mean(values, weights) == pytest.approx(interquartile_mean(copies), abs=1e-9)


def test_targets_of_unequal_numbers_of_seeds_count_alike():
    assert interquartile_mean_of_runs([[0.2, 0.4], [0.9]]) == pytest.approx(
        interquartile_mean_of_runs([[0.2, 0.4], [0.9] * 2])
    )


def expanded(count, freedom):
    """The tail of Hesterberg's expanded percentile interval, in percent."""
    return 100 * stats.norm.sf(stats.t(freedom).ppf(0.975) * np.sqrt(count / (count - 1)))


def test_over_targets_it_is_scipys_percentile_bootstrap_expanded():
    scores = np.random.default_rng(0).beta(5, 2, 16)
    found = bootstrap_over_targets([[score] for score in scores], repeats=20_000)
    reference = stats.bootstrap(
        (scores,), lambda x, axis: stats.trim_mean(x, 0.25, axis=axis), n_resamples=20_000, method="percentile",
        confidence_level=1 - expanded(16, 15) / 50, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert found == pytest.approx((reference.low, reference.high), abs=0.01)


def test_over_seeds_the_spread_is_that_of_means_of_seeds():
    """Four targets far apart: the middle two are always the same, so the variance of their mean is known."""
    rng = np.random.default_rng(2)
    scores = [list(rng.normal(place, 0.01, 5)) for place in (0.1, 0.4, 0.6, 0.9)]
    low, high = bootstrap_over_seeds(scores, repeats=20_000)
    error = np.sqrt(sum(np.var(own, ddof=1) / 5 for own in scores[1:3])) / 2
    assert high - low == pytest.approx(2 * stats.t(16).ppf(0.975) * error, rel=0.03)


def test_one_seed_or_four_targets_do_not_say_how_others_vary():
    assert bootstrap_over_seeds([[0.1, 0.2], [0.3]]) is None
    assert bootstrap_over_targets([[0.1, 0.2], [0.3], [0.4], [0.5]]) is None
    assert bootstrap_over_targets([[0.1, 0.2], [0.3], [0.4], [0.5], [0.6]]) is not None


def test_the_pigeonhole_bootstrap_enumerated():
    """Two seeds against one, two items: every draw of seeds and items with its probability."""
    first, second = np.array([[1, 0], [1, 1]], dtype=bool), np.array([[0, 0]], dtype=bool)
    seeds, items = [(0, 0), (0, 1), (1, 0), (1, 1)], [(0, 0), (0, 1), (1, 0), (1, 1)]
    every = [first[np.ix_(s, i)].mean() for s in seeds for i in items]
    low, high = pigeonhole_bootstrap(first, second, design_of(2), repeats=20_000)
    assert (low, high) == (min(every), max(every)) == (0.0, 1.0)
    wide = pigeonhole_bootstrap(np.repeat(first, 40, axis=1), np.repeat(second, 40, axis=1), design_of(80))
    assert 0 < wide[0] < 0.75 < wide[1] <= 1


def test_the_pigeonhole_interval_is_not_narrower_than_the_two_way_one():
    rng = np.random.default_rng(3)
    ease = rng.random(500)
    first, second = (rng.random((3, 500)) < ease * share for share in (1.0, 0.8))
    two_way = two_way_difference(first, second, design_of(500))
    low, high = pigeonhole_bootstrap(first, second, design_of(500))
    assert low < two_way.low < two_way.value < two_way.high < high
    assert high - low < 1.7 * (two_way.high - two_way.low)


def test_every_bootstrap_is_the_same_every_time_and_another_for_another_seed():
    rng = np.random.default_rng(4)
    first, second, scores = rng.random((2, 99)) < 0.7, rng.random((2, 99)) < 0.5, rng.random((5, 3)).tolist()
    for bootstrap, data in (
        (pigeonhole_bootstrap, (first, second, design_of(99))),
        (bootstrap_over_seeds, (scores,)),
        (bootstrap_over_targets, (scores,)),
    ):
        assert bootstrap(*data) == bootstrap(*data, seed=0)
        assert bootstrap(*data) != bootstrap(*data, seed=1)


def test_very_many_runs_are_resampled_in_parts_and_less_often(monkeypatch):
    rng = np.random.default_rng(0)
    scores = [rng.normal(0.8, 0.02, 3000).tolist() for _ in range(2)]
    whole = bootstrap_over_seeds(scores)
    assert resampling._parts(2000, 6000) == [666, 666, 666, 2]
    monkeypatch.setattr(resampling, "_MOST_DRAWS", 0)
    assert resampling._parts(2000, 6000) == [200] and resampling._parts(100, 6000) == [100]
    fewer = bootstrap_over_seeds(scores)
    assert fewer == pytest.approx(whole, abs=2e-4) and fewer != whole
    assert resampling._parts(2000, 10**8) == [1] * 200


def test_what_fits_into_memory_is_one_part():
    assert resampling._parts(2000, 57) == [2000]
