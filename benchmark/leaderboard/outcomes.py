"""Which test items the students of a row predict rightly, read from the predictions beside their records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.records.store import Predictions, Store
from modalities.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.statistics.items import ItemDesign


@dataclass(frozen=True)
class RowOutcomes:
    """Whether each student of a row is right on each item, and how the items count."""

    right: NDArray[np.bool_]  # (S, n)
    item_ids: list[str]
    labels: NDArray[np.integer[Any]]
    design: ItemDesign

    def same_items(self, other: RowOutcomes) -> bool:
        return self.item_ids == other.item_ids and bool((self.labels == other.labels).all())


def row_outcomes(store: Store, *folds: Sequence[str], metric: str) -> RowOutcomes:
    """Read the predictions of a row's cells, one for each seed, and keep a bit of each.

    Of several ``folds``, each with a cell for each seed in the same order, the test items follow each other. Raises
    BadInput if the predictions of a cell are missing or damaged, or are made on other test items than those of the
    first cell of its fold.
    """
    import numpy as np

    from benchmark.statistics.items import design_of

    right, first = zip(*(_of_fold(store, cells) for cells in folds), strict=True)
    labels = np.concatenate([found.labels for found in first])
    groups = [group for found in first for group in found.groups]
    design = design_of(len(labels), groups, labels if metric == "mean per-class" else None)
    ids = [id for found in first for id in found.item_ids]
    return RowOutcomes(np.concatenate(right, axis=1), ids, labels, design)


def _of_fold(store: Store, cells: Sequence[str]) -> tuple[NDArray[np.bool_], Predictions]:
    """Return whether each cell's student is right on each item, (S, n), and the predictions of the first cell."""
    import numpy as np

    from benchmark.evaluation.metrics import predicted

    right: list[NDArray[np.bool_]] = []
    first: Predictions | None = None
    for id in cells:
        found = store.predictions(id)
        if found is None:
            raise BadInput(f"the predictions of {id} are missing; run its cell again.")
        first = first or found
        if found.item_ids != first.item_ids or not np.array_equal(found.labels, first.labels):
            raise BadInput(f"{id} is scored on other test items than {cells[0]}; run both cells again.")
        right.append(predicted(found.logp) == found.labels)
    if first is None:
        raise ValueError("a row of no cells")
    return np.array(right), first
