"""Centred kernel alignment of two representations of the same items, debiased, over minibatches.

Debiased HSIC is that of Song et al., "Feature Selection via Dependence Maximization", JMLR 13, 2012, equation 4, as a
product of U-centred Gram matrices (Székely and Rizzo, Annals of Statistics 42, 2014). It is summed over minibatches and
normalised once (Nguyen, Raghu and Kornblith, "Do Wide and Deep Networks Learn the Same Things?", ICLR 2021), so that
similarity does not depend on the size of a minibatch. Nothing is clamped: representations that have nothing to do with
each other give values around 0, also below it, where the plain, biased estimator gives 0.2 at 32 items.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FEWEST = 4  # items of a minibatch

Grams = NDArray[np.float64]


def u_centred(gram: Grams) -> Grams:
    """Return U-centred Gram matrices, (…, n, n): off the diagonal every row and column has mean 0; on it are zeros.

    For n items, Ã_ij = A_ij - Σ_l A_il / (n-2) - Σ_k A_kj / (n-2) + Σ_kl A_kl / ((n-1)(n-2)), all sums without the
    diagonal. Raises ValueError for fewer than FEWEST items.
    """
    n = gram.shape[-1]
    if n < FEWEST:
        raise ValueError(f"a minibatch of {n} items is too small for an unbiased estimate; give at least {FEWEST}")
    off = ~np.eye(n, dtype=bool)
    a = np.where(off, gram, 0.0)
    rows, columns = a.sum(-1, keepdims=True) / (n - 2), a.sum(-2, keepdims=True) / (n - 2)
    total = a.sum((-2, -1), keepdims=True) / ((n - 1) * (n - 2))
    return np.where(off, a - rows - columns + total, 0.0)


def hsic(first: Grams, second: Grams) -> float:
    """Return the mean over minibatches of the unbiased HSIC of U-centred Gram matrices, (minibatches, n, n)."""
    n = first.shape[-1]
    return float((first * second).sum() / (len(first) * n * (n - 3)))


def cka(first: Grams, second: Grams) -> float | None:
    """Return the similarity of two representations, at most 1, from U-centred Gram matrices (minibatches, n, n).

    None if one of them is the same for all items, so that there is nothing to compare.
    """
    scale = math.sqrt(hsic(first, first) * hsic(second, second))
    return hsic(first, second) / scale if scale > 0 else None
