"""Rank correlation and probability of improvement, against SciPy and against enumeration."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from benchmark.statistics.ranks import midranks, probability_of_improvement, rank_correlation


@pytest.mark.parametrize("y", [[1, 2, 3, 4, 5], [2, 1, 4, 3, 5], [5, 5, 1, 1, 3], [3, 1, 2, 2, 2]])
def test_few_pairs_are_tested_over_every_order(y):
    x = [0.1, 0.7, 0.2, 0.9, 0.7]
    found = rank_correlation(x, y)
    every = [stats.spearmanr(x, order).statistic for order in permutations(y)]
    assert found.exact
    assert found.rho == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.p == pytest.approx(np.mean([abs(rho) >= abs(found.rho) - 1e-9 for rho in every]))


def test_many_pairs_are_tested_by_random_orders_that_are_the_same_every_time():
    rng = np.random.default_rng(0)
    x = rng.normal(size=30)
    y = 0.4 * x + rng.normal(size=30)
    found = rank_correlation(x, y)
    assert not found.exact
    assert found == rank_correlation(x, y)
    assert found.p == pytest.approx(stats.spearmanr(x, y).pvalue, abs=0.012)
    assert found.p != rank_correlation(x, y, seed=1).p
    assert rank_correlation(x, x).p == 1 / 10_000, "no random order is as extreme, and p is never 0"


def test_ranks_of_ties_are_shared():
    values = [3, 1, 3, 2, 3, 1]
    assert midranks(values) == pytest.approx(stats.rankdata(values))


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1, 2]), ([1, 2, 3], [1, 2]), ([1, 1, 1], [1, 2, 3])])
def test_what_has_no_order_is_refused(x, y):
    with pytest.raises(ValueError, match="rank correlation"):
        rank_correlation(x, y)


def test_the_probability_of_improvement_is_mann_and_whitneys():
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 10, 7), rng.integers(0, 8, 5)
    reference = stats.mannwhitneyu(first, second).statistic / 35
    assert probability_of_improvement(first, second) == pytest.approx(reference)
    assert probability_of_improvement(second, first) == pytest.approx(1 - reference)


def test_targets_count_alike_and_equal_scores_are_halves():
    assert probability_of_improvement([[1, 2, 3], [1, 1, 1]], [[0, 0, 0], [1, 1, 1]]) == pytest.approx(0.75)


def test_three_equal_seeds_each_reach_an_extreme_in_a_tenth_of_cases():
    """As the docstring says: 2 of the 20 ways to split six ranks into three and three."""
    ways = [probability_of_improvement(order[:3], order[3:]) for order in permutations(range(6))]
    assert np.mean(np.isin(ways, [0, 1])) == pytest.approx(0.1)
