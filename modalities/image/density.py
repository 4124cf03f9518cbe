"""How dense a picture is: entropy, edges, and the slope of its spectrum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modalities.compute.draws import Array
from modalities.image.source import read

EDGE = 0.1  # gradient from which a pixel counts as an edge; full scale is 1 per pixel


def density(name: str) -> dict[str, float]:
    """Return the figures of a named picture or of a file. Raises BadInput if it cannot be used."""
    return figures(read(name))


def figures(pixels: NDArray[np.uint8]) -> dict[str, float]:
    """Return entropy, edge density and spectral slope of the grey values (ITU-R BT.601) of a picture, (H, W, 3)."""
    grey = pixels @ np.array([0.299, 0.587, 0.114])
    return {"entropy": entropy(grey), "edges": edge_density(grey), "slope": spectral_slope(grey)}


def entropy(grey: Array) -> float:
    """Return the Shannon entropy of the histogram of grey values, rounded to 0 … 255: 0 to 8 bits.

    H = −Σ p log2 p over the values' shares p (Shannon, "A Mathematical Theory of Communication", 1948).
    """
    counts = np.bincount(np.rint(grey).astype(np.int64).ravel(), minlength=256)
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum()) + 0.0


def edge_density(grey: Array) -> float:
    """Return the share of pixels whose gradient is at least EDGE of the full scale, from 0 to 1.

    The gradient is that of the Sobel operator, divided by the sum of its weights on one side and by their distance,
    so that it is the change of grey from one pixel to the next (Gonzalez & Woods, "Digital Image Processing", 10.2).
    """
    from scipy.ndimage import sobel

    across, down = (sobel(grey / 255, axis=axis, mode="nearest") / 8 for axis in (1, 0))
    return float((np.hypot(across, down) >= EDGE).mean())


def spectral_slope(grey: Array) -> float:
    """Return α if power falls with spatial frequency f as f^α: about −2 for natural images, 0 for white noise.

    A least-squares line through the logarithms of power and frequency, over rings of equal width in log f, of the
    largest centred square under a Hann window (Field, JOSA A 1987; van der Schaaf & van Hateren, Vision Research 1996).
    Rings lie between 4 cycles per side and the Nyquist frequency. A picture that has no power there has slope 0.
    """
    side = min(grey.shape)
    top, left = ((length - side) // 2 for length in grey.shape)
    square = grey[top : top + side, left : left + side]
    window = np.hanning(side + 2)[1:-1]
    power = np.abs(np.fft.rfft2((square - square.mean()) * np.outer(window, window))) ** 2
    cycles = np.hypot(np.fft.fftfreq(side, 1 / side)[:, None], np.fft.rfftfreq(side, 1 / side))
    edges = np.geomspace(4, max(side / 2, 8), 21)
    ring = np.digitize(cycles.ravel(), edges) - 1
    inside = (ring >= 0) & (ring < len(edges) - 1)
    count, total, place = (
        np.bincount(ring[inside], weights, len(edges) - 1)
        for weights in (None, power.ravel()[inside], np.log(cycles.ravel()[inside]))
    )
    used = (count > 0) & (total > 1e-12 * max(float(power.max()), 1e-300))
    if used.sum() < 2:
        return 0.0
    return float(np.polyfit(place[used] / count[used], np.log(total[used] / count[used]), 1)[0])
