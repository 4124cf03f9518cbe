"""Names to adapters, lazily: built-in targets are found by their files, plug-ins through entry points."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

from modalities.base import Modality, ModalityName, TargetAdapter
from modalities.errors import BadInput, UnknownName

MODALITIES: tuple[str, ...] = get_args(ModalityName)
PLUGIN_GROUP = "benchmark.targets"


@cache
def modality(name: str) -> Modality:
    """Return the modality of that name: ``modalities.NAME.MODALITY``."""
    if name not in MODALITIES:
        raise UnknownName("modality", name, list(MODALITIES))
    adapter: Modality = importlib.import_module(f"modalities.{name}").MODALITY
    return adapter


@cache
def _origins() -> dict[str, str | EntryPoint]:
    """Return every target name with the place of its adapter, importing none. Raises BadInput for a name used twice."""
    adapters: list[tuple[str, str | EntryPoint]] = []
    for name in MODALITIES:
        spec = find_spec(f"modalities.{name}.targets")
        files = pkgutil.iter_modules((spec and spec.submodule_search_locations) or [])
        names = [file.name for file in files if not file.name.startswith("_")]
        adapters += [(target, f"modalities.{name}.targets.{target}") for target in names]
    adapters += [(point.name, point) for point in entry_points(group=PLUGIN_GROUP)]
    found: dict[str, str | EntryPoint] = {}
    for name, origin in adapters:
        if name in found:
            raise BadInput(
                f"two target adapters are named '{name}': {_describe(found[name])} and {_describe(origin)}; "
                "rename one, or uninstall the package that brings it."
            )
        found[name] = origin
    return found


def _describe(origin: str | EntryPoint) -> str:
    return origin if isinstance(origin, str) else f"{origin.value} (plug-in)"


def target_names() -> list[str]:
    """Return the names of all registered targets, sorted."""
    return sorted(_origins())


def _origin(name: str) -> str | EntryPoint:
    if name not in _origins():
        raise UnknownName("target", name, target_names())
    return _origins()[name]


def origin(name: str) -> str:
    """Return where a target's adapter comes from, for messages."""
    return _describe(_origin(name))


@cache
def target(name: str) -> TargetAdapter:
    """Return the adapter of a target: the module's ``TARGET``, or the object that an entry point names."""
    place = _origin(name)
    if isinstance(place, str):
        adapter: TargetAdapter = importlib.import_module(place).TARGET
    else:
        try:
            loaded = place.load()
            adapter = loaded() if isinstance(loaded, type) else loaded
            adapter.info.name  # noqa: B018 (an object without it is not an adapter)
        except Exception as error:
            raise BadInput(
                f"the plug-in target '{name}' ({place.value}) cannot be used ({error!r}); "
                "fix it, or uninstall the package that brings it."
            ) from error
    if adapter.info.name != name:
        raise BadInput(f"the adapter registered as '{name}' calls itself '{adapter.info.name}'; the two must agree.")
    return adapter


def settings_file(name: str) -> Path | None:
    """Return the file of default settings that a plug-in brings for its target; None if there is none.

    It is called NAME.yaml and lies beside the module of the entry point, in the same package.
    """
    place = _origin(name)
    if isinstance(place, str):
        return None
    target(name)  # raises for a plug-in that cannot be imported
    module = getattr(importlib.import_module(place.module), "__file__", None)
    path = Path(module).with_name(f"{name}.yaml") if module else None
    return path if path and path.is_file() else None


@cache
def usable() -> tuple[dict[str, TargetAdapter], dict[str, str]]:
    """Return every adapter that works, by name, and why each of the others does not."""
    working: dict[str, TargetAdapter] = {}
    broken: dict[str, str] = {}
    for name in target_names():
        try:
            working[name] = target(name)
        except BadInput as error:
            broken[name] = str(error)
    return working, broken
