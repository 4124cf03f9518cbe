"""Paired tests: published examples, statsmodels, and enumeration of every outcome."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from benchmark.statistics.items import design_of
from benchmark.statistics.paired import compare, mcnemar, paired_shares_interval
from benchmark.statistics.two_way import two_way_difference

# Airway hyper-responsiveness before and after transplantation (Bentur et al. 2009), as worked by Fagerland, Lydersen
# and Laake (2013; 2014): exact p 0.070, mid-p 0.039, Newcombe's interval -0.507 to -0.026.
BENTUR = (1, 1, 7, 12)


def test_the_published_example():
    assert mcnemar(1, 7, mid_p=False) == pytest.approx(0.070, abs=5e-4)
    assert mcnemar(1, 7) == pytest.approx(0.039, abs=5e-4)
    assert paired_shares_interval(*BENTUR) == pytest.approx((-0.507, -0.026), abs=5e-4)


@pytest.mark.parametrize(("b", "c"), [(0, 1), (3, 3), (1, 9), (12, 2), (40, 61), (300, 350)])
def test_the_exact_p_is_that_of_statsmodels(b, c):
    reference = statsmodels_mcnemar([[10, b], [c, 20]], exact=True).pvalue
    assert mcnemar(b, c, mid_p=False) == pytest.approx(reference, rel=1e-9)


@pytest.mark.parametrize(("b", "c"), [(0, 5), (2, 7), (4, 4), (1, 10)])
def test_both_p_values_by_enumeration_of_all_coin_tosses(b, c):
    heads = np.array([sum(tosses) for tosses in product((0, 1), repeat=b + c)])
    as_far, further = (np.abs(heads - (b + c) / 2) >= abs(b - c) / 2), np.abs(heads - (b + c) / 2) > abs(b - c) / 2
    assert mcnemar(b, c, mid_p=False) == pytest.approx(as_far.mean())
    if b != c:  # in the middle, both tails meet in one outcome
        assert mcnemar(b, c) == pytest.approx((as_far.mean() + further.mean()) / 2)


def test_without_discordant_items_nothing_speaks_against_equality():
    assert mcnemar(0, 0) == mcnemar(0, 0, mid_p=False) == 1.0


@pytest.mark.parametrize("table", [(0, 0, 0, 5), (5, 0, 0, 0), (0, 5, 0, 0), (0, 0, 5, 0), (3, 1, 1, 3), (50, 2, 9, 4)])
def test_an_interval_holds_its_difference_and_mirrors(table):
    both, first, second, neither = table
    low, high = paired_shares_interval(*table)
    assert -1 <= low <= (first - second) / sum(table) <= high <= 1
    assert (-high, -low) == pytest.approx(paired_shares_interval(both, second, first, neither))
    assert high > low


def test_one_seed_each_is_compared_by_mcnemar_and_several_by_both_ways():
    rng = np.random.default_rng(0)
    first, second = rng.random((3, 90)) < 0.8, rng.random((3, 90)) < 0.6
    single = compare(first[:1], second[:1], design_of(90))
    b, c = int((first[0] & ~second[0]).sum()), int((~first[0] & second[0]).sum())
    assert single.p == mcnemar(b, c)
    assert single.value == pytest.approx((b - c) / 90)
    several = (first, second, design_of(90))
    clustered = (first[:1], second[:1], design_of(90, [str(i // 3) for i in range(90)]))
    balanced = (first[:1], second[:1], design_of(90, None, np.arange(90) % 3))
    for given in (several, clustered, balanced):
        assert compare(*given) == two_way_difference(*given)
