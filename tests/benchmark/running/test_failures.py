"""A cell whose process died gets a row if one can be written, and costs no other cell if none can."""

from __future__ import annotations

import pytest

from benchmark.planning.cell import Cell
from benchmark.records.provenance import provenance
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.running.failures import keep, note_failure
from modalities.errors import BadInput
from modalities.storage.locks import LockHeld, do_not_wait, exclusive_lock

DIED = "the worker process of this cell died (signal 9)."


@pytest.fixture
def cell(cells) -> Cell:
    (found,) = cells()
    return found


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "smoke")


def note(cell: Cell, store: Store, expected_stamp: str = "") -> Record:
    return note_failure(cell, store, DIED, device="cpu", expected_stamp=expected_stamp, waiting=do_not_wait)


def test_a_failure_is_a_row(cell, store):
    record = note(cell, store)
    assert (record.status, record.reason) == ("failed", DIED)
    assert store.read(cell.id) == record


def test_a_file_in_place_of_the_attempts_folder_still_allows_a_row_which_names_no_folders(cell, store):
    (store.cell(cell.id)).mkdir(parents=True)
    (store.cell(cell.id) / "attempt").write_text("mine")
    reason = f"{store.cell(cell.id)}/attempt cannot be made (File exists); free it."
    note_failure(cell, store, reason, device="cpu", expected_stamp="", waiting=do_not_wait)
    assert store.read(cell.id).reason == "attempt cannot be made (File exists); free it."
    assert (store.cell(cell.id) / "attempt").read_text() == "mine"


@pytest.mark.parametrize("obstacle", ["cell", "lock"])
def test_a_cells_folder_that_cannot_be_written_costs_that_cell_only_and_the_reason_says_both(cell, store, obstacle):
    folder = store.cell(cell.id)
    if obstacle == "cell":
        folder.parent.mkdir(parents=True)
        folder.write_text("mine")
    else:
        (folder / ".lock").mkdir(parents=True)
    record = note(cell, store)
    assert record.status == "failed"
    assert record.reason.startswith(f"{DIED} This could not be recorded: {folder} cannot be written (")
    assert record.reason.endswith("; free it, or choose another results folder.")
    assert [path.name for path in folder.parent.iterdir()] == [cell.id], "no probe remains"


def test_the_same_sentence_is_not_repeated(cell, store):
    store.cell(cell.id).parent.mkdir(parents=True)
    store.cell(cell.id).write_text("mine")
    with pytest.raises(BadInput) as refused, exclusive_lock(store.cell(cell.id), do_not_wait):
        pass
    record = note_failure(cell, store, str(refused.value), device="cpu", expected_stamp="", waiting=do_not_wait)
    assert record.reason == str(refused.value)


def test_results_in_which_nothing_can_be_written_are_refused(cell, store, monkeypatch):
    def full(path: object, content: object) -> None:
        raise BadInput(f"{path} cannot be written (No space left on device).")

    monkeypatch.setattr("benchmark.records.store.atomic_write", full)
    monkeypatch.setattr(Store, "write", lambda self, record: full(record.id, ""))
    with pytest.raises(BadInput, match="No space left on device"):
        note(cell, store)


def test_a_record_written_meanwhile_is_returned_and_an_earlier_one_is_replaced(cell, store):
    done = cell.record("done", provenance=provenance("cpu", 1))
    store.write(done)
    assert note(cell, store) == done
    assert note(cell, store, expected_stamp=store.stamp(cell.id)).status == "failed"


def test_a_record_that_vanished_meanwhile_is_replaced(cell, store):
    assert note(cell, store, expected_stamp="an earlier one").status == "failed"
    assert store.read(cell.id).status == "failed"


def test_a_cell_that_another_process_is_working_on_is_left_to_it(cell, store):
    with exclusive_lock(store.cell(cell.id), do_not_wait), pytest.raises(LockHeld):
        note(cell, store)


def test_a_record_of_any_status_is_written_and_becomes_a_failure_if_it_cannot_be(cell, store):
    absent = cell.record("no data", "absent; fetch it.", provenance=provenance("none", 0))
    assert keep(store, absent, waiting=do_not_wait) == absent
    assert store.read(cell.id) == absent
    (store.cell(cell.id) / ".lock").unlink(missing_ok=True)
    (store.cell(cell.id) / ".lock").mkdir()
    record = keep(store, absent, waiting=do_not_wait)
    assert record.status == "failed"
    assert record.reason.startswith("absent; fetch it. This could not be recorded: ")
