"""Charts of a page as SVG that is part of it: text in the page's own colour, the same bytes for the same figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.plotting.style import INK, inline, style
from modalities.errors import readable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMES = 20  # classes whose names fit beside an axis


def shares_by_step(curves: Mapping[str, Mapping[int, float]], headline: int) -> str:
    """Draw which share of prototypes a teacher recognises, (0 to 1) by number of steps, for each network."""
    with _figure("shares", 6.4, 2.8) as chart:
        axes = chart.axes()
        for name, curve in curves.items():
            axes.plot(list(curve), [100 * value for value in curve.values()], marker="o", markersize=3, label=name)
        axes.axvline(headline, color=INK, linewidth=0.6, linestyle=":")
        axes.set(xlabel="steps of optimisation", ylabel="recognised by the teacher, %", ylim=(-3, 103))
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return chart.svg


def similarities(values: NDArray[np.float64], rows: Sequence[str], columns: Sequence[str]) -> str:
    """Draw similarities of each layer of the student (rows) with each of the teacher (columns)."""
    with _figure("similarities", 1.8 + 0.42 * len(columns), 1.6 + 0.34 * len(rows)) as chart:
        axes = chart.axes()
        axes.imshow(values, cmap="viridis", vmin=0, vmax=1, interpolation="none", aspect="auto")
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                shade = "white" if value < 0.6 else "black"
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=shade, fontsize=7)
        _names(axes, rows, columns)
        axes.set(xlabel="teacher", ylabel="student")
    return chart.svg


def confusions(counts: NDArray[np.int64], classes: Sequence[str]) -> str:
    """Draw how many items of each class of the teacher's (rows) the student puts into each class (columns)."""
    side, few = (0.3 * len(classes), True) if len(classes) <= MOST_NAMES else (4.5, False)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with _figure("confusions", 2 + side, 1.4 + side) as chart:
        axes = chart.axes()
        axes.imshow(shares, cmap="viridis", vmin=0, vmax=1, interpolation="none", aspect="auto")
        if few:
            for (row, column), count in np.ndenumerate(counts):
                if count:
                    shade = "white" if shares[row, column] < 0.6 else "black"
                    axes.text(column, row, str(count), ha="center", va="center", color=shade, fontsize=6)
            _names(axes, classes, classes)
        axes.set(xlabel="student's class", ylabel="teacher's class")
    return chart.svg


def maps(points: Mapping[str, NDArray[np.float64]], labels: NDArray[np.int64], classes: Sequence[str]) -> str:
    """Draw items, (n, 2) by network, side by side, in a colour for each class."""
    from matplotlib import colormaps

    palette = colormaps["tab20" if len(classes) > 10 else "tab10"]
    with _figure("maps", 7.2, 3.6 + 0.2 * (-(-min(len(classes), MOST_NAMES) // 5))) as chart:
        for place, (name, where) in enumerate(points.items()):
            axes = chart.axes(place, len(points))
            for label in np.unique(labels):
                own = where[labels == label]
                colour = palette(int(label) % palette.N)
                axes.scatter(own[:, 0], own[:, 1], s=5, color=colour, linewidths=0, label=readable(classes[label]))
            axes.set(title=name, xticks=[], yticks=[])
        if len(classes) <= MOST_NAMES:
            handles, names = axes.get_legend_handles_labels()
            chart.figure.legend(handles, names, loc="outside lower center", ncols=5, markerscale=2)
    return chart.svg


def reliabilities(bins: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Draw accuracy by confidence, for each of several sets of bins (``calibration``), beside the diagonal."""
    with _figure("reliabilities", 4.4, 3.2) as chart:
        axes = chart.axes()
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.6, linestyle=":")
        for name, of in bins.items():
            at, right = ([one[key] for one in of] for key in ("confidence", "accuracy"))
            axes.plot(at, right, marker="o", markersize=3, label=name)
        axes.set(xlabel="what the student says (confidence)", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02))
        axes.legend(loc="lower right")
    return chart.svg


def class_shares(shares: Mapping[str, Sequence[float]], classes: Sequence[str]) -> str:
    """Draw the share of segments that a teacher puts into each class, for several windows of training."""
    few, width = len(classes) <= MOST_NAMES, 0.8 / len(shares)
    with _figure("class-shares", 7.2, 2.8) as chart:
        axes = chart.axes()
        for place, (name, of) in enumerate(shares.items()):
            at = np.arange(len(of)) + (place - (len(shares) - 1) / 2) * width
            axes.bar(at, 100 * np.asarray(of), width, label=name)
        axes.set(ylabel="segments, %", xlabel="" if few else "class, by its number")
        if few:
            axes.set_xticks(range(len(classes)), [readable(name) for name in classes], rotation=45, ha="right")
        axes.legend()
    return chart.svg


def entropies(histograms: Mapping[str, Sequence[int]], most: float) -> str:
    """Draw histograms of entropies from 0 to ``most`` bits, as shares of the segments."""
    with _figure("entropies", 6.4, 2.4) as chart:
        axes = chart.axes()
        for name, counts in histograms.items():
            edges = np.linspace(0, most, len(counts) + 1)
            axes.stairs(100 * np.asarray(counts) / max(1, sum(counts)), edges, label=name, linewidth=1.4)
        axes.set(xlabel="entropy of the teacher's prediction, bits", ylabel="segments, %", xlim=(0, most))
        axes.legend()
    return chart.svg


class _figure:
    """A figure that becomes ``svg``, a text, when its block ends; every id in it begins with its name."""

    def __init__(self, name: str, width: float, height: float) -> None:
        self._name, self._size, self.svg = name, (width, height), ""

    def __enter__(self) -> _figure:
        self._style = style(9)
        self._style.__enter__()
        from matplotlib.figure import Figure

        self.figure: Figure = Figure(figsize=self._size, layout="constrained")
        return self

    def axes(self, place: int = 0, of: int = 1) -> Axes:
        return self.figure.add_subplot(1, of, place + 1)

    def __exit__(self, kind: object, *rest: object) -> None:
        try:
            if kind is None:
                self.svg = inline(self.figure, self._name)
        finally:
            self._style.__exit__(None, None, None)


def _names(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    axes.set_xticks(np.arange(len(columns)), [readable(name) for name in columns], rotation=90)
    axes.set_yticks(np.arange(len(rows)), [readable(name) for name in rows])
