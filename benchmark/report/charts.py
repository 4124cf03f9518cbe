"""Plots of a report, drawn once: each as a figure of its own in the page, or several in one file for a paper.

A plot has a title, what has to be said of its data, and a description for those who cannot see it. Names from outside
are drawn as text, folded where there is no room. Intervals are 95 % intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.leaderboard.table import sanitize
from benchmark.plotting.style import COLOURS, INK, SOFT, WARNING, WHOLE, inline, line_style, style, to_file
from benchmark.report.axes import (
    LINE_HEIGHT,
    SMALL,
    X_AXIS,
    Entry,
    Panel,
    folded,
    legend_height,
    make_logarithmic,
    stacked,
    tick_text,
    tidy,
    write_beside,
)  # fmt: skip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Interval = tuple[float, float]

WIDTHS = {"column": 3.35, "page": 6.9}  # inches
MOST_POINTS = 80  # of a series
_PANELS_IN_A_LINE = {"column": 1, "page": 2}
_GAP = 0.09  # inches above a title


@dataclass(frozen=True)
class Point:
    """A point of a series, perhaps with an interval of y."""

    x: float
    y: float
    bounds: Interval | None = None


@dataclass(frozen=True)
class Series:
    """Points in a line, or each by itself. Series of one style that follow each other share the name of the first."""

    name: str
    points: tuple[Point, ...]
    style: int  # number of its colour, dashes and mark
    joined: bool = True


@dataclass(frozen=True)
class Bar:
    """A share of the teacher's accuracy, or why there is none; ``chance`` and ``untrained`` are such shares too."""

    label: str
    share: float | None
    bounds: Interval | None = None
    chance: float | None = None
    untrained: float | None = None
    is_control: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Difference:
    """A difference of accuracies, in points, beside the smallest one that was predicted; None if not known."""

    label: str
    value: float | None
    bounds: Interval | None
    predicted: float
    verdict: str


@dataclass(frozen=True)
class Plot:
    """What all plots have: a title, a mark such as "stand-in data", and a remark such as what is left out."""

    title: str
    mark: str
    remark: str = ""

    def height(self, width: float) -> float:
        """Return the inches that it needs at a width in inches."""
        return (
            self._head_height(width)
            + self._axes_height(width)
            + X_AXIS
            + legend_height(self._legend(), width, self._columns)
        )

    def draw(self, panel: Panel) -> None:
        """Draw it into a rectangle that is as high as ``height`` says."""
        y = _GAP
        for text, inches, own in (
            (self.title, 0.9 * panel.width, {"fontweight": "bold"}),
            (self.mark, panel.width, {"color": WARNING, "size": SMALL}),
        ):
            y = panel.write(folded(text, inches), y, **own)
        head, height = self._head_height(panel.width), self._axes_height(panel.width)
        axes = panel.axes(head, height)
        self._draw_axes(axes, panel.width)
        panel.fit(axes)
        panel.add_legend(self._legend(), head + height + X_AXIS, columns=self._columns)

    def description(self) -> str:
        """Say in words what it shows."""
        raise NotImplementedError

    def _head_height(self, width: float) -> float:
        lines = len(folded(self.title, 0.9 * width)) + len(folded(self.mark, width))
        return _GAP + LINE_HEIGHT * lines + 0.06

    def _axes_height(self, width: float) -> float:
        raise NotImplementedError

    def _draw_axes(self, axes: Axes, width: float) -> None:
        raise NotImplementedError

    def _legend(self) -> list[Entry]:
        """Return names and looks of what is drawn; a remark has no look."""
        return [(self.remark, None)] if self.remark else []

    @property
    def _columns(self) -> int:  # of its legend
        return 1


@dataclass(frozen=True)
class Lines(Plot):
    """Series over two axes; y begins at 0 unless a value lies below."""

    series: tuple[Series, ...] = ()
    x_label: str = ""
    y_label: str = ""
    log_x: bool = False

    def description(self) -> str:
        return " ".join(map(_described, self.series))

    def _axes_height(self, width: float) -> float:
        return 1.3

    def _draw_axes(self, axes: Axes, width: float) -> None:
        for series in map(_thinned, self.series):
            self._draw(axes, series)
        points = [point for series in self.series for point in series.points]
        if self.log_x:
            make_logarithmic(axes, [max(point.x, 1e-12) for point in points])
        else:
            axes.set_xlim(left=min(0.0, *(point.x for point in points)))
        axes.set_ylim(bottom=min(0.0, *(bound for point in points for bound in (point.y, *(point.bounds or ())))))
        tidy(axes, x=True, y=True)
        axes.set(xlabel=self.x_label, ylabel=self.y_label)

    def _legend(self) -> list[Entry]:
        found: dict[int, Entry] = {}
        for series in self.series:
            own = line_style(series.style) | ({} if series.joined else {"linestyle": "none"})
            found.setdefault(series.style, (series.name, own))
        return [*found.values(), *super()._legend()]

    def _draw(self, axes: Axes, series: Series) -> None:
        own = line_style(series.style)
        x, y = ([getattr(point, axis) for point in series.points] for axis in ("x", "y"))
        if not series.joined:
            own["linestyle"] = "none"
        elif len(x) > 12:
            own["markevery"] = [len(x) - 1]
        axes.plot([max(value, 1e-12) for value in x] if self.log_x else x, y, clip_on=False, zorder=3, **own)
        for point in series.points:
            if point.bounds:
                axes.plot([point.x, point.x], point.bounds, color=own["color"], linewidth=0.9, clip_on=False)


@dataclass(frozen=True)
class Bars(Plot):
    """Shares as bars, one below the other."""

    bars: tuple[Bar, ...] = ()

    def _axes_height(self, width: float) -> float:
        return self._places(width)[1]

    def _draw_axes(self, axes: Axes, width: float) -> None:
        places, total = self._places(width)
        ends = [end for bar in self.bars for end in (bar.share or 0, bar.bounds[1] if bar.bounds else 0)]
        most = max([1.0, *ends])
        _draw_bars(axes, places)
        for y, bar, _ in places:
            if bar.share is None:
                reason = "\n".join(_reason(bar, width))
                axes.text(1, y, reason, va="center", color=WARNING, fontsize=SMALL, linespacing=1.1)
            else:
                write_beside(axes, y, _bar_figures(bar.share, bar.bounds))
        axes.set(xlim=(0, 100 * most), ylim=(total, 0), xlabel="retention: student's / teacher's accuracy, %")
        axes.set_yticks([y for y, _, _ in places], [label for _, _, label in places])
        tidy(axes, x=True, y=False)

    def description(self) -> str:
        return " ".join(map(_bar_in_words, self.bars))

    def _legend(self) -> list[Entry]:
        return [
            ("95 % interval", {"color": INK, "marker": "|", "linewidth": 0.9}),
            ("chance", {"color": INK, "linestyle": ":", "linewidth": 0.9}),
            ("untrained student", {"color": INK, "linestyle": "none", "marker": "d", "markerfacecolor": "none"}),
            *super()._legend(),
        ]

    @property
    def _columns(self) -> int:
        return 3

    def _places(self, width: float) -> tuple[list[tuple[float, Bar, str]], float]:
        return stacked(((bar, bar.label, len(_reason(bar, width))) for bar in self.bars), width)


@dataclass(frozen=True)
class Differences(Plot):
    """Differences with their intervals, one below the other, beside 0 and what was predicted."""

    rows: tuple[Difference, ...] = ()

    def _axes_height(self, width: float) -> float:
        return self._places(width)[1]

    def _draw_axes(self, axes: Axes, width: float) -> None:
        places, total = self._places(width)
        axes.axvline(0, color=INK, linewidth=0.7)
        for y, row, _ in places:
            axes.plot([row.predicted] * 2, [y - 0.07, y + 0.07], color=SOFT, linestyle=":", linewidth=1.1)
            if row.value is not None:
                if row.bounds:
                    axes.plot(row.bounds, [y, y], color=INK, linewidth=0.9, marker="|", markersize=3.5)
                axes.plot([row.value], [y], color=COLOURS[0], marker="o", markersize=3.2)
            write_beside(axes, y, f"{_figures(row.value, row.bounds)}\n{row.verdict}".strip())
        ends = [0.0, *(end for _, row, _ in places for end in (row.predicted, *_within(row)))]
        room = 0.04 * (max(ends) - min(ends))
        axes.set(xlim=(min(ends) - room, max(ends) + room), ylim=(total, 0), xlabel="difference of accuracies, points")
        axes.set_yticks([y for y, _, _ in places], [label for _, _, label in places])
        tidy(axes, x=True, y=False)

    def description(self) -> str:
        return " ".join(
            f"{row.label}: {_figures(row.value, row.bounds) or 'not known'}, "
            f"predicted from {tick_text(row.predicted)} on, {row.verdict}."
            for row in self.rows
        )

    def _legend(self) -> list[Entry]:
        return [
            ("difference, 95 % interval", {"color": COLOURS[0], "marker": "o"}),
            ("predicted at least", {"color": SOFT, "linestyle": ":", "linewidth": 1.1}),
            *super()._legend(),
        ]

    @property
    def _columns(self) -> int:
        return 2

    def _places(self, width: float) -> tuple[list[tuple[float, Difference, str]], float]:
        return stacked(((row, row.label, 2) for row in self.rows), width)


def in_page(plot: Plot, name: str) -> str:
    """Return a plot as SVG that is part of a page, as wide as a column; ids in it begin with ``name``."""
    width = WIDTHS["column"]
    title = sanitize(f"{plot.title} ({plot.mark})" if plot.mark else plot.title)
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width, plot.height(width)))
        plot.draw(Panel(figure, 0, 0, width))
        return inline(figure, name, title=title, description=sanitize(f"{plot.description()} {plot.remark}".strip()))


def in_file(plots: Sequence[Plot], format: str, width: str) -> bytes:
    """Return plots as one file (``to_file``), as wide as a column or a page of a paper (``WIDTHS``)."""
    across = min(_PANELS_IN_A_LINE[width], len(plots))
    each = WIDTHS[width] / across
    lines = [plots[first : first + across] for first in range(0, len(plots), across)]
    heights = [max(plot.height(each) for plot in line) for line in lines]

    def draw() -> Figure:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTHS[width], sum(heights)))
        for number, line in enumerate(lines):
            for place, plot in enumerate(line):
                plot.draw(Panel(figure, place * each, sum(heights[:number]), each))
        return figure

    return to_file(draw, format)


def _within(row: Difference) -> list[float]:
    """Return what an axis has to reach for a row: intervals of one seed are wider than any difference can be."""
    known = () if row.value is None else (row.value, *(row.bounds or ()))
    return [max(-100.0, min(100.0, value)) for value in known]


def _draw_bars(axes: Axes, places: Sequence[tuple[float, Bar, str]]) -> None:
    """Draw bars with their intervals, chance and untrained students, each kind at once: pages have hundreds."""
    known = [(y, bar, bar.share) for y, bar, _ in places if bar.share is not None]
    axes.barh([y for y, _, _ in known], 100, height=0.1, color=WHOLE)
    own: dict[str, Any] = {"facecolor": COLOURS[0]}
    of_control = {"facecolor": "none", "edgecolor": COLOURS[6], "linestyle": (0, (3, 1.5)), "linewidth": 0.9}
    for is_control, looks in ((False, own), (True, of_control)):
        some = [(y, 100 * share) for y, bar, share in known if bar.is_control == is_control]
        axes.barh([y for y, _ in some], [share for _, share in some], height=0.1, **looks)
    chances = [(y, 100 * bar.chance) for y, bar, _ in known if bar.chance is not None]
    tops, bottoms = ([y + end for y, _ in chances] for end in (-0.07, 0.07))
    axes.vlines([x for _, x in chances], tops, bottoms, color=INK, linestyle=":", linewidth=0.9)
    untrained = [(y, 100 * bar.untrained) for y, bar, _ in known if bar.untrained is not None]
    marks: dict[str, Any] = {"linestyle": "none", "markerfacecolor": "none", "markeredgewidth": 0.6, "color": INK}
    axes.plot([x for _, x in untrained], [y for y, _ in untrained], marker="d", **marks)
    bounds = [(y, 100 * bar.bounds[0], 100 * bar.bounds[1]) for y, bar, _ in known if bar.bounds]
    axes.hlines(
        [y for y, _, _ in bounds], [low for _, low, _ in bounds], [high for *_, high in bounds], INK, linewidth=0.9
    )
    ends = [(end, y) for y, *both in bounds for end in both]
    axes.plot(
        [x for x, _ in ends], [y for _, y in ends], color=INK, marker="|", markersize=4, markeredgewidth=0.9,
        linestyle="none",
    )  # fmt: skip


def _reason(bar: Bar, width: float) -> list[str]:
    return folded(bar.reason, 0.58 * width, most=2)


def _thinned(series: Series) -> Series:
    """Return at most MOST_POINTS points, evenly chosen, the last one among them."""
    count = len(series.points)
    if count <= MOST_POINTS:
        return series
    chosen = [round(place * (count - 1) / (MOST_POINTS - 1)) for place in range(MOST_POINTS)]
    return Series(series.name, tuple(series.points[place] for place in chosen), series.style, series.joined)


def _described(series: Series) -> str:
    first, last = series.points[0], series.points[-1]
    if len(series.points) == 1:
        return f"{series.name}: {tick_text(first.y)} at {tick_text(first.x)}."
    if series.joined:
        ends = (f"{tick_text(point.y)} at {tick_text(point.x)}" for point in (first, last))
        return f"{series.name}: from {' to '.join(ends)}."
    low, high = (which(point.y for point in series.points) for which in (min, max))
    return f"{series.name}: {len(series.points)} points, from {tick_text(low)} to {tick_text(high)}."


def _bar_in_words(bar: Bar) -> str:
    if bar.share is None:
        return f"{bar.label}: {bar.reason}."
    ticks = [("chance", bar.chance), ("an untrained student", bar.untrained)]
    said = "".join(f"; {what} {100 * share:.1f} %" for what, share in ticks if share is not None)
    return f"{bar.label}: {_bar_figures(bar.share, bar.bounds)} %{said}."


def _bar_figures(share: float, bounds: Interval | None) -> str:
    return _figures(100 * share, bounds and (100 * bounds[0], 100 * bounds[1]))


def _figures(value: float | None, bounds: Interval | None) -> str:
    if value is None:
        return ""
    shown = f"{value:.1f} [{bounds[0]:.1f}, {bounds[1]:.1f}]" if bounds else f"{value:.1f}"
    return shown.replace("-", "−")
