"""How test items count in an accuracy, and which of them were drawn together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Outcomes = NDArray[np.bool_] | Floats
Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class ItemDesign:
    """The n items of a test set: an accuracy is Σ_i y_i / divisor_i, with y_i 1 for an item that is predicted rightly.

    An item's class is its ``stratum`` in a balanced accuracy; in the accuracy over all items there is one stratum.
    """

    divisor: NDArray[np.float64]  # (n,) items of the stratum times number of strata
    stratum: NDArray[np.int64]  # (n,) from 0
    cluster: NDArray[np.int64]  # (n,) from 0: items of one leak unit are drawn together

    @cached_property
    def clusters(self) -> int:
        return int(self.cluster.max()) + 1

    @cached_property
    def samples(self) -> int:
        """Number of means that the clusters are measured from: strata are apart if each cluster lies in one."""
        strata = int(self.stratum.max()) + 1
        return strata if len(np.unique(self.cluster * strata + self.stratum)) == self.clusters else 1

    @property
    def are_independent(self) -> bool:
        return self.clusters == len(self.cluster)

    @property
    def degrees_of_freedom(self) -> int:
        """Those of a clustered variance; 0 if the clusters are too few for one."""
        return max(0, self.clusters - self.samples)

    def influence(self, y: Outcomes) -> NDArray[np.float64]:
        """Return u_i = (y_i - ȳ of the stratum) / divisor_i, (n,), whose sum over a cluster is what it adds."""
        sizes = np.bincount(self.stratum)
        return (y - (np.bincount(self.stratum, weights=y) / sizes)[self.stratum]) / self.divisor

    def mean(self, y: Outcomes) -> NDArray[np.float64]:
        """Return the accuracy of each row of outcomes, (..., n), balanced if the strata are classes."""
        sizes = np.bincount(self.stratum)
        flat = np.reshape(y, (-1, len(self.stratum)))
        means = [float((np.bincount(self.stratum, weights=row) / sizes).mean()) for row in flat]
        return np.reshape(means, np.shape(y)[:-1])


def design_of(count: int, groups: Sequence[str] | None = None, labels: Integers | None = None) -> ItemDesign:
    """Return how ``count`` items count: ``groups`` has the cluster of each, and ``labels`` asks for balanced accuracy.

    Without groups each item stands alone. ValueError for no items.
    """
    if count == 0:
        raise ValueError("no accuracy over 0 items")
    cluster = np.arange(count) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    if labels is None:
        stratum, divisor = np.zeros(count, dtype=np.int64), np.full(count, float(count))
    else:
        _, stratum, sizes = np.unique(labels, return_inverse=True, return_counts=True)
        divisor = (len(sizes) * sizes[stratum]).astype(np.float64)
    return ItemDesign(divisor, stratum.astype(np.int64), cluster.astype(np.int64))
