"""Names of sources that stand for real training items, and the items that a cell then takes."""

from __future__ import annotations

from collections.abc import Callable

from benchmark.data.locate import DataLocation
from benchmark.data.training_items import TrainingItems
from benchmark.records.record import REAL_TRAINING_ITEMS, is_real_training_items
from modalities import registry
from modalities.base import SourceRef
from modalities.errors import BadInput, UnknownName

ONE_PER_CLASS = "one-per-class"


def items_target(name: str, target: str) -> str | None:
    """Return the target whose training items the name of a source means in cells of ``target``; None if it means none.

    Raises BadInput if that target is unknown, of another modality, or ``target`` itself, which goes without saying.
    """
    if not is_real_training_items(name):
        return None
    which = name.removeprefix(REAL_TRAINING_ITEMS).removeprefix(":")
    if name == REAL_TRAINING_ITEMS or which == ONE_PER_CLASS:
        return target
    modality = registry.target(target).info.modality
    if which not in registry.target_names():
        raise UnknownName("target", which, [ONE_PER_CLASS, *registry.target_names()])
    if which == target:
        raise BadInput(f"the source '{name}' names the cell's own target; write {REAL_TRAINING_ITEMS} alone.")
    other = registry.target(which).info.modality
    if other != modality:
        raise BadInput(f"the source '{name}' names a target of the modality {other}, and {target} is {modality}.")
    return which


def source_in_fold(
    name: str, datum: SourceRef | None, target: str, fold: int, data_of: Callable[[str, int], DataLocation]
) -> tuple[SourceRef, TrainingItems | None]:
    """Return the source of a target's cells in a fold: ``datum``, or without one the training items of that name.

    Another target's items are those of its first fold. ``data_of`` tells where the data of a target's fold are. Raises
    BadInput if a file is called as the control is: its rows would stand among the control's.
    """
    if datum is not None:
        if is_real_training_items(datum.name):
            raise BadInput(f"the file {datum.name} has the name of a control; give it another one.")
        return datum, None
    whose = items_target(name, target) or target
    of_fold = fold if whose == target else 1
    title, one_per_class = registry.target(whose).info.title, name.endswith(f":{ONE_PER_CLASS}")
    items = TrainingItems(name, whose, title, data_of(whose, of_fold), of_fold, one_per_class)
    return items.ref, items
