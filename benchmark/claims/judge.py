"""From the difference of two rows to a verdict: a function of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark.statistics.multiple import holm
from benchmark.statistics.two_way import Difference

Verdict = Literal["supported", "contradicted", "undecided"]

LEVEL = 0.05


@dataclass(frozen=True)
class Prediction:
    """How much better one variant is predicted to be than another, as a difference of accuracies.

    Of superiority (``at_least`` above 0): the difference is above 0, and no smaller than ``at_least`` is of interest.
    Of closeness (``at_most_worse`` above 0): the difference is above minus ``at_most_worse``.
    """

    at_least: float = 0.0
    at_most_worse: float = 0.0

    @property
    def refuted_from(self) -> float:
        """The difference that has to be exceeded for support: the null hypothesis is that it is not."""
        return -self.at_most_worse

    @property
    def smallest(self) -> float:
        """The smallest difference that agrees with the prediction."""
        return self.at_least or -self.at_most_worse


@dataclass(frozen=True)
class Judgement:
    """A verdict and the p-values, before and after Holm's adjustment, that it rests on."""

    verdict: Verdict
    p_for: float  # of: the difference is at most ``Prediction.refuted_from``
    p_against: float  # of: the difference is at least ``Prediction.smallest``
    adjusted_for: float
    adjusted_against: float


def judge(predictions: Sequence[Prediction], found: Sequence[Difference | None]) -> list[Judgement]:
    """Judge the predictions of one family by one-sided t tests at 5 %; None is a difference that is not known.

    Supported: "the difference is at most 0 (or minus ``at_most_worse``)" is rejected, and the difference that was
    measured is no smaller than the smallest one of interest. Contradicted: "it is at least the smallest one of
    interest" is rejected. Undecided otherwise. Holm's adjustment is over all supporting tests of the family, and apart
    over all contradicting ones; predictions without a difference count with p = 1, so that leaving cells out helps no
    other.
    """
    pairs = list(zip(predictions, found, strict=True))
    p_for = [1.0 if d is None else d.p_at_most(prediction.refuted_from) for prediction, d in pairs]
    p_against = [1.0 if d is None else d.p_at_least(prediction.smallest) for prediction, d in pairs]
    adjusted = [list(map(float, holm(p))) for p in (p_for, p_against)]
    return [
        Judgement(_verdict(prediction, d, one, other), p_for[i], p_against[i], one, other)
        for i, ((prediction, d), one, other) in enumerate(zip(pairs, *adjusted, strict=True))
    ]


def _verdict(prediction: Prediction, found: Difference | None, adjusted_for: float, adjusted_against: float) -> Verdict:
    if found is None:
        return "undecided"
    if adjusted_for <= LEVEL and found.value >= prediction.smallest:
        return "supported"
    return "contradicted" if adjusted_against <= LEVEL else "undecided"
