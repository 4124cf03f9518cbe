"""95 % intervals of an accuracy, for independent items and for items that come in clusters.

Items of one cluster (a speaker, an instrument, a film) are alike, so they tell less than as many independent items.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95


@dataclass(frozen=True)
class EffectiveSize:
    """How much the items of a test set tell about a score, as a number of independent items."""

    items: float  # number of independent items that would leave the same standard error
    clusters: int  # equal to the number of items if each stands alone

    def interval(self, share: float, items: int) -> tuple[float, float]:
        """Return the 95 % interval of a score in [0, 1] over ``items`` items, within [0, 1].

        Independent items get Wilson's interval, and clusters the same formula with the effective number of items and,
        as few clusters estimate a standard error badly, the quantile of Student's t with clusters - 1 degrees of
        freedom (after Korn and Graubard, Survey Methodology 24, 1998). One cluster alone shows nothing: (0, 1).
        """
        if self.clusters >= items and self.items == items:
            return wilson_interval(share, items)
        if self.clusters < 2:
            return 0.0, 1.0
        from scipy.special import stdtrit  # not while a plan or a table without clusters waits for it

        return wilson_interval(share, self.items, float(stdtrit(self.clusters - 1, (1 + LEVEL) / 2)))


def wilson_interval(share: float, items: float, quantile: float | None = None) -> tuple[float, float]:
    """Score interval of a proportion over n independent items (Wilson, JASA 22, 1927), within [0, 1].

    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), with z the normal quantile of 0.975 unless ``quantile`` is given.
    """
    if not items > 0 or not 0 <= share <= 1:
        raise ValueError(f"no interval for a proportion of {share} over {items} items")
    z = NormalDist().inv_cdf((1 + LEVEL) / 2) if quantile is None else quantile
    centre = share + z * z / (2 * items)
    half = z * math.sqrt(share * (1 - share) / items + z * z / (4 * items * items))
    scale = 1 + z * z / items
    return max(0.0, min(share, (centre - half) / scale)), min(1.0, max(share, (centre + half) / scale))


def clustered_variance(influence: NDArray[np.floating[Any]], cluster: NDArray[np.integer[Any]]) -> float:
    """Variance of a score whose deviation is Σ_i u_i, when whole clusters are drawn: C/(C-1) Σ_c (Σ_{i in c} u_i)².

    ``influence`` has the u_i, (n,), of mean 0; for a mean of y they are (y_i - ȳ)/n (Miller, Adding Error Bars to
    Evals, arXiv 2411.00640; Liang and Zeger, Biometrika 73, 1986). ``cluster`` numbers each item's cluster, (n,). It is
    NaN for fewer than two clusters.
    """
    sums = np.bincount(cluster, weights=influence)
    return float(len(sums) / (len(sums) - 1) * (sums**2).sum()) if len(sums) > 1 else math.nan


def effective_size(
    right: NDArray[np.bool_], groups: Sequence[str] | None = None, labels: NDArray[np.integer[Any]] | None = None
) -> EffectiveSize:
    """Return how many independent items tell as much about the accuracy as these do: p(1-p) / its variance.

    Args:
        right: (n,) whether each item is predicted rightly.
        groups: (n,) the cluster of each item; without them each item stands alone.
        labels: (n,) for the balanced accuracy, the mean over classes of the accuracy within each; None for the
            accuracy over all items.
    """
    n = len(right)
    if n == 0:
        raise ValueError("no interval for a proportion over 0 items")
    cluster = np.arange(n) if groups is None else np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    clusters = int(cluster.max()) + 1
    if labels is None:
        share = float(right.mean())
        influence = (right - share) / n
    else:
        _, place, items = np.unique(labels, return_inverse=True, return_counts=True)
        within = np.bincount(place, weights=right) / items
        share = float(within.mean())
        influence = (right - within[place]) / (len(items) * items[place])
    if labels is None and clusters == n:
        return EffectiveSize(n, n)
    variance = clustered_variance(influence, cluster)
    spread = share * (1 - share)
    # Where all clusters agree they seem to vary in nothing; then each of them counts as one item.
    return EffectiveSize(min(n, spread / variance) if variance > 0 and spread > 0 else min(n, clusters), clusters)
