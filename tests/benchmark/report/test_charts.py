"""Plots: what they show, in words too; nothing overlaps; hostile names; the same bytes in every format."""

from __future__ import annotations

import io
import re
from itertools import combinations

import pytest
from matplotlib.figure import Figure
from PIL import Image

from benchmark.plotting.style import COLOURS, FORMATS, line_style, style
from benchmark.report import charts
from benchmark.report.axes import Panel
from benchmark.report.charts import Bar, Bars, Difference, Differences, Lines, Plot, Point, Series
from pages import parse_page

LONG = "a_source_with_a_name_that_has_no_end.jpg (narrow student, another temperature, another policy, no CutMix)"


def lines(*series, log_x=False, mark=""):
    return Lines("title", mark, "", series, "x", "y", log_x)


def bars(*own, mark="stand-in data: not a result on the real dataset"):
    return Bars("Retention, image, stand-in data", mark, bars=own)


def many(count):
    """Plots of every kind with that many entries, their names long and short in turn."""
    names = [f"target{number}, {LONG if number % 3 == 0 else 'city.jpg'}" for number in range(count)]
    return [
        bars(*(Bar(name, number / count, (0, 1), 0.1, 0.12, number % 2 == 1) for number, name in enumerate(names))),
        bars(*(Bar(name, None, reason=f"failed: {LONG}") for name in names)),
        Differences("Claims", "", rows=tuple(Difference(name, -20, (-25, -15), 5, "contradicted") for name in names)),
        lines(*(Series(name, (Point(1, 2, (1, 3)), Point(1e6, 1)), i) for i, name in enumerate(names)), log_x=True),
    ]  # fmt: skip


def drawn(plot: Plot, width: str) -> tuple[Figure, Panel]:
    inches = charts.WIDTHS[width]
    figure = Figure(figsize=(inches, plot.height(inches)))
    panel = Panel(figure, 0, 0, inches)
    plot.draw(panel)
    return figure, panel


def shown_ticks(axis):
    low, high = sorted(axis.get_view_interval())
    return [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]


# --- where things stand -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", charts.WIDTHS)
@pytest.mark.parametrize("count", [1, 3, 40])
def test_no_text_overlaps_another_or_leaves_the_figure(width, count):
    with style():
        for plot in many(count):
            figure, _ = drawn(plot, width)
            (axes,) = figure.axes
            figure.draw_without_rendering()
            texts = [*figure.texts, *axes.texts, axes.xaxis.label, axes.yaxis.label, *figure.legends[0].get_texts()]
            texts += shown_ticks(axes.xaxis) + shown_ticks(axes.yaxis)
            boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
            for name, box in boxes:
                assert box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1, name
                assert box.y0 >= -1 and box.y1 <= figure.bbox.y1 + 1, name
            for (one, a), (other, b) in combinations(boxes, 2):
                wide = min(a.x1, b.x1) - max(a.x0, b.x0)
                high = min(a.y1, b.y1) - max(a.y0, b.y0)
                assert not (wide > 1 and high > 2), (one, other)


def test_letters_are_large_enough_to_read_and_the_file_is_as_wide_as_it_says():
    with style():
        for plot in many(3):
            figure, _ = drawn(plot, "column")
            (axes,) = figure.axes
            texts = [*figure.texts, *axes.texts, *axes.get_yticklabels(), *figure.legends[0].get_texts()]
            assert min(text.get_fontsize() for text in texts) >= 6.5
    for width, inches in charts.WIDTHS.items():
        image = Image.open(io.BytesIO(charts.in_file(many(3), "png", width)))
        assert image.width == pytest.approx(300 * inches, abs=1)


def test_a_bar_is_as_long_as_its_share_and_lies_within_the_axes():
    own = [Bar("a", 0.25), Bar("b", 1.4, (1.2, 1.6)), Bar("c", 0.0, (0.0, 0.2), is_control=True)]
    with style():
        (axes,) = drawn(bars(*own), "column")[0].axes
        widths = [patch.get_width() for patch in axes.patches]
        assert widths == [100, 100, 100, 25, 140, 0]
        assert axes.get_xlim() == (0, 160)
        assert axes.patches[-1].get_facecolor()[3] == 0


@pytest.mark.parametrize("log_x", [False, True])
def test_points_are_within_the_axes(log_x):
    with style():
        plot = lines(Series("a", (Point(10, 3), Point(100, 2, (1, 4)), Point(1000, -0.5)), 0), log_x=log_x)
        (axes,) = drawn(plot, "column")[0].axes
        low, high = axes.get_ylim()
        assert low <= -0.5 and high >= 4
        left, right = axes.get_xlim()
        assert left < 10 and right > 1000


@pytest.mark.parametrize("bounds", [(-4000.0, 4000.0), None])
def test_an_interval_of_a_claim_that_is_wider_than_any_difference_does_not_set_the_scale(bounds):
    with style():
        row = Difference("1 a / b, digits", 3.0, bounds, 2.0, "undecided")
        (axes,) = drawn(Differences("Claims", "", rows=(row,)), "column")[0].axes
        assert -110 < axes.get_xlim()[0] <= 0 < 3 < axes.get_xlim()[1] < 110


# --- words ------------------------------------------------------------------------------------------------------


def test_plots_say_in_words_what_they_show():
    plot = Lines(
        "Loss", "", "2 rows more are left out.", (Series("city.jpg", (Point(1000, 2.5), Point(2_000_000, 0.25)), 0),)
    )
    (image,) = parse_page(charts.in_page(plot, "p")).all("svg")
    assert image["aria-label"] == "Loss. city.jpg: from 2.5 at 1k to 0.25 at 2M. 2 rows more are left out."
    assert image["role"] == "img"
    own = bars(Bar("noise (control)", 0.25, (0.2, 0.3), 0.1, 0.12, True), Bar("x", None, reason="not run yet"))
    assert (
        own.description()
        == "noise (control): 25.0 [20.0, 30.0] %; chance 10.0 %; an untrained student 12.0 %. x: not run yet."
    )
    row = Difference("1 a / b, digits", -3.0, (-4.0, 2.0), -1.0, "undecided")
    assert (
        Differences("t", "", rows=(row,)).description()
        == "1 a / b, digits: −3.0 [−4.0, 2.0], predicted from −1 on, undecided."
    )


@pytest.mark.parametrize("plot", many(2), ids=["bars", "reasons", "claims", "lines"])
def test_what_has_to_be_said_of_the_data_is_drawn(plot):
    marked = type(plot)(**{**vars(plot), "mark": "stand-in data: not a result"})
    svg = charts.in_page(marked, "p")
    assert "stand-in data: not a result</text>" in svg
    assert "(stand-in data: not a result)" in parse_page(svg).all("svg")[0]["aria-label"]


def test_names_from_outside_are_text_in_a_plot():
    hostile = '</svg><script>"x" id="y" #0072b2 $a$\x1b'
    plot = lines(Series(hostile, (Point(1, 1), Point(2, 2)), 0), mark="'>\"<i>\x1b")
    svg = charts.in_page(plot, "p")
    page = parse_page(svg)
    assert {element.name for element in page.walk()} <= {
        "svg", "title", "desc", "path", "text", "g", "defs", "use", "clippath", "clipPath", "rect",
    }  # fmt: skip
    assert '</svg><script>"x" id="y" #0072b2 $a$' in page.text
    assert "\x1b" not in svg
    charts.in_file([plot], "pdf", "column")


# --- few, many, the same ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("points", [(Point(5, 0),), (Point(5, 2), Point(5, 2)), (Point(0, -1), Point(1, -1))])
@pytest.mark.parametrize("log_x", [False, True])
def test_few_or_equal_points_are_no_fault(points, log_x):
    svg = charts.in_page(lines(Series("a", points, 0, joined=False), log_x=log_x), "p")
    assert "nan" not in svg
    assert "inf" not in svg


def test_a_long_series_is_thinned_and_keeps_its_ends():
    plot = lines(Series("a", tuple(Point(x, x) for x in range(10_000)), 0))
    with style():
        (axes,) = drawn(plot, "column")[0].axes
        assert len(axes.lines[0].get_xdata()) == charts.MOST_POINTS
        assert (axes.lines[0].get_xdata()[0], axes.lines[0].get_xdata()[-1]) == (0, 9999)
    assert "from 0 at 0 to 10k at 10k" in plot.description()


def test_series_differ_without_their_colours():
    looks = [line_style(number) for number in range(12)]
    assert len({(str(look["linestyle"]), look["marker"]) for look in looks}) == 12
    assert len({look["color"] for look in looks[:7]}) == len(COLOURS)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("width", charts.WIDTHS)
def test_the_same_plots_are_the_same_bytes_whatever_the_user_has_set(format, width):
    import matplotlib

    plots = many(3)
    first = charts.in_file(plots, format, width)
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 9, "savefig.dpi": 20, "svg.hashsalt": "x"}):
        assert charts.in_file(plots, format, width) == first
        assert matplotlib.rcParams["font.size"] == 20
    assert first.startswith({"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}[format])
    assert not re.search(rb"20\d\d-\d\d-\d\d|CreationDate|Matplotlib v", first)


def test_letters_of_a_pdf_are_embedded_as_truetype():
    content = charts.in_file(many(1)[:1], "pdf", "column")
    assert b"/CIDFontType2" in content
    assert b"/Type3" not in content
