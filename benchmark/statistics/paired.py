"""Two rows that are scored on the same test items: is one better, and by how much?"""

from __future__ import annotations

import math

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


def compare(first: NDArray[np.bool_], second: NDArray[np.bool_], design: ItemDesign) -> Difference:
    """Compare two rows, (S_1, n) and (S_2, n) on the same items, by the test that suits them.

    One seed each, items that stand alone, and accuracy over all of them: McNemar's mid-p and Newcombe's interval.
    Otherwise ``two_way_difference``.
    """
    if not (len(first) == len(second) == 1 and design.are_independent and not design.stratum.any()):
        return two_way_difference(first, second, design)
    one, other = first[0].astype(bool), second[0].astype(bool)
    counts = [int(found.sum()) for found in (one & other, one & ~other, ~one & other, ~one & ~other)]
    low, high = paired_shares_interval(*counts)
    return Difference((counts[1] - counts[2]) / len(one), low, high, mcnemar(counts[1], counts[2]))
