"""``benchmark run``: plan, run what is not done, and end with the leaderboard."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmark.cli.exit_codes import DONE, FAILED, NOTHING, STOPPED
from benchmark.cli.output import tolerate_closed_output
from benchmark.cli.table import print_summary, write_leaderboards
from benchmark.launch import torchrun
from benchmark.launch.cluster import launch_cells
from benchmark.launch.display import counted, duration, shown
from benchmark.launch.groups import LaunchOptions, make_cluster
from benchmark.launch.local import run_cells
from benchmark.launch.progress import Outcome
from benchmark.planning.cell import Cell, describe, state_of
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request, left_out
from benchmark.records.provenance import provenance
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.running.failures import keep
from benchmark.system.devices import worker_devices
from benchmark.system.ranks import RankDesync, Ranks
from benchmark.system.torchrun import join
from modalities.errors import BadInput, readable
from modalities.storage.locks import is_locked

UNITS = {"s": 1, "m": 60, "h": 3600}


def run_suite(request: Request, results: Path, *, device: str, jobs: str, max_time: str, wanted: LaunchOptions) -> int:
    """Run a request's cells, here or as jobs of a cluster; returns the exit code.

    Under torchrun, all of its processes run each cell together. Output that nobody takes any more ends nothing.
    """
    with tolerate_closed_output():
        try:
            return _run_suite(
                request, results, join(device), device=device, jobs=jobs, max_time=max_time, wanted=wanted
            )
        except RankDesync as error:
            torchrun.leave(error, FAILED)
            raise


def _run_suite(
    request: Request, results: Path, ranks: Ranks, *, device: str, jobs: str, max_time: str, wanted: LaunchOptions
) -> int:
    began = time.monotonic()
    limit = seconds_of(max_time) if max_time else None
    store = Store(results / request.profile)
    if not ranks.is_main:
        with _stop_requests(began, limit) as stop:
            torchrun.follow(store.root, ranks=ranks, stop=stop)
        return DONE
    cells = make_plan(request)
    store.check_writable()
    store.write_manifest(request.suite, request.selection(), [cell.manifest_entry() for cell in cells])

    todo: list[Cell] = []
    absent: dict[str, Record] = {}
    for cell in cells:
        state, reason = state_of(cell, store)
        if state == "to run":
            todo.append(cell)
        elif state == "no data":
            absent[cell.id] = _note_absence(store, cell, reason)
        else:
            _tidy(store, cell)
    together = ranks.world_size > 1
    if together and wanted.launcher != "local":
        raise BadInput(f"--launcher {wanted.launcher} starts jobs of its own; leave torchrun out.")
    threads = max((cell.config.threads for cell in todo), default=1)
    devices = [ranks.device] if together else worker_devices(device, jobs, threads)
    run = partial(torchrun.lead, ranks=ranks) if together else partial(run_cells, devices=devices)
    _announce(cells, todo, request, store, 0 if wanted.launcher == "slurm" else len(devices[: len(todo)]))

    outcome = Outcome()
    if todo and wanted.launcher != "local":
        cluster, each = make_cluster(wanted, store.jobs.resolve(), todo, device=device, jobs=jobs)
        with shown(todo, len(todo)) as display:
            outcome = launch_cells(
                todo, Store(store.root.resolve()), cluster, device=device, jobs=each, per_job=wanted.cells_per_job,
                display=display, deadline=began + limit if limit else math.inf,
            )  # fmt: skip
    elif todo or together:  # the other processes of a torchrun wait to be sent home
        with _stop_requests(began, limit) as stop, shown(todo, len(devices)) as display:
            try:
                outcome = run(todo, store.root, display=display, stop=stop)
            except KeyboardInterrupt:
                print("stopped at once; the same command continues from the last checkpoints.", file=sys.stderr)
                return STOPPED
    told = absent | outcome.records  # a record of a folder that takes none is nowhere else
    records = [told.get(cell.id) or _record(store, cell) for cell in cells]
    written = write_leaderboards(store)
    print_summary(store)
    for path in written:
        print(f"wrote {path}")
    hints = {cell.id: cell.data.instructions for cell in cells if not cell.data.ready}
    return _close([record for record in records if record], hints, left_out(request), outcome, time.monotonic() - began)


def _tidy(store: Store, cell: Cell) -> None:
    """Clean up after a run that was killed when its record was written; not in a folder of somebody else, say."""
    with contextlib.suppress(BadInput):
        if not is_locked(store.cell(cell.id)):
            store.tidy(cell.id)


def _note_absence(store: Store, cell: Cell, reason: str) -> Record:
    def busy(holder: str) -> None:
        print(f"waiting for {describe(cell)}, which {holder} is noting", file=sys.stderr)

    record = keep(store, cell.record("no data", reason, provenance=provenance("none", 0)), waiting=busy)
    on_disk = _record(store, cell)
    return on_disk if on_disk is not None and on_disk.status == "no data" else record


def seconds_of(text: str) -> float:
    """``90s``, ``30m``, ``2h`` or a number of seconds."""
    number, unit = (text[:-1], UNITS[text[-1]]) if text[-1] in UNITS else (text, 1)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise BadInput(f"--max-time {text} is no duration; write 90s, 30m or 2h.")
    return seconds


def _announce(cells: list[Cell], todo: list[Cell], request: Request, store: Store, jobs: int) -> None:
    """Say what is about to happen; ``jobs`` cells run at once, 0 where a cluster decides that."""
    meaning = cells[0].config.profile.meaning
    done = len(cells) - len(todo)
    for reason in left_out(request).values():
        print(readable(f"left out: {reason}"), file=sys.stderr)
    print(f"profile {request.profile}: {meaning}", file=sys.stderr)
    expected = [cell.config.expected_seconds for cell in todo]
    about = f", about {duration(sum(expected) / jobs)}" if jobs and expected and all(expected) else ""
    side = f", {jobs} at a time" if jobs > 1 else ""
    without = sum(not cell.data.ready for cell in cells)
    absent = f", {without:,} without data" if without else ""
    all_cells = counted(len(cells), "cell")
    print(f"{all_cells}, {done - without:,} done{absent}, {len(todo):,} to run{side}{about}", file=sys.stderr)
    print(f"results in {store.root.resolve()}", file=sys.stderr)


@contextmanager
def _stop_requests(began: float, limit: float | None) -> Iterator[Callable[[], bool]]:
    """Whether to stop: after Ctrl-C or SIGTERM (once is enough, the second time is at once) or at the time limit."""
    asked = False

    def note(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        print("\nstopping: running cells write a checkpoint first (again to stop at once)", file=sys.stderr)

    def stop() -> bool:
        return asked or (limit is not None and time.monotonic() - began > limit)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _record(store: Store, cell: Cell) -> Record | None:
    """A cell's record; None where there is none, or a damaged one that its cell was stopped before replacing."""
    try:
        return store.read(cell.id)
    except BadInput:
        return None


def _close(
    records: list[Record], hints: dict[str, str], broken: dict[str, str], outcome: Outcome, seconds: float
) -> int:
    """Say how it ended; the exit code. ``hints`` say of cells without data what to put where, with all folders."""
    for name, reason in broken.items():
        print(readable(f"failed: {name}: {reason}"), file=sys.stderr)
    bad = [record for record in records if record.status not in ("done", "no data")]
    for record in bad:
        print(readable(f"{record.status}: {record.id}: {record.reason}"), file=sys.stderr)
    absent = [record for record in records if record.status == "no data"]
    for record in absent:
        print(readable(f"no data: {record.target}: {hints.get(record.id, record.reason)}"), file=sys.stderr)
    if outcome.interrupted:
        left = counted(len(outcome.interrupted), "cell")
        print(f"stopped after {duration(seconds)} with {left} to go; the same command continues.", file=sys.stderr)
        return STOPPED
    if bad or broken:
        return FAILED
    return NOTHING if len(absent) == len(records) else DONE
