"""``benchmark run``: plan the cells, classify them, launch those that are not done, and report."""

from __future__ import annotations

import contextlib
import math
import os
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmark.claims.needed import ONE_SEED, needs
from benchmark.cli.exit_codes import DONE, FAILED, NOTHING, STOPPED
from benchmark.cli.options import LOCAL_RESULTS
from benchmark.cli.output import tolerate_closed_output
from benchmark.cli.plan import print_needs
from benchmark.cli.table import print_summary
from benchmark.cli.text_table import say
from benchmark.config.published import published_results
from benchmark.launch import torchrun
from benchmark.launch.cluster import launch_cells
from benchmark.launch.display import shown
from benchmark.launch.groups import LaunchOptions, make_cluster
from benchmark.launch.local import run_cells
from benchmark.launch.progress import Outcome, counted, duration
from benchmark.launch.signals import stop_requests
from benchmark.leaderboard.formats import write
from benchmark.leaderboard.table import leaderboard
from benchmark.planning.cell import Cell, describe, state_of, unused_data, write_manifest
from benchmark.planning.expected import Expected, expected_times, run_seconds
from benchmark.planning.plan import make_plan
from benchmark.planning.resolve import Resolved, resolve
from benchmark.planning.select import Request
from benchmark.records.provenance import provenance
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.running.failures import keep, read_if_valid
from benchmark.system.devices import worker_devices
from benchmark.system.ranks import RankDesync, Ranks
from benchmark.system.torchrun_ranks import join
from modalities.errors import BadInput
from modalities.storage.locks import is_locked

UNITS = {"s": 1, "m": 60, "h": 3600}


def parse_duration(text: str) -> float:
    """Seconds of ``90s``, ``30m``, ``2h`` or a plain number; infinite for an empty text."""
    if not text:
        return math.inf
    number, unit = (text[:-1], UNITS[text[-1]]) if text[-1] in UNITS else (text, 1)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < math.inf:
        raise BadInput(f"--max-time {text} is not a duration; write 90s, 30m or 2h.")
    return seconds


def log_to(names: str) -> None:
    """Let this run and all processes that it starts log to these. Raises BadInput for one that is not there."""
    if names:
        from benchmark.running.loggers import VARIABLE, check_loggers

        check_loggers(names)
        os.environ[VARIABLE] = names


def run_suite(asked: Request | Resolved, options: LaunchOptions, results: Path, max_seconds: float) -> int:
    """Run a request's cells, write and print the leaderboard, and return the exit code.

    Under torchrun, all of its processes run each cell together. A closed or full standard output does not end the run.
    """
    with tolerate_closed_output():
        try:
            request = asked if isinstance(asked, Request) else asked.request
            return _run_suite(asked, options, Store(results / request.profile_name), max_seconds)
        except RankDesync as error:
            torchrun.leave(error, FAILED)
            raise


def _run_suite(asked: Request | Resolved, options: LaunchOptions, store: Store, max_seconds: float) -> int:
    ranks = join(options.job_device)
    began = time.monotonic()
    deadline = began + max_seconds
    if not ranks.is_main:
        with stop_requests(deadline) as stop:
            torchrun.follow(store.root, ranks=ranks, stop=stop)
        return DONE
    resolved = resolve(asked)
    request, cells = resolved.request, make_plan(resolved)
    store.check_writable()
    write_manifest(store, resolved.suite, request.selection(), cells)
    todo, without_data = _classify(cells, store)
    devices = _devices(todo, options, ranks)
    times = expected_times(todo, request.device, store.has_teacher)
    at_once = 0 if options.launcher == "slurm" else min(len(devices), len(todo))
    _announce(cells, todo, times, resolved, store, at_once)
    try:
        outcome = _launch(todo, times, store, options, ranks, devices, deadline)
    except KeyboardInterrupt:
        say("stopped at once; the same command continues from the last checkpoints.", file=sys.stderr)
        return STOPPED
    frame = leaderboard(store, published_results())
    written = write(frame, store.root)
    print_summary(frame)
    for path in written:
        say(f"wrote {path.resolve()}")
    outcome.records = without_data | outcome.records
    not_done = {cell.id for cell in todo} | without_data.keys()
    ended = {record.id for record in outcome.records.values() if record.status == "done"}
    _say_where_to_look([cell for cell in cells if cell.id not in not_done or cell.id in ended], store)
    left = [cell for cell in cells if cell.id in not_done]
    if resolved.suite.claims:
        print_needs(needs(resolved.suite, cells, {cell.id: state_of(cell, store)[0] for cell in cells}), sys.stderr)
    code = _report(left, outcome, resolved.broken, store, time.monotonic() - began)
    return DONE if code == NOTHING and len(left) < len(cells) else code


def _say_where_to_look(done: list[Cell], store: Store) -> None:
    """Print how to look at the first of some cells that are done, and where the ids of all are."""
    if not done:
        return
    folder = store.root.parent
    where = "" if folder == LOCAL_RESULTS else f" --results {shlex.quote(str(folder))}"
    profile = f"profile={done[0].config.profile.name}"
    say(f"look at a cell: benchmark why {done[0].id}{where} (or insight, export, compare)")
    say(f"ids of all cells: benchmark table {profile} --columns target,source,id{where}")


def _classify(cells: list[Cell], store: Store) -> tuple[list[Cell], dict[str, Record]]:
    """Return the cells that must run, and by id the new records of those without data; tidy those that are done."""
    todo, without_data = [], {}
    for cell in cells:
        state, reason = state_of(cell, store)
        if state == "to run":
            todo.append(cell)
        elif state == "no data":
            without_data[cell.id] = _note_no_data(store, cell, reason)
        else:
            with contextlib.suppress(BadInput):  # a folder that cannot be written stays as it is
                if not is_locked(store.cell(cell.id)):
                    store.discard_attempt(cell.id)
    return todo, without_data


def _note_no_data(store: Store, cell: Cell, reason: str) -> Record:
    def waiting(holder: str) -> None:
        say(f"waiting for {holder}, which is using the folder of {describe(cell)}", file=sys.stderr)

    record = keep(store, cell.record("no data", reason, provenance=provenance("none", 0)), waiting=waiting)
    on_disk = read_if_valid(store, cell.id)
    return on_disk if on_disk is not None and on_disk.status == "no data" else record


def _devices(todo: list[Cell], options: LaunchOptions, ranks: Ranks) -> list[str]:
    """The device of each cell that runs at the same time."""
    if ranks.world_size == 1:
        threads = max((cell.config.threads for cell in todo), default=1)
        return worker_devices(options.job_device, options.jobs, threads)
    if options.launcher != "local":
        raise BadInput(f"--launcher {options.launcher} does not work under torchrun; start it without torchrun.")
    return [ranks.device]


def _announce(
    cells: list[Cell], todo: list[Cell], times: Mapping[str, Expected], resolved: Resolved, store: Store, at_once: int
) -> None:
    """Print what is about to happen; ``at_once`` cells run at the same time, 0 if a cluster decides that."""
    for reason in (*resolved.broken.values(), *resolved.left_out):
        say(f"left out: {reason}", file=sys.stderr)
    say(f"profile {resolved.request.profile_name}: {cells[0].config.profile.meaning}", file=sys.stderr)
    if note := unused_data(cells, resolved.request.root):
        say(note, file=sys.stderr)
    seconds = run_seconds(todo, times, at_once) if at_once else None
    estimated = "" if all(expected.measured for expected in times.values()) else " (not measured here yet)"
    time_needed = "" if seconds is None else f", about {duration(seconds)}{estimated}"
    parallel = f", {at_once} at a time" if at_once > 1 else ""
    missing = sum(bool(cell.missing) for cell in cells)
    no_data = f", {missing:,} without data" if missing else ""
    done = len(cells) - len(todo) - missing
    work = f"{len(todo):,} to run{parallel}{time_needed}"
    say(f"{counted(len(cells), 'cell')}, {done:,} done{no_data}, {work}", file=sys.stderr)
    say(f"results in {store.root.resolve()}", file=sys.stderr)
    if resolved.suite.claims and any(len(cell.config.seeds) == 1 for cell in cells):
        say(ONE_SEED, rest="", file=sys.stderr)


def _launch(
    todo: list[Cell], times: Mapping[str, Expected], store: Store, options: LaunchOptions, ranks: Ranks,
    devices: list[str], deadline: float,
) -> Outcome:  # fmt: skip
    if ranks.world_size == 1 and not todo:
        return Outcome()
    if options.launcher != "local":
        cluster, jobs = make_cluster(options, store.jobs.resolve(), todo)
        with shown(todo, len(todo), times) as display:
            return launch_cells(
                todo, Store(store.root.resolve()), cluster, device=options.job_device, jobs=jobs,
                per_job=options.cells_per_job, display=display, deadline=deadline,
            )  # fmt: skip
    with stop_requests(deadline) as stop, shown(todo, len(devices), times) as display:
        if ranks.world_size > 1:  # even with nothing to run, for the other processes wait for the end
            return torchrun.lead(todo, store.root, ranks=ranks, display=display, stop=stop)
        return run_cells(todo, store.root, devices=devices, display=display, stop=stop)


def _report(cells: list[Cell], outcome: Outcome, broken: Mapping[str, str], store: Store, seconds: float) -> int:
    """Name every cell that has no result, and every broken plug-in, with the reason; return the exit code.

    ``cells`` are those that were not done before.
    """
    # Some records could not be written and are only in the outcome.
    found = [outcome.records.get(cell.id) or read_if_valid(store, cell.id) for cell in cells]
    records = [record for record in found if record is not None]
    without_data = [record for record in records if record.status == "no data"]
    bad = [record for record in records if record.status not in ("done", "no data")]
    # A record names folders below ROOT; on screen they are named in full.
    instructions = {cell.id: cell.missing for cell in cells if cell.missing}
    for line in (
        *(f"failed: {name}: {reason}" for name, reason in broken.items()),
        *(f"{record.status}: {record.id}: {record.reason}" for record in bad),
        *(f"no data: {record.target}: {instructions.get(record.id, record.reason)}" for record in without_data),
    ):
        say(line, file=sys.stderr)
    if outcome.interrupted:
        remaining = counted(len(outcome.interrupted), "cell")
        say(f"stopped after {duration(seconds)} with {remaining} to go; the same command continues.", file=sys.stderr)
        return STOPPED
    if bad or broken:
        return FAILED
    return NOTHING if len(without_data) == len(records) else DONE
