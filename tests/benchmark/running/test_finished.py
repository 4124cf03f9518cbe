"""A finished cell is found by a part of its id, and what it left gives the numbers of its record again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.config.schema import Teacher
from benchmark.data.locate import ensure
from benchmark.evaluation.predict import predict
from benchmark.planning.recorded import cell_of_record
from benchmark.records.find import find_cell
from benchmark.records.store import TEACHER_NOTES
from benchmark.running.finished import load_finished
from benchmark.running.source import load_source
from benchmark.training.callbacks import IgnoreProgress
from modalities.errors import BadInput

CPU = torch.device("cpu")


@pytest.fixture
def results(ran, tmp_path) -> Path:
    shutil.copytree(ran.store.root, tmp_path / "smoke")
    return tmp_path


def finished(ran, results, name=""):
    return load_finished(results, name or ran.record.id, Path("nowhere"), CPU, source=ran.cell.source_path)


def test_student_teacher_and_items_give_the_recorded_predictions(ran, results):
    found = finished(ran, results, ran.record.id[-6:])
    config = found.cell.config

    def predicted(network):
        return predict(network, found.test_items(), lambda raw: found.cell.modality.prepare(raw, config.view), CPU,
                       IgnoreProgress())  # fmt: skip

    kept = ran.store.predictions(ran.record.id)
    assert np.array_equal(predicted(found.student), kept.logp)
    assert list(found.test_items().data.item_ids) == kept.item_ids
    assert (predicted(found.teacher).argmax(1) == kept.labels).mean() == ran.record.controls["teacher_top1"]


def test_the_cell_is_planned_as_it_was(ran, results):
    cell, again = ran.cell, finished(ran, results).cell
    assert (again.id, again.row, again.key, again.identity) == (cell.id, cell.row, cell.key, cell.identity)
    assert (again.source, again.data, again.teacher_key) == (cell.source, cell.data, cell.teacher_key)
    for section in ("view", "policy", "student", "recipe", "threads"):
        assert getattr(again.config, section) == getattr(cell.config, section), section
    usual = replace(cell.config.teacher, times_chance=Teacher().times_chance)  # no part of what a teacher is
    assert again.config.teacher == usual


def test_segments_are_those_that_the_student_saw(ran, results):
    cell, batch = ran.cell, ran.cell.config.recipe.batch
    ensure(cell.data, cell.adapter)
    stream = cell.modality.stream(
        load_source(cell, CPU)[0], cell.config.view, cell.config.policy, batch_size=batch, seed=0, device=CPU
    )
    assert torch.equal(finished(ran, results).segments(batch).batch(3), stream.batch(3))
    assert not torch.equal(finished(ran, results).segments(batch, seed=1).batch(3), stream.batch(3))


def test_a_new_student_is_the_untrained_one(ran, results):
    found = finished(ran, results)
    trained, new = found.student.state_dict(), found.new_student(0).state_dict()
    assert trained.keys() == new.keys() and any(not torch.equal(trained[name], new[name]) for name in new)


def test_names_that_say_too_little_are_refused(ran, results, tmp_path):
    id = ran.record.id
    shutil.copytree(results / "smoke/cells" / id, results / "smoke/cells" / id.replace("digits", "fsdd"))
    assert find_cell(results, id)[1].id == id
    for name, message in (("photo", "is a part of 2 cells"), ("no such cell", "there is no cell named")):
        with pytest.raises(BadInput, match=message):
            find_cell(results, name)
    with pytest.raises(BadInput, match="has no cells"):
        find_cell(tmp_path / "nothing", id)


def test_what_is_gone_or_changed_is_named(ran, results, tmp_path):
    with pytest.raises(BadInput, match=r"needed .*there is no"):
        load_finished(results, ran.record.id, Path("nowhere"), CPU)
    with pytest.raises(BadInput, match="is not the source of"):
        load_finished(results, ran.record.id, Path("nowhere"), CPU, source="china")
    (results / "smoke/teachers" / ran.cell.teacher_key / TEACHER_NOTES).unlink()
    with pytest.raises(BadInput, match="holds no teacher"):
        finished(ran, results)
    (results / "smoke/cells" / ran.record.id / "student.safetensors").unlink()
    with pytest.raises(BadInput, match="weights of this student were left out"):
        finished(ran, results)


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_a_network_of_ones_own_cannot_be_loaded_by_its_name(ran, results, role):
    record = replace(ran.record, **{role: "own Mine 0123456789ab"})
    (results / "smoke/cells" / record.id / "record.json").write_text(record.to_json(), encoding="utf-8")
    with pytest.raises(BadInput, match=f"the {role} of .* is a module of your own"):
        finished(ran, results)


def test_records_from_before_a_setting_existed_have_the_value_that_changes_nothing(ran):
    recipe = {key: value for key, value in ran.record.config["recipe"].items() if key != "squared_temperature"}
    record = ran.record.__class__(**{**vars(ran.record), "config": {**ran.record.config, "recipe": recipe}})
    cell = cell_of_record(record, Path("nowhere"), source=ran.cell.source_path)
    assert cell.config.recipe.squared_temperature is True and cell.config.recipe.budget == 1.0
