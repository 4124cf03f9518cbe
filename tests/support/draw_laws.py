"""What every random draw must keep: its range and distribution, and independence of every other draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy import stats

UNLIKELY = 1e-4  # draws are the same in every run, so a test that passes keeps passing

Columns = Mapping[str, np.ndarray]  # name of a parameter → its values, one per sample


class Choice:
    """The distribution of a few equally likely values, or of values with the given probabilities."""

    def __init__(self, values: Sequence[Any], chances: Sequence[float] | None = None) -> None:
        self.values = list(values)
        self.chances = np.array(chances if chances is not None else [1 / len(self.values)] * len(self.values))

    def fit(self, numbers: np.ndarray) -> float:
        counts = np.array([(numbers == value).sum() for value in self.values])
        assert counts.sum() == len(numbers), f"other values than {self.values}"
        return float(stats.chisquare(counts, len(numbers) * self.chances).pvalue)


def uniform(low: float, high: float) -> Any:
    return stats.uniform(low, high - low)


def log_uniform(low: float, high: float) -> Any:
    return stats.loguniform(low, high)


def yes(probability: float) -> Choice:
    return Choice([True, False], [probability, 1 - probability])


def assert_distributed(name: str, numbers: np.ndarray, expected: Any) -> None:
    """The numbers lie within the support of a distribution, reach nearly to its ends, and follow it."""
    if isinstance(expected, Choice):
        assert expected.fit(numbers) > UNLIKELY, name
        return
    (low, high), slack = expected.support(), 1e-9
    assert low - slack <= numbers.min() and numbers.max() <= high + slack, (name, numbers.min(), numbers.max())
    assert stats.kstest(numbers, expected.cdf).pvalue > UNLIKELY, name


def _quarters(numbers: np.ndarray) -> np.ndarray:
    """Class of each number: the value itself if there are few, else the quarter of the sorted numbers it lies in."""
    values, places = np.unique(numbers, return_inverse=True)
    return (
        places if len(values) <= 4 else stats.rankdata(numbers, method="ordinal").astype(int) * 4 // (len(numbers) + 1)
    )


def assert_independent(name: Any, one: np.ndarray, other: np.ndarray) -> None:
    """Neither column tells anything about the other, increasing or not."""
    table = np.zeros((4, 4))
    np.add.at(table, (_quarters(one), _quarters(other)), 1)
    table = table[table.any(1)][:, table.any(0)]
    assert stats.chi2_contingency(table).pvalue > UNLIKELY, name


def check_draws(columns_at: Callable[[int, int], Columns], expected: Mapping[str, Any]) -> None:
    """Check all parameters of a batch of some thousand samples, as ``columns_at(seed, step)`` gives them.

    Every parameter follows its expected distribution, and is independent of every other one of its sample, of itself
    in the next sample, at the next step and under the next seed.
    """
    columns, next_step, next_seed = columns_at(3, 5), columns_at(3, 6), columns_at(4, 5)
    assert set(columns) == set(expected)
    for name, numbers in columns.items():
        assert_distributed(name, numbers, expected[name])
        for case, other in (("step", next_step[name]), ("seed", next_seed[name])):
            assert_independent((name, f"the next {case}"), numbers, other)
        assert_independent((name, "the next sample"), numbers[:-1], numbers[1:])
    for one, other in combinations(columns, 2):
        assert_independent((one, other), columns[one], columns[other])
