"""What planned seeds and test items can show: the smallest difference of two rows, before anything has run."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Sequence

from benchmark.planning.cell import Cell
from benchmark.records.record import ACCURACIES
from benchmark.records.store import Store
from benchmark.statistics.planning import minimum_detectable_effect
from modalities.errors import BadInput


def smallest_differences(cells: Sequence[Cell], done: Collection[str], store: Store) -> dict[str, float]:
    """Return by id the difference to another row, as a share, that a cell's row and its seeds detect in 80 % of cases.

    The test items are the effective ones of the first cell of the same target that is ``done`` (``effective_items``:
    fewer if items share a leak unit); until there is one, all that the dataset is known to have. Cells on a stand-in
    without a result are missing, for its size is not known, and so are cells of targets whose size is not.
    """
    seeds = Counter(cell.row for cell in cells)
    measured: dict[tuple[str, int, str], float | None] = {}
    for cell in cells:
        if cell.id in done and _test_set(cell) not in measured:
            measured[_test_set(cell)] = _effective_items(cell, store)
    found = {}
    for cell in cells:
        known = None if cell.data.kind == "stand-in" else cell.adapter.info.known_test_items(cell.key.fold)
        if items := measured.get(_test_set(cell)) or known:
            found[cell.id] = minimum_detectable_effect(items, seeds[cell.row])
    return found


def _test_set(cell: Cell) -> tuple[str, int, str]:
    return cell.key.target, cell.key.fold, cell.data.kind


def _effective_items(cell: Cell, store: Store) -> float | None:
    with contextlib.suppress(BadInput):
        if record := store.read(cell.id):
            return record.metrics.get(f"{ACCURACIES[record.metric]}_effective_items")
    return None
