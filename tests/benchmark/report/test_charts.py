"""Charts: what they show, in words too; hostile names; the same bytes."""

from __future__ import annotations

import re

import pytest

from benchmark.report import charts
from benchmark.report.charts import Point, Series
from pages import parse_page


def numbers(svg: str, attribute: str) -> list[float]:
    return [float(text) for text in re.findall(rf' {attribute}="([\d.]+)"', svg)]


def test_a_bar_is_as_long_as_its_share_of_the_whole():
    whole, own = numbers(charts.bar(0.25, None, [], "x", control=False), "width")
    assert own / whole == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(("share", "bounds"), [(1.4, (1.2, 1.6)), (0.5, (0.4, 1.1)), (0.0, (0.0, 0.2))])
def test_nothing_of_a_bar_lies_outside_of_the_drawing(share, bounds):
    svg = charts.bar(share, bounds, [("chance", 0.1)], "x", control=True)
    ends = [float(x) for x in re.findall(r"[MH]([\d.-]+)", svg)]
    assert len(ends) == 5
    assert all(0 <= x <= charts.BAR_WIDTH for x in ends)
    assert max(numbers(svg, "width")) <= charts.BAR_WIDTH


@pytest.mark.parametrize("log_x", [False, True])
def test_points_of_lines_are_within_the_axes_in_their_order(log_x):
    series = Series("a", (Point(10, 3), Point(100, 2, (1, 4)), Point(1000, 0.5)), 0)
    svg = charts.lines([series], "x", "y", "title", log_x=log_x)
    x, y = numbers(svg, "cx"), numbers(svg, "cy")
    assert x == sorted(x)
    assert y == sorted(y)
    assert charts.LEFT <= x[0] < x[-1] <= charts.WIDTH - charts.RIGHT
    assert charts.TOP <= y[0] < y[-1] <= charts.HEIGHT - charts.BOTTOM
    if log_x:
        assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)


def test_lines_say_in_words_what_they_show():
    svg = charts.lines([Series("city.jpg", (Point(1000, 2.5), Point(2_000_000, 0.25)), 0)], "x", "y", "Loss")
    (image,) = parse_page(svg).all("svg")
    assert image["aria-label"] == "Loss. city.jpg: from 2.5 at 1k to 0.25 at 2M."
    assert image["role"] == "img"


@pytest.mark.parametrize("points", [(), (Point(5, 0),), (Point(5, 2), Point(5, 2)), (Point(0, -1), Point(1, -1))])
@pytest.mark.parametrize("log_x", [False, True])
def test_few_or_equal_points_are_no_fault(points, log_x):
    svg = charts.lines([Series("a", points, 0, joined=False)], "x", "y", "t", log_x=log_x)
    assert (svg == "") == (not points)
    assert "nan" not in svg
    assert "inf" not in svg


def test_a_long_series_is_thinned_and_keeps_its_ends():
    series = Series("a", tuple(Point(x, x) for x in range(10_000)), 0)
    svg = charts.lines([series], "x", "y", "t")
    (path,) = re.findall(r'class="line c0 d0" d="([^"]*)"', svg)
    assert path.count("L") + 1 == charts.MOST_POINTS
    assert "from 0 at 0 to 1e+04" in svg or "to 10k at 10k" in svg
    assert len(svg) < 5000


def test_names_from_outside_are_text_in_a_chart():
    svg = charts.lines([Series("</svg><script>", (Point(1, 1), Point(2, 2)), 0)], '"<b>', "y", "'>\"<i>\x1b")
    assert {element.name for element in parse_page(svg).walk()} == {"svg", "title", "desc", "path", "text", "circle"}
    assert "\x1b" not in svg


def test_series_differ_without_their_colours():
    drawn = {charts.swatch(Series("a", (), style)).replace(f"c{style % charts.COLOURS}", "") for style in range(12)}
    assert len(drawn) == 12
