"""Tables that fit: figures at their points, smaller fonts, broken lines, columns left out, panels."""

from __future__ import annotations

import pytest

from benchmark.leaderboard.latex_layout import GAP, SPACES, Column, fit

LONG = "a source with a long name, policy crop, recipe quick, and more that tells it apart"


def laid_out(header, rows, texts=(0,), least=(), width="page"):
    panels, left_out = fit(header, rows, texts, least, width)
    for panel in panels:
        taken = sum(column.width for column in panel.columns) + GAP * (len(panel.columns) - 1)
        assert taken <= SPACES[width][panel.size] + 1e-9
    return panels, left_out


@pytest.mark.parametrize(
    ("cells", "specification", "tex"),
    [
        (("81.4", "9.1"), "S[table-format=2.1]", ["81.4", "9.1"]),
        (("10,000 (b5f118)", ""), "S[table-format=5]@{}l", ["10000 & ~(b5f118)", " & "]),
        (("80.0 ± 1.0", "failed"), "S[table-format=2.1]@{}l", ["80.0 & ~$\\pm$ 1.0", "\\multicolumn{2}{c}{failed}"]),
        (("≥ −5.0", "≥ 2.0"), "r@{}S[table-format=-1.1]", ["$\\geq$~ & -5.0", "$\\geq$~ & 2.0"]),
        (("1", "no data", ""), "S[table-format=1]", ["1", "{no data}", ""]),
        (("supported", ""), "c", ["supported", ""]),
        (("< 0.001", "0.25"), "r@{}S[table-format=1.3]", ["\\textless{}~ & 0.001", " & 0.25"]),
        (("1–2 a", "3"), "S[table-format=1]@{}l", ["1 & --2 a", "3 & "]),
    ],
)
def test_figures_stand_at_their_points_and_what_is_beside_them_stays(cells, specification, tex):
    column = Column("head", cells, is_text=False)
    assert column.specification(80) == specification
    assert [column.tex_cell(row) for row in range(len(cells))] == tex


def test_a_table_that_fits_keeps_its_columns_and_the_largest_font():
    ((panel,), left_out) = laid_out(["target", "score %"], [["digits", "80.0"]], least=("score %",))
    assert (panel.size, left_out, panel.columns[1].tex_head()) == ("small", [], "{score}")


def test_a_wider_one_is_set_smaller():
    header = ["target", *map(str, range(10))]
    ((panel,), left_out) = laid_out(header, [["digits", *["80.05"] * 10]])
    assert (panel.size, left_out) == ("footnotesize", [])


def test_lines_of_long_texts_are_broken():
    ((panel,), _) = laid_out(["target", "source", "score"], [["digits", LONG, "80.0"]], texts=(0, 1))
    assert [column.room is None for column in panel.columns] == [True, False, True]
    assert "p{0." in panel.specification


def test_columns_are_left_out_one_by_one_the_least_first():
    header = ["target", *(f"figure{number}" for number in range(7))]
    (panels, left_out) = laid_out(
        header, [["digits", *["80.05"] * 7]], least=("figure6", "figure2", "figure1"), width="column"
    )
    assert left_out == ["figure6", "figure2", "figure1"][: len(left_out)]
    assert left_out
    assert len(panels) == 1


def test_what_must_stay_is_spread_over_panels_that_begin_alike():
    header = ["method", *(f"target{number}" for number in range(40))]
    rows = [["china", *["80.05 ± 1.0"] * 40], ["noise", *["9.0"] * 40]]
    panels, _ = laid_out(header, rows, width="column")
    assert len(panels) > 5
    assert {panel.columns[0].cells for panel in panels} == {("china", "noise")}
    assert [column.head for panel in panels for column in panel.columns[1:]] == header[1:]


def test_long_heads_of_figures_are_broken_between_words_and_then_anywhere():
    assert Column("other seeds", ("91.0",), False).tex_head() == "{\\shortstack{other\\\\seeds}}"
    assert Column("mean_per_class", ("91.0",), False).head_lines == ["mean_", "per_", "class"]
    assert Column("x" * 90, ("91.0",), False).width <= 21


@pytest.mark.parametrize("width", ["page", "column"])
@pytest.mark.parametrize("name", ["m" * 90, "a-b_" * 30, LONG, "中" * 20])
def test_any_name_fits_beside_figures(name, width):
    header = [name, name, "x", *[name] * 9]
    laid_out(header, [[name, name, name, *["100.0 ± 10.0 (10.0) [100.0–100.0]‡"] * 9]], texts=(0, 1, 2), width=width)
