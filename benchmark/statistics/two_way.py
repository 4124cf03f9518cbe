"""Accuracies over several seeds and test items, both drawn at random: components of variance, intervals, a test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics.intervals import effective, student_quantile, variance_of_mean, wilson_interval
from benchmark.statistics.items import ItemDesign, Outcomes

_ROUNDING = 1e-24  # a variance that small is an error of floating point


@dataclass(frozen=True)
class Difference:
    """First accuracy minus second, with its 95 % interval and the p-value of there being none."""

    value: float
    low: float
    high: float
    p: float
    error: float = math.nan  # standard error, and its degrees of freedom: 0 if the clusters are too few to tell
    degrees_of_freedom: float = 0.0

    def p_at_most(self, bound: float) -> float:
        """Return the one-sided p-value of "the true difference is at most ``bound``": a small one says it is more.

        The bound is within ±1. 1 if the clusters are too few to tell.
        """
        return self._tail(bound, -1) if self.degrees_of_freedom else 1.0

    def p_at_least(self, bound: float) -> float:
        """Return the one-sided p-value of "the true difference is at least ``bound``", as ``p_at_most`` does."""
        return self._tail(bound, 1) if self.degrees_of_freedom else 1.0

    def _tail(self, bound: float, sign: int) -> float:
        """Return P(a difference as low as this one; for sign -1, as high), if the true one is ``bound``."""
        from scipy.special import stdtr

        return float(stdtr(self.degrees_of_freedom, sign * (self.value - bound) / self.error))

    @property
    def detectable(self) -> float:
        """The smallest true difference that a two-sided test at 5 % finds in 80 % of cases: (t_0.975 + t_0.8) SE.

        For the seeds and items at hand, whose variance is known now (Bloom, Evaluation Review 19, 1995).
        """
        from scipy.special import stdtrit

        if not self.degrees_of_freedom:
            return 1.0
        return min(1.0, float(sum(stdtrit(self.degrees_of_freedom, [0.975, 0.8]))) * self.error)


@dataclass(frozen=True)
class Components:
    """The variance of a mean over seeds and items, apart by what is drawn anew."""

    item: float
    seed: float
    degrees_of_freedom: float  # of their sum (Satterthwaite, Biometrics Bulletin 2, 1946)

    @property
    def variance(self) -> float:
        return self.item + self.seed


def components(sides: Sequence[Outcomes], design: ItemDesign) -> Components:
    """Return the components of an accuracy (one side), or of a difference (two sides, scored on the same items).

    A side is (S, n): whether each of S students predicts each item rightly. With d_i the mean over a side's seeds, or
    the difference of two such means, and C clusters:

    - V_item is the clustered variance of the mean of d_i; it holds the errors that runs make item by item too.
    - V_seed = max(0, Σ over sides (s² - V_run) / S), with s² the variance of a side's S accuracies, and V_run the part
      of it that these errors explain: the clustered variance of y_si - ȳ_i, times S/(S-1), averaged over seeds. For
      items that stand alone it is the residual mean square of the two-way layout / n.
    - degrees of freedom = (V_item + V_seed)² / (V_item² / (C - 1) + V_seed² / Σ (S - 1)).

    These are the components of a crossed design with random seeds and items (Searle, Casella and McCulloch, Variance
    Components, 1992, chapter 4). With one seed on a side V_seed is 0: only other test items are thought of.
    """
    means = [mean_over_seeds(side) for side in sides]
    item = variance_of_mean(means[0] - means[1] if len(sides) == 2 else means[0], design)
    seed = 0.0
    if all(len(side) > 1 for side in sides):
        seed = max(0.0, sum(_beyond_items(side, design) for side in sides))
    total, of_items = item + seed, design.degrees_of_freedom
    if not (of_items and total):
        return Components(item, seed, float(of_items))
    of_seeds = sum(len(side) - 1 for side in sides)
    spread = item**2 / of_items + (seed**2 / of_seeds if seed else 0.0)
    return Components(item, seed, total**2 / spread)


def run_variance(outcomes: Outcomes, design: ItemDesign) -> float:
    """Return V_run, the variance over seeds of an accuracy that errors made item by item explain; S is at least 2."""
    residual = outcomes - mean_over_seeds(outcomes)
    seeds = len(outcomes)
    return sum(variance_of_mean(of_seed, design) for of_seed in residual) / (seeds - 1)


def _beyond_items(outcomes: Outcomes, design: ItemDesign) -> float:
    accuracies = design.mean(outcomes)
    return (float(np.var(accuracies, ddof=1)) - run_variance(outcomes, design)) / len(outcomes)


def mean_over_seeds(outcomes: Outcomes) -> NDArray[np.float64]:
    """Return the share of seeds that are right on each item, (n,)."""
    return np.asarray(np.mean(outcomes, axis=0), dtype=np.float64)


def two_way_interval(outcomes: NDArray[np.bool_], design: ItemDesign) -> tuple[float, float]:
    """Interval of an accuracy over several seeds, for other seeds and other test items; (0, 1) if clusters are too few.

    ``outcomes`` is (S, n): whether each of S students predicts each item rightly; S is at least 2, since one seed does
    not say how much seeds vary. It is Wilson's interval for the mean and ``effective_items``, with V the sum of both
    ``components`` and t for their degrees of freedom.
    """
    if len(outcomes) < 2:
        raise ValueError("one seed does not say how much seeds vary")
    share = float(design.mean(mean_over_seeds(outcomes)))
    found = components([outcomes], design)
    return wilson_interval(share, effective(share, found.variance, found.degrees_of_freedom, design))


def two_way_difference(first: NDArray[np.bool_], second: NDArray[np.bool_], design: ItemDesign) -> Difference:
    """Compare two rows of one or several seeds, (S_1, n) and (S_2, n), which need not be equally many.

    d ± t SE and the p-value of d / SE by Student's t, with SE² and the degrees of freedom from ``components``: for
    other seeds and other test items, or for other items alone if a side has one seed. Where all clusters show the same
    difference they seem not to vary; then it counts as if one further cluster showed none, SE = |d| / (C + 1).
    """
    value = float(design.mean(mean_over_seeds(first) - mean_over_seeds(second)))
    found = components([first, second], design)
    freedom = found.degrees_of_freedom
    if not freedom:
        return Difference(value, -1.0, 1.0, 1.0)
    varies = found.variance > _ROUNDING
    error = math.sqrt(found.variance) if varies else (abs(value) or 1.0) / (design.clusters + 1)
    half = student_quantile(freedom) * error
    return Difference(
        value, max(-1.0, value - half), min(1.0, value + half), _two_sided(value, error, freedom), error, freedom
    )  # fmt: skip


def _two_sided(value: float, error: float, degrees_of_freedom: float) -> float:
    from scipy.special import stdtr

    return 2 * float(stdtr(degrees_of_freedom, -abs(value) / error))
