"""Results of others: what the file says, beside which rows they stand, and that nothing ranks them."""

from __future__ import annotations

import csv
import io
import json
from importlib.resources import files

import pytest

from benchmark.leaderboard import formats, pivot
from benchmark.leaderboard.references import HEAD, references, references_beside
from benchmark.leaderboard.table import leaderboard
from example_leaderboard import cell, filled, predicted
from modalities import registry

PAIR = {"teacher": "wrn-40-2", "student": "wrn-16-1"}
FOR_PEOPLE = (formats.to_markdown, formats.to_html, formats.to_latex)


def figures(target, teacher, student):
    """Return the results on a pair by method: a list of several, if sources contradict each other."""
    found = {}
    for one in references():
        if (one.target, one.pair) == (target, (teacher, student)):
            found.setdefault(one.method, []).append(one.top1)
    return found


def test_every_line_of_the_file_is_whole_and_of_networks_and_targets_that_exist():
    text = (files("benchmark.leaderboard") / "published.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines(), strict=True))
    assert list(rows[0]) == ["target", "teacher", "student", "method", "top1_percent", "source", "note"]
    assert (
        len(rows) == len(references()) == len({(one.target, *one.pair, one.method, one.source) for one in references()})
    )
    for row in rows:
        assert row.keys() == rows[0].keys() and None not in row.values(), "as many cells as heads"
        assert all(row[name] == row[name].strip() and (row[name] or name == "note") for name in row)
        assert 1 < float(row["top1_percent"]) < 100
        image = registry.modality(registry.target(row["target"]).info.modality)
        for role in ("teacher", "student"):
            assert image.check_network(row[role]) == row[role]


def test_figures_are_those_of_the_sources():
    on = {
        student: figures("cifar100", teacher, student)
        for teacher, student in (("wrn-40-2", "wrn-16-1"), ("wrn-40-2", "wrn-40-1"), ("wrn-40-2", "wrn-16-2"))
    }
    assert [one["one image"] for one in on.values()] == [[0.3462], [0.5239], [0.5471]]
    assert [one["DM-KD"] for one in on.values()] == [[0.5629], [0.6501], [0.6689]]
    assert [one["real-data KD"] for one in on.values()] == [[0.6406], [0.6858], [0.7079]]
    large = figures("cifar100", "resnet34-cifar", "resnet18-cifar")
    assert (large["one image"], large["CMI-500"], large["teacher"]) == ([0.7456], [0.7704], [0.7805])
    assert figures("cifar100", "vgg11-cifar", "resnet18-cifar")["one image"] == [0.6851]
    ten = figures("cifar10", "wrn-40-2", "wrn-16-2")
    assert (ten["DAFL"], ten["CMI"], ten["Fast-10"], ten["teacher"]) == ([0.8155], [0.9252], [0.9245], [0.9487])


def test_both_of_two_conflicting_sets_are_there_each_with_its_source():
    on = {
        (one.method, one.source): one.top1
        for one in references()
        if one.target == "cifar100" and one.pair == ("wrn-40-2", "wrn-16-2")
    }
    one, other = "READMEs of zju-vipa/Fast-Datafree and zhengli97/DM-KD", "README of zju-vipa/CMI"
    assert [on["DAFL", one], on["ZSKT", one], on["DFQ", one]] == [0.4370, 0.5459, 0.6479]
    assert [on["DAFL", other], on["ZSKT", other], on["DFQ", other]] == [0.4000, 0.2844, 0.5901]


def rows_of(tmp_path, *cells):
    return leaderboard(filled(tmp_path, *cells)).to_dict("records")


def test_a_row_of_a_published_pair_has_the_results_on_that_pair_beside_it(tmp_path):
    found = references_beside(rows_of(tmp_path, cell("cifar100", **PAIR), cell("cifar10", **PAIR)))
    assert {(one.target, one.pair) for one in found} == {("cifar100", ("wrn-40-2", "wrn-16-1"))}
    assert "one image" in {one.method for one in found}


@pytest.mark.parametrize("changes", [{"student": "resnet-s-16"}, {"data": "stand-in"}, {"target": "digits"}])
def test_nothing_stands_beside_other_networks_other_targets_or_data_that_are_not_real(tmp_path, changes):
    assert references_beside(rows_of(tmp_path, cell(**({"target": "cifar100"} | PAIR | changes)))) == []


def test_methods_on_other_networks_have_all_pairs_beside_them_with_their_names(tmp_path):
    store = filled(tmp_path, cell("cifar100"), cell("cifar100", settings=2))
    frame = leaderboard(store)
    frame["method"] = ["segments", "inversion"]
    assert len({one.pair for one in references_beside(frame.to_dict("records"))}) == 5
    text = formats.to_markdown(frame)
    head = (
        "resnet34-cifar → resnet18-cifar % | vgg11-cifar → resnet18-cifar % | wrn-40-2 → wrn-16-1 % | "
        "wrn-40-2 → wrn-40-1 % | wrn-40-2 → wrn-16-2 % |"
    )
    assert f"| {' | '.join(HEAD)} | {head}" in text
    assert "| one image (Asano & Saeed re-run) | README of zhengli97/DM-KD | 74.56 | 68.51 | 34.62 |" in (
        text.replace("&amp;", "&")
    )


def test_they_are_marked_as_published_in_every_format_for_people_and_ranked_in_none(tmp_path):
    store = filled(tmp_path)
    cells = [cell("cifar100", **PAIR), cell("cifar100", top1=0.5, settings=2, **PAIR)]
    store.write_manifest("all", {}, [entry for entry, _ in cells])
    for one, right in zip(cells, (range(400), range(250)), strict=True):
        predicted(store, one, list(right))
    frame = leaderboard(store)
    assert sorted(frame["rank"]) == [1, 2] and len(frame) == 2
    for export in FOR_PEOPLE:
        text = export(frame).replace("\\\\", " ")  # heads are broken in LaTeX
        assert HEAD[1] in text and "34.62" in text
    assert "published by others" not in formats.to_csv(frame)
    content = json.loads(formats.to_json(frame))
    assert len(content["rows"]) == 2
    assert {one["top1"] for one in content["published"]} >= {0.3462, 0.5629}
    for export in pivot.FORMATS.values():
        assert "34.62" not in export(frame)


def test_nothing_published_stands_beside_the_control_over_real_training_items(tmp_path):
    frame = leaderboard(filled(tmp_path, cell("cifar100", source="real-training-items", **PAIR)))
    for export in (*FOR_PEOPLE, formats.to_json):
        assert "34.62" not in export(frame) and "0.3462" not in export(frame)


def test_the_file_of_rows_stays_a_table_of_measured_rows(tmp_path):
    frame = leaderboard(filled(tmp_path, cell("cifar100", **PAIR)))
    assert len(list(csv.DictReader(io.StringIO(formats.to_csv(frame))))) == 1
