"""Whether expected times are true: what a plan says of a run, beside what the run takes.

    python scripts/measure/times.py [--target cifar10,fsdd] [--out results/measured/times] [--resume]

The demo runs three times with fresh results and a cache of its own: first, when nothing was measured and the plan can
only estimate; again; and with other steps and batches. Keep the machine quiet: wall time counts.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from harness import Parts, measure, parse_options, run_benchmark, table

RUNS = {
    "nothing measured yet": (),
    "the same again": (),
    "other steps": ("recipe.steps=250", "teacher.training.steps=400", "teacher.times_chance=0"),
    "other batches": ("recipe.batch=96", "teacher.training.batch=96", "teacher.times_chance=0"),
}
COLUMNS = {
    "run": "{run}", "expected, seconds": "{expected:.0f}", "taken, seconds": "{taken:.0f}",
    "expected / taken": "{ratio:.2f}",
}  # fmt: skip


def expected_seconds(words: list[str]) -> float:
    """Return the total that ``benchmark plan`` shows."""
    command = [sys.executable, "-m", "benchmark", "plan", *words]
    text = subprocess.run(command, stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout
    found = re.search(r"to run, about (?:(\d+):)?(\d+):(\d+) with", text)
    if found is None:
        raise SystemExit(f"{' '.join(command)} shows no expected time:\n{text[-1000:]}")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def compare(name: str, words: list[str], folder: Path) -> dict[str, Any]:
    results = folder / name.replace(" ", "-")
    words = [*words, *RUNS[name]]
    expected = expected_seconds([*words, "--results", str(results)])
    began = time.monotonic()
    run_benchmark(words, results)
    taken = time.monotonic() - began
    return {"run": name, "expected": expected, "taken": taken, "ratio": expected / taken}


def body(found: Parts) -> list[str]:
    return table(found.values(), COLUMNS)


def main() -> None:
    parser = parse_options(__doc__)
    parser.add_argument("--target", help="targets, separated by commas; all of the demo if left out")
    given = parser.parse_args()
    words = ["--device", "cpu", *(["--target", given.target] if given.target else [])]
    with tempfile.TemporaryDirectory() as name:
        os.environ["BENCHMARK_CACHE"] = str(Path(name) / "cache")
        measure(given, "Expected times", {run: partial(compare, run, words, Path(name)) for run in RUNS}, body)


if __name__ == "__main__":
    main()
