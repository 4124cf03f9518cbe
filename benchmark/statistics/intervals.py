"""95 % intervals of an accuracy, for independent items and for items that come in clusters.

Items of one cluster (a speaker, an instrument, a film) are alike, so they tell less than as many independent items.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics.items import ItemDesign, Outcomes, design_of

LEVEL = 0.95
NORMAL = NormalDist().inv_cdf((1 + LEVEL) / 2)  # its quantile


def wilson_interval(share: float, items: float) -> tuple[float, float]:
    """Score interval of a proportion over n independent items (Wilson, JASA 22, 1927), within [0, 1].

    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), with z the normal quantile of 0.975. For items in clusters, n is
    their ``effective_items``; 0 of them say nothing: (0, 1).
    """
    if not items >= 0 or not 0 <= share <= 1:
        raise ValueError(f"no interval for a proportion of {share} over {items} items")
    if items == 0:
        return 0.0, 1.0
    z = NORMAL
    centre = share + z * z / (2 * items)
    half = z * math.sqrt(share * (1 - share) / items + z * z / (4 * items * items))
    scale = 1 + z * z / items
    return max(0.0, min(share, (centre - half) / scale)), min(1.0, max(share, (centre + half) / scale))


def clustered_variance(
    influence: NDArray[np.floating[Any]], cluster: NDArray[np.integer[Any]], samples: int = 1
) -> float:
    """Variance of a score whose deviation is Σ_i u_i, when whole clusters are drawn: C/(C-1) Σ_c (Σ_{i in c} u_i)².

    ``influence`` has the u_i, (n,), of mean 0; for a mean of y they are (y_i - ȳ)/n (Miller, Adding Error Bars to
    Evals, arXiv 2411.00640; Liang and Zeger, Biometrika 73, 1986). ``cluster`` numbers each item's cluster, (n,). If
    the clusters are several ``samples`` with a mean each, that many degrees of freedom are lost: C/(C-samples).
    """
    sums = np.bincount(cluster, weights=influence)
    return float(len(sums) / (len(sums) - samples) * (sums**2).sum())


def variance_of_mean(y: Outcomes, design: ItemDesign) -> float:
    """Return the clustered variance of the accuracy of y, (n,); infinite if the clusters are too few to tell."""
    if not design.degrees_of_freedom:
        return math.inf
    return clustered_variance(design.influence(y), design.cluster, design.samples)


def clustered_error(y: Outcomes, groups: Sequence[str] | None = None) -> float:
    """Standard error of the mean of y, (n,), robust to clusters: √(C/(C-1) Σ_c (Σ_{i in c} (y_i - ȳ))²) / n.

    Without groups each item is a cluster, and it is s/√n. Infinite for a single cluster, which says nothing of others.
    """
    return math.sqrt(variance_of_mean(y, design_of(len(y), groups)))


def student_quantile(degrees_of_freedom: float) -> float:
    """Return the quantile of Student's t that goes with LEVEL; infinite for 0 degrees of freedom."""
    from scipy.special import stdtrit  # only here, so that a table of other figures does not wait for SciPy

    return float(stdtrit(degrees_of_freedom, (1 + LEVEL) / 2)) if degrees_of_freedom > 0 else math.inf


def effective_items(
    right: NDArray[np.bool_], groups: Sequence[str] | None = None, labels: NDArray[np.integer[Any]] | None = None
) -> float:
    """Return the number of independent items that tell as much about an accuracy as these items do.

    It is p(1-p) / V, with V the clustered variance, times (z / t)² with t the quantile of Student's t for the degrees
    of freedom of V, as few clusters estimate it badly (Korn and Graubard, Survey Methodology 24, 1998). Wilson's
    interval of that many items is then cluster-robust. For the accuracy over independent items it is their number.

    Args:
        right: (n,) whether each item is predicted rightly.
        groups: (n,) the cluster of each item; without them each item stands alone.
        labels: (n,) for the balanced accuracy, the mean over classes of the accuracy within each; None for the
            accuracy over all items.
    """
    n = len(right)
    if n == 0:
        raise ValueError("no interval for a proportion over 0 items")
    design = design_of(n, groups, labels)
    if labels is None and design.are_independent:
        return n
    variance = variance_of_mean(right, design)
    return effective(float(design.mean(right)), variance, design.degrees_of_freedom, design, most=n)


def effective(
    share: float, variance: float, degrees_of_freedom: float, design: ItemDesign, most: float = math.inf
) -> float:
    """Return p(1-p) / V (z / t)², the effective items of a share with this variance, but at most ``most`` (z / t)².

    If all clusters agree they seem not to vary at all; then each of them counts as one item.
    """
    if not degrees_of_freedom:
        return 0
    few = (NORMAL / student_quantile(degrees_of_freedom)) ** 2
    if variance > 0 and 0 < share < 1:
        return few * min(most, share * (1 - share) / variance)
    return few * design.clusters
