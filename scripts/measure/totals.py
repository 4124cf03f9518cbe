"""What a teacher and a student take in all, before and now: seconds per step, measured in turns, times the steps.

    python scripts/measure/totals.py --root DATA [--before 7196a21] [--out results/measured/totals]

Makes a worktree of the earlier commit. Each target's cell of the profile small is run by both commits with a few steps
and with more of them; the difference is what a step takes, without start, data and scoring. Keep the machine quiet.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from harness import Parts, measure, parse_options, records, table
from planning import checkout

HERE = Path(__file__).parents[2]
STEPS = (40, 140)
COLUMNS = {
    "target": "{target}", "commit": "{name}", "teacher": "{teacher_steps:,} × {teacher:.0f} ms",
    "student": "{student_steps:,} × {student:.0f} ms", "in all, s": "{total:.0f}", "of before": "{ratio:.2f}",
}  # fmt: skip
FULL = """
from benchmark.config.compose import compose_target
config = compose_target("{target}", [], profile="small", suite="all")
print(config.teacher.training.steps, config.recipe.steps)
"""


def python(code: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(code)}
    found = subprocess.run([sys.executable, *words], cwd=code, env=environment, capture_output=True, encoding="utf-8")
    if found.returncode:
        raise SystemExit(f"{' '.join(words)[:200]} ended with {found.returncode}:\n{found.stderr[-2000:]}")
    return found.stdout


def seconds(code: Path, target: str, root: Path, steps: int) -> dict[str, float]:
    """Return the seconds of a run with that many steps, by phase."""
    with tempfile.TemporaryDirectory() as results:
        python(
            code, "-m", "benchmark", "run", "--target", target, "--root", str(root), "--results", results,
            "--jobs", "1", "--device", "cpu", "profile=small", "teacher.times_chance=0",
            f"recipe.steps={steps}", f"teacher.training.steps={steps}",
        )  # fmt: skip
        (record,) = records(Path(results))
        return dict(record["seconds"])


def of_target(target: str, codes: dict[str, Path], root: Path, rounds: int) -> list[dict[str, Any]]:
    """Return a row for each commit."""
    per_step: dict[str, dict[str, list[float]]] = {name: {"teacher": [], "distill": []} for name in codes}
    for _ in range(rounds):
        for name, code in codes.items():
            few, more = (seconds(code, target, root, steps) for steps in STEPS)
            for phase, values in per_step[name].items():
                values.append((more[phase] - few[phase]) / (STEPS[1] - STEPS[0]))
    rows: list[dict[str, Any]] = []
    for name, code in codes.items():
        teacher_steps, student_steps = map(int, python(code, "-c", FULL.format(target=target)).split())
        teacher, student = (median(per_step[name][phase]) for phase in ("teacher", "distill"))
        total = teacher * teacher_steps + student * student_steps
        rows.append({
            "target": target, "name": name, "teacher_steps": teacher_steps, "student_steps": student_steps,
            "teacher": 1000 * teacher, "student": 1000 * student, "total": total,
            "ratio": total / rows[0]["total"] if rows else 1.0,
        })  # fmt: skip
    return rows


def body(given: argparse.Namespace, found: Parts) -> list[str]:
    rows = [row for target in found.values() for row in target]
    return [
        f"Before is commit {given.before}. One cell at a time, one thread, median of {given.rounds} in which both took",
        "turns. Which scores these steps reach is in `tuned/` and its paragraph of the README beside.",
        "",
        *table(rows, COLUMNS),
    ]


def main() -> None:
    parser = parse_options(__doc__)
    parser.add_argument("--before", default="7196a21", help="the commit to compare with")
    parser.add_argument("--root", type=Path, required=True, help="folder of the real datasets")
    parser.add_argument("--targets", default="cifar10,fsdd,digits", help="separated by commas")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, checkout(given.before, Path(folder) / "before") as before:
        os.environ["BENCHMARK_CACHE"] = str(Path(folder) / "cache")
        codes = {"before": before, "now": HERE}
        parts = {
            target: partial(of_target, target, codes, given.root.resolve(), given.rounds)
            for target in given.targets.split(",")
        }
        measure(given, "A teacher and a student, before and now", parts, partial(body, given))


if __name__ == "__main__":
    main()
