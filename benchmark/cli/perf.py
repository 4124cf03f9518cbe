"""``benchmark perf``: measure segments per second, the overhead of a step over its networks, and evaluation."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.cli.text_table import print_table
from benchmark.records.provenance import provenance
from modalities import registry
from modalities.storage.atomic import atomic_write


def show_perf(
    modalities: Sequence[str], overrides: Sequence[str], *, device: str, format: str, out: Path | None
) -> None:
    """Measure and print tables or JSON; write both to the folder ``out`` as perf-MODALITIES-DEVICE.json and .md."""
    from benchmark.perf.subprocess import measure_apart

    for name in modalities:
        registry.modality(name)  # raises for an unknown one
    names = list(modalities) or list(registry.MODALITIES)
    found = measure_apart(names, overrides, device)
    origin = provenance(device, 1)
    found["made"] = {"command": " ".join(["benchmark perf", *_arguments(modalities, overrides, device)]),
                     **{key: origin[key] for key in ("version", "commit", "dirty", "started")}}  # fmt: skip
    text = json.dumps(found, indent=1) + "\n"
    if out is not None:
        stem = f"perf-{'-'.join(names)}-{device.partition(':')[0]}"
        atomic_write(out / f"{stem}.json", text)
        atomic_write(out / f"{stem}.md", to_markdown(found))
        print(f"wrote {(out / stem).resolve()}.json and .md", file=sys.stderr)
    if format == "json":
        print(text, end="")
        return
    for title, heads, rows in tables(found):
        print(f"\n{title}")
        print_table(heads, rows)


def _arguments(modalities: Sequence[str], overrides: Sequence[str], device: str) -> list[str]:
    named = [f"--modality {name}" for name in modalities]
    return [*named, *([f"--device {device}"] if device != "cpu" else []), *(Path(text).name for text in overrides)]


def tables(found: dict[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return the title, heads and rows of each table."""
    segments = []
    for row in found["segments"]:
        ours = [row["modality"], row["profile"], row["policy"], "×".join(map(str, row["shape"]))]
        segments += [
            [*ours, "ours", _count(row["per_second"]), "", _mebibytes(row)],
            *(
                [*ours, other["name"], _count(other["per_second"]), f"{other['ratio']:.1f}", ""]
                for other in row["others"]
            ),
        ]
    steps = [
        [
            row["modality"], row["profile"], row["target"], f"{row['teacher']} → {row['student']}", str(row["batch"]),
            f"{1000 * row['step_seconds']:.1f}", f"{1000 * row['networks_seconds']:.1f}",
            f"{100 * row['overhead']:.1f}", _count(row["segments_per_second"]), _mebibytes(row),
        ]
        for row in found["steps"]
    ]  # fmt: skip
    evaluation = [
        [*(row[name] for name in ("modality", "profile", "target", "network")), str(row["items"]),
         _count(row["items_per_second"]), _mebibytes(row)]
        for row in found["evaluation"]
    ]  # fmt: skip
    return [
        ("Segments", ["modality", "profile", "policy", "shape", "by", "per second", "ours is × faster", "process MiB"],
         segments),
        ("Steps", ["modality", "profile", "target", "teacher → student", "batch", "step ms", "networks alone ms",
                   "overhead %", "segments per second", "process MiB"], steps),
        ("Evaluation of stand-ins",
         ["modality", "profile", "target", "network", "items", "items per second", "process MiB"], evaluation),
    ]  # fmt: skip


def to_markdown(found: dict[str, Any]) -> str:
    """Return the tables as Markdown, with the command and the machine."""
    made, machine = found["made"], found["machine"]
    dirty = ", with local changes" if made["dirty"] else ""
    lines = [
        f"`{made['command']}`, commit {made['commit'] or 'unknown'}{dirty}, {made['started']}.",
        f"{machine['device']}; {machine['clock']}.",
        "Process MiB is the peak memory of the whole process during the measurement, libraries included.",
    ]
    for title, heads, rows in tables(found):
        lines += ["", f"### {title}", "", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _mebibytes(row: dict[str, Any]) -> str:
    return f"{row['peak_memory_bytes'] / 2**20:,.0f}"


def _count(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"
