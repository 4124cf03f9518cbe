"""What a comparison will be able to show, before anything has run. Needs no library, so that a plan does not wait."""

from __future__ import annotations

import math
from statistics import NormalDist

DISCORDANT = 0.1
"""Share of items that one of two students predicts rightly and the other wrongly, if nothing better is known."""

LASTING = 0.5
"""Share of these on which the two would differ with other seeds too. Measured on CIFAR-10: two students of one source
disagree on 7.9 % of the items, of two sources on 14.3 %; seeds make about half of the disagreement."""


def minimum_detectable_effect(
    items: float, seeds: int = 1, *, discordant: float = DISCORDANT, power: float = 0.8
) -> float:
    """Return the smallest true difference of two accuracies that a paired test at 5 % finds with this power.

    (z_0.975 + z_power) √(D (L + (1 - L)/S) / n): the sum of quantiles is 2.8 for a power of 80 %; D is the share of
    discordant items, of which the part 1 - L are errors of single runs that S seeds average (for one seed: Connor,
    Biometrics 43, 1987, without his term in the difference itself). ``items`` are effective ones if they come in
    clusters; infinite for none. Differences that whole seeds make come on top.
    """
    if not items > 0:
        return math.inf
    quantiles = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(power)
    return min(1.0, quantiles * math.sqrt(discordant * (LASTING + (1 - LASTING) / seeds) / items))


def expected_seed_spread(accuracy: float, items: float) -> float | None:
    """Return the standard deviation over seeds that a finite test set alone leads to: √((1 - accuracy) / 2n).

    Even if all students are equally good, each errs on other items. If a share p_i of students is right on item i, the
    variance is Σ p_i (1 - p_i) / n²; with two classes and students that are calibrated as an ensemble, p_i (1 - p_i)
    is half the error on average (Jordan, arXiv 2304.01910, ICLR 2024). None without items.
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(f"{accuracy} is not an accuracy")
    return math.sqrt((1 - accuracy) / (2 * items)) if items > 0 else None
