"""Controls are the cells of a store that differ in source or seed alone; if one is missing, the page says so."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict

import pytest
import torch

from benchmark.insight.controls import NOISE, OF_NOISE, OTHER_SEED, UNTRAINED, controls_of
from benchmark.records.record import Record
from doubles import same_weights


@pytest.fixture
def lonely(finished, tmp_path):
    """The finished cell in a store in which nothing else is."""
    root = tmp_path / "smoke"
    shutil.copytree(finished.store.root, root)
    return type(finished)(**{**vars(finished), "store": type(finished.store)(root)})


def add(finished, *, source=None, seed=None, status="done", weights=True, **config):
    """Put a copy of the cell into its store, under another id and with other settings; return its id."""
    own = finished.record
    name, number = source or own.source["name"], own.seed if seed is None else seed
    id = f"digits-{name}-s{number}-{len(list(finished.store.cells.iterdir())):012}"
    settings = {**own.config, **config, "seed": number}
    changes = {
        "id": id,
        "seed": number,
        "status": status,
        "reason": "" if status == "done" else "why",
        "config": settings,
    }
    if source:
        described = {"name": source, "sha256": "0" * 64, "description": "another"}
        changes["source"] = described
        settings["source"] = {key: described[key] for key in ("name", "sha256")}
    record = Record(**{**json.loads(json.dumps(asdict(own))), **changes})
    folder = finished.store.cell(id)
    shutil.copytree(finished.store.cell(own.id), folder)
    (folder / "record.json").write_text(record.to_json())
    if not weights:
        (folder / "student.safetensors").unlink()
    return id


def test_without_others_the_untrained_student_is_the_only_control(lonely):
    found = controls_of(lonely)
    assert list(found.networks) == [UNTRAINED] and found.cells == {}
    assert set(found.missing) == {OF_NOISE, OTHER_SEED} and "noise" in found.missing[OF_NOISE]
    assert same_weights(found.networks[UNTRAINED], lonely.new_student(lonely.record.seed))


def test_cells_of_noise_and_of_another_seed_are_found(lonely):
    ids = {OF_NOISE: add(lonely, source=NOISE), OTHER_SEED: add(lonely, seed=1)}
    found = controls_of(lonely)
    assert found.cells == ids and found.missing == {}
    for name in ids:
        assert same_weights(found.networks[name], lonely.student) and not found.networks[name].training


def test_the_noise_cell_of_the_same_seed_is_preferred(lonely):
    other, same = add(lonely, source=NOISE, seed=1), add(lonely, source=NOISE)
    assert controls_of(lonely).cells[OF_NOISE] == same != other
    shutil.rmtree(lonely.store.cell(same))
    assert controls_of(lonely).cells == {OF_NOISE: other}


@pytest.mark.parametrize(
    "other",
    [{"source": "china"}, {"source": NOISE, "threads": 9}, {"source": NOISE, "status": "failed"},
     {"source": NOISE, "weights": False}, {"seed": 1, "data_fingerprint": "other"}],
)  # fmt: skip
def test_cells_that_differ_otherwise_or_are_not_whole_are_no_controls(lonely, other):
    add(lonely, **other)
    assert controls_of(lonely).cells == {}


def test_damaged_cells_are_passed_over(lonely):
    noise = add(lonely, source=NOISE)
    (lonely.store.cells / "digits-damaged").mkdir()
    (lonely.store.cells / "digits-damaged/record.json").write_text("{")
    assert controls_of(lonely).cells == {OF_NOISE: noise}


def test_a_cell_of_noise_is_not_its_own_control(lonely):
    id = add(lonely, source=NOISE, seed=3)
    add(lonely, source=NOISE, seed=4)
    itself = type(lonely)(**{**vars(lonely), "record": lonely.store.read(id)})
    found = controls_of(itself)
    assert OF_NOISE not in found.networks and found.missing[OF_NOISE] == "This cell's own source is noise."
    assert OTHER_SEED in found.networks and torch.is_tensor(next(found.networks[OTHER_SEED].parameters()))
