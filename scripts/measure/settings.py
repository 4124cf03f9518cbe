"""What settings of speed do to accuracy: the same cells with and without each, over several seeds.

    python scripts/measure/settings.py [--seeds 3] [--jobs 2] [--out results/measured/settings] [--resume]

Runs `benchmark run` on two generated stand-ins and on the real digits, on the GPU if there is one, once with each way
for teacher and student alike. What a way does to time, `benchmark perf recipe.precision=bfloat16` measures.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from harness import Parts, measure, parse_options, records, run_benchmark, seeds, table

TARGETS = ("digits", "cifar10", "fsdd")
WAYS = {
    "float32, channels-last": {"precision": "float32", "channels_last": "true", "compile": "none"},
    "float32, contiguous": {"precision": "float32", "channels_last": "false", "compile": "none"},
    "bfloat16, channels-last": {"precision": "bfloat16", "channels_last": "true", "compile": "none"},
    "float32, channels-last, compiled": {"precision": "float32", "channels_last": "true", "compile": "default"},
}


def run(way: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Run the cells of one way; return a row per target."""
    settings = [f"{part}.{key}={value}" for part in ("recipe", "teacher.training") for key, value in WAYS[way].items()]
    words = ["--target", ",".join(TARGETS), "--jobs", str(given.jobs), seeds(given.seeds), *settings]
    with tempfile.TemporaryDirectory() as folder:
        run_benchmark(words, Path(folder))
        found = sorted(records(Path(folder)), key=lambda record: record["seed"])
    rows = []
    for target in TARGETS:
        mine = [record for record in found if record["target"] == target]
        rows.append({
            "target": target, "way": way, "top1": [r["metrics"]["top1"] for r in mine],
            "teacher_top1": mine[0]["controls"]["teacher_top1"], "items": mine[0]["metrics"]["items"],
            "device": mine[0]["provenance"]["device"],
        })  # fmt: skip
    return rows


def body(found: Parts) -> list[str]:
    """Return the table, target by target."""
    rows = [
        {**r, "teacher": 100 * r["teacher_top1"], "mean": 100 * statistics.mean(r["top1"]),
         "deviation": 100 * statistics.stdev(r["top1"])}
        for r in sorted((r for part in found.values() for r in part), key=lambda r: TARGETS.index(r["target"]))
    ]  # fmt: skip
    columns = {"target": "{target}", "way": "{way}", "teacher": "{teacher:.1f}",
               "students": "{mean:.1f} ± {deviation:.1f}"}  # fmt: skip
    return [
        f"Device: {rows[0]['device']}.", "",
        "Top-1 of the students, mean ± standard deviation over seeds, in percent; one teacher per way.", "",
        *table(rows, columns),
    ]  # fmt: skip


def main() -> None:
    parser = parse_options(__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="at least two")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    parts = {way: partial(run, way, given) for way in WAYS}
    measure(given, "What settings of speed do to accuracy", parts, body)


if __name__ == "__main__":
    main()
