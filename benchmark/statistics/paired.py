"""Two rows that are scored on the same test items: is one better, and by how much?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics.intervals import wilson_interval
from benchmark.statistics.items import ItemDesign
from benchmark.statistics.two_way import Difference, two_way_difference


def mcnemar(only_first: int, only_second: int, *, mid_p: bool = True) -> float:
    """Return McNemar's p-value that two classifiers are right equally often, two-sided.

    Of b + c items that exactly one of them predicts rightly, b are the first's. The exact p is min(1, 2 P(X ≤ min(b,
    c))), with X binomial of b + c and 1/2. The mid-p counts half of P(X = min(b, c)): 2 P(X ≤ min) - P(X = min); the
    exact test rejects far too rarely (Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13:91, 2013).
    Without such items p is 1.
    """
    from scipy.special import bdtr, gammaln

    trials, fewer = only_first + only_second, min(only_first, only_second)
    if trials == 0:
        return 1.0
    exact = 2 * float(bdtr(fewer, trials, 0.5))
    if not mid_p:
        return min(1.0, exact)
    at = math.exp(gammaln(trials + 1) - gammaln(fewer + 1) - gammaln(trials - fewer + 1) - trials * math.log(2))
    return min(1.0, exact - at)


def paired_shares_interval(both: int, only_first: int, only_second: int, neither: int) -> tuple[float, float]:
    """Interval of the difference of two shares of the same n items (Newcombe, Statistics in Medicine 17, 1998, no. 10).

    With p₁, p₂ the shares, (l, u) their Wilson intervals, and φ their correlation, whose numerator loses n/2 where it
    is positive, but not more than there is: d - √((p₁-l₁)² - 2φ(p₁-l₁)(u₂-p₂) + (u₂-p₂)²), and
    d + √((u₁-p₁)² - 2φ(u₁-p₁)(p₂-l₂) + (p₂-l₂)²).
    """
    n = both + only_first + only_second + neither
    first, second = both + only_first, both + only_second
    below, above = _distances(first / n, n), _distances(second / n, n)
    product = first * (n - first) * second * (n - second)
    numerator: float = both * neither - only_first * only_second
    if numerator > 0:
        numerator = max(0.0, numerator - n / 2)
    phi = numerator / math.sqrt(product) if product else 0.0
    difference = (only_first - only_second) / n
    return (
        max(-1.0, difference - _third_side(below[0], above[1], phi)),
        min(1.0, difference + _third_side(below[1], above[0], phi)),
    )


def _distances(share: float, items: int) -> tuple[float, float]:
    low, high = wilson_interval(share, items)
    return share - low, high - share


def _third_side(one: float, other: float, correlation: float) -> float:
    return math.sqrt(max(0.0, one**2 - 2 * correlation * one * other + other**2))


def margin_score(only_first: int, only_second: int, items: int, margin: float) -> float:
    """Return Tango's z of the true difference of two shares of the same n items being the margin, which is not 0.

    (b - c - n δ) / √(n (2q + δ (1 - δ))), with q the most likely share of items that the second alone predicts rightly
    if the true difference is δ: the larger root of 2n q² - (b + c - (2n - b + c) δ) q - c δ (1 - δ) = 0 (Tango,
    Statistics in Medicine 17, 1998). For a negative margin the sides change places. ValueError unless it is within ±1.
    """
    if not 0 < abs(margin) < 1:
        raise ValueError(f"no score for a difference of {margin}")
    if margin < 0:
        return -margin_score(only_second, only_first, items, -margin)
    linear = (2 * items - only_first + only_second) * margin - only_first - only_second
    constant = -only_second * margin * (1 - margin)
    q = (math.sqrt(linear**2 - 8 * items * constant) - linear) / (4 * items)
    return (only_first - only_second - items * margin) / math.sqrt(items * (2 * q + margin * (1 - margin)))


@dataclass(frozen=True, kw_only=True)
class DifferenceOfShares(Difference):
    """The difference of two shares of the same independent items, one student each; its tests are exact or by score."""

    only_first: int  # items that the first student alone predicts rightly
    only_second: int
    items: int

    def _tail(self, bound: float, sign: int) -> float:
        from scipy.special import ndtr

        if bound:
            return float(ndtr(sign * margin_score(self.only_first, self.only_second, self.items, bound)))
        return self.p / 2 if sign * self.value < 0 else 1 - self.p / 2


def compare(first: NDArray[np.bool_], second: NDArray[np.bool_], design: ItemDesign) -> Difference:
    """Compare two rows, (S_1, n) and (S_2, n) on the same items, by the test that suits them.

    One seed each, items that stand alone, and accuracy over all of them: McNemar's mid-p and Newcombe's interval, and
    Tango's score test of differences other than 0. Otherwise ``two_way_difference``.
    """
    if not (len(first) == len(second) == 1 and design.are_independent and not design.stratum.any()):
        return two_way_difference(first, second, design)
    one, other = first[0].astype(bool), second[0].astype(bool)
    counts = [int(found.sum()) for found in (one & other, one & ~other, ~one & other, ~one & ~other)]
    low, high = paired_shares_interval(*counts)
    n, b, c = len(one), counts[1], counts[2]
    # Two students that never differ: as if they did on one further item.
    error = math.sqrt(b + c - (b - c) ** 2 / n) / n or 1 / (n + 1)
    return DifferenceOfShares(
        (b - c) / n, low, high, mcnemar(b, c), error, math.inf, only_first=b, only_second=c, items=n
    )  # fmt: skip
