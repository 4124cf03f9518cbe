"""The plane of two principal components, and its orientation."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.insight.embedding import principal_plane, turned_towards


def test_the_plane_is_that_of_the_singular_value_decomposition():
    x = np.random.default_rng(0).normal(size=(40, 6)) * [5, 3, 1, 0.5, 0.2, 0.1]
    found = principal_plane(x)
    u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
    assert np.abs(found.points) == pytest.approx(np.abs((u * s)[:, :2]))
    assert found.explained == pytest.approx((s[:2] ** 2).sum() / (s**2).sum())


def test_a_map_is_turned_towards_another_without_stretching_it():
    x = np.random.default_rng(0).normal(size=(30, 2))
    mirrored = x @ np.array([[0.6, 0.8], [0.8, -0.6]])
    assert turned_towards(mirrored, x) == pytest.approx(x)
    assert turned_towards(3 * mirrored, x) == pytest.approx(3 * x)


@pytest.mark.parametrize("features", [np.ones((5, 3)), np.zeros((1, 4)), np.ones((6, 1))])
def test_features_without_two_directions_make_a_single_point(features):
    found = principal_plane(features)
    assert found.explained == 0 and not found.points.any() and found.points.shape == (len(features), 2)
