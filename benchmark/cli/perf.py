"""``benchmark perf``: measure segments per second, the overhead of a step over its networks, and evaluation."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark.cli.text_table import print_table
from benchmark.perf.report import origin, tables, to_markdown
from benchmark.planning.select import without_folders
from modalities import registry
from modalities.storage.atomic import atomic_write


def show_perf(
    modalities: Sequence[str], overrides: Sequence[str], *, device: str, format: str, out: Path | None
) -> None:
    """Measure and print tables or JSON; write both to the folder ``out`` as perf-MODALITIES-DEVICE.json and .md."""
    from benchmark.perf.child_process import measure_in_subprocess

    for name in modalities:
        registry.modality(name)  # raises for an unknown one
    names = list(modalities) or list(registry.MODALITIES)
    found = measure_in_subprocess(names, overrides, device)
    named = [f"--modality {name}" for name in modalities] + ([f"--device {device}"] if device != "cpu" else [])
    found["made"] = origin(" ".join(["benchmark perf", *named, *map(without_folders, overrides)]))
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
