"""A long sweep of small cells: memory, open files, threads and processes over time, and what is left in the end.

    python scripts/measure/sweep.py [--cells 201] [--jobs 2] [--out results/measured/robustness]

Runs ``benchmark run`` in the profile ``smoke`` over one target of each modality and as many seeds as it takes, in a
temporary folder, and observes its processes through /proc every second (Linux). Writes sweep.csv too.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from harness import Parts, family, measure, memory, parse_options, run_benchmark, seeds, table

TARGETS = ("digits", "fsdd", "ucf101")
# Less work per cell than the profile has, so that more cells begin and end in a minute.
SETTINGS = ("profile=smoke", "teacher.training.steps=40", "teacher.times_chance=0", "recipe.steps=20",
            "recipe.batch=16")  # fmt: skip
SHOWN = (0.05, 0.1, 0.25, 0.5, 0.75, 0.95)  # shares of the cells at which README.md shows a row
TEMPORARY = ("*.tmp", "*.ckpt", "attempt", ".holder")
COLUMNS = {
    "s": "{seconds:.0f}", "cells done": "{cells}", "run: MiB": "{run_mib:.0f}", "run: files": "{run_files}",
    "run: threads": "{run_threads}", "workers": "{workers}", "largest worker: MiB": "{workers_mib:.0f}",
    "worker: files": "{workers_files}", "worker: threads": "{workers_threads}", "processes": "{processes}",
}  # fmt: skip
Sample = dict[str, float]


def held(pid: int) -> tuple[float, int, int]:
    """Return the resident memory of a process in MiB, and its numbers of open descriptors and of threads."""
    files, threads = (len(list(Path(f"/proc/{pid}/{folder}").iterdir())) for folder in ("fd", "task"))
    return round(memory(pid, "VmRSS") / 2**20, 1), files, threads


def look(run: int, seconds: float, cells: int) -> Sample:
    """Return what all processes of a run hold at this moment; a worker is a process that runs cells.

    Raises:
        OSError, ValueError, IndexError: a process has just ended.
    """
    members = family(run)
    workers = [held(pid) for pid in members[1:] if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    names = ("mib", "files", "threads")
    largest = map(max, zip((0.0, 0, 0), *workers, strict=True))
    return {
        "seconds": round(seconds, 1), "cells": cells,  # done so far
        **{f"run_{name}": value for name, value in zip(names, held(run), strict=True)}, "workers": len(workers),
        **{f"workers_{name}": value for name, value in zip(names, largest, strict=True)}, "processes": len(members),
    }  # fmt: skip


def session(pid: int) -> int:
    """Return the session that a process belongs to; 0 for one that has just ended."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def sweep(given: argparse.Namespace) -> dict[str, Any]:
    """Run to the end and write sweep.csv; return the samples, the exit code and what is left a few seconds later."""
    samples: list[Sample] = []
    run, began = 0, time.monotonic()
    count = -(-given.cells // len(TARGETS))
    words = ["--target", ",".join(TARGETS), "--jobs", str(given.jobs), *SETTINGS, seeds(count)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def done() -> int:
            return len(list(folder.glob("smoke/cells/*/record.json")))

        def observe(pid: int) -> None:
            nonlocal run
            run = pid
            samples.append(look(pid, time.monotonic() - began, done()))

        code = run_benchmark(words, folder, observe, every=1, may_fail=True)
        time.sleep(3)
        left = sum(session(int(path.name)) == run for path in Path("/proc").iterdir() if path.name.isdecimal())
        found = {
            "words": words, "cells": done(), "code": code, "processes": left,
            "temporary": [path.name for pattern in TEMPORARY for path in folder.rglob(pattern)], "samples": samples,
        }  # fmt: skip
    given.out.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(samples).to_csv(given.out / "sweep.csv", index=False)
    return found


def body(found: Parts) -> list[str]:
    """Return what was run, the table, and what was left."""
    (part,) = found.values()
    samples, done, tenth = part["samples"], part["cells"], max(1, part["cells"] // 10)
    shown = [next((s for s in samples if s["cells"] >= share * done), samples[-1]) for share in SHOWN]
    middle = next(sample for sample in samples if sample["cells"] >= done / 2)
    last = [sample for sample in samples if sample["cells"] < done][-1]
    early = median(sample["workers_mib"] for sample in samples if 0 <= sample["cells"] - done // 2 <= tenth)
    late = median(sample["workers_mib"] for sample in samples if done - tenth <= sample["cells"] < done)
    *words, listed = part["words"]
    return f"""This ran

```sh
benchmark run --results FOLDER {" ".join(words)} 'seeds=[0,...,{listed.count(",")}]'
```

{done} cells in {samples[-1]["seconds"]:.0f} s, exit code {part["code"]}. The machine was shared, so seconds say little.
The figures of every second are in `sweep.csv`.

{chr(10).join(table(shown, COLUMNS))}

One target comes after another, and a worker keeps the decoded items of the last two. Over the second half of the cells,
the largest worker went from {early:.0f} to {late:.0f} MiB (medians over a tenth of the cells at either end), and the
run itself, which keeps every record, from {middle["run_mib"]:.0f} to {last["run_mib"]:.0f} MiB before the table.

Three seconds after the end, {part["processes"]} processes of the run were left, and {len(part["temporary"])} temporary
files, checkpoints or attempts in its folder. A run on one machine writes no log file: its messages go to standard
error, and records hold the rest, so nothing needs rotation.""".splitlines()


def main() -> None:
    parser = parse_options(__doc__, folder="robustness")
    parser.add_argument("--cells", type=int, default=201)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    measure(given, "A long sweep", {"sweep": partial(sweep, given)}, body)


if __name__ == "__main__":
    main()
