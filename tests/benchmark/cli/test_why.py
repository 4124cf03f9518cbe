"""``benchmark why``: the provenance of a number, and a command that plans the same cell."""

from __future__ import annotations

import json
import shlex

import pytest

from benchmark.records.store import Store
from example_leaderboard import cell


def test_everything_that_is_known_of_a_cell_is_told(benchmark, ran):
    record = ran.record
    ended = benchmark("why", record.id[:-6], "--results", ran.store.root.parent, "--format", "json")
    assert ended.code == 0
    found = json.loads(ended.out)
    assert found["cell"] == record.id
    assert found["metrics"] == record.metrics
    assert found["controls"] == record.controls
    assert found["source"] == record.source
    assert found["data"]["fingerprint"] == record.data_fingerprint
    assert found["teacher"]["key"] == record.teacher_key
    assert 0 <= found["teacher"]["held_out_top1"] <= 1
    assert found["provenance"] == record.provenance
    assert found["deviations"] == record.deviations
    assert found["seconds"] == record.seconds
    assert {path["path"].rpartition("/")[2] for path in found["files"]} >= {
        "record.json", "predictions.npz", "curve.csv", "student.safetensors", "teacher.json", "teacher.safetensors",
    }  # fmt: skip
    assert "view.size" in {one["key"] for one in found["settings"]}
    text = benchmark("why", record.id, "--results", ran.store.root.parent).out
    for said in (
        record.source["sha256"], record.provenance["commit"] or "unknown commit", record.provenance["platform"],
        f"{record.segments:,}", record.provenance["libraries"]["torch"], record.deviations[0], record.teacher_key,
        found["command"],
    ):  # fmt: skip
        assert said in text


def test_the_command_plans_the_same_cell(benchmark, ran, photo, tmp_path):
    words = ("why", ran.record.id, "--results", ran.store.root.parent, "--format", "json")
    found = json.loads(benchmark(*words).out)
    assert found["command_is_exact"]
    assert any(ran.record.source["sha256"] in remark for remark in found["remarks"])
    name, verb, *rest = shlex.split(found["command"])
    assert (name, verb) == ("benchmark", "run")
    rest = [f"source.image={photo}" if word == f"source.image={photo.name}" else word for word in rest]
    (row,) = json.loads(benchmark("plan", *rest, "--results", tmp_path, "--format", "json").out)
    assert row["cell"] == ran.record.id


def test_the_runs_that_requested_a_cell_are_told_as_they_were_typed(benchmark, finished, small):
    (cell,) = (path.name for path in (finished / "small" / "cells").glob("digits-*"))
    found = json.loads(benchmark("why", cell, "--results", finished, "--format", "json").out)
    assert len(found["requested_by"]) >= 1
    command = shlex.split(found["requested_by"][0])
    assert command[:2] == ["benchmark", "run"]
    assert "digits,cifar10" in command
    assert "recipe.steps=40" in command
    assert found["row"]["cells"][cell] == 0


def test_a_cell_of_a_target_that_is_not_installed_here_keeps_its_provenance(benchmark, tmp_path):
    entry, record = cell("letters", top1=0.75)
    store = Store(tmp_path / "demo")
    store.write_manifest("all", {}, [entry])
    store.write(record)
    ended = benchmark("why", record.id, "--results", tmp_path)
    assert ended.code == 0
    assert "75.0 %" in ended.out
    assert "this installation cannot plan it: there is no target named 'letters'" in ended.out
    found = json.loads(benchmark("why", record.id, "--results", tmp_path, "--format", "json").out)
    assert (found["command"], found["command_is_exact"]) == ("", False)


def test_a_cell_that_is_not_done_says_why(benchmark, finished):
    (cell,) = (path.name for path in (finished / "small" / "cells").glob("cifar10-*"))
    ended = benchmark("why", cell, "--results", finished)
    assert ended.code == 0
    assert ended.out.startswith(f"{cell}: no data: ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(("nothing",), "there is no cell named 'nothing'"), (("digits", "--format", "csv"), "choose text, json")],
)
def test_wrong_usage_is_refused(benchmark, ran, words, sentence):
    ended = benchmark("why", *words, "--results", ran.store.root.parent)
    assert ended.code == 2
    assert sentence in ended.err
