"""What settings of speed do to accuracy: the same cells with and without each, over several seeds.

    python scripts/measure_settings.py [--seeds 3] [--jobs 2] [--out results/measured/settings]

Runs `benchmark run` on two generated stand-ins and on the real digits, on a CPU or whatever GPU there is, once with
each way for teacher and student alike. What a way does to time, `benchmark perf recipe.precision=bfloat16` tells.
Writes README.md and settings.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TARGETS = "digits,cifar10,fsdd"
WAYS = {
    "float32, channels-last": {"precision": "float32", "channels_last": "true", "compile": "none"},
    "float32, contiguous": {"precision": "float32", "channels_last": "false", "compile": "none"},
    "bfloat16, channels-last": {"precision": "bfloat16", "channels_last": "true", "compile": "none"},
    "float32, channels-last, compiled": {"precision": "float32", "channels_last": "true", "compile": "default"},
}


def run(way: dict[str, str], seeds: int, jobs: int, results: Path) -> list[dict[str, Any]]:
    """The records of one way."""
    settings = [f"{part}.{key}={value}" for part in ("recipe", "teacher.training") for key, value in way.items()]
    listed = f"seeds=[{','.join(map(str, range(seeds)))}]"
    command = [sys.executable, "-m", "benchmark", "run", "--target", TARGETS, "--results", str(results), "--jobs",
               str(jobs), listed, *settings]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with exit code {done.returncode}:\n{done.stderr[-2000:]}")
    return [json.loads(path.read_text()) for path in sorted(results.glob("*/cells/*/record.json"))]


def rows_of(name: str, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per target."""
    rows = []
    for target in TARGETS.split(","):
        mine = sorted((r for r in records if r["target"] == target), key=lambda record: record["seed"])
        rows.append({
            "target": target, "way": name, "top1": [r["metrics"]["top1"] for r in mine],
            "teacher_top1": mine[0]["controls"]["teacher_top1"], "items": mine[0]["metrics"]["items"],
            "device": mine[0]["provenance"]["device"],
        })  # fmt: skip
    return rows


def to_markdown(rows: list[dict[str, Any]], command: str) -> str:
    lines = ["# What settings of speed do to accuracy", "", f"`{command}` on: {rows[0]['device']}.", "",
             "Top-1 of the students, mean ± standard deviation over seeds, in percent; one teacher per way.", "",
             "| target | way | teacher | students |", "|---|---|---:|---:|"]  # fmt: skip
    for target in TARGETS.split(","):
        for row in (row for row in rows if row["target"] == target):
            mean, spread = 100 * statistics.mean(row["top1"]), 100 * statistics.stdev(row["top1"])
            lines.append(f"| {target} | {row['way']} | {100 * row['teacher_top1']:.1f} | {mean:.1f} ± {spread:.1f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="at least two")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("results/measured/settings"))
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, way) in enumerate(WAYS.items()):
            rows += rows_of(name, run(way, given.seeds, given.jobs, Path(folder) / str(number)))
            (given.out / "settings.json").write_text(json.dumps(rows, indent=1) + "\n")
            text = to_markdown(rows, f"python scripts/measure_settings.py --seeds {given.seeds} --jobs {given.jobs}")
            (given.out / "README.md").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
