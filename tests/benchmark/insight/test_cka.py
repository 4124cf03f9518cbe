"""Debiased CKA against sums over all tuples of items, and the laws that it has to keep."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.insight.cka import FEWEST, cka, hsic, u_centred


def grams(*minibatches):
    return np.stack([u_centred(x @ x.T) for x in minibatches])


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def by_tuples(k, l):  # noqa: E741
    """The U-statistic of HSIC, by its definition: the mean over all ordered tuples of different items."""
    n = len(k)
    pairs = np.mean([k[i, j] * l[i, j] for i, j in permutations(range(n), 2)])
    triples = np.mean([k[i, j] * l[i, m] for i, j, m in permutations(range(n), 3)])
    fours = np.mean([k[i, j] * l[m, q] for i, j, m, q in permutations(range(n), 4)])
    return pairs - 2 * triples + fours


def by_traces(k, l):  # noqa: E741
    """Song et al. 2012, equation 4, as it stands there."""
    n, one = len(k), np.ones(len(k))
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))  # noqa: E741
    middle = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
    return (np.trace(k @ l) + middle - 2 / (n - 2) * (one @ k @ l @ one)) / (n * (n - 3))


@pytest.mark.parametrize("items", [4, 5, 7])
def test_hsic_is_the_mean_over_all_tuples_of_items(items):
    x, y = normal(0, items, 3), normal(1, items, 2)
    k, l = x @ x.T, y @ y.T  # noqa: E741
    ours = hsic(u_centred(k)[None], u_centred(l)[None])
    assert ours == pytest.approx(by_tuples(k, l), rel=1e-9)
    assert ours == pytest.approx(by_traces(k, l), rel=1e-9)


def test_hsic_is_the_mean_over_minibatches():
    first, second = (grams(*[normal(seed + i, 6, 3) for i in range(4)]) for seed in (0, 50))
    single = [hsic(first[i : i + 1], second[i : i + 1]) for i in range(4)]
    assert hsic(first, second) == pytest.approx(np.mean(single))


def test_sums_over_minibatches_are_normalised_once():
    xs, ys = [normal(i, 8, 3) for i in range(5)], [normal(9 + i, 8, 4) for i in range(5)]
    ys = [y + 2 * x.sum(1, keepdims=True) for x, y in zip(xs, ys, strict=True)]
    sums = [
        sum(by_traces(a @ a.T, b @ b.T) for a, b in zip(first, second, strict=True))
        for first, second in ((xs, ys), (xs, xs), (ys, ys))
    ]
    assert cka(grams(*xs), grams(*ys)) == pytest.approx(sums[0] / np.sqrt(sums[1] * sums[2]), rel=1e-9)


@given(st.integers(0, 10_000), st.integers(4, 20), st.floats(0.01, 100))
def test_it_is_1_for_what_is_turned_and_scaled(seed, items, scale):
    x = normal(seed, items, 6)
    turn = np.linalg.qr(normal(seed + 1, 6, 6))[0]
    one = grams(x)
    assert cka(one, one) == pytest.approx(1)
    assert cka(one, grams(scale * x @ turn + 3.0)) == pytest.approx(1)


def test_it_is_symmetric_and_may_be_below_0():
    values = [cka(grams(normal(i, 8, 50)), grams(normal(1000 + i, 8, 50))) for i in range(50)]
    assert min(values) < 0 < max(values)
    a, b = grams(normal(0, 8, 3)), grams(normal(1, 8, 3))
    assert cka(a, b) == cka(b, a)


def test_independent_data_are_around_0_where_the_biased_estimator_is_not():
    def biased(x, y):
        x, y = x - x.mean(0), y - y.mean(0)
        return ((x.T @ y) ** 2).sum() / np.sqrt(((x.T @ x) ** 2).sum() * ((y.T @ y) ** 2).sum())

    pairs = [(normal(i, 32, 8), normal(500 + i, 32, 8)) for i in range(200)]
    plain = np.mean([biased(x, y) for x, y in pairs])
    debiased = [cka(grams(x), grams(y)) for x, y in pairs]
    assert plain > 0.15
    assert abs(np.mean(debiased)) < 4 * np.std(debiased) / np.sqrt(200) < 0.02


def test_similarity_does_not_depend_on_the_size_of_a_minibatch():
    x = normal(0, 4096, 6)
    y = x + normal(1, 4096, 6)

    def at(size):
        return cka(*(grams(*z.reshape(-1, size, 6)) for z in (x, y)))

    assert at(16) == pytest.approx(at(256), abs=0.02)


def test_rows_and_columns_have_mean_0_off_the_diagonal():
    x = normal(0, 2, 6, 3)
    centred = u_centred(x @ x.transpose(0, 2, 1))
    assert centred.sum(-1) == pytest.approx(np.zeros((2, 6)), abs=1e-12)
    assert centred.sum(-2) == pytest.approx(np.zeros((2, 6)), abs=1e-12)
    assert not np.diagonal(centred, axis1=-2, axis2=-1).any()


def test_what_cannot_be_compared_has_no_similarity():
    constant = np.zeros((3, 5, 5))
    assert cka(constant, grams(*[normal(i, 5, 2) for i in range(3)])) is None
    with pytest.raises(ValueError, match="at least 4"):
        u_centred(np.eye(FEWEST - 1))
