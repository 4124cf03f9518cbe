"""From a record back to its cell, so that what a run made can be used again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from benchmark.config.compose import compose_target
from benchmark.config.schema import Recipe, Student, Teacher, Training
from benchmark.data.locate import DataLocation, examine, locate
from benchmark.planning.cell import Cell
from benchmark.planning.plan import AS_BEFORE
from benchmark.planning.plugins import place_of
from benchmark.planning.training_items import items_target, source_in_fold
from benchmark.records.cell_key import CellKey
from benchmark.records.record import Record
from modalities import registry
from modalities.base import Modality, SourceRef
from modalities.errors import BadInput
from modalities.storage.paths import user_path

T = TypeVar("T")


def cell_of_record(record: Record, root: Path, *, source: str = "") -> Cell:
    """Return the cell that a record was made by, with the settings that its id covers.

    Args:
        root: folder of the real datasets.
        source: path of the source's file; a named source needs none.

    Raises BadInput if the source or the target's data are not the ones that the record names, or if the record is of
    predictions that were handed in.
    """
    refuse_handed_in(record)
    adapter = registry.target(record.target)
    modality, identity = registry.modality(adapter.info.modality), record.config
    config = compose_target(record.target, [], profile="demo", suite="all")
    config.profile.name, config.profile.data = record.profile, "real" if record.data == "real" else "stand-in"
    config.view = _filled(modality.view_type, identity["view"])
    config.policy = _filled(modality.policy_type, identity["policy"])
    training = _filled(Training, {"compile": "none"} | identity["teacher"]["training"])
    config.teacher = _filled(Teacher, identity["teacher"] | {"training": training})
    config.student = _filled(Student, identity["student"])
    config.recipe = _filled(Recipe, {"compile": "none"} | identity["recipe"])
    config.data.train_per_class, config.threads = identity["train_per_class"], identity["threads"]
    config.method = identity.get("method", "segments")
    for setting, plugin in identity.get("plugins", {}).items():
        section, _, last = setting.rpartition(".")
        holder = attrgetter(section)(config) if section else config
        place = place_of(setting, getattr(holder, last), plugin["sha256"])
        object.__setattr__(holder, last, place)  # policies are frozen
    config.seeds, config.folds = [record.seed], [record.fold]
    path = str(user_path(source)) if source else record.source["name"]
    setattr(config.source, adapter.info.modality, path)

    def data_of(name: str, fold: int) -> DataLocation:
        of = registry.target(name)
        return examine(locate(of, config.profile.data, root, subset=True), of, config.view, fold)

    datum = None
    if items_target(path, record.target) is None:
        datum = _datum(record, lambda: modality.source_ref(path))
    ref, items = source_in_fold(path, datum, record.target, record.fold, data_of)
    data = data_of(record.target, record.fold)
    if not data.ready:
        raise BadInput(data.instructions)
    if data.fingerprint != record.data_fingerprint:
        problem = f"the data of {record.target} in {data.root} are not those that {record.id} was scored on"
        raise BadInput(f"{problem}; give the folder of those.", about="root")
    key = {entry.name: getattr(record, entry.name) for entry in fields(CellKey)} | {"source": ref.name}
    return Cell(
        id=record.id, row=record.row, key=CellKey(**key), source=ref, source_path=path, data=data, config=config,
        identity=identity, teacher_key=record.teacher_key or "", items=items,
    )  # fmt: skip


def refuse_handed_in(record: Record) -> None:
    """Raise BadInput if a record's predictions were handed in, since no cell was run for it."""
    if record.is_handed_in:
        problem = f"the predictions of {record.id} were handed in, and nothing else of it is known"
        raise BadInput(f"{problem}; choose a cell that was run here.")


def view_and_policy(record: Record, modality: Modality) -> tuple[Any, Any]:
    """Return the view and the policy that a record's segments were made with.

    Raises BadInput if the record does not say, as that of predictions that were handed in, or if the policy is a
    plug-in's, which a record knows by its hash alone.
    """
    refuse_handed_in(record)
    own = record.config
    if not isinstance(own.get("view"), Mapping) or not isinstance(own.get("policy"), Mapping):
        raise BadInput(f"the record of {record.id} does not say how its segments were made; run its cell again.")
    if any(setting.startswith("policy") for setting in own.get("plugins", {})):
        raise BadInput(
            f"the segments of {record.id} were made by a policy of a plug-in, which is not part of a record."
        )
    return _filled(modality.view_type, own["view"]), _filled(modality.policy_type, own["policy"])


def _datum(record: Record, identify: Callable[[], SourceRef]) -> SourceRef:
    name = record.source["name"]
    try:
        ref = identify()
    except BadInput as error:
        raise BadInput(f"the source of {record.id} is needed ({error}); give the file {name}.") from error
    if ref.sha256 != record.source["sha256"]:
        raise BadInput(f"this {ref.name} is not the source of {record.id}, which is another file or version; give it.")
    return ref


def _filled(kind: type[T], values: Mapping[str, Any]) -> T:
    """Return a section of settings; what is younger than the record has the value that changes nothing."""
    names = [entry.name for entry in fields(kind)]  # type: ignore[arg-type]
    return kind(
        **{name: values.get(name, AS_BEFORE.get(name)) for name in names if name in values or name in AS_BEFORE}
    )
