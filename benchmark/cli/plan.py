"""``benchmark plan``: every cell and what a run would do with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from benchmark.claims.needed import ONE_SEED, Need, needs
from benchmark.cli.text_table import print_json, print_table, say
from benchmark.launch.progress import counted, duration
from benchmark.planning.cell import Cell, State, state_of, told_apart
from benchmark.planning.expected import cell_seconds, expected_times, longest_first, run_seconds
from benchmark.planning.plan import make_plan
from benchmark.planning.power import smallest_differences
from benchmark.planning.resolve import Resolved, resolve
from benchmark.planning.select import Request
from benchmark.records.store import Store

BYTES_PER_LOG_PROBABILITY = 2
WIDTH = 100  # of sentences that do not go to a terminal


def show_plan(asked: Request | Resolved, results: Path, *, jobs: str, format: str) -> None:
    """Print the plan as a table with totals, or as JSON."""
    from benchmark.system.devices import worker_devices

    resolved = resolve(asked)
    request, cells = resolved.request, make_plan(resolved)
    threads = max((cell.config.threads for cell in cells), default=1)
    workers = len(worker_devices("cpu" if request.device == "cpu" else "cuda", jobs, threads))  # raises for bad jobs
    store = Store(results / request.profile_name)
    differing = told_apart(cells)
    states = {cell.id: state_of(cell, store) for cell in cells}
    todo = [cell for cell in cells if states[cell.id][0] == "to run"]
    times = expected_times(todo, request.device, store.has_teacher)
    seconds = cell_seconds(longest_first(todo, times), times)
    rows = []
    for cell in cells:
        expected = {"seconds": seconds.get(cell.id), "measured": cell.id in times and times[cell.id].measured}
        rows.append(_row(cell, *states[cell.id], differing[cell.id]) | expected)
    shown = smallest_differences(cells, {row["cell"] for row in rows if row["state"] == "done"}, store)
    for row in rows:
        row["smallest_difference"] = round(shown[row["cell"]], 4) if row["cell"] in shown else None
    if format == "json":
        print_json(rows)
        return
    _print_cells(rows)
    missing = {row["target"]: row["reason"] for row in rows if row["state"] == "no data"}
    if missing:
        print("\nMissing data:")
    for target, reason in missing.items():
        say(f"  {target}: {reason}", otherwise=WIDTH)
    workers = min(workers, max(1, len(todo)))
    _print_totals(rows, run_seconds(todo, times, workers), workers, store)
    for reason in resolved.left_out:
        say(f"left out: {reason}", otherwise=WIDTH)
    _print_smallest_differences(rows)
    print_needs(needs(resolved.suite, cells, {cell.id: states[cell.id][0] for cell in cells}))


def print_needs(found: Sequence[Need], file: TextIO | None = None) -> None:
    """Print what claims still need, and that one seed says little; nothing if there are no claims."""
    if not found:
        return
    waiting = [need for need in found if not need.is_met]
    print(file=file)
    have = f"{len(found) - len(waiting):,} of {counted(len(found), 'claim')} on these targets"
    say(f"{have} have every cell that they need; `benchmark claims` shows verdicts", otherwise=WIDTH, file=file)
    for need in waiting:
        say(f"  {need}", otherwise=WIDTH, file=file)
    if any(need.planned_seeds == 1 for need in found):
        say(ONE_SEED, rest="", otherwise=WIDTH, file=file)


def _row(cell: Cell, state: State, reason: str, differs: str) -> dict[str, Any]:
    info, runs = cell.adapter.info, state == "to run"
    prediction_bytes = info.test_items * len(info.classes) * BYTES_PER_LOG_PROBABILITY
    return {
        "cell": cell.id,
        "target": cell.key.target,
        "source": cell.source.name,
        "source_sha256": cell.source.sha256,
        "differs": differs,  # from cells of the same target, source, seed and fold
        "seed": cell.key.seed,
        "fold": cell.key.fold,
        "data": cell.data.kind,
        "method": cell.config.method,
        "state": state,
        "reason": reason,
        "predictions_bytes": prediction_bytes if runs and cell.data.kind != "stand-in" else None,
        "download_bytes": info.download_bytes if state == "no data" else None,
    }


def _print_cells(rows: list[dict[str, Any]]) -> None:
    fold = ["fold"] if any(row["fold"] != 1 for row in rows) else []
    names = ["target", *fold, "source", "seed", "data", "state"]
    table = []
    for row in rows:
        time_and_reason = (_time(row), row["reason"]) if row["state"] == "to run" else ("", "")
        label = f"{row['source']} ({row['differs']})" if row["differs"] else row["source"]
        table.append([*((row | {"source": label})[name] for name in names), *time_and_reason])
    print_table([*names, "time", ""], table)


def _time(row: dict[str, Any]) -> str:
    """Return a cell's expected time, with a mark if it is an estimate."""
    return duration(row["seconds"]) if row["measured"] or row["seconds"] is None else f"~{duration(row['seconds'])}"


def _print_totals(rows: list[dict[str, Any]], seconds: float | None, workers: int, store: Store) -> None:
    todo = [row for row in rows if row["state"] == "to run"]
    disk = sum(row["predictions_bytes"] or 0 for row in rows) / 1e6
    print()
    say(f"{counted(len(rows), 'cell')}, {len(todo):,} to run, about {duration(seconds)} with {workers} at a time, "
        f"{disk:.1f} MB of predictions; results in {store.root.resolve()}")  # fmt: skip
    if estimated := sum(not row["measured"] for row in todo):
        say(f"~ an estimate: {counted(estimated, 'cell')} of a kind that was not measured on this machine yet")
    methods = sorted({row["method"] for row in todo if not row["measured"]} - {"segments"})
    if methods:
        say(f"An estimate knows the student's steps, not what a method does besides ({', '.join(methods)}).")


def _print_smallest_differences(rows: list[dict[str, Any]]) -> None:
    """Print for each target what its seeds and test items can show; of several folds and rows, the worst."""
    worst: dict[str, float] = {}
    for row in rows:
        if row["smallest_difference"] is not None:
            worst[row["target"]] = max(worst.get(row["target"], 0.0), row["smallest_difference"])
    if worst:
        each = ", ".join(f"{target} {100 * value:.1f}" for target, value in worst.items())
        text = (
            f"Smallest difference of two rows that these seeds and test items show, in points: {each}. A paired test "
            "at 5 % finds it in 80 % of cases, if two students differ on one item in ten; test items of one leak unit "
            "count for less as soon as a result says how alike they are."
        )
        say(text, rest="", otherwise=WIDTH)
