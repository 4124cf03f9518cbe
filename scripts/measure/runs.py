"""What whole runs cost: with more and more segments, with more and more cells, and with cores shared in two ways.

    python scripts/measure/runs.py [--out results/measured/runs] [--resume]

Every run is the command line in a process of its own, on generated stand-ins, with a temporary results folder. CPU
seconds are those of the command and its workers, user and system; memory is the peak of the largest process. The two
ways to share the cores run in the order A B B A and are compared in wall time: keep the machine quiet.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from harness import Parts, family, measure, memory, parse_options, records, run_benchmark, seeds, table

TARGETS = {"image": "digits", "audio": "fsdd", "video": "ucf101"}
SHARED = "digits,fsdd"  # demo cells for the two ways to share the cores, two seeds of each
FACTORS = (1, 4, 16)


def run(words: list[str], results: Path) -> dict[str, float]:
    """Run to the end; return wall seconds, CPU seconds and the peak memory of the largest process."""
    peak = 0

    def observe(pid: int) -> None:
        nonlocal peak
        peak = max(peak, *(memory(member, "VmHWM") for member in family(pid)))

    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run_benchmark(words, results, observe)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": time.monotonic() - began, "cpu_seconds": cpu, "peak_mib": peak / 2**20}


def segments(folder: Path) -> list[dict[str, Any]]:
    """Distil one cell with more and more steps; return the seconds of that phase and the peak memory of the cell."""
    rows = []
    for modality, target in TARGETS.items():
        for factor in FACTORS:
            results = folder / f"{target}-{factor}"
            run(["--target", target, "profile=smoke", "recipe.batch=64", f"recipe.steps={20 * factor}"], results)
            (record,) = records(results)
            rows.append({"modality": modality, "target": target, "segments": record["segments"],
                         "distill_seconds": record["seconds"]["distill"],
                         "seconds_per_1000": 1000 * record["seconds"]["distill"] / record["segments"],
                         "peak_mib": record["peak_memory_bytes"] / 2**20})  # fmt: skip
    return rows


def cells(folder: Path) -> list[dict[str, Any]]:
    """Run more and more cells of one target in one worker."""
    words = ["--target", "digits", "--jobs", "1", "profile=smoke"]
    return [{"cells": n, **run([*words, seeds(n)], folder / f"cells-{n}")} for n in FACTORS]


def sharing(folder: Path) -> list[dict[str, Any]]:
    """Run demo cells side by side on one thread each, and one after another on all cores."""
    cores = len(os.sched_getaffinity(0))
    ways = {f"{cores} cells at a time, 1 thread each": (cores, 1), f"1 cell at a time, {cores} threads": (1, cores)}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number, name in enumerate([*ways, *reversed(ways)]):
        jobs, threads = ways[name]
        words = ["--target", SHARED, seeds(2), "--jobs", str(jobs), f"threads={threads}"]
        taken[name].append(run(words, folder / f"sharing-{number}")["seconds"])
    return [{"way": way, "seconds": seconds} for way, seconds in taken.items()]


TABLES = {
    "segments": {"modality": "{modality}", "segments": "{segments:,}", "distillation, seconds": "{distill_seconds:.2f}",
                 "per 1,000 segments": "{seconds_per_1000:.3f}", "peak MiB of the process": "{peak_mib:,.0f}"},
    "cells": {"cells": "{cells}", "wall seconds": "{seconds:.1f}", "CPU seconds": "{cpu_seconds:.1f}",
              "peak MiB of the largest process": "{peak_mib:,.0f}"},
    "sharing": {f"cores, for four demo cells ({SHARED}, two seeds), in the order A B B A": "{way}",
                "wall seconds": "{seconds[0]:.0f}, {seconds[1]:.0f}"},
}  # fmt: skip


def body(found: Parts) -> list[str]:
    """Return the tables of the parts that are finished."""
    lines = ["CPU seconds are user and system."]
    for name, rows in found.items():
        lines += ["", *table(rows, TABLES[name])]
    return lines


def main() -> None:
    given = parse_options(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(["--target", ",".join(TARGETS.values()), "profile=smoke"], folder / "first")  # stand-ins, kernels
        parts = {part.__name__: partial(part, folder) for part in (segments, cells, sharing)}
        measure(given, "What whole runs cost", parts, body)


if __name__ == "__main__":
    main()
