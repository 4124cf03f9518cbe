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


def row_outcomes(store: Store, cells: Sequence[str], metric: str) -> RowOutcomes:
    """Read the predictions of a row's cells, one for each seed, and keep a bit of each.

    Raises BadInput if those of a cell are missing or damaged, or are made on other test items than the first one's.
    """
    import numpy as np

    from benchmark.evaluation.metrics import predicted
    from benchmark.statistics.items import design_of

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
    balanced = metric == "mean per-class"
    design = design_of(len(first.labels), first.groups, first.labels if balanced else None)
    return RowOutcomes(np.array(right), list(first.item_ids), first.labels, design)
