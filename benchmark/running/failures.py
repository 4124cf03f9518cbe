"""What is kept of a cell that came to no record of its own: a row that says why, where one can be written."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from benchmark.planning.cell import Cell
from benchmark.records.provenance import provenance
from benchmark.records.record import Record
from benchmark.records.store import Store
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write
from modalities.storage.locks import exclusive_lock


def note_failure(
    cell: Cell, store: Store, reason: str, *, device: str, expected_stamp: str, waiting: Callable[[str], None]
) -> Record:
    """Keep a ``failed`` record of a cell whose process died, or whose folder cannot be used; see ``keep``.

    Args:
        known: the stamp (``Store.stamp``) of the record that the cell had before it was tried.
    """
    record = cell.record("failed", reason, provenance=provenance(device, cell.config.threads))
    return keep(store, record, expected_stamp=expected_stamp, waiting=waiting)


def keep(store: Store, record: Record, *, waiting: Callable[[str], None], expected_stamp: str | None = None) -> Record:
    """Keep a record that is nothing but a status and a reason.

    A record that came there meanwhile (the cell's last deed, or another run's) is taken instead. Where the cell's
    folder takes none, the ``failed`` one that is returned is all there is: it costs this cell and no other.

    Args:
        known: the stamp of the record that may be replaced; any one where it is left out.
        waiting: see ``exclusive_lock``.

    Raises:
        BadInput: nothing can be written in the results folder.
    """
    try:
        with exclusive_lock(store.cell(record.id), waiting):
            if expected_stamp not in (None, store.stamp(record.id)) and (found := _read(store, record.id)) is not None:
                return found
            store.write(record)
    except BadInput as error:
        _check_room(store, record)
        also = "" if str(error) == record.reason else f" No record can say so: {error}"
        return replace(record, status="failed", reason=f"{record.reason}{also}")
    return record


def _read(store: Store, id: str) -> Record | None:
    with contextlib.suppress(BadInput):
        return store.read(id)
    return None


def _check_room(store: Store, record: Record) -> None:
    """Raises BadInput where the record would not fit beside the cells' folders either."""
    probe = store.root / "cells" / ".writable"
    atomic_write(probe, record.to_json())
    probe.unlink(missing_ok=True)
