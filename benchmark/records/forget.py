"""Retire cells: take them out of the manifests. Records and whatever lies beside them stay."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from benchmark.records.record import Manifest, ManifestEntry
from benchmark.records.store import Store, save_manifest
from modalities.errors import BadInput, UnknownName
from modalities.storage.locks import path_lock


def requested_as(store: Store, name: str) -> list[ManifestEntry]:
    """Return the requested cells that a name means: those of a row, by its id, or one cell, by a part of its id.

    Raises UnknownName if nothing has that name, and BadInput if several cells have.
    """
    cells = store.requested_cells()
    found = [cell for cell in cells if cell.row == name] or [cell for cell in cells if cell.id == name]
    if found:
        return found
    found = [cell for cell in cells if name in cell.id]
    if not found:
        raise UnknownName("requested cell or row", name, [*(cell.row for cell in cells), *(cell.id for cell in cells)])
    if len(found) > 1:
        raise BadInput(f"'{name}' is a part of {len(found)} cells; give more of the id, or the row {found[0].row}.")
    return found


def forget(store: Store, ids: Collection[str]) -> None:
    """Take cells out of all manifests of a store. Raises BadInput if a manifest is damaged or cannot be written.

    A manifest that is left without cells stays if it has claims, since it says when they were written down.
    """
    with path_lock(store.manifests):
        for path, manifest in store.manifest_files().items():
            kept = _without(manifest, ids)
            if kept.cells or kept.claims:
                save_manifest(path, kept)
            else:
                path.unlink(missing_ok=True)


def _without(manifest: Manifest, ids: Collection[str]) -> Manifest:
    cells = [cell for cell in manifest.cells if cell.id not in ids]
    rows = {cell.row for cell in cells}
    return replace(
        manifest,
        cells=cells,
        settings={row: own for row, own in manifest.settings.items() if row in rows},
        variants={label: [row for row in own if row in rows] for label, own in manifest.variants.items()},
    )
