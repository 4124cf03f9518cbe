"""Suites, profiles, recipes and policies of the user's own: YAML files, given in place of a packaged name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmark.config.overrides import is_own_file, options
from benchmark.config.yaml_files import read_sections
from modalities import registry
from modalities.errors import BadInput, UnknownName
from modalities.plugins.find import find
from modalities.storage.paths import user_path

DEFAULTS = {"suite": "all", "profile": "demo"}  # what a file starts from that does not say
PARTS = ("modalities", "targets")  # sections of a profile with settings of one modality or target, by name
Settings = list[tuple[str, Any]]  # by dotted key


@dataclass(frozen=True)
class OwnFile:
    """What a file of the user's sets: above the packaged files, and below what is typed."""

    group: str  # suite, profile, recipe or policy
    path: Path
    name: str
    base: str  # the packaged name that it starts from; empty: that of the target
    sections: Mapping[str, Any]

    def settings(self, modality: str, target: str) -> Settings:
        """Return the settings of a target's cells; of a profile, those of its modality and its own come last."""
        if self.group in ("recipe", "policy"):
            return [*leaves(self.sections, f"{self.group}."), (f"{self.group}.name", self.name)]
        own = {key: value for key, value in self.sections.items() if key not in PARTS}
        if self.group == "suite":
            own.pop("suite", None)
            return list(leaves(own))
        found = list(leaves(own))
        for part, name in zip(PARTS, (modality, target), strict=True):
            found += leaves((self.sections.get(part) or {}).get(name) or {})
        return found


def own_file(group: str, name: str) -> OwnFile:
    """Read a file of the user's. Raises BadInput if it does not exist, or is not a file of that group."""
    path = user_path(name)
    try:
        stat = path.stat()
    except OSError as error:
        raise BadInput(f"the {group} {path} cannot be read ({error.strerror or error}); give a YAML file.") from error
    return _read(group, path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=100)  # for each cell of a plan the same
def _read(group: str, path: Path, _modified: int, _size: int) -> OwnFile:
    sections = read_sections(path)
    head = sections if group in ("recipe", "policy") else sections.get(group, {} if group == "profile" else None)
    if not isinstance(head, dict):
        raise BadInput(f"{path} has no section '{group}'; docs/suites.md shows what a {group} of your own looks like.")
    head, base = dict(head), str(head.get("base") or DEFAULTS.get(group, ""))
    known = _known_bases(group)
    if base and base not in known:
        raise BadInput(f"{path}: {UnknownName(f'{group} (as base)', base, known)}")
    head.pop("base", None)
    name = str(head.pop("name", "") or path.stem)
    if group in ("recipe", "policy"):
        return OwnFile(group, path, name, base, head)
    if group == "profile":
        _check_parts(path, sections)
    return OwnFile(group, path, name, base, {**sections, group: {**head, "name": name}})


def _known_bases(group: str) -> list[str]:
    if group == "policy":
        return sorted({name for modality in registry.MODALITIES for name in registry.modality(modality).policies()})
    return options(group)


def _check_parts(path: Path, sections: Mapping[str, Any]) -> None:
    """Refuse a section of a modality or target that there is not: a name that is spelt wrongly would do nothing."""
    for part, kind, known in zip(
        PARTS, ("modality", "target"), (list(registry.MODALITIES), registry.target_names()), strict=True
    ):
        named = sections.get(part) or {}
        if not isinstance(named, dict):
            raise BadInput(f"{path}: '{part}' is not a mapping from names to settings; correct it.")
        for name in named:
            if name not in known:
                raise BadInput(f"{path}: {UnknownName(kind, str(name), known)}")


def leaves(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the settings of nested sections by dotted key."""
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def check_option(group: str, name: str) -> None:
    """Raise BadInput if an option is neither a packaged name of its group nor a file of the user's."""
    if is_own_file(name):
        own_file(group, name)
    elif name not in options(group):
        raise UnknownName(group, name, options(group))


def base_of(group: str, name: str, modality: str = "") -> str:
    """Return the packaged name that an option stands for: itself, or what a file of the user's starts from.

    Raises BadInput for a policy that starts from one of another modality.
    """
    if not is_own_file(name):
        return _checked_policy(name, modality) if group == "policy" and name else name
    file = own_file(group, name)
    policies = list(registry.modality(modality).policies()) if group == "policy" else []
    if policies and file.base and file.base not in policies:
        raise BadInput(f"{file.path}: {UnknownName(f'{modality} policy (as base)', file.base, policies)}")
    return file.base


def _checked_policy(name: str, modality: str) -> str:
    """Return a policy's name. Raises UnknownName, since a plug-in's ``base`` was checked nowhere before."""
    known = registry.modality(modality).policies()
    if name not in known and not find("policy", name):
        raise UnknownName(f"{modality} policy", name, list(known))
    return name


def name_of(group: str, name: str) -> str:
    """Return what an option is called: a packaged name, or that of a file of the user's."""
    return own_file(group, name).name if is_own_file(name) else name
