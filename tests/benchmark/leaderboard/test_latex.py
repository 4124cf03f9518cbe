"""LaTeX for papers: what a real LaTeX makes of it, in one column and in two."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from benchmark.claims import formats as claims
from benchmark.claims.collect import judged_claims
from benchmark.cli.table import render
from benchmark.leaderboard import formats, pivot
from benchmark.leaderboard.latex import Paper
from benchmark.leaderboard.selection import Selection, select
from benchmark.leaderboard.table import leaderboard
from example_leaderboard import HOSTILE, TAME, cell, filled, named
from modalities.errors import BadInput, UnknownName
from papers import needs_latex, typeset

MEASURED = Path(__file__).parents[3] / "results" / "measured"
ONE_COLUMN, TWO_COLUMNS = ["10pt", "12pt"], ["10pt,twocolumn", "11pt,twocolumn"]
TABLES = {
    "demo": lambda paper: render(MEASURED, "demo", "latex", paper=paper),
    "small": lambda paper: render(MEASURED, "small", "latex", paper=paper),
    "demo pivot": lambda paper: render(MEASURED, "demo", "latex", pivot="target", paper=paper),
    "small pivot": lambda paper: render(MEASURED, "small", "latex", pivot="target", paper=paper),
    "demo claims": lambda paper: claims.to_latex(judged_claims(MEASURED / "claims", "demo"), paper),
    "small claims": lambda paper: claims.to_latex(judged_claims(MEASURED / "claims", "small"), paper),
}


def figures(tex):
    """Return the figures with a point of all rows."""
    rows = [line for line in tex.splitlines() if line.endswith("\\\\")]
    return [figure for row in rows for figure in re.findall(r"(?<![\w.])\d+\.\d+(?![\w.])", row)]


@needs_latex
@pytest.mark.parametrize("width", ["page", "column"])
@pytest.mark.parametrize("options", [*ONE_COLUMN, *TWO_COLUMNS])
def test_the_measured_tables_fit_papers_and_show_their_figures(tmp_path, options, width):
    tex = {name: make(Paper(width, label=f"tab:{name}")) for name, make in TABLES.items()}
    cited = " ".join(f"\\ref{{tab:{name}}}." for name in tex)
    text, faults = typeset(tmp_path, "\n\\clearpage\n".join([cited, *tex.values()]), options=options)
    assert faults == []
    assert re.match(r"1\. \d+\. \d+\. \d+\. \d+\. \d+\.\s", text)
    shown = Counter(re.findall(r"\d+\.\d+", text))
    for made in tex.values():
        assert figures(made)
        shown.subtract(figures(made))
    assert min(shown.values()) >= 0


@needs_latex
@pytest.mark.parametrize("options", [*ONE_COLUMN, *TWO_COLUMNS])
def test_tables_with_hostile_names_fit_too(tmp_path, options):
    frames = [named(tmp_path / str(number), text) for number, text in enumerate(HOSTILE)]
    long = "a_name_without_spaces" * 5
    wide = [
        cell(source=f"{long}{n}", target=t, seed=s, top1=0.4 + 0.1 * n)
        for n in range(3)
        for t in "ab"
        for s in range(2)
    ]
    frames.append(leaderboard(filled(tmp_path / "long", *wide)))
    for width in ("page", "column"):
        made = [export(frame, paper=Paper(width)) for frame in frames for export in (formats.to_latex, pivot.to_latex)]
        text, faults = typeset(tmp_path / width, "\n\\clearpage\n".join(made), options=options)
        assert faults == []
        assert "script" in text


@needs_latex
@pytest.mark.parametrize("width", ["page", "column"])
def test_all_columns_and_many_rows_fit(tmp_path, width):
    rows = [cell(f"target{number}", source=source) for number in range(70) for source in ("city.jpg", "noise")]
    frame = leaderboard(filled(tmp_path, *rows))
    everything = select(frame.head(2), Selection(columns=formats.COLUMNS))
    tex = "\n\\clearpage\n".join(
        [formats.to_latex(frame, paper=Paper(width)), pivot.to_latex(frame, paper=Paper(width)),
         formats.to_latex(*everything, Paper(width))]
    )  # fmt: skip
    text, faults = typeset(tmp_path / "paper", tex, options="twocolumn")
    assert faults == []
    assert "part 2 of" in text
    assert all(f"target{number}" in text for number in range(70))


@needs_latex
@pytest.mark.parametrize(("width", "environment"), [("page", "table*"), ("column", "table")])
def test_without_a_float_a_table_stands_in_one_of_the_author(tmp_path, width, environment):
    tex = TABLES["demo claims"](Paper(width, floats=False))
    assert "caption" not in tex
    assert "NOT about the real datasets" in re.sub(r"^%.*", "", tex, flags=re.MULTILINE)
    (tmp_path / "rows.tex").write_text(tex, encoding="utf-8")
    around = f"\\begin{{{environment}}}\\caption{{Mine.}}\\label{{a}}\\input{{rows}}\\end{{{environment}}}\\ref{{a}}"
    text, faults = typeset(tmp_path, around, options="twocolumn")
    assert faults == []
    assert "Table 1: Mine." in text


def test_stand_ins_are_marked_in_every_float_whatever_the_caption(tmp_path):
    frame = leaderboard(filled(tmp_path, *(cell(f"t{number}", data="stand-in") for number in range(90))))
    for export in (formats.to_latex, pivot.to_latex):
        for paper in (Paper(), Paper("column"), Paper(caption="Ours \\emph{all}.", label="t:x"), Paper(floats=False)):
            parts = re.split(r"\\begin\{table\*?\}|\\begingroup", export(frame, paper=paper))[1:]
            assert parts
            assert all("NOT results on the real datasets" in part for part in parts)


def test_captions_are_latex_and_labels_are_counted(tmp_path):
    frame = leaderboard(filled(tmp_path, cell(), cell(data="shipped")))
    tex = formats.to_latex(frame, paper=Paper(caption="Ours, 5\\,\\%.", label="tab:x"))
    assert "\\caption{Ours, 5\\,\\%: image, real data.}\n\\label{tab:x}\n" in tex
    assert "\\caption{Ours, 5\\,\\%: image, shipped data. Rows under" in tex
    assert "\\label{tab:x-2}\n" in tex
    alone = leaderboard(filled(tmp_path / "alone", cell()))
    assert "\\caption{Ours.}\n" in formats.to_latex(alone, paper=Paper(caption="Ours"))


def test_what_a_left_out_column_said_of_partial_data_is_said_below(tmp_path):
    scored = {"items": 500, "known_items": 2000, "ids_sha256": "abcdef"}
    frame = leaderboard(filled(tmp_path, cell(test_set=scored), cell("b")))
    said = "Scored on a part of the test items: digits (500 of 2,000)."
    tex = formats.to_latex(frame)
    assert said in tex
    assert "% Left out, since the width is too small: data, untrained, majority, test items" in tex
    assert said in pivot.to_latex(frame)
    assert said not in formats.to_latex(*select(frame, Selection(columns=("target", "items"))))


def test_the_legend_is_about_the_columns_and_marks_that_are_there(tmp_path):
    tex = formats.to_latex(leaderboard(filled(tmp_path, cell())), paper=Paper("column"))
    assert "Student: mean over seeds" in tex
    for absent in ("Fidelity:", "majority names", "Over targets:", "predicts fewer than two"):
        assert absent not in tex


@pytest.mark.parametrize("text", HOSTILE)
def test_names_add_no_command_column_or_group(tmp_path, text):
    tame = formats.to_latex(named(tmp_path / "tame", TAME))
    tex = formats.to_latex(named(tmp_path / "hostile", text))
    commands = set(re.findall(r"\\([A-Za-z]+)", tame)) | {
        "textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar", "textquotesingle",
        "textasciigrave", "ttfamily", "char", "allowbreak", "raggedright", "arraybackslash", "linewidth",
        "footnotesize",
    }  # fmt: skip
    assert set(re.findall(r"\\([A-Za-z]+)", tex)) <= commands
    bare = re.sub(r"\\[A-Za-z]+|\\\\$|\\[&%$#_{}'`^~\".=]", "", tex, flags=re.MULTILINE)
    assert bare.count("{") == bare.count("}")
    assert not re.search(r"(midrule|\\\\)\s*[\[*]", tex)  # which would be an argument
    for tabular in re.findall(r"\\toprule.*?\\bottomrule", tex, re.DOTALL):
        rows = [line for line in tabular.splitlines() if line.endswith("\\\\")]
        places = [len(re.findall(r"(?<!\\)&", row)) for row in rows]
        spans = [sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d)\}", row)) for row in rows]
        assert len({place + span for place, span in zip(places, spans, strict=True)}) == 1


def test_what_latex_could_not_take_is_refused_with_the_remedy():
    with pytest.raises(UnknownName, match="no width named 'colum'; did you mean column"):
        Paper("colum")
    for caption in ("50% more", "an {open brace", "closed} first", "a $ sign", "two\n\nparagraphs"):
        with pytest.raises(BadInput, match="cannot be set by LaTeX; write"):
            Paper(caption=caption)
    Paper(caption="$x_1$, 50\\,\\% of \\textbf{it}, \\{ and \\$")
    with pytest.raises(BadInput, match=r"'a\{b' cannot be a label"):
        Paper(label="a{b")
    with pytest.raises(BadInput, match="give them to the float around it"):
        Paper(caption="x", floats=False)
