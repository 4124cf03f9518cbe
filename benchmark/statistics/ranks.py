"""Statistics of order: rank correlation with a permutation test, and the probability of improvement."""

from __future__ import annotations

from itertools import permutations
from math import factorial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST_ENUMERATED = 50_000  # orders; 8! are 40,320
_ROUNDING = 1e-9  # orders whose correlation is the same up to rounding count as equal


class RankCorrelation(NamedTuple):
    """Spearman's ρ, the two-sided p-value of there being no association, and whether all orders were looked at."""

    rho: float
    p: float
    exact: bool


def midranks(values: ArrayLike) -> NDArray[np.float64]:
    """Return ranks from 1, ascending; equal values share the mean of their ranks."""
    _, place, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def rank_correlation(x: ArrayLike, y: ArrayLike, *, orders: int = 9_999, seed: int = 0) -> RankCorrelation:
    """Correlate the ranks of n pairs (Spearman), and test it by putting y into other orders.

    ρ is Pearson's correlation of midranks, and p the share of orders of y whose |ρ| is at least the observed one. All
    n! orders are looked at up to n = 8; else ``orders`` random ones, and p = (1 + as extreme) / (1 + orders) (Phipson
    and Smyth, SAGMB 9, 2010). Raise ValueError for fewer than three pairs, or if one side is constant.
    """
    first, second = midranks(x), midranks(y)
    if first.shape != second.shape or len(first) < 3:
        raise ValueError("a rank correlation needs three pairs or more")
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first**2).sum() * (second**2).sum()))
    if scale == 0:
        raise ValueError("a constant has no rank correlation")
    n, rho = len(first), float(first @ second) / scale
    exact = factorial(n) <= MOST_ENUMERATED
    if exact:
        others = second[np.array(list(permutations(range(n))))]
    else:
        others = np.random.default_rng(seed).permuted(np.broadcast_to(second, (orders, n)), axis=1)
    extreme = int((np.abs(others @ first) / scale >= abs(rho) - _ROUNDING).sum())
    return RankCorrelation(rho, extreme / len(others) if exact else (1 + extreme) / (1 + orders), exact)


def probability_of_improvement(first: ArrayLike, second: ArrayLike) -> float:
    """Return P(A > B) + P(A = B) / 2 for one seed of each of two rows: over all pairs, as Mann and Whitney's U / (m n).

    With (targets, seeds) on both sides, the mean over targets (Agarwal et al., NeurIPS 2021). Bouthillier et al.
    (MLSys 2021) call a difference meaningful from 0.75 on. Three seeds each tell little: two equal rows reach 0 or 1 in
    one of ten cases.
    """
    one, other = np.atleast_2d(np.asarray(first)), np.atleast_2d(np.asarray(second))
    gap = one[:, :, None] - other[:, None, :]
    return float((np.sign(gap) / 2 + 0.5).mean(axis=(1, 2)).mean())
