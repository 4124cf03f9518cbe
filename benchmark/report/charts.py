"""Charts of a report as SVG that is part of it: one style, no fonts, the same bytes for the same figures.

Colours are classes (``c0`` … ``c7``) that the page gives those of Okabe and Ito, which people of any colour vision can
tell apart (jfly.uni-koeln.de/color, 2008), in a light and a dark form; series differ in dashes and marks too, for print
without colours. Every chart has a title and a description for those who cannot see it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from benchmark.leaderboard.table import sanitize

Interval = tuple[float, float]

COLOURS = 7  # of series; further ones are told apart by dashes and marks alone
CONTROL = 6  # the style of controls: grey
BAR_WIDTH, BAR_HEIGHT = 240, 22
WIDTH, HEIGHT = 340, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 38
MOST_POINTS = 80  # of a series


@dataclass(frozen=True)
class Point:
    """A point of a series, perhaps with an interval of y."""

    x: float
    y: float
    bounds: Interval | None = None


@dataclass(frozen=True)
class Series:
    """Points of one name, which is shown in a legend; in a line, or each by itself."""

    name: str
    points: tuple[Point, ...]
    style: int  # number of its colour and dashes
    joined: bool = True


def bar(share: float, bounds: Interval | None, ticks: Sequence[tuple[str, float]], title: str, *, control: bool) -> str:
    """Draw a share, of which 1 is the whole, with its interval, and named ticks such as chance."""
    most = max([1.0, share, *(bounds or ())])

    def at(value: float) -> str:
        return _number(2 + (BAR_WIDTH - 4) * max(0.0, value) / most)

    parts = [
        f'<rect class="whole" x="2" y="4" width="{_number((BAR_WIDTH - 4) / most)}" height="14"/>',
        f'<rect class="{"control" if control else "c0"}" x="2" y="4" '
        f'width="{_number(max(0.0, (BAR_WIDTH - 4) * share / most))}" height="14"/>',
        *(f'<path class="tick" d="M{at(value)} 1V21"/>' for _, value in ticks),
    ]
    if bounds:
        low, high = at(bounds[0]), at(bounds[1])
        parts.append(f'<path class="interval" d="M{low} 11H{high}M{low} 7V15M{high} 7V15"/>')
    return _svg(BAR_WIDTH, BAR_HEIGHT, title, "", parts, "bar")


def difference(value: float, bounds: Interval, wanted: float, scale: float, title: str) -> str:
    """Draw a difference with its interval, between -scale and scale, beside 0 and the value that was predicted."""

    def at(found: float) -> str:
        return _number(BAR_WIDTH / 2 + (BAR_WIDTH / 2 - 4) * max(-1.0, min(1.0, found / scale)))

    low, high = at(bounds[0]), at(bounds[1])
    parts = [
        f'<path class="axis" d="M{at(0)} 1V21"/>',
        f'<path class="tick" d="M{at(wanted)} 1V21"/>',
        f'<path class="interval" d="M{low} 11H{high}M{low} 7V15M{high} 7V15"/>',
        f'<circle class="c0" cx="{at(value)}" cy="11" r="4"/>',
    ]
    return _svg(BAR_WIDTH, BAR_HEIGHT, title, "", parts, "bar")


def lines(every: Sequence[Series], x_label: str, y_label: str, title: str, *, log_x: bool = False) -> str:
    """Draw series over two axes; y begins at 0 unless a value lies below. Empty if there is no point."""
    every = [series for series in every if series.points]
    points = [point for series in every for point in series.points]
    if not points:
        return ""
    xs = [math.log10(max(point.x, 1e-12)) if log_x else point.x for point in points]
    ys = [bound for point in points for bound in (point.y, *(point.bounds or ()))]
    x_axis = _Axis(min(xs), max(xs), LEFT, WIDTH - RIGHT, logarithmic=log_x)
    y_axis = _Axis(min(0.0, *ys), max(ys), HEIGHT - BOTTOM, TOP)
    parts = [*_grid(x_axis, y_axis), *_labels(x_label, y_label)]
    for series in every:
        parts += _drawn(_thinned(series), x_axis, y_axis)
    return _svg(WIDTH, HEIGHT, title, " ".join(map(_described, every)), parts, "lines")


def swatch(series: Series) -> str:
    """Draw what a legend shows of a series: its colour, dashes and mark."""
    style = _style(series.style)
    line = f'<path class="line {style}" d="M1 7H27"/>' if series.joined else ""
    return (
        f'<svg viewBox="0 0 28 14" width="28" height="14" aria-hidden="true">{line}{_mark(14, 7, series.style)}</svg>'
    )


class _Axis:
    """Values to pixels, with some round ticks."""

    def __init__(self, low: float, high: float, start: float, end: float, *, logarithmic: bool = False) -> None:
        self.logarithmic = logarithmic
        if high - low < 1e-9 * max(1.0, abs(high)):
            low, high = (low - 0.5, high + 0.5) if logarithmic or not high else (min(0.0, low), max(0.0, high))
        margin = 0.04 * (high - low) if logarithmic else 0.0
        self.low, self.high, self.start, self.end = low - margin, high + margin, start, end

    def at(self, value: float) -> float:
        value = math.log10(max(value, 1e-12)) if self.logarithmic else value
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        if self.logarithmic:
            low, high = 10**self.low, 10**self.high
            found = [
                digit * 10.0**power
                for power in range(math.floor(self.low), math.ceil(self.high) + 1)
                for digit in (1, 2, 5)
                if low <= digit * 10.0**power <= high
            ]
            return found[:: max(1, math.ceil(len(found) / 4))]
        rough = (self.high - self.low) / 4
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough)
        first = math.ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _grid(x_axis: _Axis, y_axis: _Axis) -> Iterable[str]:
    for value in y_axis.ticks():
        y = _number(y_axis.at(value))
        yield f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
        yield f'<text x="{LEFT - 5}" y="{y}" dy="3.5" text-anchor="end">{_tick(value)}</text>'
    for value in x_axis.ticks():
        x = _number(x_axis.at(value))
        yield f'<path class="axis" d="M{x} {HEIGHT - BOTTOM}v4"/>'
        yield f'<text x="{x}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{_tick(value)}</text>'
    yield f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'


def _labels(x_label: str, y_label: str) -> Iterable[str]:
    middle = (LEFT + WIDTH - RIGHT) // 2
    yield f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{_text(x_label)}</text>'
    y = (TOP + HEIGHT - BOTTOM) // 2
    yield f'<text transform="translate(11 {y})rotate(-90)" text-anchor="middle">{_text(y_label)}</text>'


def _drawn(series: Series, x_axis: _Axis, y_axis: _Axis) -> Iterable[str]:
    places = [(x_axis.at(point.x), y_axis.at(point.y)) for point in series.points]
    if series.joined and len(places) > 1:
        path = "L".join(f"{_number(x)} {_number(y)}" for x, y in places)
        yield f'<path class="line {_style(series.style)}" d="M{path}"/>'
    for point, (x, _) in zip(series.points, places, strict=True):
        if point.bounds:
            low, high = (_number(y_axis.at(bound)) for bound in point.bounds)
            yield f'<path class="line c{series.style % COLOURS}" d="M{_number(x)} {low}V{high}"/>'
    if not series.joined or len(places) <= 12:
        for x, y in places:
            yield _mark(x, y, series.style)


def _mark(x: float, y: float, style: int) -> str:
    colour, kind = f"c{style % COLOURS}", style % 3
    a, b = _number(x), _number(y)
    if kind == 0:
        return f'<circle class="{colour}" cx="{a}" cy="{b}" r="3.5"/>'
    if kind == 1:
        return f'<rect class="{colour}" x="{_number(x - 3)}" y="{_number(y - 3)}" width="6" height="6"/>'
    return f'<path class="{colour}" d="M{a} {_number(y - 4)}l4 7h-8z"/>'


def _style(number: int) -> str:
    return f"c{number % COLOURS} d{number % 4}"


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
        return f"{series.name}: {_tick(first.y)} at {_tick(first.x)}."
    if series.joined:
        return f"{series.name}: from {_tick(first.y)} at {_tick(first.x)} to {_tick(last.y)} at {_tick(last.x)}."
    low, high = (which(point.y for point in series.points) for which in (min, max))
    return f"{series.name}: {len(series.points)} points, from {_tick(low)} to {_tick(high)}."


def _svg(width: int, height: int, title: str, description: str, parts: Iterable[str], kind: str) -> str:
    """Return the element; its title is its name, for a reader of screens and under a pointer."""
    about = f"<title>{_text(title)}</title>" + (f"<desc>{_text(description)}</desc>" if description else "")
    label = _text(f"{title}. {description}" if description else title)
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
        f"{about}{''.join(parts)}</svg>"
    )


def _text(text: str) -> str:
    return escape(sanitize(text))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _tick(value: float) -> str:
    """Format a value as a tick shows it: three digits, thousands as k, millions as M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}".replace("-", "−")
