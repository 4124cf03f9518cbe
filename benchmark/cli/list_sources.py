"""``benchmark list sources``: how dense each source is, and what a target's saved teacher makes of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmark.cli.options import LOCAL_RESULTS
from modalities import registry
from modalities.errors import BadInput
from modalities.storage.paths import data_root

Rows = Iterator[dict[str, Any]]


def densities(modality: str) -> Rows:
    """Yield a row per source of a modality: its name, its density, and a line of description."""
    kind = registry.modality(modality)
    for name, text in kind.sources().items():
        yield {"name": name, "modality": modality, **kind.density(name), "description": text}


def judged(target: str, overrides: Sequence[str], results: Path, root: Path, device: str) -> Rows:
    """Yield the rows of a target's modality with the figures of its saved teacher beside them.

    A source that the settings name and that is not listed, such as a file, has the first row. Raises BadInput if no
    teacher is saved.
    """
    import torch

    from benchmark.config.compose import compose_target
    from benchmark.config.overrides import split_overrides
    from benchmark.config.own_files import name_of
    from benchmark.planning.plan import cells_of
    from benchmark.records.store import Store
    from benchmark.running.screening import saved_teacher, screen
    from benchmark.system.devices import device_kind

    rest, profile, suite = split_overrides(overrides)
    config = compose_target(target, rest, profile=profile, suite=suite)
    kind = device_kind(device)
    cell, on = cells_of(target, config, root, kind)[0], torch.device(kind if device == "auto" else device)
    if cell.items and cell.missing:
        raise BadInput(cell.missing)
    teacher = saved_teacher(cell, Store(results / name_of("profile", profile)), on)
    if teacher is None:
        words = ["benchmark", "run", "--target", target]
        words += [] if results == LOCAL_RESULTS else ["--results", str(results)]
        words += [] if root == data_root() else ["--root", str(root)]
        raise BadInput(
            f"no teacher of {target} with these settings is saved in {results / profile}; make one by "
            f"`{shlex.join([*words, *overrides])}`, which keeps it."
        )
    modality = cell.modality
    rows = {name: (name, text) for name, text in modality.sources().items()}
    if cell.source_path not in rows:
        rows = {cell.source_path: (cell.source.name, cell.source.description), **rows}
    for path, (name, text) in rows.items():
        density = {} if cell.items and path == cell.source_path else modality.density(path)  # of one datum
        figures = {**density, **screen(cell, path, teacher, on)}
        yield {"name": name, "modality": modality.name, **figures, "description": text}
