"""A cell of the results folder by its id, or by as much of it as is needed; a row by its id."""

from __future__ import annotations

from pathlib import Path

from benchmark.records.record import Record
from benchmark.records.store import Store
from modalities.errors import BadInput, UnknownName


def find_cell(results: Path, name: str) -> tuple[Store, Record]:
    """Return the store and the record of a cell, by its id or a part of it that no other cell has.

    Cells of all profiles below ``results`` are looked at; of several that have run the same cell, the first with a
    record is taken. Raises BadInput if no cell or several have that name, or if the cell has no record.
    """
    folders = [folder for folder in sorted(results.glob("*/cells/*")) if folder.is_dir()]
    found = [folder for folder in folders if folder.name == name] or [
        folder for folder in folders if name and name in folder.name
    ]
    if not folders:
        raise BadInput(f"{results} has no cells; run one first.", about="results")
    if not found:
        raise UnknownName("cell", name, [folder.name for folder in folders])
    names = list(dict.fromkeys(folder.name for folder in found))
    if len(names) > 1:
        named = ", ".join(names[:4]) + (" …" if len(names) > 4 else "")
        raise BadInput(f"'{name}' is a part of {len(names)} cells ({named}); give more of the id.")
    for store in (Store(folder.parents[1]) for folder in found):
        if record := store.read(names[0]):
            return store, record
    raise BadInput(f"the cell {names[0]} has no record yet; run it to the end first.")


def find_records(results: Path, name: str) -> tuple[Store, list[Record]]:
    """Return the store and the records of a row, by its id, seed by seed; or else those of a cell (``find_cell``).

    Raises BadInput if a row has no records, as ``find_cell`` does, or if a manifest is damaged.
    """
    for folder in sorted(results.glob("*/")):
        store = Store(folder)
        ids = {cell.id: cell.seed for cell in store.requested_cells() if cell.row == name}
        if ids:
            found = [store.read(id) for id in sorted(ids, key=lambda id: ids[id])]
            records = [record for record in found if record is not None]
            if not records:
                raise BadInput(f"no cell of the row {name} has a record yet; run them first.")
            return store, records
    store, record = find_cell(results, name)
    return store, [record]
