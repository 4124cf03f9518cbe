"""From what a user asks for to cells: each target's configuration, its data, its source, and what is done already."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from shutil import which
from typing import Any

from benchmark.config import compose as configuration
from benchmark.config.schema import Config
from benchmark.data.locate import locate
from benchmark.planning.cell import Cell
from benchmark.planning.select import Request, select_targets
from benchmark.records.cell_key import CellKey
from benchmark.records.identity import cell_id, row_id
from modalities import registry
from modalities.errors import BadInput

COMPILE_PAYS = 5000  # steps from which on a minute or two of compilation is little beside the run


def make_plan(request: Request) -> list[Cell]:
    """Every cell of a request, in the order in which they run: target by target, seeds last.

    Raises:
        BadInput: nothing matches, or a name, key, value or source file is wrong.
    """
    cells: list[Cell] = []
    variants = configuration.load_suite(request.suite).variants or [[]]
    for target in select_targets(request):
        for variant in variants:
            modality = registry.target(target).info.modality
            # A variant lists one source per modality; only this target's counts, so cells do not repeat.
            own = [text for text in variant if not text.startswith("source.") or text.startswith(f"source.{modality}")]
            overrides = [*own, *request.overrides]
            config = configuration.compose_target(target, overrides, profile=request.profile, suite=request.suite)
            cells += cells_of(target, config, request.root, request.device)
    unique = {cell.id: cell for cell in cells}
    return list(unique.values())


def cells_of(target: str, config: Config, root: Path, device: str, *, own: Collection[str] = ()) -> list[Cell]:
    """The cells of one composed configuration: its folds times its seeds.

    Args:
        root: folder of the real datasets.
        device: kind only, ``cpu`` or ``cuda``; settles what ``auto`` means.
        own: roles for which the caller has a module, whose name therefore need not be one that can be built.

    Raises:
        BadInput: a network's name, a source or a file cannot be used.
    """
    adapter = registry.target(target)
    info = adapter.info
    modality = registry.modality(info.modality)
    source_path = str(getattr(config.source, info.modality))
    source = modality.source_ref(source_path)
    data = locate(adapter, config.profile.data, root)
    for role, network in (("teacher", config.teacher.network), ("student", config.student.network)):
        if role not in own:
            modality.check_network(network)  # else every cell would find out for itself, one by one
    resolve_auto(config, device)
    shared = {
        "target": target,
        "modality": info.modality,
        "data": data.kind,
        "data_fingerprint": data.fingerprint,
        "view": configuration.plain(config.view),
        "train_per_class": config.data.train_per_class,
        "teacher": _teacher_identity(config),
        "threads": config.threads,
    }
    names: dict[str, Any] = {
        "modality": info.modality, "target": target, "source": source.name, "policy": config.policy.name,
        "recipe": config.recipe.name, "teacher": config.teacher.network, "student": config.student.network,
        "profile": config.profile.name, "data": data.kind,
    }  # fmt: skip
    cells = []
    for fold in config.folds:
        teacher_key = cell_id({**shared, "source": config.teacher.network, "seed": 0, "fold": fold})
        for seed in config.seeds:
            resolved = {
                **shared,
                "fold": fold,
                "seed": seed,
                "source": {"name": source.name, "sha256": source.sha256},
                "policy": configuration.plain(config.policy),
                "student": configuration.plain(config.student),
                "recipe": _numbers_of(configuration.plain(config.recipe)),
            }
            cells.append(
                Cell(
                    id=cell_id(resolved),
                    row=row_id(resolved),
                    key=CellKey(fold=fold, seed=seed, **names),
                    source=source,
                    source_path=source_path,
                    data=data,
                    config=config,
                    resolved=resolved,
                    teacher_key=teacher_key,
                )
            )
    return cells


def _teacher_identity(config: Config) -> dict[str, Any]:
    """The teacher's settings; a weights file counts by its content, not by its path."""
    settings: dict[str, Any] = configuration.plain(config.teacher)
    del settings["times_chance"]  # decides whether a teacher is used, not what it is
    settings["training"] = _numbers_of(settings["training"])
    if config.teacher.weights:
        settings["weights"] = _file_hash(Path(config.teacher.weights))
    return settings


def _file_hash(path: Path) -> str:
    import hashlib

    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"teacher.weights={path} cannot be read ({error.strerror}); give a safetensors file.") from error


def _numbers_of(training: dict[str, Any]) -> dict[str, Any]:
    """The settings of a training that change its numbers: compilation rounds otherwise, what is early is the same."""
    silent = {"ahead", "compile"} if training["compile"] == "none" else {"ahead"}
    return {key: value for key, value in training.items() if key not in silent}


def resolve_auto(config: Config, device: str) -> None:
    """Resolve ``auto`` for the kind of device, so that the id covers what is really done."""
    for training in (config.recipe, config.teacher.training):
        if training.precision == "auto":
            training.precision = "bfloat16" if device == "cuda" else "float32"
        if training.compile == "auto":
            pays = device == "cuda" and training.steps >= COMPILE_PAYS and any(map(which, ("cc", "gcc", "clang")))
            training.compile = "default" if pays else "none"
