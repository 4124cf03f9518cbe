"""Paired tests: published examples, statsmodels, and enumeration of every outcome."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from benchmark.statistics.items import design_of
from benchmark.statistics.paired import compare, margin_score, mcnemar, paired_shares_interval
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


@pytest.mark.parametrize("margin", [-0.4, -0.05, 0.02, 0.05, 0.3])
@pytest.mark.parametrize(("b", "c", "n"), [(0, 0, 20), (7, 0, 40), (0, 9, 40), (12, 5, 60), (300, 350, 2000)])
def test_a_margin_is_tested_with_the_most_likely_shares_that_it_allows(b, c, n, margin):
    def unlikely(q):  # minus the logarithm of the likelihood, with q the share that only the second predicts rightly
        shares, counts = np.array([q + margin, q, 1 - 2 * q - margin]), np.array([b, c, n - b - c])
        return -(counts[counts > 0] * np.log(np.maximum(shares[counts > 0], 1e-300))).sum()

    low, high = max(0.0, -margin), (1 - margin) / 2
    q = minimize_scalar(unlikely, bounds=(low, high), method="bounded", options={"xatol": 1e-10}).x
    expected = (b - c - n * margin) / np.sqrt(n * (2 * q + margin - margin**2))
    assert margin_score(b, c, n, margin) == pytest.approx(expected, rel=1e-3)
    assert margin_score(c, b, n, -margin) == pytest.approx(-margin_score(b, c, n, margin))


@pytest.mark.parametrize("margin", [0.0, 1.0, -1.0])
def test_a_margin_is_a_difference_that_may_be_refuted(margin):
    with pytest.raises(ValueError, match="no score for a difference"):
        margin_score(3, 4, 20, margin)


@pytest.mark.parametrize("share", [0.4, 0.6, 0.8])
def test_one_sided_tests_of_one_seed_each(share):
    rng = np.random.default_rng(5)
    first, second = (rng.random((1, 90)) < chance for chance in (share, 0.6))
    found = compare(first, second, design_of(90))
    above = found.value > 0
    assert (found.p_at_most(0) if above else found.p_at_least(0)) == found.p / 2
    for bound in (-0.1, 0.0, 0.1):
        assert found.p_at_most(bound) + found.p_at_least(bound) == pytest.approx(1)
    b, c = int((first & ~second).sum()), int((~first & second).sum())
    assert found.p_at_most(-0.1) == pytest.approx(norm.sf(margin_score(b, c, 90, -0.1)))


def test_two_students_that_never_differ_leave_something_undetected():
    same = np.ones((1, 40), bool)
    found = compare(same, same, design_of(40))
    assert found.p == 1 and found.p_at_most(0) == found.p_at_least(0) == 0.5
    assert found.detectable == pytest.approx(2.8 / 41, rel=0.01)
    assert 0.05 < found.p_at_least(0.05) < 0.13, "of 40 items of which 5 % differ, none does in 13 % of cases"
