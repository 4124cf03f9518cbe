"""Adjusted p-values are those of statsmodels and SciPy, and of the papers' own step-wise rules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmark.statistics.multiple import benjamini_hochberg, holm

P = st.lists(st.floats(0, 1), min_size=1, max_size=25)


@given(P)
def test_holm_and_benjamini_hochberg_are_those_of_statsmodels(p):
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], rel=1e-12)
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1], rel=1e-12)
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p), rel=1e-12)


@given(P)
def test_holm_rejects_as_the_step_down_rule_does(p):
    rejected = np.zeros(len(p), dtype=bool)
    for step, place in enumerate(np.argsort(p, kind="stable")):
        if p[place] > 0.05 / (len(p) - step):
            break
        rejected[place] = True
    doubtful = np.isclose(holm(p), 0.05)
    assert (((holm(p) <= 0.05) == rejected) | doubtful).all()


def test_the_example_of_benjamini_and_hochberg():
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590,
         1.0000]  # fmt: skip
    assert (benjamini_hochberg(p) <= 0.05).sum() == 4  # and Hochberg's (as Holm's) procedure rejects three
    assert (holm(p) <= 0.05).sum() == 3


def test_none_is_adjusted_to_none_and_nonsense_is_refused():
    assert len(holm([])) == 0
    for bad in ([1.5], [-0.1], [np.nan], [[0.1]]):
        with pytest.raises(ValueError, match="p-values"):
            holm(bad)
