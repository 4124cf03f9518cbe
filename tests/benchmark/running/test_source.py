"""A student never sees target data, with ONE exception: the control over real training items, and only TRAIN."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch

import benchmark
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from benchmark.records.record import REAL_TRAINING_ITEMS
from benchmark.records.store import Store
from benchmark.running import run_cell as runner
from benchmark.running.run_cell import run_cell
from benchmark.running.source import load_source
from benchmark.training.callbacks import IgnoreProgress
from modalities import registry
from modalities.assembly.modality import PackagedModality

CPU = torch.device("cpu")
PACKAGE = Path(benchmark.__file__).parent


def forbidden(*given, **named):
    raise AssertionError("this split must not be opened")


def closed(monkeypatch, *splits):
    for split in splits:
        monkeypatch.setattr(type(registry.target("digits")), split, forbidden)


def control(cells, form=""):
    (cell,) = cells(f"source.image={REAL_TRAINING_ITEMS}{form}")
    return cell


# --- the rule ----------------------------------------------------------------------------------------------------


def test_an_ordinary_source_is_loaded_without_opening_any_split(cells, monkeypatch):
    (cell,) = cells()
    closed(monkeypatch, "train", "test")
    source, notes = load_source(cell, CPU)
    assert (source.items, notes) == (1, [])


@pytest.mark.parametrize("form", ["", ":one-per-class"])
def test_the_control_opens_train_and_never_test(cells, monkeypatch, form):
    cell = control(cells, form)
    train = registry.target("digits").train(cell.data.root, cell.config.view)
    closed(monkeypatch, "test")
    source, _ = load_source(cell, CPU)
    shown = source.reductions[0].reshape(source.items, -1)
    known = {train[index].data[0].permute(1, 2, 0).numpy().tobytes() for index in range(len(train))}
    assert source.items == (len(train) if not form else 10)
    assert all(one.tobytes() in known for one in shown)
    closed(monkeypatch, "train")
    with pytest.raises(AssertionError, match="must not be opened"):
        load_source(cell, CPU)


def givers_of_items(files: Iterable[tuple[str, str]]) -> set[str]:
    """Return which files, (name, text), call a modality's only method that makes a source of items."""
    return {
        name
        for name, text in files
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and node.attr == "source_of_items"
    }


def test_only_the_control_gives_items_to_a_source():
    files = [(str(path.relative_to(PACKAGE)), path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")]
    assert givers_of_items(files) == {"data/training_items.py"}
    mutant = [(name, text + "\nmodality.source_of_items(items)\n") for name, text in files if "screening" in name]
    assert givers_of_items(mutant) == {"running/screening.py"}


def items_shown_to_a_student(cell, folder, monkeypatch):
    """Run a cell; return how many items the source of its student's stream has, and how often items became one."""
    streams, calls = [], []
    stream, of_items = PackagedModality.stream, PackagedModality.source_of_items

    def watched_stream(self, source, *given, **named):
        streams.append(source)
        return stream(self, source, *given, **named)

    def watched_items(self, *given):
        calls.append(given)
        return of_items(self, *given)

    monkeypatch.setattr(PackagedModality, "stream", watched_stream)
    monkeypatch.setattr(PackagedModality, "source_of_items", watched_items)
    record = run_cell(cell, Store(folder), device="cpu", callback=IgnoreProgress())
    assert record.status == "done", record.reason
    (source,) = streams
    return source.items, len(calls)


def test_a_cell_of_an_ordinary_source_shows_its_student_one_datum_and_a_mutant_is_found(cells, tmp_path, monkeypatch):
    (cell,) = cells()
    assert items_shown_to_a_student(cell, tmp_path / "a", monkeypatch) == (1, 0)
    items = control(cells)
    monkeypatch.setattr(runner, "load_source", lambda cell, device: load_source(items, device))
    shown, calls = items_shown_to_a_student(cell, tmp_path / "b", monkeypatch)
    assert shown > 1
    assert calls > 0


# --- its record --------------------------------------------------------------------------------------------------


def test_a_record_says_that_it_is_a_control_and_how_many_items_it_took(cells, tmp_path):
    record = run_cell(control(cells), Store(tmp_path), device="cpu", callback=IgnoreProgress())
    assert record.status == "done", record.reason
    train = registry.target("digits").train(Path(), cells()[0].config.view)
    sentence = f"segments are cut from {len(train):,} real training items, which the method never sees: a control."
    assert sentence in record.deviations
    assert record.source["name"] == REAL_TRAINING_ITEMS
    assert record.source["description"].startswith(f"{len(train):,} training items of Optical")


def test_the_same_control_gives_the_same_student(cells, tmp_path):
    stores = [Store(tmp_path / name) for name in "ab"]
    cell = control(cells, ":one-per-class")
    for store in stores:
        run_cell(cell, store, device="cpu", callback=IgnoreProgress())
    one, other = (store.predictions(cell.id).logp for store in stores)
    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("target", "quick"),
    [("cifar10", ("source.image=real-training-items", "view.size=16", "view.resize=16")),
     ("digits", ("source.image=real-training-items:cifar10", "view.size=8")),
     ("fsdd", ("source.audio=real-training-items",)), ("ucf101", ("source.video=real-training-items",))],
)  # fmt: skip
def test_every_modality_has_the_control(tmp_path, target, quick):
    settings = (*quick, "teacher.training.steps=40", "teacher.training.batch=16", "recipe.steps=3", "recipe.batch=8")
    settings += ("teacher.times_chance=0",)
    (cell,) = make_plan(Request(overrides=settings, profile="smoke", targets=(target,), root=Path("nowhere")))
    record = run_cell(cell, Store(tmp_path), device="cpu", callback=IgnoreProgress())
    assert record.status == "done", record.reason
    assert any("real training items" in sentence for sentence in record.deviations)
