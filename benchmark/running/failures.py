"""Records that hold only a status and a reason, such as that of a cell whose process died."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from benchmark.planning.cell import Cell
from benchmark.records.provenance import provenance
from benchmark.records.record import Record
from benchmark.records.store import Store
from modalities.errors import BadInput
from modalities.storage.locks import exclusive_lock


def note_failure(
    cell: Cell, store: Store, reason: str, *, device: str, expected_stamp: str, waiting: Callable[[str], None]
) -> Record:
    """Write a ``failed`` record of a cell whose process died, or whose folder cannot be used; see ``keep``."""
    record = cell.record("failed", reason, provenance=provenance(device, cell.config.threads))
    return keep(store, record, expected_stamp=expected_stamp, waiting=waiting)


def keep(store: Store, record: Record, *, waiting: Callable[[str], None], expected_stamp: str | None = None) -> Record:
    """Write a record that holds only a status and a reason; return what is then the cell's record.

    If another record was written meanwhile (by the cell's own process just before it died, or by another run), return
    that one. If the cell's folder cannot be written, return a ``failed`` record that is not on disk: this costs only
    this cell. Raise BadInput if nothing can be written in the results folder. ``expected_stamp`` (``Store.stamp``) is
    that of the record that may be replaced; None replaces any.
    """
    try:
        with exclusive_lock(store.cell(record.id), waiting):
            replaced = expected_stamp not in (None, store.stamp(record.id))
            if replaced and (found := read_if_valid(store, record.id)) is not None:
                return found
            store.write(record)
    except BadInput as error:
        store.check_writable(record.to_json())
        also = "" if str(error) == record.reason else f" This could not be recorded: {error}"
        return replace(record, status="failed", reason=f"{record.reason}{also}")
    return record


def read_if_valid(store: Store, id: str) -> Record | None:
    """Read a cell's record; None if there is none, or only a damaged one."""
    with contextlib.suppress(BadInput):
        return store.read(id)
    return None


def record_from_other_run(store: Store, id: str, expected_stamp: str | None = None) -> Record | None:
    """Return the record that another process wrote since it had ``expected_stamp``; if None, only one that is done."""
    found = read_if_valid(store, id)
    changed = expected_stamp is not None and store.stamp(id) != expected_stamp
    return found if found is not None and (changed or found.status == "done") else None
