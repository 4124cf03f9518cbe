"""Intervals by resampling: pigeonhole bootstrap, and the interquartile mean over seeds or over targets.

All draws come from a generator of NumPy that is made anew from ``seed``, so the same call gives the same interval.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics.intervals import NORMAL, student_quantile
from benchmark.statistics.items import ItemDesign

REPEATS = 2000
FEWEST_TARGETS = 5
_MOST_NUMBERS = 4_000_000  # at a time, for memory's sake
_MOST_DRAWS, _FEWEST_REPEATS = 40_000_000, 200  # with so many runs that repeats take seconds, fewer of them are enough

Interval = tuple[float, float]


def pigeonhole_bootstrap(
    first: NDArray[np.bool_], second: NDArray[np.bool_], design: ItemDesign, *, repeats: int = REPEATS, seed: int = 0
) -> Interval:
    """Interval of the difference of two rows, (S_1, n) and (S_2, n): seeds and clusters are resampled independently.

    Each repeat draws S_1 and S_2 seeds and C clusters with replacement, and takes the difference of the means over the
    crossings; the interval holds the middle 95 % (Owen, Annals of Applied Statistics 1, 2007). It counts the noise of
    single crossings up to three times, so it is too wide where whole seeds hardly differ; three seeds that differ much
    are too few for it.
    """
    generator = np.random.default_rng(seed)
    clusters = design.clusters
    sums = [np.array([_by_cluster(y / design.divisor, design) for y in side]) for side in (first, second)]  # (S, C)
    sizes = _by_cluster(1 / design.divisor, design)
    found: list[NDArray[np.float64]] = []
    for start in range(0, repeats, step := max(1, _MOST_NUMBERS // clusters)):
        some = min(step, repeats - start)
        drawn = generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=some)  # how often each cluster is
        over_seeds = [
            generator.multinomial(len(of), np.full(len(of), 1 / len(of)), size=some) @ of / len(of) for of in sums
        ]
        found.append(((over_seeds[0] - over_seeds[1]) * drawn).sum(axis=1) / (drawn @ sizes))
    return _middle(np.concatenate(found))


def _by_cluster(values: NDArray[np.floating[Any]], design: ItemDesign) -> NDArray[np.float64]:
    return np.asarray(np.bincount(design.cluster, weights=values), dtype=np.float64)


def _middle(values: NDArray[np.float64], beyond: float = NORMAL) -> Interval:
    """Return the quantiles Φ(-beyond) and Φ(beyond) of the repeats: of the middle 95 % unless there are few units."""
    from scipy.special import ndtr

    low, high = np.quantile(values, [ndtr(-beyond), ndtr(beyond)])
    return float(low), float(high)


def interquartile_mean(
    values: NDArray[np.floating[Any]], weights: NDArray[np.floating[Any]] | None = None
) -> NDArray[np.float64]:
    """Mean over the last axis of the middle half: the lowest and the highest quarter of the weight are left out.

    A value on the border of a quarter counts by the part of its weight that is inside. With equal weights, and a number
    of values that four divides, it is SciPy's ``trim_mean(values, 0.25)``, which otherwise leaves out fewer (Agarwal et
    al., NeurIPS 2021, use that). Far targets move it less than a mean, and more targets count than for a median.
    """
    order = np.argsort(values, axis=-1, kind="stable")
    weight = np.broadcast_to(np.ones(1) if weights is None else weights, values.shape)
    ordered = np.take_along_axis(weight, order, axis=-1)
    above = np.cumsum(ordered, axis=-1) / ordered.sum(axis=-1, keepdims=True)
    inside = np.diff(np.clip(above, 0.25, 0.75), axis=-1, prepend=0.25)
    return np.asarray((np.take_along_axis(values, order, axis=-1) * inside).sum(axis=-1) / inside.sum(axis=-1))


def _padded(scores: list[list[float]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scores as (targets, seeds), padded by 0, and weights by which each target counts as much; padding 0."""
    most = max(map(len, scores))
    values, weights = np.zeros((2, len(scores), most))
    for place, own in enumerate(scores):
        values[place, : len(own)], weights[place, : len(own)] = own, 1 / len(own)
    return values, weights


def _draws(generator: np.random.Generator, count: int, repeats: int) -> NDArray[np.int64]:
    """Return (repeats, count) draws from 0 to count - 1, by way of uniform numbers, which NumPy never changes."""
    return np.floor(generator.random((repeats, count)) * count).astype(np.int64)


def interquartile_mean_of_runs(scores: list[list[float]]) -> float:
    """Interquartile mean over all runs of some targets, a list of its seeds' scores for each; targets count alike."""
    values, weights = _padded(scores)
    return float(interquartile_mean(values.ravel(), weights.ravel()))


def bootstrap_over_seeds(scores: list[list[float]], *, repeats: int = REPEATS, seed: int = 0) -> Interval | None:
    """Interval of ``interquartile_mean_of_runs`` for OTHER SEEDS of the same targets; None if a target has one seed.

    Each repeat draws S_t of the S_t runs of every target t (stratified bootstrap; Agarwal et al., NeurIPS 2021), and
    stretches their deviations from the target's mean by √(S_t / (S_t - 1)), since S runs spread less about their own
    mean than about the true one (Rao and Wu, JASA 83, 1988). The quantiles are those that Student's t with Σ (S_t - 1)
    degrees of freedom would have in place of the normal one (Hesterberg, American Statistician 69, 2015, section 3.5).
    """
    if min(map(len, scores)) < 2:
        return None
    generator = np.random.default_rng(seed)
    values, weights = _padded(scores)
    means: list[NDArray[np.float64]] = []
    for some in _parts(repeats, values.size):
        drawn = np.zeros((some, *values.shape))
        for place, own in enumerate(scores):
            runs, mean = np.array(own), float(np.mean(own))
            picked = runs[_draws(generator, len(own), some)]
            drawn[:, place, : len(own)] = mean + (picked - mean) * np.sqrt(len(own) / (len(own) - 1))
        means.append(interquartile_mean(drawn.reshape(some, -1), weights.ravel()))
    freedom = sum(len(own) - 1 for own in scores)
    return _middle(np.concatenate(means), student_quantile(freedom))


def bootstrap_over_targets(scores: list[list[float]], *, repeats: int = REPEATS, seed: int = 0) -> Interval | None:
    """Interval of ``interquartile_mean_of_runs`` for OTHER TARGETS LIKE THESE; None for fewer than FEWEST_TARGETS.

    Each repeat draws T of the T targets with all of their runs. The quantiles are expanded by √(T / (T - 1)) and by
    Student's t with T - 1 degrees of freedom (Hesterberg, American Statistician 69, 2015, section 3.5). All repeats lie
    between the lowest and the highest target, which miss the median of such targets with probability 2^(1 - T).
    """
    if len(scores) < FEWEST_TARGETS:
        return None
    values, weights = _padded(scores)
    generator, count = np.random.default_rng(seed), len(scores)
    expanded = student_quantile(count - 1) * math.sqrt(count / (count - 1))
    means: list[NDArray[np.float64]] = []
    for some in _parts(repeats, values.size):
        drawn = _draws(generator, count, some)
        means.append(interquartile_mean(values[drawn].reshape(some, -1), weights[drawn].reshape(some, -1)))
    return _middle(np.concatenate(means), expanded)


def _parts(repeats: int, runs: int) -> list[int]:
    """Divide the repeats for that many runs into parts that fit into memory; of very many runs there are fewer."""
    repeats = min(repeats, max(_FEWEST_REPEATS, _MOST_DRAWS // runs))
    at_once = max(1, _MOST_NUMBERS // runs)
    return [min(at_once, repeats - start) for start in range(0, repeats, at_once)]
