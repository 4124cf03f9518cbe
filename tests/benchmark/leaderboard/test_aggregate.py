"""Methods over targets: means that never hide a gap, and a matrix that adds up."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmark.leaderboard import aggregate, formats
from benchmark.leaderboard.aggregate import methods_of
from benchmark.leaderboard.table import leaderboard
from benchmark.statistics.bootstrap import bootstrap_over_seeds
from example_leaderboard import cell, filled

SCORES = {
    ("a", "city"): [0.50, 0.52], ("b", "city"): [0.80, 0.84], ("c", "city"): [0.905, 0.905],
    ("a", "noise"): [0.30, 0.30], ("b", "noise"): [0.10, 0.12], ("c", "noise"): [0.90, 0.90],
}  # fmt: skip


def rows_of(store):
    return leaderboard(store).to_dict("records")


@pytest.fixture
def store(tmp_path):
    cells = [
        cell(target, source=source, seed=seed, top1=score)
        for (target, source), scores in SCORES.items()
        for seed, score in enumerate(scores)
    ]
    return filled(tmp_path, *cells)


def test_what_is_kept_of_the_teacher_is_the_interquartile_mean_above_chance(store):
    city, noise = methods_of(rows_of(store))
    kept = {key: [(score - 0.1) / (0.96 - 0.1) for score in scores] for key, scores in SCORES.items()}
    runs = sorted(run for (_, source), own in kept.items() if source == "city" for run in own)
    # Of six runs, one and a half are left out at each end.
    assert city.kept == pytest.approx((runs[1] / 2 + runs[2] + runs[3] + runs[4] / 2) / 3, abs=1e-6)
    own = [kept[target, "city"] for target in "abc"]
    assert city.over_seeds == pytest.approx(bootstrap_over_seeds(own), abs=1e-6)
    assert city.over_targets is None, "three targets do not say how others vary"
    assert city.retention == pytest.approx(np.mean([0.51, 0.82, 0.905]) / 0.96, abs=1e-6)
    assert (city.name, city.targets, city.reason, noise.name) == ("city", 3, "", "noise")


def test_a_point_decides_between_win_and_tie(store):
    city, noise = methods_of(rows_of(store))
    assert city.against == [None, (2, 1, 0)]
    assert noise.against == [(0, 1, 2), None]


@pytest.mark.parametrize(
    ("score", "expected"), [(0.81, (0, 1, 0)), (0.8101, (1, 0, 0)), (0.79, (0, 1, 0)), (0.78, (0, 0, 1))]
)
def test_a_difference_of_exactly_one_point_is_a_tie(tmp_path, score, expected):
    methods = methods_of(rows_of(filled(tmp_path, cell(source="x", top1=score), cell(source="y", top1=0.80))))
    (x,) = (method for method in methods if method.name == "x")
    assert expected in x.against


def reasons(store):
    return {method.name: method.reason for method in methods_of(rows_of(store))}


def test_a_method_that_lacks_a_target_has_no_mean_and_no_comparison(tmp_path):
    cells = [cell("a"), cell("b"), cell("a", source="noise")]
    store = filled(tmp_path, *cells)
    assert reasons(store) == {"deadleaves": "", "noise": "1/2 targets; missing: b"}
    complete, lacking = methods_of(rows_of(store))
    assert (lacking.kept, lacking.retention, lacking.over_targets, lacking.against) == (None, None, None, [None, None])
    assert complete.against == [None, None]


def test_a_row_that_is_not_done_costs_its_method_the_mean(tmp_path):
    store = filled(tmp_path, cell("a"), cell("b", status="failed"))
    assert reasons(store) == {"deadleaves": "1/2 rows are complete; the first other: b"}


def test_a_teacher_at_chance_is_nothing_to_keep_anything_of(tmp_path):
    entry, record = cell("a")
    record.controls["teacher_top1"] = 0.1
    store = filled(tmp_path, (entry, record), cell("b"))
    assert reasons(store) == {"deadleaves": "the teacher of a is not above chance, or a score is missing"}


def test_variants_of_a_source_are_methods_of_their_own(tmp_path):
    cells = [cell(target, policy=policy) for target in "ab" for policy in ("flips", "published")]
    assert set(reasons(filled(tmp_path, *cells))) == {"deadleaves (policy flips)", "deadleaves (policy published)"}


def test_many_methods_have_no_matrix(tmp_path, monkeypatch):
    monkeypatch.setattr(aggregate, "MOST_METHODS", 2)
    frame = leaderboard(filled(tmp_path, *(cell(source=source) for source in "xyz")))
    assert methods_of(frame.to_dict("records")) == []
    assert "over targets |" not in formats.to_markdown(frame)


def test_every_export_shows_the_same_methods(store):
    frame = leaderboard(store)
    (block,) = json.loads(formats.to_json(frame))["over_targets"]
    city = block["methods"][0]
    assert (block["block"], city["name"], city["against"]) == ("image, real data", "city", [None, [2, 1, 0]])
    for export in (formats.to_markdown, formats.to_html, formats.to_latex):
        text = export(frame)
        against = ("2 & /1/0", "0 & /1/2") if export is formats.to_latex else ("2/1/0", "0/1/2")
        assert all(found in text for found in against)
        assert f"{100 * city['kept']:.1f}" in text


@pytest.mark.parametrize("text", ["a & b", "<b>", "| x |", "\\input{x}", "50% $x_1^2$"])
def test_names_of_methods_are_escaped(tmp_path, text):
    frame = leaderboard(filled(tmp_path, cell("a", source=text), cell("b", source=text)))
    tame = leaderboard(filled(tmp_path / "tame", cell("a", source="tame"), cell("b", source="tame")))
    assert formats.to_html(frame).count("<") == formats.to_html(tame).count("<")
    assert formats.to_markdown(frame).replace(r"\|", "").count("|") == formats.to_markdown(tame).count("|")
