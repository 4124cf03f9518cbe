"""What people and programs read: blocks that never mix, means that never hide a gap, hostile names made harmless."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from benchmark.cli.table import print_summary
from benchmark.leaderboard import formats
from benchmark.leaderboard.table import leaderboard, sanitize
from benchmark.records.record import REAL_TRAINING_ITEMS
from example_leaderboard import HOSTILE, TAME, cell, filled, named

FORMATS = (formats.to_csv, formats.to_latex, formats.to_markdown, formats.to_html, formats.to_json)
FOR_PEOPLE = (formats.to_latex, formats.to_markdown, formats.to_html)


# --- blocks ------------------------------------------------------------------------------------------------------


def test_stand_in_shipped_and_real_rows_are_in_blocks_of_their_own(tmp_path):
    cells = [cell(data=data, top1=top1) for data, top1 in (("stand-in", 0.9), ("shipped", 0.6), ("real", 0.3))]
    frame = leaderboard(filled(tmp_path, *cells))
    assert list(frame.data) == ["real", "shipped", "stand-in"]
    text = formats.to_markdown(frame)
    titles = re.findall("^## (.*)$", text, re.MULTILINE)
    assert titles == ["image, real data", "image, shipped data", "image, stand-in data"]
    means = re.findall(r"Mean retention, source deadleaves, 1 row: ([\d.]+) %", text)
    assert means == [f"{100 * top1 / 0.96:.1f}" for top1 in (0.3, 0.6, 0.9)]


@pytest.mark.parametrize("export", FORMATS)
def test_every_export_says_that_stand_ins_are_not_results_on_real_data(tmp_path, export):
    stand_ins = export(leaderboard(filled(tmp_path / "a", cell(data="stand-in"), cell("letters", data="stand-in"))))
    assert re.search(r"not (a result|results) on the real dataset", stand_ins, re.IGNORECASE)
    rows = len(re.findall("^.*(digits|letters).*stand-in", stand_ins, re.MULTILINE))
    assert rows >= 2 or export in (formats.to_json, formats.to_latex)  # whose caption says it
    assert "stand-in" not in export(leaderboard(filled(tmp_path / "b", cell())))


def test_every_row_of_csv_and_json_carries_the_caveat(tmp_path):
    frame = leaderboard(filled(tmp_path, cell(data="stand-in"), cell("letters", data="stand-in"), cell("real")))
    rows = list(csv.DictReader(io.StringIO(formats.to_csv(frame)))), json.loads(formats.to_json(frame))["rows"]
    for found in rows:
        assert [("not a result" in row["note"]) == (row["data"] == "stand-in") for row in found] == [True] * 3


@pytest.mark.parametrize("export", FORMATS)
def test_every_export_of_the_smoke_profile_says_that_its_numbers_mean_nothing(tmp_path, export):
    assert "mean nothing" in export(leaderboard(filled(tmp_path / "a", cell(profile="smoke"))))
    assert "mean nothing" not in export(leaderboard(filled(tmp_path / "b", cell())))


CONTROLS = [REAL_TRAINING_ITEMS, f"{REAL_TRAINING_ITEMS}:one-per-class", f"{REAL_TRAINING_ITEMS}:cifar100"]


@pytest.mark.parametrize("control", CONTROLS)
def test_the_control_over_real_training_items_has_a_block_of_its_own(tmp_path, control):
    frame = leaderboard(filled(tmp_path, cell(top1=0.48), cell(source=control, top1=0.96)))
    text = formats.to_markdown(frame)
    assert re.findall("^## (.*)$", text, re.MULTILINE)[1].startswith("image, real data, control")
    assert re.findall(r"1 row: ([\d.]+) %", text) == ["50.0", "100.0"]


@pytest.mark.parametrize("export", [*FOR_PEOPLE, formats.to_json])
def test_all_forms_of_that_control_share_one_block_in_every_format(tmp_path, export):
    text = export(leaderboard(filled(tmp_path, cell(), cell(source="noise"), *(cell(source=one) for one in CONTROLS))))
    assert text.count("control: real training items in place of the single datum") == 1


@pytest.mark.parametrize("export", FOR_PEOPLE)
def test_a_mean_over_fewer_rows_than_requested_is_not_given(tmp_path, export):
    cells = [cell(f"t{index}") for index in range(11)]
    text = export(leaderboard(filled(tmp_path, *cells, cell("t11", status="no data", reason="get it"))))
    assert "none, since 11/12 rows are complete" in text
    assert "12 rows:" not in text
    assert "t11, deadleaves: no data: get it" in text


def test_a_complete_block_gives_its_mean_retention_by_source(tmp_path):
    cells = [cell(target, source=source, top1=top1) for target, source, top1 in (
        ("a", "deadleaves", 0.48), ("b", "deadleaves", 0.96), ("a", "noise", 0.096), ("b", "noise", 0.48),
    )]  # fmt: skip
    text = formats.to_markdown(leaderboard(filled(tmp_path, *cells)))
    assert "Mean retention, source deadleaves, 2 rows: 75.0 %" in text
    assert "Mean retention, source noise, 2 rows: 30.0 %" in text


def test_a_source_that_lacks_a_target_has_no_mean_beside_one_that_has_them_all(tmp_path):
    cells = [cell("a", top1=0.48), cell("b", top1=0.96), cell("a", source="noise", top1=0.096)]
    text = formats.to_markdown(leaderboard(filled(tmp_path, *cells)))
    assert "Mean retention, source noise: none, since 1/2 targets have it." in text
    assert re.search(r"\| 2 \| noise \| none: 1/2 targets; missing: b \|  \|", text)


def test_targets_with_several_rows_are_not_averaged_with_double_weight(tmp_path):
    text = formats.to_markdown(leaderboard(filled(tmp_path, cell(policy="flips"), cell(policy="published"), cell("b"))))
    assert "Mean retention, source deadleaves: none, since a target has several rows" in text


def test_rows_of_an_ablation_are_told_apart(tmp_path):
    text = formats.to_html(leaderboard(filled(tmp_path, cell(policy="flips"), cell(policy="published"), cell("b"))))
    assert "deadleaves (policy flips)" in text
    assert "deadleaves (policy published)" in text
    assert "<td>b</td><td>deadleaves</td>" in text


def test_no_two_rows_of_the_terminal_begin_alike(tmp_path, capsys):
    rows = (
        cell(student="a"), cell(student="b"), cell(student="b", settings=2), cell(fold=2), cell(data="stand-in"),
        cell("b"),
    )  # fmt: skip
    print_summary(leaderboard(filled(tmp_path, *rows)))
    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("digits", "b "))]
    begins = [" ".join(line.split(" 96.0 ")[0].split()) for line in shown]
    assert len(set(begins)) == len(begins) == len(rows)
    assert "digits, fold 1 deadleaves (student a) real" in begins
    assert "digits, fold 2 deadleaves real" in begins
    assert "digits, fold 1 deadleaves stand-in" in begins, "the data tell it apart already"
    assert "b deadleaves real" in begins


def test_letters_of_ranks_are_explained_in_one_line_of_the_terminal_and_only_if_there_are_some(tmp_path, capsys):
    frame = leaderboard(filled(tmp_path, cell(student="a"), cell(student="b")))
    print_summary(frame)
    assert formats.RANK_MEANING not in capsys.readouterr().out
    print_summary(frame.assign(rank=1, rank_low=1, rank_high=2, ties="a"))
    assert capsys.readouterr().out.count(f"({formats.RANK_MEANING})\n") == 1


SKEWED = {"classes": 5, "classes_predicted": 1, "teacher_classes_predicted": 5, "clusters": 40}
SET = {"items": 500, "known_items": 2000, "ids_sha256": "abcdef" * 10 + "0123"}


@pytest.mark.parametrize("export", FOR_PEOPLE)
def test_a_collapsed_student_is_marked_beside_majority_and_balanced_accuracy(tmp_path, export):
    frame = leaderboard(filled(tmp_path, cell(top1=0.718, metrics=SKEWED, test_set=SET), cell("other")))
    mark, clusters = ("$\\dagger$", "$\\ddagger$") if export is formats.to_latex else ("†", "‡")
    text = export(frame)
    between = " & " if export is formats.to_latex else ""
    assert f"71.8{between}{mark}" in text
    assert f"96.0{between}{mark}" not in text, "the teacher predicts all five"
    assert f"80.0{between}{mark}" not in text, "nothing is known of the other row"
    assert re.search(rf"\](</?t[dh]>|\}})?{re.escape(clusters)}", text), "its interval knows 40 clusters"
    assert "500 of 2,000" in text
    assert "fewer than two classes" in text
    if export is not formats.to_latex:  # which has no room for these
        assert "70.8" in text, "its balanced accuracy"
        assert "12.0" in text, "the share of the most frequent class"
        assert "500 of 2,000 (abcdef)" in text


def test_the_metric_of_a_target_decides_its_main_column(tmp_path):
    frame = leaderboard(filled(tmp_path, cell(metric="mean per-class", top1=0.6)))
    row = frame.iloc[0]
    assert (row.score, row.teacher_score) == (row.mean_per_class, row.teacher_mean_per_class) == (0.59, 0.95)
    assert (row.score_low, row.score_high) == (row.mean_per_class_low, row.mean_per_class_high)
    assert row.retention == pytest.approx(0.59 / 0.95, abs=1e-6)
    assert re.search(r"digits \(balanced\) .* 95\.0 .* 59\.0 ", formats.to_markdown(frame))


def test_fractions_for_programs_and_percent_for_people(tmp_path):
    frame = leaderboard(filled(tmp_path, cell(top1=0.8125)))
    (row,) = csv.DictReader(io.StringIO(formats.to_csv(frame)))
    assert (row["top1"], row["top1_sd"], row["segments"]) == ("0.8125", "", "1000")
    (row,) = json.loads(formats.to_json(frame))["rows"]
    assert (row["top1"], row["top1_sd"], row["segments"]) == (0.8125, None, 1000)
    for export in FOR_PEOPLE:
        assert "81.2" in export(frame)
        assert "0.8125" not in export(frame)


def test_what_a_row_without_results_lacks_is_empty_in_csv(tmp_path):
    frame = leaderboard(filled(tmp_path, cell("a"), cell("b", status="failed")))
    _, row = csv.DictReader(io.StringIO(formats.to_csv(frame)))
    assert {row[name] for name in ("metric", "items_sha256", "ties", "seed_scores", "rank", "top1")} == {""}


# --- hostile names -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Tables whose target, source, teacher and reason are hostile; manifests are files, and files come from anyone."""
    return {text: named(tmp_path_factory.mktemp("hostile"), text) for text in (TAME, *HOSTILE)}


@pytest.mark.parametrize("text", HOSTILE)
def test_no_control_character_reaches_any_export(frames, text):
    frame = frames[text]
    for export in FORMATS:
        found = export(frame)
        found.encode("utf-8")
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", found)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_of_the_csv_is_a_formula_and_no_row_is_torn(frames, text):
    rows = list(csv.DictReader(io.StringIO(formats.to_csv(frames[text]))))
    assert len(rows) == 1
    assert None not in rows[0]
    assert not any(re.match(r"\s*[=+\-@]", value) for value in rows[0].values())
    assert sanitize(text) in rows[0]["source"]


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, attrs))

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_names_add_no_tags_to_html_and_are_shown_as_they_are(frames, text):
    page = Tags(formats.to_html(frames[text]))
    assert page.found == Tags(formats.to_html(frames[TAME])).found
    assert sanitize(text) in page.text


@pytest.mark.parametrize("text", HOSTILE)
def test_names_add_no_markup_to_markdown_and_are_shown_as_they_are(frames, text):
    parser = MarkdownIt("commonmark").enable("table")
    page = Tags(parser.render(formats.to_markdown(frames[text])))
    assert page.found == Tags(parser.render(formats.to_markdown(frames[TAME]))).found
    assert sanitize(text) in page.text
    assert not re.search(r"://|www\.|(?<!\\)[*_`]evil", formats.to_markdown(frames[text]))


@pytest.mark.parametrize("text", HOSTILE)
def test_json_is_json_and_safe_inside_a_page(frames, text):
    found = formats.to_json(frames[text])
    assert json.loads(found)["rows"][0]["source"] == sanitize(text)
    assert "<" not in found
    assert found.isascii()


@given(st.text())
def test_a_plain_text_is_one_line_that_prints_as_it_reads(text):
    once = sanitize(text)
    assert sanitize(once) == once
    assert "\n" not in once
    assert not any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in once)
    if text.isascii() and text.isprintable():
        assert once == " ".join(text.split())
