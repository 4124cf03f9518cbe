"""Figures of a teacher's outputs alone, beside loops in plain Python."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

from benchmark.evaluation.teacher_only import GROUP, teacher_only


def test_figures_are_those_of_the_formulas_step_by_step() -> None:
    rng = np.random.default_rng(0)
    of = rng.dirichlet([0.3, 0.5, 0.2, 0.1], 3 * GROUP + 7)
    groups = [of[k * GROUP : (k + 1) * GROUP] for k in range(3)]
    spreads = [statistics.stdev(sum(row[c] for row in group) / GROUP for group in groups) for c in range(4)]
    found = teacher_only(of)
    assert found["spread"] == pytest.approx(sum(spreads) / 4)
    assert found["uncertainty"] == pytest.approx(
        sum(-sum(p * math.log2(p) for p in row if p > 0) for row in of) / len(of)
    )
    assert found["reached"] == len({row.argmax() for row in of})


def test_independent_segments_have_the_spread_of_a_mean() -> None:
    of = np.random.default_rng(1).dirichlet(np.ones(5), 400 * GROUP)
    deviation = math.sqrt(0.2 * 0.8 / 6)  # of one component of a flat Dirichlet of five
    assert teacher_only(of)["spread"] == pytest.approx(deviation / math.sqrt(GROUP), rel=0.05)


def test_a_teacher_that_is_sure_of_one_class_or_of_none() -> None:
    sure = np.tile([0.0, 1.0, 0.0, 0.0], (2 * GROUP, 1)).astype(np.float32)
    assert teacher_only(sure) == {"spread": 0, "reached": 1, "uncertainty": 0}
    assert teacher_only(np.full((2 * GROUP, 4), 0.25))["uncertainty"] == pytest.approx(2)


def test_two_groups_are_needed() -> None:
    with pytest.raises(ValueError, match="fewer than two groups"):
        teacher_only(np.full((2 * GROUP - 1, 3), 1 / 3))
