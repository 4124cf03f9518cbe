"""What plots of a report have in common: ticks, legends, folded texts, places of entries below each other."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.leaderboard.table import sanitize
from benchmark.plotting.style import LINE, POINTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALL = POINTS - 0.5  # height of letters of figures, marks and legends
LINE_HEIGHT = 0.135  # inches from one line of text to the next
X_AXIS = 0.38  # inches for its ticks and its label
_LETTERS = 16.5  # of an inch, on average


Entry = tuple[str, dict[str, Any] | None]  # of a legend


class Panel:
    """A rectangle of a figure. Lengths are inches, and places in it are measured from its upper left corner."""

    def __init__(self, figure: Figure, left: float, top: float, width: float) -> None:
        self._figure, self._left, self._top, self.width = figure, left, top, width

    def write(self, lines: Sequence[str], y: float, **own: Any) -> float:
        """Write lines from y on; return where they end."""
        if lines:
            self._figure.text(*self._at(0.03, y), "\n".join(lines), va="top", linespacing=1.25, **own)
        return y + LINE_HEIGHT * len(lines)

    def axes(self, y: float, height: float) -> Axes:
        """Return new axes in the middle of the panel, from y on."""
        left, bottom = self._at(0.25 * self.width, y + height)
        full_width, full_height = self._figure.get_size_inches()
        return self._figure.add_axes((left, bottom, 0.5 * self.width / full_width, height / full_height))

    def fit(self, axes: Axes) -> None:
        """Make axes as wide as there is room for them with all that is written beside them."""
        scale = self._figure.dpi * self._figure.get_size_inches()[0]
        whole, own = axes.get_tightbbox(), axes.get_window_extent()
        assert whole is not None
        left, right = round((own.x0 - whole.x0) / scale, 4), round((whole.x1 - own.x1) / scale, 4)
        (start, _), (end, _) = self._at(0.03, 0), self._at(self.width - 0.05, 0)
        place = axes.get_position()
        axes.set_position((start + left, place.y0, end - right - start - left, place.height))

    def add_legend(self, entries: Sequence[Entry], y: float, columns: int) -> None:
        """Write a legend below y: names with looks in columns, and remarks."""
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], label="\n".join(folded(name, self.width)), **(own or {"linestyle": "none"}))
            for name, own in entries
        ]
        self._figure.legend(
            handles=handles, loc="upper left", bbox_to_anchor=self._at(0.01, y), ncols=columns, labelspacing=0.35,
            handlelength=2.4, borderaxespad=0, borderpad=0.2, columnspacing=1.2, fontsize=SMALL,
        )  # fmt: skip

    def _at(self, x: float, y: float) -> tuple[float, float]:
        """Return a place in the panel as shares of the figure, from its lower left corner."""
        width, height = self._figure.get_size_inches()
        return (self._left + x) / width, 1 - (self._top + y) / height


def legend_height(entries: Sequence[Entry], width: float, columns: int) -> float:
    """Return the inches that a legend needs."""
    lines = [len(folded(name, width)) for name, _ in entries]
    rows = -(-len(lines) // columns)
    return 0.05 + LINE_HEIGHT * max(rows, -(-sum(lines) // columns))


def write_beside(axes: Axes, y: float, text: str) -> None:
    """Write figures beside the axes, at the right."""
    place = axes.get_yaxis_transform()
    axes.text(1.02, y, text, transform=place, va="center", fontsize=SMALL, linespacing=1.1)


def stacked(entries: Iterable[tuple[Any, str, int]], width: float) -> tuple[list[tuple[float, Any, str]], float]:
    """Put entries below each other, each as high as its label, which is folded, and that many lines beside it need.

    Returns where the middle of each is, in inches from the top, the entry and its folded label; and the inches in all.
    """
    places, top = [], 0.02
    for entry, label, beside in entries:
        lines = folded(label, 0.36 * width, most=4)
        own = max(0.165, 0.05 + 0.115 * max(len(lines), beside))
        places.append((top + own / 2, entry, "\n".join(lines)))
        top += own
    return places, top + 0.02


def tidy(axes: Axes, *, x: bool, y: bool) -> None:
    """Give an axis with numbers a few ticks and a grid; one with names neither ticks nor a line."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

    axes.set_axisbelow(True)
    if x:
        if axes.get_xscale() == "linear":
            axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    if y:
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value)))
        axes.grid(axis="y", color=LINE, linewidth=0.5)
    else:
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)


def make_logarithmic(axes: Axes, values: Sequence[float]) -> None:
    """Make x logarithmic, with some room beside the values and ticks at 1, 2 and 5, or fewer if there are too many."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    low, high = math.log10(min(values)), math.log10(max(values))
    room = max(0.06 * (high - low), 0.05)
    axes.set_xscale("log")
    axes.set_xlim(10 ** (low - room), 10 ** (high + room))
    if high - low < 0.8:
        axes.xaxis.set_major_locator(MaxNLocator(4))
    else:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high - low < 2 else (1,), numticks=8))
    axes.minorticks_off()


def folded(text: str, inches: float, most: int = 6) -> list[str]:
    """Return a text as lines of about that width; no line for none."""
    return textwrap.wrap(sanitize(text), max(8, int(inches * _LETTERS)), max_lines=most, placeholder=" …")


def tick_text(value: float) -> str:
    """Format a value as a tick shows it: three digits, thousands as k, millions as M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}".replace("-", "−")
