"""Results of several machines in one folder: all that is new, and every contradiction named and left out."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmark.leaderboard.merge import merge
from benchmark.leaderboard.table import leaderboard
from benchmark.records.store import TEACHER_NOTES, Store
from example_leaderboard import cell, predicted
from modalities.errors import BadInput
from modalities.storage.locks import exclusive_lock


def machine(folder, *cells, right=400, teacher="t", **manifest):
    """A results folder as a machine leaves it: cells with predictions, and their teacher."""
    store = Store(folder / "demo")
    settings = {entry.row: {"target": entry.target} for entry, _ in cells}
    store.write_manifest("all", {}, [entry for entry, _ in cells], settings, **manifest)
    notes = store.teacher("digits-t-s0") / TEACHER_NOTES
    notes.parent.mkdir(parents=True, exist_ok=True)
    notes.write_text(json.dumps({"weights": teacher}), encoding="utf-8")
    (notes.parent / "predictions.npz").write_bytes(b"those of the teacher")
    for entry, record in cells:
        record = replace(record, teacher_key="digits-t-s0")
        if record.status == "done":
            predicted(store, (entry, record), range(right))
        else:
            store.write(record)
    return store


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_cells_of_two_machines_are_all_there_with_their_files_and_teachers(tmp_path):
    one = machine(tmp_path / "a", cell(seed=0), cell("letters"))
    other = machine(tmp_path / "b", cell(seed=1), cell(seed=0))
    found, stores = merge([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    target = Store(tmp_path / "all" / "demo")
    assert [(result.copied, result.same, result.conflicts) for result in found.values()] == [(2, 0, []), (1, 1, [])]
    assert {store.root for store in stores} == {target.root}
    assert {entry.id for entry in target.requested_cells()} == {
        entry.id for store in (one, other) for entry in store.requested_cells()
    }
    assert set(target.requested().settings) == {entry.row for entry in target.requested_cells()}
    for store in (one, other):
        for entry in store.requested_cells():
            assert target.read(entry.id) == store.read(entry.id)
            ours, theirs = (files(s.cell(entry.id)) for s in (target, store))
            assert {name: text for name, text in ours.items() if name.suffix in (".json", ".npz")} == theirs
    assert target.has_teacher("digits-t-s0")
    assert list(leaderboard(target).set_index("target").seeds) == ["2", "1"]


def test_joining_twice_changes_nothing(tmp_path):
    machine(tmp_path / "a", cell())
    merge([tmp_path / "a"], tmp_path / "all")
    before = files(tmp_path / "all")
    found, _ = merge([tmp_path / "a"], tmp_path / "all")
    assert [(result.copied, result.same) for result in found.values()] == [(0, 1)]
    assert files(tmp_path / "all") == before


def test_other_figures_of_one_cell_are_a_conflict_and_what_is_there_stays(tmp_path):
    machine(tmp_path / "a", cell(top1=0.8))
    machine(tmp_path / "b", cell(top1=0.9), right=450)
    found, _ = merge([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    (conflict,) = found[str(tmp_path / "b")].conflicts
    assert "has other figures here (top-1 0.8) than there (top-1 0.9)" in conflict
    assert leaderboard(Store(tmp_path / "all" / "demo")).top1[0] == 0.8


def test_a_record_without_figures_gives_way_to_one_with_and_never_the_other_way_round(tmp_path):
    machine(tmp_path / "a", cell(status="failed", reason="the disk is full"))
    machine(tmp_path / "b", cell())
    merge([tmp_path / "a", tmp_path / "b", tmp_path / "a"], tmp_path / "all")
    assert leaderboard(Store(tmp_path / "all" / "demo")).status[0] == "done"


def test_another_teacher_under_one_key_is_a_conflict_and_its_cells_are_left_out(tmp_path):
    machine(tmp_path / "a", cell(seed=0), teacher="one")
    machine(tmp_path / "b", cell(seed=1), teacher="another")
    found, _ = merge([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    conflicts = found[str(tmp_path / "b")].conflicts
    assert ["another one here" in conflicts[0], "another teacher" in conflicts[1], len(conflicts)] == [True, True, 2]
    assert leaderboard(Store(tmp_path / "all" / "demo")).seeds[0] == "1/2"


@pytest.mark.parametrize("damage", ["figures", "predictions", "record"])
def test_figures_that_the_predictions_do_not_give_are_left_out(tmp_path, damage):
    store = machine(tmp_path / "a", cell(top1=0.8), right=300 if damage == "figures" else 400)
    (entry,) = store.requested_cells()
    if damage == "predictions":
        (store.cell(entry.id) / "predictions.npz").unlink()
    if damage == "record":
        store.record_file(entry.id).write_text("{", encoding="utf-8")
    found, _ = merge([tmp_path / "a"], tmp_path / "all")
    (conflict,) = found[str(tmp_path / "a")].conflicts
    wanted = {
        "figures": "a top-1 of 0.6, and its record says",
        "predictions": "no predictions",
        "record": "not a record",
    }
    assert wanted[damage] in conflict
    assert Store(tmp_path / "all" / "demo").read(entry.id) is None


def test_labels_are_united_and_other_claims_of_one_run_are_a_conflict(tmp_path):
    first, second = cell(seed=0, settings=1), cell(seed=0, settings=2)
    machine(tmp_path / "a", first, variants={"old": [first[0].row]})
    machine(tmp_path / "b", second, variants={"new": [second[0].row]})
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    labels = Store(tmp_path / "all" / "demo").requested().labels
    assert labels == {first[0].row: ["old"], second[0].row: ["new"]}
    machine(tmp_path / "c", second, claims=[{"name": "1"}])
    found, _ = merge([tmp_path / "c"], tmp_path / "all")
    assert "made other claims here" in found[str(tmp_path / "c")].conflicts[0]


def test_a_cell_that_is_being_run_is_left_alone(tmp_path):
    store = machine(tmp_path / "a", cell())
    (entry,) = store.requested_cells()
    with exclusive_lock(Store(tmp_path / "all" / "demo").cell(entry.id), lambda holder: None):
        found, _ = merge([tmp_path / "a"], tmp_path / "all")
    assert "is in use here" in found[str(tmp_path / "a")].conflicts[0]


def test_a_folder_without_results_or_the_folder_itself_is_refused(tmp_path):
    machine(tmp_path / "a", cell())
    with pytest.raises(BadInput, match="holds no results"):
        merge([tmp_path / "b"], tmp_path / "all")
    with pytest.raises(BadInput, match="is the folder that results are joined into"):
        merge([tmp_path / "a"], tmp_path / "a")
