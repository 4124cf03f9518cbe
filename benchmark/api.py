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
from modalities.plugins.find import Kind, add_object
from modalities.storage.paths import data_root, user_path

if TYPE_CHECKING:
    from torch import nn

    from benchmark.config.schema import Config, Student, Teacher
    from benchmark.planning.cell import Cell
    from modalities.plugins.contracts import Loss, Method, Policy


def run(
    target: str,
    *,
    source: Any = None,
    student: str | nn.Module | None = None,
    teacher: str | nn.Module | None = None,
    loss: str | Loss | None = None,
    policy: str | Policy | None = None,
    method: str | Method | None = None,
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
        source: a named source, the path of a file, or the datum itself: an image as (H, W, 3) uint8 (NumPy, torch) or a
            Pillow image, a recording or clip as a pair of samples or frames and their rate. Default: the profile's.
        student, teacher: a network's name, or your own module from (B, *view.shape) to (B, classes) logits. Your
            student is trained in place; your teacher is used as it is. Default: the profile's.
        loss, policy, method: a name, the path of a plug-in, or your own object (``modalities.plugins.contracts``).
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

    overrides = {**(settings or {}), "seeds": [seed], **_plugins(target, source, loss, policy, method)}
    typed = [f"{key}={_text(value)}" for key, value in overrides.items()]
    typed, profile, suite = split_overrides(typed, profile=profile)
    config = compose_target(target, typed, profile=profile, suite=suite)
    own_student, own_teacher = _set_network(config.student, student), _set_network(config.teacher, teacher)
    kind = device_kind(device)
    cell = _only_cell(target, config, root, kind, student=own_student, teacher=own_teacher)
    store = Store(user_path(results) / name_of("profile", profile))
    if state_of(cell, store)[0] == "done" and (found := store.read(cell.id)):
        if own_student is not None:
            load_weights(own_student.eval(), store.student_weights(cell.id))
        return found
    write_manifest(store, Suite(name="python"), {"cell": cell.id}, [cell])
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


def _only_cell(
    target: str, config: Config, root: str | os.PathLike[str] | None, kind: str, **modules: nn.Module | None
) -> Cell:
    own = [role for role, module in modules.items() if module is not None]
    cells = cells_of(target, config, data_root(root), kind, own=own)
    if len(cells) != 1:
        raise BadInput(f"one call runs one cell, and settings ask for {len(cells)} (folds={config.folds}).")
    return cells[0]


def _plugins(target: str, source: Any, loss: Any, policy: Any, method: Any) -> dict[str, str]:
    """Return the settings of those that are given."""
    given: dict[str, tuple[Kind, Any]] = {
        f"source.{registry.target(target).info.modality}": ("source", source),
        "recipe.loss": ("loss", loss), "policy": ("policy", policy), "method": ("method", method),
    }  # fmt: skip
    return {key: _name_of(kind, plugin) for key, (kind, plugin) in given.items() if plugin is not None}


def _name_of(kind: Kind, plugin: Any) -> str:
    """Return the name by which a plug-in is found: its own, its path, or that of an object of the caller's."""
    if isinstance(plugin, str | os.PathLike):
        return os.fspath(plugin)
    return add_object(kind, getattr(plugin, "__name__", type(plugin).__name__), plugin)


def _text(value: Any) -> str:
    return str(list(value)).replace("'", "") if isinstance(value, list | tuple) else str(value)
