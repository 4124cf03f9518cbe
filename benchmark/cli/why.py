"""``benchmark why``: where a number comes from, in full, and the command that makes it again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.cli.commands import request_of, run_command
from benchmark.cli.text_table import print_json, print_table, say, size
from benchmark.launch.progress import counted, duration
from benchmark.leaderboard.formats import percent
from benchmark.leaderboard.statement import stated
from benchmark.planning.reproduce import reproduction
from benchmark.records.find import find_cell
from benchmark.records.record import ACCURACIES, HANDED_IN, Manifest, Record
from benchmark.records.store import TEACHER_NOTES, Store
from modalities.errors import BadInput


def explain_number(results: Path, name: str, *, format: str) -> None:
    """Print everything that is known of a cell, which is named by its id or a part of it."""
    store, record = find_cell(results, name)
    found = provenance_of(store, record, store.manifest_files().values())
    if format == "json":
        print_json(found)
    else:
        _print(found)


def provenance_of(store: Store, record: Record, manifests: Iterable[Manifest]) -> dict[str, Any]:
    """Return everything that is known of a cell, JSON-ready: its record, teacher, files, runs, and how to repeat it.

    ``manifests`` are all those of the store.
    """
    runs = [found for found in manifests if any(cell.id == record.id for cell in found.cells)]
    typed = [text for manifest in runs for text in request_of(manifest, "").overrides]
    labels = {label for manifest in runs for label, rows in manifest.variants.items() if record.row in rows}
    rows = {cell.id: cell.seed for manifest in runs for cell in manifest.cells if cell.row == record.row}
    return {
        "cell": record.id, "status": record.status, "reason": record.reason, "profile": record.profile,
        "target": record.target, "fold": record.fold, "seed": record.seed, "metric": record.metric,
        "metrics": record.metrics, "controls": record.controls,
        "recipe": record.recipe, "policy": record.policy,
        "source": record.source,
        "data": {"kind": record.data, "fingerprint": record.data_fingerprint, "test_set": record.test_set},
        "teacher": {"network": record.teacher, "key": record.teacher_key, **_teacher(store, record)},
        "student": record.student,
        "row": {"id": record.row, "cells": rows, "labels": sorted(labels)},
        "provenance": record.provenance, "deviations": record.deviations,
        "segments": record.segments, "costs": record.costs, "seconds": record.seconds,
        "peak_memory_bytes": record.peak_memory_bytes,
        "files": _files(store, record),
        "requested_by": [_request(manifest, record) for manifest in runs],
        **_again(record, typed),
    }  # fmt: skip


def _again(record: Record, typed: Sequence[str]) -> dict[str, Any]:
    """Return how a cell is made again, or why that cannot be said by this installation."""
    try:
        found = reproduction(record, typed)
    except BadInput as error:
        remark = str(error) if record.is_handed_in else f"this installation cannot plan it: {error}"
        return {"settings": [], "defaults_of": "", "command": "", "command_is_exact": False, "remarks": [remark]}
    return {
        "settings": [{"key": one.key, "value": one.value, "default": one.default} for one in found.settings],
        "defaults_of": found.request.profile, "command": run_command(found.request),
        "command_is_exact": found.is_exact, "remarks": found.remarks,
    }  # fmt: skip


def _request(manifest: Manifest, record: Record) -> str:
    if record.is_handed_in:
        return f"benchmark merge {record.handed_in.get('file', 'FILE')}"
    if "cell" in manifest.selection:
        return "benchmark.run, from Python"
    return run_command(request_of(manifest, record.profile))


def _teacher(store: Store, record: Record) -> dict[str, Any]:
    """Return what was noted when the teacher was made; empty if it is gone, or if it was given from Python."""
    if record.teacher_key is None or not store.has_teacher(record.teacher_key):
        return {}
    path = store.teacher(record.teacher_key) / TEACHER_NOTES
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path} cannot be read ({error}); delete its folder and run the cell again.") from error
    return dict(found) if isinstance(found, dict) else {}


def _files(store: Store, record: Record) -> list[dict[str, Any]]:
    folders = [store.cell(record.id), *([store.teacher(record.teacher_key)] if record.teacher_key else [])]
    return [
        {"path": str(path), "bytes": path.stat().st_size}
        for folder in folders
        for path in sorted(folder.glob("*"))
        if path.is_file() and not path.name.startswith(".")
    ]


def _print(found: Mapping[str, Any]) -> None:
    status = found["status"] if found["status"] == "done" else f"{found['status']}: {found['reason']}"
    say(f"{found['cell']}: {status}")
    print_table(["", ""], [row for row in facts(found) if row[1]])
    profile, names = found["defaults_of"], f"recipe {found['recipe']}, policy {found['policy']}"
    print()
    if found["settings"]:
        say(f"Settings that differ from the profile {profile} ({names}):")
        settings = [[one["key"], _value(one["value"]), _value(one["default"])] for one in found["settings"]]
        print_table(["setting", "value", "default"], settings)
    elif found["command"]:
        say(f"Settings: those of the profile {profile} ({names}).")
    _print_list("Deviations from the published setting:", found["deviations"])
    _print_list("Files:", [f"{one['path']} ({size(one['bytes'])})" for one in found["files"]])
    _print_list("Requested by:", found["requested_by"])
    exact = ["this version plans the same cell of it, with the same id"] if found["command_is_exact"] else []
    _print_list("To make it again:", [*filter(None, [found["command"]]), *exact, *found["remarks"]])


def _print_list(title: str, entries: Sequence[str]) -> None:
    if entries:
        print()
        print(title)
    for entry in entries:
        say(f"  {entry}")


def facts(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what ``provenance_of`` found as names and texts for people; a text is empty if it is not known."""
    metrics, controls = found["metrics"], found["controls"]
    yield f"score ({found['metric']})", _score(metrics, ACCURACIES[found["metric"]])
    others = {"top-1": metrics.get("top1"), "balanced": metrics.get("mean_per_class"), "top-5": metrics.get("top5")}
    figures = others | {key: metrics.get(key) for key in ("retention", "fidelity", "ece")}
    yield "other figures", _shares(figures)
    yield "controls", _shares({key.replace("_top1", ""): value for key, value in controls.items()})
    source, data, teacher = found["source"], found["data"], found["teacher"]
    yield "source", f"{source['name']}: {source['description']}" if source["description"] else source["name"]
    yield "source's SHA-256", source["sha256"]
    yield "data", data["kind"]
    yield "data's fingerprint", data["fingerprint"]
    yield "test items", _test_items(data["test_set"])
    yield "teacher", f"{teacher['network']}, {teacher['key']}" if teacher["key"] else teacher["network"]
    held_out = {
        key: teacher.get(f"held_out_{name}") for key, name in (("top-1", "top1"), ("balanced", "mean_per_class"))
    }
    yield "teacher, held out", _shares(held_out)
    trained = teacher.get("seconds")
    yield "teacher, training", duration(trained) if isinstance(trained, int | float) else ""
    yield "student", found["student"]
    row = found["row"]
    yield "row", f"{row['id']}, seeds {', '.join(str(seed) for seed in sorted(row['cells'].values()))}"
    yield "labels", "; ".join(row["labels"])
    yield from _of_process(found["provenance"])
    if isinstance(handed_in := found["provenance"].get(HANDED_IN), Mapping):
        yield "handed in", f"{handed_in.get('file')}, SHA-256 {handed_in.get('file_sha256')}"
        yield "statement", stated(handed_in)
    seconds = found["seconds"]
    by_phase = ", ".join(f"{phase} {duration(value)}" for phase, value in seconds.items())
    yield "time", f"{duration(sum(seconds.values()))} ({by_phase})" if seconds else ""
    yield "segments", f"{found['segments']:,}" if found["segments"] else ""
    yield "costs", ", ".join(f"{name.replace('_', ' ')} {count:,.0f}" for name, count in found["costs"].items())
    yield "peak memory", size(found["peak_memory_bytes"])


def _of_process(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    commit, dirty = provenance.get("commit"), provenance.get("dirty")
    code = f"commit {commit}{', with local changes' if dirty else ''}" if commit else "of an unknown commit"
    yield "code", f"{provenance.get('package', '')} {provenance.get('version', '')}, {code}" if provenance else ""
    libraries = provenance.get("libraries") or {}
    versions = {"python": provenance.get("python"), **libraries}
    yield "versions", ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    threads = provenance.get("threads")
    machine = [provenance.get("device"), provenance.get("platform"), counted(threads, "thread") if threads else None]
    yield "machine", ", ".join(str(part) for part in machine if part)
    yield "started, ended", ", ".join(str(provenance[key]) for key in ("started", "ended") if provenance.get(key))


def _score(metrics: Mapping[str, Any], name: str) -> str:
    if metrics.get(name) is None:
        return ""
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    interval = "" if low is None or high is None else f" [{percent(low)}–{percent(high)}], the 95 % interval over items"
    return f"{percent(metrics[name])} %{interval}"


def _shares(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {percent(value)} %" for name, value in figures.items() if isinstance(value, int | float))


def _test_items(test_set: Mapping[str, Any]) -> str:
    if test_set.get("items") is None:
        return ""
    known = test_set.get("known_items")
    of = f" of {known:,}" if isinstance(known, int) and known != test_set["items"] else ""
    return f"{test_set['items']:,}{of}, ids with SHA-256 {test_set.get('ids_sha256')}"


def _value(value: Any) -> str:
    return "''" if value == "" else value if isinstance(value, str) else json.dumps(value)
