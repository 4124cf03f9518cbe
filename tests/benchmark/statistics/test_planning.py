"""Planning figures: published values, and simulated tests that reach the stated power and spread."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower

from benchmark.statistics.items import design_of
from benchmark.statistics.paired import compare
from benchmark.statistics.planning import expected_seed_spread, minimum_detectable_effect


@pytest.mark.parametrize(("items", "points"), [(300, 5.1), (2_000, 2.0), (10_000, 0.89)])
def test_one_seed_each_at_ten_percent_of_discordant_items(items, points):
    assert 100 * minimum_detectable_effect(items) == pytest.approx(points, rel=0.02)


def test_the_sum_of_quantiles_is_that_of_statsmodels():
    effect = NormalIndPower(ddof=0).solve_power(nobs1=500, alpha=0.05, power=0.8, ratio=0)  # one sample, in deviations
    assert minimum_detectable_effect(500, discordant=0.2) == pytest.approx(effect * math.sqrt(0.2), rel=1e-3)


def test_seeds_average_half_of_the_disagreement():
    one, many = minimum_detectable_effect(1000), minimum_detectable_effect(1000, seeds=10**6)
    assert many == pytest.approx(one * math.sqrt(0.5), rel=1e-5)
    assert many < minimum_detectable_effect(1000, seeds=3) < one
    assert minimum_detectable_effect(0) == math.inf
    assert minimum_detectable_effect(0.5) == 1.0, "no difference is larger"


@pytest.mark.parametrize("items", [300, 2000])
def test_a_true_difference_of_that_size_is_found_in_four_of_five_cases(items):
    rng = np.random.default_rng(items)
    effect = minimum_detectable_effect(items)
    better = (0.1 + effect) / 2
    found = 0
    for _ in range(400):
        draw = rng.random(items)  # right for both, only for the first, only for the second
        first, second = draw < 0.8 + better, (draw < 0.8) | ((draw >= 0.8 + better) & (draw < 0.9))
        found += compare(first[None], second[None], design_of(items)).p <= 0.05
    assert found / 400 == pytest.approx(0.8, abs=0.07)


def test_the_spread_of_seeds_that_err_independently():
    """Two classes, and items whose share of right students is uniform: calibrated, with an error of 1/3."""
    rng = np.random.default_rng(0)
    chance_of_one = rng.random(2000)
    labels = rng.random(2000) < chance_of_one  # as often as the students say so
    accuracies = [((rng.random(2000) < chance_of_one) == labels).mean() for _ in range(600)]
    expected = expected_seed_spread(float(np.mean(accuracies)), 2000)
    assert np.std(accuracies, ddof=1) == pytest.approx(expected, rel=0.1)
    assert 100 * expected_seed_spread(0.8, 300) == pytest.approx(1.8, abs=0.05)
    assert 100 * expected_seed_spread(0.8, 10_000) == pytest.approx(0.32, abs=0.005)


def test_what_is_no_accuracy_is_refused_and_no_items_have_no_spread():
    assert expected_seed_spread(0.5, 0) is None
    with pytest.raises(ValueError, match="not an accuracy"):
        expected_seed_spread(1.2, 10)
