"""Requests as the commands that a user types for them."""

from __future__ import annotations

import shlex

from benchmark.planning.select import Request
from benchmark.records.record import Manifest
from benchmark.records.store import NAMED


def run_command(request: Request) -> str:
    """Return the command that runs a request, quoted for a shell, without the folders of data and results."""
    words = ["benchmark", "run"]
    words += ["--suite", request.suite] if request.suite != "all" else []
    for option, names in (
        ("--target", request.targets), ("--modality", request.modalities), ("--exclude", request.exclude),
        ("--controls", request.controls),
    ):  # fmt: skip
        words += [option, ",".join(names)] if names else []
    words += ["--label", request.label] if request.label else []
    words += [f"profile={request.profile}", *request.overrides, "--device", request.device]
    return shlex.join(words)


def request_of(manifest: Manifest, profile: str) -> Request:
    """Return the request that a manifest notes; it knows no folders, so files have their names alone."""
    selection = manifest.selection

    def names(key: str) -> tuple[str, ...]:
        found = selection.get(key)
        return tuple(map(str, found)) if isinstance(found, list) else ()

    return Request(
        suite=manifest.suite, profile=profile, overrides=names("overrides"), targets=names("targets"),
        modalities=names("modalities"), exclude=names("exclude"), controls=names("controls"),
        device=str(selection.get("device", "cpu")),
        label=next(iter(manifest.variants), "") if manifest.axis == NAMED else "",
    )  # fmt: skip
