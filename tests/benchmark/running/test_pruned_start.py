"""Cells whose students start as their teachers with fewer channels are cells like others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmark.config.schema import Student
from benchmark.distillation.pruning import prune_into
from benchmark.planning.recorded import cell_of_record
from benchmark.planning.reproduce import reproduction
from benchmark.records.settings import differences
from benchmark.records.store import Store
from benchmark.running.finished import load_finished
from benchmark.running.networks import make_network
from benchmark.running.run_cell import run_cell
from benchmark.training.callbacks import IgnoreProgress, Interrupted
from doubles import FirstSteps, StopAfter
from modalities.errors import BadInput

PRUNED = ("student.start=pruned", "student.network=cnn-4")


@pytest.fixture(scope="module")
def pruned(cells, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("pruned") / "smoke")
    (cell,) = cells(*PRUNED)
    record = run_cell(cell, store, device="cpu", callback=IgnoreProgress())
    assert record.status == "done", record.reason
    return cell, store, record


def everything(cell, store):
    return load_file(store.student_weights(cell.id)), store.predictions(cell.id).logp, store.curve(cell.id)


def test_it_is_another_cell_of_the_same_teacher_than_a_narrow_student_from_random_weights(cells, pruned):
    (narrow,) = cells("student.network=cnn-4")
    (default,) = cells("student.network=cnn-4", "student.start=random")
    assert narrow.id == default.id != pruned[0].id
    assert narrow.teacher_key == pruned[0].teacher_key
    assert "start" not in narrow.identity["student"]
    assert differences([narrow.settings, pruned[0].settings]) == ["start random", "start pruned"]


def test_without_steps_to_heal_it_is_the_pruned_teacher(cells, pruned, tmp_path):
    (cell,) = cells(*PRUNED, "recipe.lr=1e-30")
    store = Store(tmp_path / "smoke")
    assert run_cell(cell, store, device="cpu", callback=IgnoreProgress()).status == "done"
    finished = load_finished(tmp_path, cell.id, Path("nowhere"), torch.device("cpu"), source=cell.source_path)
    expected = make_network(cell.modality, "cnn-4", cell.config.view, 10, "student", 0, torch.device("cpu"))
    prune_into(expected, finished.teacher)
    found = dict(finished.student.named_parameters())
    assert all(torch.equal(value, found[name]) for name, value in expected.named_parameters())


def test_the_record_says_how_good_it_is_before_it_is_healed_and_that_this_is_not_published(pruned):
    record = pruned[2]
    assert 0 <= record.controls["pruned"] <= 1
    assert record.controls["pruned"] != record.controls["untrained"]
    assert record.segments == 40 * 16
    assert any(text.startswith("student.start is pruned") for text in record.deviations)


def test_a_cell_that_was_stopped_continues_to_the_very_same_numbers(pruned, tmp_path):
    cell, store, _ = pruned
    with pytest.raises(Interrupted):
        run_cell(cell, Store(tmp_path), device="cpu", callback=StopAfter(20, "distill"))
    again = FirstSteps()
    run_cell(cell, Store(tmp_path), device="cpu", callback=again)
    assert again.first["distill"] == 40, "it continued from step 20"
    (weights, logp, curve), (others, other_logp, other_curve) = (
        everything(cell, store),
        everything(cell, Store(tmp_path)),
    )
    assert all(torch.equal(value, others[name]) for name, value in weights.items())
    assert np.array_equal(logp, other_logp) and curve == other_curve


def test_its_record_leads_back_to_it(pruned):
    cell, _, record = pruned
    found = cell_of_record(record, Path("nowhere"), source=cell.source_path)
    assert found.config.student == Student("cnn-4", "pruned")
    assert "student.start=pruned" in reproduction(record).request.overrides


@pytest.mark.parametrize(("student", "said"), [("cnn-16", "nowhere wider"), ("resnet-s-4", "layers are not the same")])
def test_a_student_that_cannot_be_pruned_from_its_teacher_costs_no_teacher(cells, tmp_path, student, said):
    (cell,) = cells("student.start=pruned", f"student.network={student}")
    record = run_cell(cell, Store(tmp_path), device="cpu", callback=IgnoreProgress())
    assert record.status == "failed" and record.traceback == ""
    assert f"{student} cannot be pruned from the teacher cnn-8" in record.reason and said in record.reason
    assert not (tmp_path / "teachers").exists()


def test_another_start_is_refused_by_name(cells):
    with pytest.raises(BadInput, match=r"student\.start.*prune.*pruned"):
        cells("student.start=prune")
