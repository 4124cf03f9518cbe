"""Verdicts: a function of differences and predictions, with error rates that a simulation shows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student

from benchmark.claims.judge import LEVEL, Prediction, judge
from benchmark.statistics.items import design_of
from benchmark.statistics.paired import compare
from benchmark.statistics.two_way import Difference, two_way_difference

BETTER, CLOSE = Prediction(at_least=0.05), Prediction(at_most_worse=0.05)


def measured(value: float, error: float = 0.01, freedom: float = 1000.0) -> Difference:
    return Difference(value, value - 2 * error, value + 2 * error, 1.0, error, freedom)


@pytest.mark.parametrize(
    ("prediction", "value", "error", "verdict"),
    [
        (BETTER, 0.10, 0.01, "supported"),
        (BETTER, 0.05, 0.01, "supported"),
        (BETTER, 0.049, 0.01, "undecided"),  # above 0, but smaller than what is of interest, and not ruled out
        (BETTER, 0.10, 0.10, "undecided"),  # large, and may be chance
        (BETTER, 0.03, 0.005, "contradicted"),  # above 0 beyond doubt, and too small beyond doubt
        (BETTER, 0.00, 0.01, "contradicted"),
        (BETTER, 0.00, 0.10, "undecided"),
        (BETTER, -0.20, 0.01, "contradicted"),
        (CLOSE, 0.00, 0.01, "supported"),
        (CLOSE, -0.02, 0.01, "supported"),
        (CLOSE, 0.30, 0.01, "supported"),  # better is close enough
        (CLOSE, -0.045, 0.01, "undecided"),
        (CLOSE, -0.08, 0.01, "contradicted"),
        (CLOSE, 0.00, 0.10, "undecided"),
    ],
)
def test_a_difference_and_its_error_give_a_verdict(prediction, value, error, verdict):
    assert judge([prediction], [measured(value, error)])[0].verdict == verdict


def test_p_values_are_those_of_one_sided_t_tests():
    found = judge([BETTER], [measured(0.03, 0.02, 7.5)])[0]
    assert found.p_for == pytest.approx(student.sf(0.03 / 0.02, 7.5))
    assert found.p_against == pytest.approx(student.cdf((0.03 - 0.05) / 0.02, 7.5))
    close = judge([CLOSE], [measured(-0.03, 0.02, 7.5)])[0]
    assert close.p_for == pytest.approx(student.sf((-0.03 + 0.05) / 0.02, 7.5))
    assert close.p_for + close.p_against == pytest.approx(1)


def test_missing_results_are_undecided_and_make_others_no_more_certain():
    alone = judge([BETTER], [measured(0.06, 0.03)])[0]
    assert alone.verdict == "supported"
    with_missing = judge([BETTER] * 5, [measured(0.06, 0.03), None, None, None, None])
    assert [one.verdict for one in with_missing] == ["undecided"] * 5
    assert with_missing[0].adjusted_for == pytest.approx(5 * alone.p_for)
    assert with_missing[0].p_for == alone.p_for


def test_a_difference_without_an_error_decides_nothing():
    assert judge([BETTER], [Difference(0.5, -1.0, 1.0, 1.0)])[0].verdict == "undecided"


def test_the_smallest_detectable_difference_is_found_in_80_percent_of_cases():
    one = measured(0.0, 0.01, 1e6)
    assert one.detectable == pytest.approx(2.8 * 0.01, rel=0.01)
    rng = np.random.default_rng(0)
    found = rng.normal(one.detectable, 0.01, 4000) / 0.01 > 1.96
    assert found.mean() == pytest.approx(0.8, abs=0.02)


def outcomes(rng: np.random.Generator, gain: float, *, items: int = 1000, seeds: int = 3) -> list[np.ndarray]:
    """Two rows of students whose chances of being right differ by ``gain`` on every item."""
    hard = rng.uniform(0.2, 0.8, items)
    return [rng.random((seeds, items)) < share for share in (hard + gain, hard)]


@pytest.mark.parametrize(
    ("prediction", "gain", "wrong"),
    [
        (BETTER, 0.0, "supported"),  # there is no effect
        (BETTER, 0.05, "contradicted"),  # there is just the smallest one of interest
        (CLOSE, -0.05, "supported"),
        (CLOSE, -0.05, "contradicted"),
    ],
)
def test_wrong_verdicts_are_as_rare_as_the_level_says(prediction, gain, wrong):
    rng = np.random.default_rng(7)
    runs, design = 400, design_of(1000)
    count = sum(
        judge([prediction], [two_way_difference(*outcomes(rng, gain), design)])[0].verdict == wrong for _ in range(runs)
    )
    assert count / runs <= LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / runs)


@pytest.mark.parametrize("items", [60, 300])
def test_one_student_of_each_errs_as_rarely_when_few_items_tell_them_apart(items):
    """A student better by just what is of interest, and hardly ever worse: a t test contradicts 15 % of these."""
    rng = np.random.default_rng(3)
    runs, design, contradicted = 1500, design_of(items), 0
    for _ in range(runs):
        chances = rng.random(items)  # 5.5 % only the first, 0.5 % only the second, half of the rest both
        first, second = (chances < 0.055) | (chances > 0.5), ((chances >= 0.055) & (chances < 0.06)) | (chances > 0.5)
        found = judge([BETTER], [compare(first[None], second[None], design)])[0]
        contradicted += found.verdict == "contradicted"
    assert contradicted / runs <= LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / runs)


def test_large_and_absent_effects_are_told_from_each_other():
    rng, design = np.random.default_rng(1), design_of(4000)
    verdicts = {
        gain: judge([BETTER], [two_way_difference(*outcomes(rng, gain, items=4000), design)])[0].verdict
        for gain in (0.0, 0.15)
    }
    assert verdicts == {0.0: "contradicted", 0.15: "supported"}


def test_students_that_agree_on_every_item_are_close_and_not_better():
    same = np.random.default_rng(0).random((3, 500)) < 0.7
    found = two_way_difference(same, same, design_of(500))
    assert (found.value, found.p) == (0, 1)
    assert found.low < 0 < found.high, "that all items agree is no proof that the next one does"
    assert [one.verdict for one in judge([BETTER, CLOSE], [found, found])] == ["contradicted", "supported"]
