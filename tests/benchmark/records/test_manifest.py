"""Manifests: the same call replaces its own, every selection adds one, and damage costs one sentence."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmark.records.record import ManifestEntry
from benchmark.records.store import Store
from example_leaderboard import cell
from modalities.errors import BadInput


def entry(id: str, **changes) -> ManifestEntry:
    standard = ManifestEntry(
        id=id, row="ab12", modality="image", target="digits", fold=1, source="deadleaves", policy="published",
        recipe="quick", teacher="t", student="s", profile="smoke", data="stand-in", seed=0,
    )  # fmt: skip
    return replace(standard, **changes)


def test_the_same_call_replaces_its_manifest_and_another_selection_adds_one(tmp_path):
    store = Store(tmp_path)
    store.write_manifest("all", {}, [entry("b"), entry("a")])
    store.write_manifest("all", {"targets": ["digits"]}, [entry("c"), entry("a")])
    assert [cell.id for cell in store.requested_cells()] == ["a", "b", "c"]
    store.write_manifest("all", {}, [entry("d")])
    assert [cell.id for cell in store.requested_cells()] == ["a", "c", "d"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "[" * 100_000,
        '{"schema_version": 9, "cells": []}',
        '{"schema_version": 1, "cells": [{}]}',
        '{"schema_version": 1}',
    ],
)
def test_a_damaged_manifest_costs_one_sentence_that_names_the_file(tmp_path, text):
    store = Store(tmp_path)
    path = store.write_manifest("all", {}, [entry("a")])
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        store.requested_cells()
    assert str(path) in str(caught.value)


def test_a_manifest_checks_its_cells(tmp_path):
    with pytest.raises(ValueError, match=r"seed\s+Input should be a valid integer"):
        entry("a", seed="0")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"seed": True}, "'seed': input should be a valid integer"),
        ({"fold": 0}, "'fold': input should be greater than or equal to 1"),
        ({"data": "fake"}, "'data': input should be 'real', 'stand-in' or 'shipped'"),
        ({"id": ""}, "'id': a name should not be empty"),
        ({"surprise": 1}, "unknown: surprise"),
    ],
)
def test_a_wrong_entry_is_refused_by_its_name_and_the_file(tmp_path, change, problem):
    store = Store(tmp_path)
    path = store.write_manifest("all", {}, [entry("a")])
    content = json.loads(path.read_text())
    content["cells"][0] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(BadInput) as caught:
        store.requested_cells()
    assert f"{path} is not a manifest ({problem}); delete the file" in str(caught.value)


def test_a_manifest_of_an_earlier_version_names_no_teacher(tmp_path):
    store = Store(tmp_path)
    path = store.write_manifest("all", {}, [replace(entry("a"), teacher_key="k")])
    content = json.loads(path.read_text())
    del content["cells"][0]["teacher_key"]
    path.write_text(json.dumps(content))
    assert store.requested_cells() == [entry("a")]


def test_labels_of_rows_are_those_of_all_suites(tmp_path):
    store = Store(tmp_path)
    cells = [entry("a", row="r1"), entry("b", row="r2")]
    store.write_manifest("mixing", {}, cells, axis="mixing", variants={"CutMix": ["r1"], "none": ["r2"]})
    store.write_manifest("budget", {}, cells[:1], axis="budget", variants={"all steps": ["r1"], "the default": ["r1"]})
    store.write_manifest("all", {}, cells)
    assert store.requested().labels == {"r1": ["all steps", "the default", "CutMix"], "r2": ["none"]}


def test_a_manifest_of_before_there_were_labels_is_read(tmp_path):
    store = Store(tmp_path)
    path = store.write_manifest("all", {}, [entry("a")])
    content = json.loads(path.read_text())
    for key in ("axis", "variants", "claims", "late_claims"):
        del content[key]
    path.write_text(json.dumps(content))
    assert [cell.id for cell in store.requested_cells()] == ["a"]
    assert store.requested().labels == {}


def test_claims_that_come_after_results_are_noted(tmp_path):
    store, (first, record), claim = Store(tmp_path), cell(), {"name": "1", "at_least": 0.05}
    failed = replace(record, status="failed", reason="it broke", metrics={})

    def late(claims, suite="claims", **selection):
        path = store.write_manifest(suite, selection, [first], claims=claims)
        return json.loads(path.read_text())["late_claims"]

    store.write(record)
    assert late([claim]) == [], "the cell is another suite's"
    store.write(failed)
    assert late([claim, claim | {"name": "2"}]) == [], "a failure is no result"
    store.write(record)
    assert late([claim, claim | {"name": "2", "at_least": 0.01}]) == ["2"]
    assert late([claim], targets=["digits"]) == [], "another run of the suite has it"
    assert late([claim | {"name": "3"}], targets=["digits"]) == ["3"]
    assert late([claim | {"name": "3"}], targets=["digits"]) == ["3"], "a second run makes it no prediction"
    (tmp_path / "manifests" / "claims-0.json").write_text("damaged")
    assert late([claim]) == []
