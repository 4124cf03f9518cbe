"""The test items that a target's students are scored on: ids, labels and leak units in their order; none is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.config.compose import compose_target
from benchmark.data.fingerprint import test_set_of
from benchmark.data.locate import DataLocation, ensure, examine, locate
from benchmark.records.record import TestSet
from modalities import registry
from modalities.base import TargetInfo
from modalities.errors import Argument, BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ScoredItems:
    """The n test items of a target, in one fold, under a profile, which says whether data are real or stand-ins."""

    info: TargetInfo
    profile: str
    fold: int
    location: DataLocation
    ids: list[str]
    labels: NDArray[np.int64]  # (n,) index into ``info.classes``
    groups: list[str]  # the leak unit of each item

    @property
    def test_set(self) -> TestSet:
        """What a record says of them: their number, that of the whole dataset, and a hash of their ids in order."""
        return test_set_of(self.ids, self.info, self.fold, self.location.kind)

    def __str__(self) -> str:
        fold = f", fold {self.fold}" if self.info.folds > 1 else ""
        kind = self.location.kind
        data = f"{kind} data, as in the profile {self.profile}" if kind == "stand-in" else f"{kind} data"
        return f"the {len(self.ids):,} test items of {self.info.name} ({data}{fold})"


def scored_items(target: str, profile: str, root: Path, fold: int = 1) -> ScoredItems:
    """Return a target's test items, as the adapter lists them; a stand-in that a profile asks for is written first.

    Raises BadInput for an unknown target or profile, a fold that the target does not have, or data that are not there.
    """
    adapter = registry.target(target)
    config = compose_target(target, [], profile=profile, suite="all")
    if not 1 <= fold <= adapter.info.folds:
        raise BadInput(f"{target} has no fold {fold}; choose 1 to {adapter.info.folds}.")
    location = locate(adapter, config.profile.data, root)
    ensure(location, adapter)
    location = examine(location, adapter, config.view, fold)
    if not location.ready:
        about: Argument | None = "root" if location.kind == "real" else None
        raise BadInput(f"the test items of {target} are not known: {location.instructions}", about)
    data = adapter.test(location.root, config.view, fold)
    return ScoredItems(
        adapter.info, config.profile.name, fold, location, list(data.item_ids), data.labels, list(data.groups)
    )  # fmt: skip
