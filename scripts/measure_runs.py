"""What whole runs cost: with more and more segments, with more and more cells, and with cores shared in two ways.

    python scripts/measure_runs.py [--out results/measured/runs]

Every run is the command line in a process of its own, on generated stand-ins, with a results folder that is thrown
away. CPU seconds are those of the command and its workers, user and system; memory is the largest process's peak.
The two ways to share the cores run in the order A B B A, on the clock on the wall: keep the machine quiet. Writes
README.md and runs.json, after each of its three parts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TARGETS = {"image": "digits", "audio": "fsdd", "video": "ucf101"}
SHARED = "digits,fsdd"  # demo cells for the two ways to share the cores, two seeds of each
FACTORS = (1, 4, 16)


def run(arguments: list[str], results: Path) -> dict[str, float]:
    """One ``benchmark run`` to its end: seconds on the wall, CPU seconds, peak memory of its largest process."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "benchmark", "run", "--results", str(results), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, *(memory(pid) for pid in (process.pid, *children(process.pid))))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with exit code {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": time.monotonic() - began, "cpu_seconds": cpu, "peak_bytes": peak}


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def memory(pid: int) -> int:
    """Peak resident bytes of a process so far."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])
    except (OSError, IndexError):
        return 0


def segments(folder: Path) -> list[dict[str, Any]]:
    """Distillation of one cell with more and more steps: the phase's own seconds, and the cell's peak memory."""
    rows = []
    for modality, target in TARGETS.items():
        for factor in FACTORS:
            results = folder / f"{target}-{factor}"
            steps = 20 * factor
            run(["--target", target, "profile=smoke", "recipe.batch=64", f"recipe.steps={steps}"], results)
            record = json.loads(next(results.glob("smoke/cells/*/record.json")).read_text())
            rows.append({"modality": modality, "target": target, "segments": record["segments"],
                         "distill_seconds": record["seconds"]["distill"],
                         "peak_bytes": record["peak_memory_bytes"]})  # fmt: skip
    return rows


def cells(folder: Path) -> list[dict[str, Any]]:
    """More and more cells of one target in one worker."""
    rows = []
    for factor in FACTORS:
        seeds = f"seeds=[{','.join(map(str, range(factor)))}]"
        found = run(["--target", "digits", "--jobs", "1", "profile=smoke", seeds], folder / f"cells-{factor}")
        rows.append({"cells": factor, **found})
    return rows


def sharing(folder: Path) -> list[dict[str, Any]]:
    """Demo cells side by side on one thread each, against one after another on all cores."""
    cores = len(os.sched_getaffinity(0))
    ways = {f"{cores} cells at a time, 1 thread each": (["--jobs", str(cores)], 1),
            f"1 cell at a time, {cores} threads": (["--jobs", "1"], cores)}  # fmt: skip
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number, name in enumerate([*ways, *reversed(ways)]):
        options, threads = ways[name]
        asked = ["--target", SHARED, "seeds=[0,1]", *options, f"threads={threads}"]
        found = run(asked, folder / f"sharing-{number}")
        taken[name].append(found["seconds"])
    return [{"way": name, "seconds": seconds} for name, seconds in taken.items()]


def to_markdown(found: dict[str, Any]) -> str:
    lines = ["# What whole runs cost", "", "`python scripts/measure_runs.py`, on "
             f"{len(os.sched_getaffinity(0))} cores; CPU seconds are user and system.", "",
             "| modality | segments | distillation, seconds | per 1,000 segments | peak MiB of the process |",
             "|---|---:|---:|---:|---:|"]  # fmt: skip
    lines += [
        f"| {r['modality']} | {r['segments']:,} | {r['distill_seconds']:.2f} | "
        f"{1000 * r['distill_seconds'] / r['segments']:.3f} | {r['peak_bytes'] / 2**20:,.0f} |"
        for r in found["segments"]
    ]
    if "cells" in found:
        lines += ["", "| cells | wall seconds | CPU seconds | peak MiB of the largest process |"]
        lines += ["|---:|---:|---:|---:|"]
        lines += [
            f"| {r['cells']} | {r['seconds']:.1f} | {r['cpu_seconds']:.1f} | {r['peak_bytes'] / 2**20:,.0f} |"
            for r in found["cells"]
        ]
    if "sharing" in found:
        lines += ["", f"Four demo cells (`{SHARED}`, two seeds), in the order A B B A:", ""]
        lines += ["| cores | wall seconds |", "|---|---:|"]
        lines += [f"| {r['way']} | {', '.join(f'{s:.0f}' for s in r['seconds'])} |" for r in found["sharing"]]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/measured/runs"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        every = ",".join(TARGETS.values())
        run(["--target", every, "profile=smoke"], folder / "first")  # writes stand-ins, compiles kernels
        for part in (segments, cells, sharing):
            found[part.__name__] = part(folder)
            (options.out / "runs.json").write_text(json.dumps(found, indent=1) + "\n")
            (options.out / "README.md").write_text(to_markdown(found))
            print(f"{part.__name__} measured", file=sys.stderr)
    print(to_markdown(found), end="")


if __name__ == "__main__":
    main()
