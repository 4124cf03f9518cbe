"""What planning costs: processor time and memory of plan, run, table and report, before and now.

    python scripts/measure/planning.py [--before 7196a21] [--out results/measured/planning]

Makes a worktree of the earlier commit and stores of records like those of results/measured/demo, and runs each command
of both commits in turns, in processes of their own. Times are user and system time, so that other work on the machine
counts little. A command ends after --most seconds of it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from benchmark.config.suites import load_suite
from benchmark.launch.progress import counted
from benchmark.planning.cell import write_manifest
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from benchmark.records.identity import cell_id, row_id
from benchmark.records.record import ManifestEntry
from benchmark.records.store import Store
from harness import Parts, measure, parse_options, records, seeds, table

HERE = Path(__file__).parents[2]
TEN = ("cifar10", "cifar100", "digits", "stl10", "pets37", "fsdd", "esc50", "musan3", "ucf101", "hmdb51")
COLUMNS = {
    "command": "{command}",
    "before, s": "{before}",
    "now, s": "{now}",
    "now, by the clock, s": "{clock}",
    "now, peak MiB": "{peak}",
    "file, MB": "{size}",
}
# A suite of 10 targets times as many learning rates, each a composition of its own. Suites are files of the package.
VARIANTS = """
import sys
from benchmark.config.schema import Suite
from benchmark.planning import plan
try:
    from benchmark.planning import resolve
except ImportError:  # of the earlier commit
    resolve = plan
from benchmark.planning.select import Request
count = int(sys.argv[1])
variants = [[f"recipe.lr={n}e-6"] for n in range(1, count + 1)]
if isinstance(Suite(name="many").variants, dict):  # of the earlier commit, a list
    variants = {" ".join(texts): texts for texts in variants}
resolve.load_suite = lambda name: Suite(name=name, variants=variants)
assert len(plan.make_plan(Request(targets=tuple(sys.argv[2:])))) == 10 * count
"""
PANDAS = ("-c", "import pandas")


def words(*command: str) -> tuple[str, ...]:
    return ("-m", "benchmark", *command)


def commands(stores: Path) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Return by title the words after ``python``, and whether the earlier commit runs them too."""
    plan, shown = (
        words("plan", "--results", str(stores / "none"), "--suite", "all"),
        words("table", "--profile", "demo"),
    )
    some = ("--target", ",".join(TEN))
    return {
        "import pandas": (PANDAS, False),
        "`list targets`": (words("list", "targets"), True),
        "`plan --suite all`": (plan, True),
        "`plan`, 1,000 cells: 10 targets, 100 seeds": ((*plan, *some, seeds(100)), True),
        "`plan`, 10,000 cells: 10 targets, 1,000 seeds": ((*plan, *some, seeds(1000)), True),
        "`plan`, 10,000 cells: 1 target, 10,000 seeds": ((*plan, "--target", "digits", seeds(10_000)), True),
        "the plan of a suite of 1,000 cells: 10 targets, 100 variants": (("-c", VARIANTS, "100", *TEN), True),
        "the plan of a suite of 10,000 cells: 10 targets, 1,000 variants": (("-c", VARIANTS, "1000", *TEN), False),
        "`plan`, 1,000 cells that are done": (
            words("plan", "--results", str(stores / "1000 done"), *some, seeds(100)), False,
        ),
        "`run --suite all`, nothing to do": (words("run", "--results", str(stores / "done"), "--suite", "all"), False),
        "`run`, nothing to do in 1,000 cells": (
            words("run", "--results", str(stores / "1000 done"), *some, seeds(100)), False,
        ),
        "`table`, 1,000 records: 200 rows": ((*shown, "--results", str(stores / "1000")), False),
        "`table`, 10,000 records: 2,000 rows": ((*shown, "--results", str(stores / "10000")), False),
        "`table`, 100,000 records: 20,000 rows": ((*shown, "--results", str(stores / "100000")), False),
        "`table`, 100,000 records: one row": ((*shown, "--results", str(stores / "one row")), False),
        "`report`, 1,000 cells with curves and predictions: 200 rows": (
            words("report", "--results", str(stores / "1000 whole"), "--out", str(stores / "report.html")), False,
        ),
    }  # fmt: skip


@contextmanager
def checkout(commit: str, folder: Path) -> Iterator[Path]:
    """Hand out a worktree of a commit."""
    subprocess.run(["git", "-C", HERE, "worktree", "add", "--detach", "--quiet", folder, commit], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["git", "-C", HERE, "worktree", "remove", "--force", folder], check=True)


def cost(command: Iterable[str], code: Path, most: int) -> dict[str, float]:
    """Run Python in a checkout; return seconds of processor time and by the clock, and bytes of memory at the peak.

    ``seconds`` is infinite if it took longer than ``most``. Raises SystemExit if the command fails.
    """
    environment = {**os.environ, "PYTHONPATH": str(code), "PYTHONWARNINGS": "ignore"}
    limit = partial(resource.setrlimit, resource.RLIMIT_CPU, (most, most))
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=code, env=environment, preexec_fn=limit, stderr=log, stdout=log
        )  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        if process.returncode > 0:
            raise SystemExit(f"{list(command)[:6]} ended with exit code {process.returncode}:\n{log.read()[-2000:]}")
    seconds = used.ru_utime + used.ru_stime if process.returncode == 0 else float("inf")
    return {"seconds": seconds, "clock": time.monotonic() - started, "peak": 1024 * used.ru_maxrss}


def fill_all(stores: Path, needed: Sequence[str]) -> None:
    """Write those of the stores that ``commands`` read which are needed."""
    stores.mkdir()
    ways = {
        "done": partial(fill_done, count=1),
        "1000 done": partial(fill_done, count=100, targets=TEN),
        **{name: partial(fill, rows=int(name) // 5, count=5) for name in ("1000", "10000", "100000")},
        "one row": partial(fill, rows=1, count=100_000),
        "1000 whole": partial(fill, rows=200, count=5, whole=True),
    }
    for name, write in ways.items():
        if str(stores / name) in needed:
            write(stores / name)


def fill_done(folder: Path, *, count: int, targets: tuple[str, ...] = ()) -> None:
    """Write a store in which every cell of a request is done, as far as a plan or a table can see."""
    request = Request(targets=targets, overrides=(seeds(count),) if count > 1 else ())
    cells, store = make_plan(request), Store(folder / "demo")
    write_manifest(store, load_suite(request.suite), request.selection(), cells)
    examples = {record["target"]: record for record in records(HERE / "results/measured")}
    for cell in cells:
        own = {**asdict(cell.key), "source": examples[cell.key.target]["source"] | {"name": cell.key.source}}
        write_record(store, examples[cell.key.target], own, cell.id, cell.row, cell.identity)


def fill(folder: Path, *, rows: int, count: int, whole: bool = False) -> None:
    """Write a store of that many rows, which differ in target, source or learning rate, each with ``count`` seeds.

    Cells are records alone, or ``whole``: with the curve and the predictions of the record that they are like.
    """
    store = Store(folder / "demo")
    examples = [one for one in records(HERE / "results/measured") if one["profile"] == "demo"]
    axes = [name for name in ManifestEntry.__dataclass_fields__ if name not in ("id", "row", "source", "seed")]
    entries, settings = [], {}
    for number, example in enumerate(islice(cycle(examples), rows)):
        config = example["config"]
        recipe = config["recipe"] | {"lr": config["recipe"]["lr"] * (1 + number // len(examples) / 1000)}
        own = {key: value for key, value in config.items() if key != "seed"} | {"recipe": recipe}
        row = row_id(own)
        settings[row] = own
        for seed in range(count):
            id = cell_id({**own, "seed": seed})
            source = example["source"]["name"]
            entries.append(ManifestEntry(id=id, row=row, source=source, seed=seed, **{k: example[k] for k in axes}))
            write_record(store, example, {"seed": seed}, id, row, {**own, "seed": seed})
            for name in ("curve.csv", "predictions.npz") if whole else ():
                shutil.copy(next(HERE.glob(f"results/measured/**/cells/{example['id']}/{name}")), store.cell(id))
    store.write_manifest("all", {}, entries, settings)


def write_record(store: Store, example: dict[str, Any], own: dict[str, Any], id: str, row: str, config: Any) -> None:
    """Write a record like an example, without waiting for the disk as a run does."""
    path = store.record_file(id)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**example, **own, "id": id, "row": row, "config": config}, indent=1), encoding="utf-8")


def measure_command(given: argparse.Namespace, codes: dict[str, Path], command: tuple[str, ...], both: bool) -> Any:
    """Return the costs of each round, by ``before`` and ``now``, which take turns."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in codes if both or name == "now"}
    for _ in range(given.rounds):
        for name, costs in found.items():
            if not any(one["seconds"] == float("inf") for one in costs):
                costs.append(cost(command, codes[name], given.most))
                if "--out" in command:
                    costs[-1]["size"] = Path(command[command.index("--out") + 1]).stat().st_size
    return found


def body(given: argparse.Namespace, found: Parts) -> list[str]:
    """Return the page: what was measured, and the table."""
    rows = []
    for title, costs in found.items():
        seconds = {name: median(one["seconds"] for one in costs[name]) for name in costs}
        shown = {n: f"> {given.most}" if s == float("inf") else f"{s:.2f}" for n, s in seconds.items()}
        clock = median(one["clock"] for one in costs["now"])
        peak = max(one["peak"] for one in costs["now"]) / 2**20
        size = f"{costs['now'][0]['size'] / 1e6:.1f}" if "size" in costs["now"][0] else ""
        rows.append(
            {"command": title, "before": "", **shown, "clock": f"{clock:.2f}", "peak": f"{peak:,.0f}", "size": size}
        )
    return f"""Before: commit {given.before}. Seconds of processor time (user and system) of the whole process, imports
included, medians of {counted(given.rounds, "round")} in which the two commits took turns; memory is the highest of the
rounds, of a single process: large tables are made by one per core. A command was stopped after {given.most} s. Where a
column is empty, the command was not run: what is done now is not done for the earlier commit, whose cells have other
ids, and it cannot read the manifests of today.

{chr(10).join(table(rows, COLUMNS))}

Records are like those of `results/measured/demo`, about 6 KB each. Rows differ in target, source and learning rate, so
that `table` has to say of each how it differs from hundreds that look like it. "Done" are cells for each of which there
is such a record.""".splitlines()


def main() -> None:
    parser = parse_options(__doc__)
    parser.add_argument("--before", default="7196a21", help="commit to compare with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=300, help="seconds of processor time after which a command ends")
    parser.add_argument("--only", default="", help="the commands whose titles have this in them")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, checkout(given.before, Path(name) / "before") as before:
        stores, codes = Path(name) / "stores", {"before": before, "now": HERE}
        chosen = {title: own for title, own in commands(stores).items() if given.only in title}
        # In a process of its own: its memory would count as that of every process started after it.
        needed = [word for command, _ in chosen.values() for word in command]
        filling = get_context("spawn").Process(target=fill_all, args=(stores, needed))
        filling.start()
        filling.join()
        if filling.exitcode:
            raise SystemExit("the stores could not be written")
        parts = {
            title: partial(measure_command, given, codes, command, both) for title, (command, both) in chosen.items()
        }
        measure(given, "Planning", parts, partial(body, given))


if __name__ == "__main__":
    main()
