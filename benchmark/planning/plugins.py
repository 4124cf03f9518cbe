"""Plug-ins that the settings of a cell name, by the key of the setting."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

from benchmark.config.schema import LOSSES, METHODS, Config
from modalities.errors import BadInput, UnknownName
from modalities.plugins.find import Plugin, find, names

KIND_OF = {
    "teacher.network": "network",
    "student.network": "network",
    "policy.code": "policy",
    "recipe.loss": "loss",
    "method": "method",
}
_BUILT_IN = {"recipe.loss": LOSSES, "method": METHODS, "policy.code": ("",)}


def plugins_of(config: Config) -> dict[str, Plugin]:
    """Return the plug-ins of a cell, but for its source, which has a hash of its own. Raises UnknownName."""
    found = {}
    for key, kind in KIND_OF.items():
        name = attrgetter(key)(config)
        plugin = find(kind, name) if name else None
        if plugin:
            found[key] = plugin
        elif key in _BUILT_IN and name not in _BUILT_IN[key]:
            raise UnknownName(kind, name, [*filter(None, _BUILT_IN[key]), *names(kind)])
    return found


def described(plugins: Mapping[str, Plugin], *, of: str = "") -> dict[str, Any]:
    """Return what an identity says of plug-ins: version and content by key; of those of the section ``of`` alone."""
    told = {
        key: {"version": plugin.version, "sha256": plugin.sha256}
        for key, plugin in plugins.items()
        if key.startswith(of)
    }
    return {"plugins": told} if told else {}


def place_of(key: str, name: str, sha256: str) -> str:
    """Return where a plug-in is that a record names: installed, or a file of its name in the current folder.

    Raises BadInput if neither has that content.
    """
    kind = KIND_OF[key]
    for place in (name, f"{name}.py"):
        if (place == name or Path(place).is_file()) and (found := find(kind, place)) and found.sha256 == sha256:
            return place
    raise BadInput(
        f"the {kind} {name} with the SHA-256 {sha256[:12]}… is needed; install its package again, or go to the folder "
        f"of {name}.py."
    )
