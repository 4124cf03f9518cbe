"""Densities of pictures beside values worked by hand, and pictures whose statistics are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from skimage.measure import shannon_entropy

from modalities.image import density
from modalities.image.source import read


def test_entropy_is_that_of_the_histogram() -> None:
    rng = np.random.default_rng(0)
    grey = np.rint(rng.normal(128, 30, (64, 80)).clip(0, 255))
    assert density.entropy(grey) == pytest.approx(shannon_entropy(grey.astype(np.uint8)), abs=1e-9)
    counts = np.unique(grey, return_counts=True)[1]
    assert density.entropy(grey) == pytest.approx(stats.entropy(counts, base=2))
    assert density.entropy(np.full((8, 8), 3.0)) == 0
    assert density.entropy(np.tile(np.arange(256.0), (4, 1))) == 8


def test_edges_are_pixels_whose_grey_changes_by_a_tenth_from_one_to_the_next() -> None:
    step = np.zeros((20, 40))
    step[:, 20:] = 255 * 0.3  # two columns see half of the step, 0.15 per pixel
    assert density.edge_density(step) == pytest.approx(2 / 40)
    assert density.edge_density(step * 0.6) == 0
    steep, flat = (np.tile(np.arange(20) * 255 * slope, (9, 1)) for slope in (0.11, 0.09))
    assert density.edge_density(steep) == pytest.approx(18 / 20)
    assert density.edge_density(flat) == 0
    assert density.edge_density(steep.T) == pytest.approx(18 / 20)


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("shape", [(512, 512), (501, 700)])
def test_the_slope_of_filtered_noise_is_that_of_its_filter(slope: float, shape: tuple[int, int]) -> None:
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1]))
    frequency[0, 0] = 1
    white = np.fft.fft2(np.random.default_rng(0).normal(size=shape))
    grey = np.fft.ifft2(white * frequency ** (-slope / 2)).real
    assert density.spectral_slope(50 * grey / grey.std() + 128) == pytest.approx(-slope, abs=0.08)


def test_a_picture_without_detail_has_slope_0_and_tiny_ones_have_one() -> None:
    assert density.spectral_slope(np.full((64, 64), 7.0)) == 0
    assert np.isfinite(density.spectral_slope(np.random.default_rng(0).normal(size=(4, 5))))


def test_figures_are_those_of_the_grey_values() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    swapped = pixels[:, :, [1, 1, 1]] * 0  # black
    assert density.figures(swapped) == {"entropy": 0, "edges": 0, "slope": 0}
    grey = 0.299 * pixels[..., 0] + 0.587 * pixels[..., 1] + 0.114 * pixels[..., 2]
    assert density.figures(pixels)["entropy"] == pytest.approx(density.entropy(grey))


def test_dense_sources_are_denser_than_sparse_ones() -> None:
    dense, sparse, noise = (density.density(name) for name in ("deadleaves", "sparse", "noise"))
    assert dense["edges"] > 20 * sparse["edges"]
    assert noise["slope"] == pytest.approx(0, abs=0.05)
    assert -3 < dense["slope"] < -1.5
    assert density.density("pink:3")["slope"] == pytest.approx(-2, abs=0.1)
    assert density.density("pink:slope=1")["slope"] == pytest.approx(-1, abs=0.2)  # the brightest values are clipped
    assert density.figures(read("sparse")) == sparse
