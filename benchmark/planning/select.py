"""What a user requests, and which targets that means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from benchmark.config.compose import compose_target, load_profile
from benchmark.config.overrides import QUOTES, names_a_file
from benchmark.config.own_files import name_of
from benchmark.config.schema import Suite
from benchmark.config.suites import load_suite, overrides_of
from benchmark.planning.plugins import KIND_OF
from benchmark.records.provenance import strip_folders
from benchmark.records.record import REAL_TRAINING_ITEMS
from modalities import registry
from modalities.base import TargetAdapter
from modalities.errors import BadInput, UnknownName, readable_name
from modalities.plugins.find import is_python_file

CONTROLS = ("noise",)  # names of sources that every modality has


@dataclass(frozen=True)
class Request:
    """What a user requests, before anything is looked up."""

    suite: str = "all"
    profile: str = "demo"
    overrides: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()  # names or globs; empty: the suite's
    modalities: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()  # of CONTROLS: sources that every cell is run from as well
    root: Path = Path()
    device: str = "cpu"  # kind only: cpu or cuda
    label: str = ""  # what the user calls these cells in tables

    @property
    def profile_name(self) -> str:
        """What the profile is called, which may be the path of a file of the user's."""
        return name_of("profile", self.profile)

    def selection(self) -> dict[str, Any]:
        """Return what narrows or changes the suite, for the manifest; no paths of this machine."""
        return {
            "device": self.device,  # decides on the precision, and so on the ids of the cells
            "targets": list(self.targets), "modalities": list(self.modalities), "exclude": list(self.exclude),
            "overrides": [without_folders(text) for text in self.overrides],
            **({"controls": list(self.controls)} if self.controls else {}),
        }  # fmt: skip


def select_targets(request: Request) -> list[str]:
    """Return the requested targets, sorted by modality and name; raise BadInput for an unknown name or pattern.

    A pattern is a name, a glob, or ``MODALITY/GLOB``. Globs choose among the suite's targets; a target that is named
    in full is taken whether the suite has it or not.
    """
    suite = load_suite(request.suite)
    load_profile(request.profile)  # raises for an unknown one
    for control in request.controls:
        if control not in CONTROLS:
            raise UnknownName("control", control, list(CONTROLS))
    working, broken = usable_targets(request)
    modality_of = {name: adapter.info.modality for name, adapter in working.items()}

    def matching(patterns: Sequence[str], *, required: bool) -> set[str]:
        found: set[str] = set()
        for pattern in patterns:
            names = {n for n, m in modality_of.items() if fnmatchcase(n, pattern) or fnmatchcase(f"{m}/{n}", pattern)}
            if required and not names:
                raise UnknownName("target", pattern, registry.target_names())
            found |= names
        return found

    selected = matching(suite.targets, required=False) - matching(suite.exclude, required=False)
    if request.targets:
        named = set(request.targets) & set(registry.target_names())
        for name in named - set(modality_of):
            raise BadInput(broken[name])
        globs = [pattern for pattern in request.targets if pattern not in named]
        selected = (selected & matching(globs, required=True)) | named
    selected -= matching(request.exclude, required=True)
    for modality in request.modalities:
        if modality not in registry.MODALITIES:
            raise UnknownName("modality", modality, list(registry.MODALITIES))
    selected = {name for name in selected if not request.modalities or modality_of[name] in request.modalities}
    if not selected:
        raise BadInput(
            "no target is left: these targets, modalities and exclusions leave nothing to run.", about="targets"
        )
    return sorted(selected, key=lambda name: (registry.MODALITIES.index(modality_of[name]), name))


def usable_targets(request: Request) -> tuple[dict[str, TargetAdapter], dict[str, str]]:
    """Return every adapter that works, by name, and why each of the others does not: it, or the settings it brings."""
    adapters, failures = registry.usable()
    working, broken = dict(adapters), dict(failures)
    for name in adapters:
        if registry.settings_file(name):
            try:
                compose_target(name, [], profile=request.profile, suite=request.suite)
            except BadInput as error:
                broken[name] = str(error)
                del working[name]
    return working, broken


def broken_targets(request: Request) -> dict[str, str]:
    """Return the broken plug-in targets that a request would have run, by name, and why they cannot be used."""
    if request.modalities:  # that of a broken target is unknown
        return {}
    suite = load_suite(request.suite)
    included, excluded = request.targets or suite.targets, (*suite.exclude, *request.exclude)
    return {
        name: reason
        for name, reason in usable_targets(request)[1].items()
        if any(fnmatchcase(name, pattern) for pattern in included)
        and not any(fnmatchcase(name, pattern) for pattern in excluded)
    }


def variants_of(suite: Suite, target: str) -> dict[str, list[str]]:
    """Return the overrides of each variant of a suite that a target can be run in, by label.

    Left out are variants that its modality does not have, and the items of another target if those are its own.
    """
    modality = registry.target(target).info.modality
    own_items = f"source.{modality}={REAL_TRAINING_ITEMS}:{target}"
    return {label: said for label, said in overrides_of(suite, modality).items() if own_items not in said}


def left_out_variants(suite: Suite, targets: Sequence[str]) -> list[str]:
    """Return what a suite does not run on some of its targets, one sentence for those that lack the same."""
    lacking: dict[tuple[str, ...], list[str]] = {}  # targets by what they lack
    for target in targets:
        has = variants_of(suite, target)
        if labels := tuple(label for label in suite.variants if label not in has):
            lacking.setdefault(labels, []).append(target)
    return [
        f"the suite {suite.name} has no variant"
        f"{'' if len(labels) == len(suite.variants) else ' ' + ', '.join(map(repr, labels))} for {' and '.join(names)}."
        for labels, names in lacking.items()
    ]


def without_folders(text: str) -> str:
    """Return a setting without the folders of a file that it names; two files of one name differ by their content."""
    key, equals, value = text.partition("=")
    path = value.strip(QUOTES)
    if not names_a_file(key) or (key in KIND_OF and not is_python_file(path)):  # a network's name may have a slash
        return strip_folders(text)
    return f"{key}{equals}{readable_name(Path(path).name)}"
