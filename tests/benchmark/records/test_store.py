"""A kill at any moment leaves a record with its own files or none, and damage costs one sentence."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.records.store import Store
from example_records import outputs, record
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write


def test_what_was_written_is_read(tmp_path):
    store = Store(tmp_path / "results" / "smoke")
    made = record()  # once: it says when
    store.write(made, predictions=outputs(), curve=[{"step": 1, "loss": 0.25}, {"step": 2, "loss": 0.125}])
    assert store.read(made.id) == made
    again = store.predictions(record().id)
    assert list(again.item_ids) == list(outputs().item_ids)
    np.testing.assert_array_equal(again.labels, outputs().labels)
    np.testing.assert_array_equal(again.logp, outputs().logp)
    assert again.logp.dtype == np.float16
    assert store.curve(record().id) == [{"step": 1, "loss": 0.25}, {"step": 2, "loss": 0.125}]


def test_a_cell_without_a_record_is_none_and_not_an_error(tmp_path):
    store = Store(tmp_path / "none")
    assert store.read("digits-x-s0-0") is None
    assert store.predictions("digits-x-s0-0") is None
    assert store.curve("digits-x-s0-0") == []
    assert store.requested_cells() == []


def test_the_same_outputs_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        Store(tmp_path / name).write(record(), predictions=outputs(), curve=[{"step": 1}])
    for name in ("record.json", "predictions.npz", "curve.csv"):
        one, two = (Store(tmp_path / part).cell(record().id) / name for part in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_files_left_in_the_attempt_are_published_and_the_attempt_goes(tmp_path):
    store = Store(tmp_path)
    attempt = store.start_attempt(record().id)
    (attempt / "student.safetensors").write_bytes(b"weights")
    (attempt / "student-000000003.ckpt").write_bytes(b"checkpoint")
    store.write(record())
    assert sorted(path.name for path in store.cell(record().id).iterdir()) == ["record.json", "student.safetensors"]


@pytest.mark.parametrize(
    ("status", "kept"), [("failed", True), ("out of memory", True), ("diverged", False), ("refused", False)]
)
def test_checkpoints_outlive_only_attempts_that_a_rerun_may_continue(tmp_path, status, kept):
    store = Store(tmp_path)
    checkpoint = store.start_attempt(record().id) / "student.ckpt"
    checkpoint.write_bytes(b"checkpoint")
    store.write(record(status=status, reason="because"))
    assert checkpoint.exists() is kept


def test_a_later_attempt_supersedes_all_files_of_an_earlier_one(tmp_path):
    store = Store(tmp_path)
    store.write(record(), predictions=outputs(), curve=[{"step": 1}])
    store.write(record(status="failed", reason="no more"))
    assert store.read(record().id).status == "failed"
    assert store.predictions(record().id) is None
    assert store.curve(record().id) == []


@pytest.mark.parametrize("dies_at", range(1, 9))
def test_a_kill_at_any_moment_leaves_no_record_without_its_own_files(tmp_path, monkeypatch, dies_at):
    store = Store(tmp_path)
    first, second = record(metrics={"top1": 0.1}), record(metrics={"top1": 0.9})
    changed = replace(outputs(), labels=np.zeros(4, dtype=np.int64))
    store.write(first, predictions=outputs())
    moves = 0
    real_replace, real_unlink = Path.replace, Path.unlink

    def counted(move):
        def step(self, *arguments, **options):
            nonlocal moves
            moves += 1
            if moves == dies_at:
                raise KeyboardInterrupt
            return move(self, *arguments, **options)

        return step

    monkeypatch.setattr(Path, "replace", counted(real_replace))
    monkeypatch.setattr(Path, "unlink", counted(real_unlink))
    with contextlib.suppress(KeyboardInterrupt):
        store.write(second, predictions=changed)
    monkeypatch.undo()
    found = store.read(first.id)
    if found is not None:
        expected = changed if found == second else outputs()
        np.testing.assert_array_equal(store.predictions(first.id).labels, expected.labels)
    store.write(second, predictions=changed)
    assert store.read(first.id) == second


def test_reasons_and_tracebacks_are_stored_without_folders(tmp_path):
    store = Store(tmp_path)
    store.write(record(status="failed", reason="/home/me/x.png is damaged.", traceback='File "/home/me/y.py", line 1'))
    text = (store.record_file(record().id)).read_text()
    assert "x.png is damaged." in text
    assert "/home" not in text


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"{}", b"null"])
def test_a_damaged_record_costs_one_sentence_that_names_the_file(tmp_path, damage):
    store = Store(tmp_path)
    store.write(record())
    path = store.record_file(record().id)
    path.write_bytes(damage)
    with pytest.raises(BadInput) as caught:
        store.read(record().id)
    assert str(path) in str(caught.value)


def test_a_record_in_another_cells_folder_is_refused(tmp_path):
    store = Store(tmp_path)
    store.write(record())
    store.cell(record().id).rename(store.cell("other"))
    with pytest.raises(BadInput, match="is the record of cell"):
        store.read("other")


@pytest.mark.parametrize("part", [slice(0, 0), slice(0, 50), slice(0, -30)])
def test_damaged_predictions_cost_one_sentence(tmp_path, part):
    store = Store(tmp_path)
    store.write(record(), predictions=outputs())
    path = store.cell(record().id) / "predictions.npz"
    path.write_bytes(path.read_bytes()[part])
    with pytest.raises(BadInput, match=r"predictions\.npz"):
        store.predictions(record().id)


def test_predictions_are_never_unpickled(tmp_path):
    store = Store(tmp_path)
    store.write(record(), predictions=outputs())
    trap = np.array([print], dtype=object)
    np.savez(store.cell(record().id) / "predictions.npz", item_ids=trap, labels=trap, logp=trap)
    with pytest.raises(BadInput, match=r"predictions\.npz cannot be read"):
        store.predictions(record().id)


def test_a_damaged_curve_costs_one_sentence(tmp_path):
    store = Store(tmp_path)
    store.write(record(), curve=[{"step": 1, "loss": 2.0}])
    (store.cell(record().id) / "curve.csv").write_text("step,loss\n1,two\n")
    with pytest.raises(BadInput, match=r"curve\.csv"):
        store.curve(record().id)


@pytest.mark.parametrize("id", ["../../etc", "a/b", "", ".hidden", "a\nb"])
def test_no_name_of_a_cell_leaves_the_store(tmp_path, id):
    with pytest.raises(BadInput, match="is not a valid name of a cell"):
        Store(tmp_path).cell(id)


def test_a_folder_that_cannot_be_written_is_found_before_the_work(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match=r"cannot be written .*; free it, or choose another results folder\.$"):
        Store(tmp_path / "file" / "smoke").check_writable()
    store = Store(tmp_path / "fresh")
    store.check_writable()
    assert list((store.root / "cells").iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    atomic_write(path, "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="No space left on device"):
        atomic_write(path, "new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]
    assert path.read_text() == "old"


@pytest.mark.parametrize("text", ["Infinity", "\\ud800", "1e999"])
def test_a_text_in_a_manifest_may_look_like_anything_and_a_number_has_to_be_finite(tmp_path, text):
    store = Store(tmp_path)
    path = store.write_manifest("all", {"overrides": ["TEXT"]}, [])
    path.write_text(path.read_text().replace('"TEXT"', f'"{text}"'))
    assert len(store.manifest_files()) == 1
    path.write_text(path.read_text().replace(f'"{text}"', "1e999"))
    with pytest.raises(BadInput, match="is not a manifest"):
        store.manifest_files()
