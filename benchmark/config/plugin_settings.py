"""Default settings that a plug-in brings for its target, in a YAML file beside its adapter."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from benchmark.config.overrides import options
from benchmark.config.schema import Config
from benchmark.config.yaml_files import read_sections
from modalities import registry
from modalities.errors import BadInput, UnknownName

PROFILES = "profiles"  # the section with settings of single profiles, by their names
RUNS_OWN = ("profile", "suite", "seeds")  # sections that belong to a run, not to a target


def plugin_settings(target: str, profile: str = "") -> dict[str, Any]:
    """Return what a plug-in sets for its target in every profile, or in the one that is named; mostly nothing.

    Keys and values are checked when they are composed. Raises BadInput if the file is not a mapping of sections.
    """
    path = registry.settings_file(target)
    if path is None:
        return {}
    every = read_sections(path)
    of_profiles = every.pop(PROFILES, None) or {}
    if not isinstance(of_profiles, dict):
        raise BadInput(f"{path}: '{PROFILES}' is not a mapping from profiles to settings; correct it.")
    for name in of_profiles:
        if name not in options("profile"):
            raise BadInput(f"{path}: {UnknownName('profile', str(name), options('profile'))}")
    chosen = every if not profile else of_profiles.get(profile) or {}
    known = [field.name for field in fields(Config) if field.name not in RUNS_OWN]
    if not isinstance(chosen, dict):
        raise BadInput(f"{path}: the settings of {profile or target} are not a mapping; write 'view: {{size: 64}}'.")
    for key in chosen:
        if key not in known:
            raise BadInput(f"{path}: {UnknownName('section of settings', str(key), known)}")
    return chosen
