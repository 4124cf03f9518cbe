"""A part of a leaderboard: what is left out is said, no rank and no mean changes because of it."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from benchmark.leaderboard import formats
from benchmark.leaderboard.selection import Selection, select
from benchmark.leaderboard.table import leaderboard
from example_leaderboard import cell, filled, predicted
from modalities.errors import BadInput, UnknownName


@pytest.fixture
def ranked(tmp_path):
    """Three sources on the digits, two of them on the letters: the first is worse than the other two."""
    scores = {"noise": 200, "china": 400, "city": 460}
    cells = {name: cell(source=name, top1=right / 500) for name, right in scores.items()}
    letters = {name: cell("letters", source=name, top1=scores[name] / 500) for name in ("noise", "china")}
    store = filled(tmp_path, *cells.values(), *letters.values())
    for found in (cells, letters):
        for name, entry in found.items():
            predicted(store, entry, range(scores[name]))
    return leaderboard(store)


def ranks(frame):
    return {(row.target, row.source): row["rank"] for _, row in frame.iterrows()}


@pytest.mark.parametrize(
    "selection",
    [
        Selection(sources=("noise",)), Selection(sources=("n*", "city")), Selection(targets=("digits",)),
        Selection(targets=("image/l*",), sources=("china",)), Selection(recipes=("quick",)),
    ],
)  # fmt: skip
def test_every_row_of_a_part_has_the_rank_and_the_figures_of_the_whole(ranked, selection):
    part, _ = select(ranked, selection)
    assert 0 < len(part) <= len(ranked)
    whole = ranked.set_index("row")
    for _, row in part.iterrows():
        same = whole.loc[row["row"]].drop("rank_note")
        assert row.drop(["row", "rank_note"]).equals(same.reindex(row.drop(["row", "rank_note"]).index))
    assert ranks(part).items() <= ranks(ranked).items()
    assert ranks(ranked)["digits", "noise"] == 3


def test_a_rank_among_rows_that_are_not_shown_says_so_in_every_format(ranked):
    part, view = select(ranked, Selection(sources=("noise",)))
    assert set(part.rank_note) == {
        "ranks are among 3 rows, of which 1 is shown",
        "ranks are among 2 rows, of which 1 is shown",
    }
    for export in (formats.to_latex, formats.to_markdown, formats.to_html, formats.to_csv, formats.to_json):
        text = export(part, view)
        assert "among 3 rows, of which 1 is shown" in text
        assert "among 2 rows, of which 1 is shown" in text
        if export is not formats.to_csv:
            assert "A part of the leaderboard, 2 of 5 rows: source noise." in text
    chosen = formats.to_csv(*select(ranked, Selection(sources=("noise",), columns=("target", "rank"))))
    assert chosen.splitlines()[0] == "target,rank,rank_note"


def test_a_part_with_all_rows_of_a_target_says_nothing_of_its_ranks(ranked):
    part, _ = select(ranked, Selection(targets=("digits",)))
    assert set(part.rank_note) == {""}


def test_a_filter_of_sources_gives_no_mean_to_a_source_that_lacks_a_target(ranked):
    whole = formats.to_markdown(ranked)
    city = "Mean retention, source city: none, since 1/2 targets have it."
    assert city in whole
    part = formats.to_markdown(*select(ranked, Selection(sources=("city",))))
    assert city in part
    both = json.loads(formats.to_json(*select(ranked, Selection(sources=("city", "noise")))))
    reasons = {method["name"]: method["reason"] for method in both["over_targets"][0]["methods"]}
    assert reasons == {"noise": "", "city": "1/2 targets; missing: letters"}


def test_a_filter_of_targets_gives_means_over_these_and_says_so(ranked):
    part = formats.to_markdown(*select(ranked, Selection(targets=("digits",))))
    assert "means are over the targets shown" in part
    assert re.search(r"Mean retention, source city, 1 row: 95\.8 %", part)


def test_names_and_globs_that_no_row_has_are_refused_with_the_nearest(ranked):
    with pytest.raises(UnknownName, match="no source named 'chna'; did you mean china"):
        select(ranked, Selection(sources=("chna",)))
    with pytest.raises(UnknownName, match=r"no target named 'x\*'"):
        select(ranked, Selection(targets=("digits", "x*")))
    with pytest.raises(BadInput, match="no row of the leaderboard has target letters, source city"):
        select(ranked, Selection(targets=("letters",), sources=("city",)))


# --- columns -----------------------------------------------------------------------------------------------------


def test_columns_stand_in_the_order_they_are_given_in_every_format(ranked):
    columns = formats.column_names(["kl", "student %", "target"])
    assert columns == ("kl", "score", "target")
    part, view = select(ranked, Selection(columns=columns))
    assert list(csv.DictReader(io.StringIO(formats.to_csv(part, view))).fieldnames) == list(columns)
    assert list(json.loads(formats.to_json(part, view))["rows"][0]) == list(columns)
    text = formats.to_markdown(part, view)
    assert "| kl | student % | target |\n| ---: | ---: | --- |\n| 0.5 | 80.0 " in text
    assert "{kl} & \\multicolumn{2}{c}{student} & target \\\\" in formats.to_latex(part, view)
    assert "th:nth-child(3),td:nth-child(3){text-align:left}" in formats.to_html(part, view)


@pytest.mark.parametrize("name", formats.COLUMNS)
def test_every_column_can_be_shown_to_people(ranked, name):
    part, view = select(ranked, Selection(columns=(name,)))
    (title,) = re.findall("^[|] (.*) [|]$", formats.to_markdown(part, view), re.MULTILINE)[:1]
    assert title.replace("\\", "") in (name, f"{name} %", formats.HEADS.get(name))


def test_a_column_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean retention"):
        formats.column_names(["retenton"])


def test_chosen_columns_do_not_take_the_mark_from_stand_ins(tmp_path):
    frame = leaderboard(filled(tmp_path, cell(data="stand-in")))
    part, view = select(frame, Selection(columns=("score",)))
    assert formats.to_csv(part, view).splitlines()[0] == "score,note"
    for export in (formats.to_csv, formats.to_json, formats.to_markdown, formats.to_latex, formats.to_html):
        assert re.search("not (a result|results) on the real dataset", export(part, view), re.IGNORECASE)
