"""Records show as a table, load what their cells left, and are compared with each other."""

from __future__ import annotations

import copy
import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import torch

import benchmark
from benchmark import BadInput
from benchmark.cli.table import render
from benchmark.evaluation import metrics
from benchmark.leaderboard.hand_in import score_file
from benchmark.leaderboard.merge import add_handed_in
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.running.networks import weights_hash
from handed_in import state
from own_network import Mine

ROOT = Path(__file__).parents[3]
MEASURED = ROOT / "results" / "measured"


@pytest.fixture(scope="module")
def records(call) -> benchmark.Records:
    return call(seeds=[0, 1])


# --- a record --------------------------------------------------------------------------------------------------


def test_a_record_is_that_of_the_store_and_says_in_a_line_how_well_it_did(call, records):
    first = records[0]
    stored = call.store.read(first.id)
    assert isinstance(first, benchmark.Record) and type(stored) is Record
    assert first == stored and stored == first
    assert first != records[1] and first != "another thing"
    assert first.to_json() == stored.to_json()
    assert repr(first) == (
        f"<{first.id}: student {first.score:.1%}, teacher {first.teacher_score:.1%}, "
        f"chance {first.controls['chance']:.1%}>"
    )
    assert first.score == first.metrics["top1"]
    assert first.teacher_score == first.controls["teacher_top1"]


def test_the_score_is_the_accuracy_of_the_targets_metric(records):
    balanced = replace(records[0], metric="mean per-class")
    assert balanced.score == records[0].metrics["mean_per_class"]
    assert balanced.teacher_score == records[0].metrics["teacher_mean_per_class"]


def test_a_copy_of_a_record_keeps_its_files_and_one_with_other_values_has_none(records):
    assert copy.copy(records[0]).load().curve is not None
    with pytest.raises(BadInput, match="does not know where its files are"):
        replace(records[0], seed=9).load()


# --- a list ----------------------------------------------------------------------------------------------------


def test_a_list_of_records_is_a_list_and_shows_as_a_table(records):
    assert isinstance(records, list) and len(records) == 2
    assert list(reversed(records)) == [records[1], records[0]]
    text = repr(records)
    assert len(text.splitlines()) == 3
    assert f"{100 * records[0].score:.1f}" in text.splitlines()[1]
    head, *lines = [[cell.text for cell in row] for row in ElementTree.fromstring(records._repr_html_()).iter("tr")]
    table = [dict(zip(head, line, strict=True)) for line in lines]
    assert [row["seed"] for row in table] == ["0", "1"]
    assert [row["student %"] for row in table] == [f"{100 * record.score:.1f}" for record in records]
    assert [row["data"] for row in table] == ["shipped", "shipped"]
    assert "reason" not in head and "fold" not in head
    assert repr(benchmark.Records()) == benchmark.Records()._repr_html_() == "no records"


def test_the_frame_of_a_list_has_the_figures_of_its_records(records):
    frame = records.frame()
    assert frame["score"].tolist() == [record.score for record in records]
    assert frame["retention"].tolist() == [record.score / record.teacher_score for record in records]
    assert frame["row"].nunique() == 1 and frame["id"].tolist() == [record.id for record in records]
    documented = benchmark.Records.frame.__doc__
    assert all(f"``{column}``" in documented for column in frame)
    assert list(benchmark.Records().frame()) == list(frame)


def test_a_cell_without_a_result_shows_its_reason_and_nothing_of_it_is_markup(records):
    failed = replace(records[0], status="failed", reason="<b>broken</b>\x1b[1m", metrics={}, fold=2)
    shown = benchmark.Records([failed, records[1]])
    assert "broken" in repr(shown) and "\x1b" not in repr(shown)
    page = shown._repr_html_()
    assert "<b>" not in page and "&lt;b&gt;broken" in page
    assert shown.frame()["score"].isna().tolist() == [True, False]
    assert "fold" in page


# --- what a cell left ------------------------------------------------------------------------------------------


def test_a_record_loads_student_teacher_predictions_curve_and_segments(call, records, ran):
    record = records[0]
    loaded = record.load()
    kept = ran.store.predictions(ran.record.id)
    assert np.array_equal(loaded.predictions.logp, kept.logp)
    assert metrics.top1(loaded.predictions.logp, loaded.predictions.labels) == record.score
    assert loaded.curve["step"].tolist() == [20, 40]
    assert list(loaded.curve) == ["step", "learning_rate", "loss"]
    segments = loaded.segments.batch(0)
    assert segments.shape == (16, 3, 8, 8) and segments.dtype == torch.float32
    for network in (loaded.student, loaded.teacher):
        assert not network.training
        assert network(segments).shape == (16, 10)
    assert loaded.pictures(segments).shape[::3] == (16, 3)
    assert loaded.classes == tuple("0123456789")
    assert loaded.student is loaded.student, "read once"
    assert record.id in repr(loaded)


def test_predictions_and_curve_need_no_data_and_nothing_is_read_before_it_is_used(call, records, monkeypatch):
    from benchmark.api import loaded as module

    found = benchmark.find(records[0].id, call.results)[0].load()  # without the file of its source
    monkeypatch.setattr(module, "load_student", lambda *_: pytest.fail("it was read"))
    assert len(found.predictions.labels) == len(found.predictions.logp)
    assert len(found.curve) == 2
    with pytest.raises(BadInput, match=r"the source of .* is needed"):
        _ = found.segments


def test_a_student_of_ones_own_is_loaded_as_a_copy_and_a_teacher_as_it_is(call):
    student, teacher = Mine(3), Mine(1)
    record = call(student=student, teacher=teacher, settings={"teacher.times_chance": 0})
    loaded = record.load()
    assert loaded.teacher is teacher
    assert loaded.student is not student
    assert weights_hash(loaded.student) == weights_hash(student)
    with torch.no_grad():
        student.layers[1].weight.zero_()
    assert weights_hash(record.load().student) == weights_hash(loaded.student)
    again = benchmark.find(record.id, call.results, source=call.photo)[0].load()
    for role in ("student", "teacher"):
        with pytest.raises(BadInput, match=f"the {role} of .* is a module of your own.*pass it to benchmark.run again"):
            getattr(again, role)


def test_what_was_left_out_of_results_is_one_clear_sentence():
    frame = benchmark.leaderboard(MEASURED)
    record = benchmark.find(frame[frame["data"] == "stand-in"]["row"].iloc[0], MEASURED / "demo")[0]
    loaded = record.load()
    assert len(loaded.curve) and len(loaded.predictions.labels)
    for role, said in (
        ("student", "the weights of this student were left out"),
        ("teacher", "its weights were left out"),
    ):
        with pytest.raises(BadInput, match=said):
            getattr(loaded, role)


def test_missing_predictions_and_curves_are_named(call, records):
    bare = call.results.parent / "bare"
    folder = bare / "smoke" / "cells" / records[0].id
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(records[0].to_json(), encoding="utf-8")
    loaded = benchmark.find(records[0].id, bare)[0].load()
    with pytest.raises(BadInput, match="has no predictions: they were left out"):
        _ = loaded.predictions
    with pytest.raises(BadInput, match="has no curve: it was left out"):
        _ = loaded.curve


def test_predictions_that_were_handed_in_are_there_and_nothing_else_is(call, records, tmp_path):
    predictions = records[0].load().predictions
    path = state(tmp_path / "theirs.npy", target="digits", label="Theirs")
    np.save(path, predictions.logp)
    handed = score_file(path, "smoke", tmp_path)
    add_handed_in(handed, Store(tmp_path / "results" / "smoke"))
    (found,) = benchmark.find("digits-Theirs", tmp_path / "results")
    loaded = found.load()
    assert np.array_equal(loaded.predictions.labels, predictions.labels)
    for part in ("student", "teacher", "segments", "curve"):
        with pytest.raises(BadInput, match="were handed in, and nothing else of it is known"):
            getattr(loaded, part)
    assert benchmark.compare(found, records[0]).changed_items == 0


def test_a_cell_that_is_not_done_left_nothing(records):
    failed = replace(records[0], status="refused", reason="the teacher guesses.", metrics={})
    with pytest.raises(BadInput, match=r"is not done \(refused: the teacher guesses"):
        failed.load()
    with pytest.raises(BadInput, match="there is no device 'gpu'"):
        records[0].load("gpu")


# --- tables of a folder ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["demo", "small"])
def test_the_leaderboard_is_the_table_of_the_command_line(profile):
    frame = benchmark.leaderboard(MEASURED, profile=profile)
    text = render(MEASURED, profile, "csv")
    table = pd.read_csv(io.StringIO(text), keep_default_na=False, dtype=str)
    assert [name for name in frame if name in set(table)] == list(table)  # ids and costs are shown if asked for
    assert frame["row"].tolist() == table["row"].tolist()
    assert frame["rank"].map(lambda rank: "" if pd.isna(rank) else str(rank)).tolist() == table["rank"].tolist()
    pd.testing.assert_frame_equal(frame, benchmark.leaderboard(MEASURED / profile))


def test_the_leaderboard_stays_a_package():
    import benchmark.leaderboard
    from benchmark.leaderboard.table import leaderboard

    assert callable(leaderboard) and callable(benchmark.leaderboard)
    assert "DataFrame" in benchmark.leaderboard.frame_of.__doc__
    with pytest.raises(BadInput, match="holds no results"):
        benchmark.leaderboard("nowhere")


def test_rows_and_cells_of_a_folder_are_found(call, records):
    found = benchmark.find(records[0].row, call.results)
    assert [record for record in found if record.seed < 2] == records and found == sorted(found, key=lambda r: r.seed)
    assert benchmark.find(records[1].id, call.results) == [records[1]]
    with pytest.raises(BadInput, match="there is no cell named"):
        benchmark.find("another", call.results)


# --- two rows --------------------------------------------------------------------------------------------------


def test_rows_are_compared_on_the_same_items(call, records):
    worse = call(seeds=[0, 1], settings={"recipe.lr": 1e-9})
    found = benchmark.compare(worse, records)
    assert found.verdict == "better"
    means = [np.mean([record.score for record in side]) for side in (worse, records)]
    assert found.difference.value == pytest.approx(means[1] - means[0])
    assert found.difference.low < found.difference.value < found.difference.high
    assert "B is better" in repr(found) and "recipe.lr" in found.settings
    assert benchmark.compare(records, worse).verdict == "worse"
    alone = benchmark.compare(worse[0], records[0])
    assert "for other test items alone" in repr(alone)


def test_what_cannot_be_compared_is_one_sentence(call, records):
    failed = replace(records[0], status="failed", reason="no memory.", metrics={})
    other = call(seeds=[0], settings={"recipe.lr": 1e-9})
    for first, said in (
        ([], "nothing to compare with"),
        ([*records, *other], "are of 2 rows"),
        ([failed], "is not done"),
        (replace(records[0]), "does not know where its files are"),
    ):
        with pytest.raises(BadInput, match=said):
            benchmark.compare(first, records)


def test_the_package_says_that_it_is_typed_and_lists_its_names():
    import tomllib

    packaged = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    for package in ("benchmark", "modalities"):
        assert (ROOT / package / "py.typed").is_file()
        assert "py.typed" in packaged[package]
    assert set(benchmark.__all__) <= set(dir(benchmark))
    for name in benchmark.__all__:
        assert getattr(benchmark, name).__doc__, name
