"""From a request to typed configurations, with nothing looked up on disk, and from there to YAML and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from benchmark.config.compose import compose_target, config_of, load_profile, to_container
from benchmark.config.schema import Config, Suite
from benchmark.config.suites import load_suite, suite_of
from benchmark.config.yaml_files import read_sections
from benchmark.planning.auto import resolve_auto
from benchmark.planning.select import CONTROLS, Request, broken_targets, left_out_variants, select_targets, variants_of
from modalities import registry
from modalities.errors import BadInput, UnknownName

REQUEST = ("targets", "modalities", "exclude", "controls", "overrides")  # parts of a request that a manifest notes
OF_A_CELL = ("target", "label")  # of an entry, besides sections of settings
LEFT_OUT = ("suite", "choose")  # sections of a configuration that change nothing once it is composed


@dataclass(frozen=True)
class Resolved:
    """What a request runs: a configuration of each target and variant, for all of its folds and seeds."""

    request: Request  # what was typed; a manifest notes it
    suite: Suite
    configurations: tuple[tuple[str, str, Config], ...]  # target, label of the variant or the user's, settings
    broken: Mapping[str, str] = field(default_factory=dict)  # targets that were requested and cannot be used, and why
    left_out: tuple[str, ...] = ()  # variants that some targets do not have, in a sentence each


def resolve(request: Request | Resolved) -> Resolved:
    """Return the configurations of a request in running order; those that were read from a file are resolved already.

    Raises BadInput if a name or a file is wrong.
    """
    if isinstance(request, Resolved):
        return request
    suite = load_suite(request.suite)
    if request.label and suite.variants:
        raise BadInput(f"the suite {suite.name} names its variants itself; run it without '{request.label}'.")
    demanded = [] if request.targets or suite.variants else load_profile(request.profile).controls
    found = []
    targets = select_targets(request)
    for target in targets:
        modality = registry.target(target).info.modality
        controls = [control for control in CONTROLS if control in request.controls or target in demanded]
        for variant, overrides in variants_of(suite, target).items():
            for last in ([], *([f"source.{modality}={control}"] for control in controls)):
                typed = [*overrides, *request.overrides, *last]
                config = compose_target(target, typed, profile=request.profile, suite=request.suite)
                # A control of a variant is not the variant.
                found.append((target, "" if last else variant or request.label, config))
    left_out = tuple(left_out_variants(suite, targets))
    if not found:
        kinds = sorted({name for said in suite.variants.values() for name in said})
        raise BadInput(f"{left_out[0][:-1]}; choose {' or '.join(kinds)} targets.")
    return Resolved(request, suite, tuple(found), broken_targets(request), left_out)


def settle(config: Config, device: str, modality: str, *, roles: tuple[str, ...] = ("teacher", "student")) -> None:
    """Check the names of networks, and put what is done on a kind of device, ``cpu`` or ``cuda``, in place of ``auto``.

    ``roles`` are those whose networks are looked up by name. Raises BadInput.
    """
    for role in roles:
        settings = getattr(config, role)
        settings.network = registry.modality(modality).check_network(settings.network)
    resolve_auto(config, device, modality)


def to_yaml(resolved: Resolved) -> str:
    """Return the configurations as YAML that ``from_yaml`` reads back to cells with the same ids, on any machine.

    Settings that all of them share come first, the others follow by cell.
    """
    entries = []
    for target, label, config in resolved.configurations:
        settle(config, resolved.request.device, registry.target(target).info.modality)
        sections = {key: part for key, part in to_container(config).items() if key not in LEFT_OUT}
        entries.append(({"target": target, "label": label} if label else {"target": target}, sections))
    first = entries[0][1]
    shared = {key: part for key, part in first.items() if all(other[key] == part for _, other in entries)}
    own = [head | {key: part for key, part in of.items() if key not in shared} for head, of in entries]
    selection = resolved.request.selection()
    typed = {key: selection[key] for key in REQUEST if selection.get(key)}
    document = {"suite": to_container(resolved.suite), "request": typed, **shared, "cells": own}
    return OmegaConf.to_yaml(OmegaConf.create(document))


def from_yaml(path: Path, root: Path, device: str) -> Resolved:
    """Read what ``to_yaml`` wrote; ``root`` and ``device`` as of a request. Raises BadInput that names file and key."""
    sections = read_sections(path)
    try:
        return _read(sections, root, device, str(path))
    except BadInput as error:
        raise error if str(path) in str(error) else BadInput(f"{path}: {error}", error.about) from error


def _read(sections: dict[str, Any], root: Path, device: str, where: str) -> Resolved:
    settings = [entry.name for entry in fields(Config) if entry.name not in LEFT_OUT]
    for key in sections:
        if key not in (known := ["suite", "request", "cells", *settings]):
            raise UnknownName("section", key, known)
    entries = sections.pop("cells", None)
    if not isinstance(entries, list) or not entries:
        raise BadInput("the list 'cells' is missing or empty; add an entry such as '- target: digits' for each target.")
    suite = suite_of(where, sections.pop("suite", {}))
    typed = _typed(sections.pop("request", {}))
    found = tuple(_configuration(entry, number, sections, suite) for number, entry in enumerate(entries, 1))
    names = {config.profile.name for _, _, config in found}
    if len(names) > 1:
        raise BadInput(f"profile.name is {' and '.join(sorted(names))}; one folder of results has one profile.")
    request = replace(Request(suite=suite.name, profile=names.pop(), root=root, device=device), **typed)
    return Resolved(request, suite, found)


def _typed(section: Any) -> dict[str, Any]:
    if not isinstance(section, dict):
        raise BadInput(f"request is {section}; write a mapping such as 'request: {{targets: [digits]}}'.")
    for key, value in section.items():
        if key not in REQUEST:
            raise UnknownName("key of request", str(key), list(REQUEST))
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise BadInput(f"request.{key} is {value}; write a list of texts.")
    return {key: tuple(value) for key, value in section.items()}


def _configuration(entry: Any, number: int, shared: dict[str, Any], suite: Suite) -> tuple[str, str, Config]:
    if not isinstance(entry, dict) or not isinstance(entry.get("target"), str):
        raise BadInput(f"entry {number} of cells has no target; write '- target: digits'.")
    target, label = entry["target"], entry.get("label", "")
    if not isinstance(label, str) or (label and suite.variants and label not in suite.variants):
        raise UnknownName(f"variant of the suite {suite.name}", str(label), list(suite.variants))
    own = {key: part for key, part in entry.items() if key not in OF_A_CELL}
    return target, label, config_of(target, [shared, own])
