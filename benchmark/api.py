"""From Python, one call and a record back: your own datum, student or teacher."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmark.config.compose import compose_target
from benchmark.config.overrides import split_overrides
from benchmark.config.own_files import name_of
from benchmark.config.schema import Suite
from benchmark.planning.cell import state_of, write_manifest
from benchmark.planning.plan import cells_of
from benchmark.records.record import OWN_NETWORK, Record
from benchmark.records.store import Store
from benchmark.system.devices import device_kind
from modalities import registry
from modalities.errors import BadInput
from modalities.storage.paths import data_root, user_path

if TYPE_CHECKING:
    from torch import nn

    from benchmark.config.schema import Student, Teacher


def run(
    target: str,
    *,
    source: str | os.PathLike[str] | None = None,
    student: str | nn.Module | None = None,
    teacher: str | nn.Module | None = None,
    profile: str = "demo",
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    results: str | os.PathLike[str] = "results/local",
    root: str | os.PathLike[str] | None = None,
    device: str = "auto",
) -> Record:
    """Distil one student from one datum and score it on one target; a cell that is already done is not run again.

    Args:
        target: a registered target (``benchmark list targets``).
        source: a named source, or the path of an image, recording or clip; default: the profile's.
        student, teacher: a network's name, or your own module from (B, *view.shape) to (B, classes) logits. Your
            student is trained in place; your teacher is used as it is. Default: the profile's.
        profile: ``smoke``, ``demo``, ``small`` or ``paper``.
        seed: of the segments, of mixing, and of the student's random weights if it is given by name.
        settings: further settings, such as ``{"recipe.steps": 200, "view.size": 32}``.
        results: folder of the record, as with the command line's ``--results``.
        root: folder of the real datasets; else the variable BENCHMARK_DATA, else a per-user one.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Returns:
        The record: ``record.status``, ``record.metrics["top1"]``, ``record.controls["teacher_top1"]`` …
        A cell that failed has a status other than ``done`` and a reason.

    Raises:
        BadInput: a wrong name, setting, source or folder.
    """
    from benchmark.running.networks import load_weights
    from benchmark.running.run_cell import run_cell
    from benchmark.training.callbacks import IgnoreProgress

    overrides = {**(settings or {}), "seeds": [seed]}
    if source is not None:
        overrides[f"source.{registry.target(target).info.modality}"] = os.fspath(source)
    typed = [f"{key}={_text(value)}" for key, value in overrides.items()]
    typed, profile, suite = split_overrides(typed, profile=profile)
    config = compose_target(target, typed, profile=profile, suite=suite)
    own_student, own_teacher = _set_network(config.student, student), _set_network(config.teacher, teacher)
    own = [role for role, module in (("student", own_student), ("teacher", own_teacher)) if module is not None]
    kind = device_kind(device)
    cells = cells_of(target, config, data_root(root), kind, own=own)
    if len(cells) != 1:
        raise BadInput(f"one call runs one cell, and settings ask for {len(cells)} (folds={config.folds}).")
    cell, store = cells[0], Store(user_path(results) / name_of("profile", profile))
    if state_of(cell, store)[0] == "done" and (found := store.read(cell.id)):
        if own_student is not None:
            load_weights(own_student.eval(), store.student_weights(cell.id))
        return found
    write_manifest(store, Suite(name="python"), {"cell": cell.id}, cells)
    device = kind if device == "auto" else device
    return run_cell(cell, store, device=device, callback=IgnoreProgress(), teacher=own_teacher, student=own_student)


def _set_network(settings: Student | Teacher, network: str | nn.Module | None) -> nn.Module | None:
    """Put a network into the settings, by its name; return it if it is the caller's own module."""
    from benchmark.running.networks import module_hash

    if network is None:
        return None
    if isinstance(network, str):
        settings.network = network
        return None
    # Weights and code are part of the name, and so of the cell's id: another network is another cell.
    settings.network = f"{OWN_NETWORK}{type(network).__name__} {module_hash(network)[:12]}"
    return network


def _text(value: Any) -> str:
    return str(list(value)).replace("'", "") if isinstance(value, list | tuple) else str(value)
