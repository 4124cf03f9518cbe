"""What a user asks for, and which targets that means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from benchmark.config import compose as configuration
from modalities import registry
from modalities.errors import BadInput, UnknownName


@dataclass(frozen=True)
class Request:
    """What a user asks for, before anything is looked up."""

    suite: str = "all"
    profile: str = "demo"
    overrides: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()  # names or globs; empty: the suite's
    modalities: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    root: Path = Path()
    device: str = "cpu"  # kind only: cpu or cuda

    def selection(self) -> dict[str, Any]:
        """What narrows or changes the suite, for the manifest; no paths of this machine.

        The kind of device is part of it, as it decides on the precision and so on the ids of the cells.
        """
        return {
            "device": self.device,
            "targets": list(self.targets), "modalities": list(self.modalities), "exclude": list(self.exclude),
            "overrides": [_without_folders(text) for text in self.overrides],
        }  # fmt: skip


def select_targets(request: Request) -> list[str]:
    """Targets that the suite, ``--target``, ``--modality`` and ``--exclude`` leave, sorted by modality and name.

    A pattern is a name, a glob, or ``MODALITY/GLOB``; one that matches nothing is refused. Globs choose among the
    suite's targets; a target that is named in full is taken whether the suite has it or not.
    """
    suite = configuration.load_suite(request.suite)
    known = registry.target_names()
    working, _ = registry.usable()
    rooms = {name: adapter.info.modality for name, adapter in working.items()}

    def matching(patterns: Sequence[str], must: bool) -> set[str]:
        found: set[str] = set()
        for pattern in patterns:
            hits = {
                name for name in rooms if fnmatchcase(f"{rooms[name]}/{name}", pattern) or fnmatchcase(name, pattern)
            }
            if not hits and must:
                raise UnknownName("target", pattern, known)
            found |= hits
        return found

    chosen = matching(suite.targets, False) - matching(suite.exclude, False)
    if request.targets:
        named = set(request.targets) & set(known)
        for name in named - set(rooms):
            registry.target(name)  # says why it cannot be used
        globs = [pattern for pattern in request.targets if pattern not in named]
        chosen = (chosen & matching(globs, True)) | named
    chosen -= matching(request.exclude, True)
    for name in request.modalities:
        if name not in registry.MODALITIES:
            raise UnknownName("modality", name, list(registry.MODALITIES))
    chosen = {name for name in chosen if not request.modalities or rooms[name] in request.modalities}
    if not chosen:
        raise BadInput(
            "no target is left: this choice of targets and modalities leaves nothing to run.", about="targets"
        )
    return sorted(chosen, key=lambda name: (registry.MODALITIES.index(rooms[name]), name))


def left_out(request: Request) -> dict[str, str]:
    """Broken plug-in targets that the request would have run, by name, and why they cannot be used.

    Which modality one belongs to is not known, so a request that names modalities wants none of them.
    """
    suite = configuration.load_suite(request.suite)
    wanted, unwanted = request.targets or suite.targets, (*suite.exclude, *request.exclude)
    return {
        name: reason
        for name, reason in registry.usable()[1].items()
        if not request.modalities
        and any(fnmatchcase(name, pattern) for pattern in wanted)
        and not any(fnmatchcase(name, pattern) for pattern in unwanted)
    }


def _without_folders(text: str) -> str:
    key, equals, value = text.partition("=")
    return f"{key}{equals}{Path(value).name if '/' in value else value}"
