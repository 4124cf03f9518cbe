"""Default settings that a plug-in brings for its target, in a YAML file beside its adapter."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from benchmark.config.overrides import options
from benchmark.config.schema import Config
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
    every = _sections(path)
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


def _sections(path: Path) -> dict[str, Any]:
    try:
        sections = OmegaConf.to_container(OmegaConf.create(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, YAMLError, OmegaConfBaseException) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{path} cannot be read as YAML ({reason}); correct it, or update the plug-in.") from error
    if not isinstance(sections, dict):
        raise BadInput(f"{path} is not a mapping of sections such as 'view: {{size: 64}}'; correct it.")
    return {str(key): value for key, value in sections.items()}
