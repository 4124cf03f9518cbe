"""From a request to cells: each target's configuration, its data, its source, and the ids that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from benchmark.config.compose import to_container
from benchmark.config.schema import Config
from benchmark.data.locate import DataLocation, examine, locate
from benchmark.planning.cell import Cell
from benchmark.planning.plugins import described, plugins_of
from benchmark.planning.resolve import Resolved, resolve, settle
from benchmark.planning.select import Request
from benchmark.planning.training_items import items_target, source_in_fold
from benchmark.records.cell_key import CellKey
from benchmark.records.identity import canonical_json, cell_id, row_id
from benchmark.records.json_checks import first_problem
from modalities import registry
from modalities.base import SourceRef
from modalities.errors import BadInput
from modalities.plugins.find import title
from modalities.storage.digest import file_sha256

T = TypeVar("T")


class Once:
    """What the cells of one plan share: each question, such as where a target's data are, is answered once."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, Any] = {}

    def __call__(self, question: Hashable, answer: Callable[[], T]) -> T:
        if question not in self._answers:
            self._answers[question] = answer()
        found: T = self._answers[question]
        return found


def make_plan(request: Request | Resolved) -> list[Cell]:
    """Return every cell of a request in running order, seeds last. Raise BadInput if a name or a file is wrong."""
    resolved = resolve(request)
    cells: list[Cell] = []
    once = Once()
    for target, label, config in resolved.configurations:
        found = cells_of(target, config, resolved.request.root, resolved.request.device, once=once)
        cells += [replace(cell, variants=(label,)) for cell in found] if label else found
    unique: dict[str, Cell] = {}
    for cell in cells:
        same = unique.setdefault(cell.id, cell)
        if not set(cell.variants) <= set(same.variants):
            unique[cell.id] = replace(same, variants=(*same.variants, *cell.variants))
    return list(unique.values())


def cells_of(
    target: str, config: Config, root: Path, device: str, *, own: Collection[str] = (), once: Once | None = None
) -> list[Cell]:
    """Return the cells of one composed configuration, its folds times its seeds. Raise BadInput if it cannot be used.

    ``device`` is ``cpu`` or ``cuda``, without a number; ``own`` has the roles (``student``, ``teacher``) for which the
    caller has a module, so that their networks cannot be looked up by name. With ``once``, cells of several
    configurations look at a file or at a target's data once, and not once for each.
    """
    once = once or Once()
    adapter = registry.target(target)
    modality_name = adapter.info.modality
    modality = registry.modality(modality_name)
    # here, instead of in every cell when it runs
    settle(config, device, modality_name, roles=tuple(role for role in ("teacher", "student") if role not in own))
    plugins = plugins_of(config)
    source_path = str(getattr(config.source, modality_name))
    datum = None
    if items_target(source_path, target) is None:
        datum = once(("source", modality_name, source_path), partial(modality.source_ref, source_path))
    of_settings = teacher_identity(config, once) | described(plugins, of="teacher")
    view = canonical_json(of_settings["view"])

    def data_of(name: str, fold: int) -> DataLocation:
        kind, subset, of = config.profile.data, config.data.subset, registry.target(name)
        location = once(("place", name, kind, root, subset), partial(locate, of, kind, root, subset=subset))
        return once(("data", name, location, view, fold), partial(examine, location, of, config.view, fold))

    cells = []
    for fold in config.folds:
        data = data_of(target, fold)
        source, items = source_in_fold(source_path, datum, target, fold, data_of)
        found = {"data": data.kind, "data_fingerprint": data.fingerprint}
        of_teacher = {"target": target, "modality": modality_name, **found, **of_settings}
        # A teacher has no source and no seed; its network and 0 in their places make its key as readable as an id.
        teacher_key = cell_id({**of_teacher, "fold": fold, "source": title(config.teacher.network), "seed": 0})
        of_row = {**of_teacher, **student_identity(config, source), **described(plugins), "fold": fold}
        row = row_id(of_row)
        for seed in config.seeds:
            identity = {**of_row, "seed": seed}
            try:
                key = CellKey(
                    modality=modality_name, target=target, fold=fold, source=source.name, policy=config.policy.name,
                    recipe=recipe_name(config), teacher=title(config.teacher.network),
                    student=title(config.student.network), profile=config.profile.name, data=data.kind,
                    seed=seed,
                )  # fmt: skip
            except ValidationError as error:
                raise BadInput(f"a cell of {target} cannot be named ({first_problem(error)}).") from error
            cells.append(
                Cell(
                    id=cell_id(identity), row=row, key=key, source=source, source_path=source_path,
                    data=data, config=config, identity=identity, teacher_key=teacher_key, items=items,
                )
            )  # fmt: skip
    return cells


def recipe_name(config: Config) -> str:
    """Return what a cell's recipe is called in keys and tables: with the method, unless that is segments alone."""
    named = "" if config.method == "segments" else f" + {title(config.method)}"
    return f"{config.recipe.name}{named}"


def student_identity(config: Config, source: SourceRef) -> dict[str, Any]:
    """Return what changes a student besides its data and its teacher."""
    policy, recipe = to_container(config.policy), to_container(config.recipe)
    return {
        "source": {"name": source.name, "sha256": source.sha256},
        "policy": _without_later({**policy, "code": title(policy["code"])}),
        "student": _without_later({"network": title(config.student.network), "start": config.student.start}),
        "recipe": _changing_numbers({**recipe, "loss": title(recipe["loss"])}),
        **({} if config.method == "segments" else {"method": title(config.method)}),
    }


def teacher_identity(config: Config, once: Once) -> dict[str, Any]:
    """Return what changes a teacher besides its data; a weights file counts by its content, not by its path."""
    settings: dict[str, Any] = _without_later(to_container(config.teacher))
    del settings["times_chance"]  # decides whether a teacher is used, not what it is
    settings["training"] = _changing_numbers(settings["training"])
    settings["network"] = title(settings["network"])
    if config.teacher.weights:
        path = Path(config.teacher.weights)
        remedy = "give a safetensors file as teacher.weights"
        settings["weights"] = once(("weights", path), partial(file_sha256, path, remedy))
    return {
        "view": _without_later(to_container(config.view)),
        "train_per_class": config.data.train_per_class,
        "teacher": settings,
        "threads": config.threads,
    }


def _changing_numbers(training: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that change a training's numbers: prefetching never does, compilation does by rounding."""
    excluded = {"ahead", "compile"} if training["compile"] == "none" else {"ahead"}
    return _without_later({key: value for key, value in training.items() if key not in excluded})


# Settings that are younger than measured records. At these values they change nothing, and are left out of an identity,
# so that such records still belong to their cells.
AS_BEFORE = {
    "decay": "weights", "squared_temperature": True, "mixing_partner": "reversed", "epochs": 0.0,
    "interpolation": "bicubic", "shift_fill": "source", "second_jitter": 0.0, "second_hue": 0.4,
    "redraw": False, "zoom_low": 1.0, "zoom_high": 1.0, "threads": 0,
    "off": [], "code": "", "budget": 1.0, "loss": "kl", "start": "random",
}  # fmt: skip


def _without_later(section: dict[str, Any]) -> dict[str, Any]:
    """Return a section of settings without the younger ones that are at the value that changes nothing."""
    return {key: value for key, value in section.items() if key not in AS_BEFORE or value != AS_BEFORE[key]}
