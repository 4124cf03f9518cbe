"""Features of test items in two dimensions, by principal components."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


class Map(NamedTuple):
    """Items in the plane of their two first principal components."""

    points: Points  # (n, 2)
    explained: float  # share of the variance of the features that the plane holds, in [0, 1]


def principal_plane(features: NDArray[np.floating]) -> Map:
    """Return features (n, width) in the plane in which they vary most."""
    from sklearn.decomposition import PCA

    values = np.asarray(features, np.float64)
    if min(values.shape) < 2 or not values.var(axis=0).any():
        return Map(np.zeros((len(values), 2)), 0.0)
    plane = PCA(2, svd_solver="full")
    points = plane.fit_transform(values)
    return Map(np.asarray(points), float(plane.explained_variance_ratio_.sum()))


def turned_towards(points: Points, other: Points) -> Points:
    """Return points (n, 2), turned or mirrored so that they lie as near as possible to others of the same items.

    The directions of principal components are arbitrary; distances between points stay as they are.
    """
    from scipy.linalg import orthogonal_procrustes

    return np.asarray(points @ orthogonal_procrustes(points, other)[0])
