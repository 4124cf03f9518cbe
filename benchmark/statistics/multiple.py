"""p-values adjusted for being several: each is compared with the level as if it were alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Adjust m p-values of one family so that any false rejection at all is as rare as the level says.

    In ascending order, p̃_(i) = max over j ≤ i of min(1, (m - j + 1) p_(j)); valid under any dependence (Holm,
    Scandinavian Journal of Statistics 6, 1979).
    """
    given, order = _ascending(p)
    factors = len(given) - np.arange(len(given))
    return _in_place(np.maximum.accumulate(given[order] * factors), order)


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Adjust m p-values so that false rejections are expected to be at most a share, the level, of all rejections.

    In ascending order, p̃_(i) = min over j ≥ i of min(1, m p_(j) / j); for independent or positively dependent tests
    (Benjamini and Hochberg, JRSS B 57, 1995). For exploring, where a later run confirms.
    """
    given, order = _ascending(p)
    factors = len(given) / (1 + np.arange(len(given)))
    return _in_place(np.minimum.accumulate((given[order] * factors)[::-1])[::-1], order)


def _ascending(p: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    given = np.asarray(p, dtype=np.float64)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise ValueError("p-values are a list of numbers from 0 to 1")
    return given, np.argsort(given, kind="stable")


def _in_place(adjusted: NDArray[np.float64], order: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    result = np.empty_like(adjusted)
    result[order] = np.minimum(1.0, adjusted)
    return result
