"""A cell of the results folder by its id, or by as much of it as is needed."""

from __future__ import annotations

from pathlib import Path

from benchmark.records.record import Record
from benchmark.records.store import Store
from modalities.errors import BadInput, UnknownName


def find_cell(results: Path, name: str) -> tuple[Store, Record]:
    """Return the store and the record of a cell, by its id or a part of it that no other cell has.

    Cells of all profiles below ``results`` are looked at. Raises BadInput if no cell or several have that name, or if
    the cell has no record.
    """
    folders = [folder for folder in sorted(results.glob("*/cells/*")) if folder.is_dir()]
    found = [folder for folder in folders if folder.name == name] or [
        folder for folder in folders if name and name in folder.name
    ]
    if not folders:
        raise BadInput(f"{results} has no cells; run one first.", about="results")
    if not found:
        raise UnknownName("cell", name, [folder.name for folder in folders])
    if len(found) > 1:
        names = ", ".join(folder.name for folder in found[:4]) + (" …" if len(found) > 4 else "")
        raise BadInput(f"'{name}' is a part of {len(found)} cells ({names}); give more of the id.")
    store = Store(found[0].parents[1])
    record = store.read(found[0].name)
    if record is None:
        raise BadInput(f"the cell {found[0].name} has no record yet; run it to the end first.")
    return store, record
