"""Cells under torchrun: one after another, each on all processes; the main process chooses the cells."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmark.launch.progress import Display, Outcome, Progress
from benchmark.planning.cell import Cell
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.system.ranks import RankDesync, Ranks
from modalities.storage.locks import exclusive_lock


def lead(cells: Sequence[Cell], results: Path, *, ranks: Ranks, display: Display, stop: Callable[[], bool]) -> Outcome:
    """Run every cell together with the processes in ``follow``, which end afterwards; ``stop`` as in ``run_cells``.

    Raise RankDesync if one process failed and the others did not (the caller must ``leave``), and BadInput if the
    results folder cannot be written.
    """
    from benchmark.running.failures import record_from_other_run
    from benchmark.running.run_cell import run_cell
    from benchmark.training.callbacks import Interrupted, waiting_callback

    outcome, store = Outcome(), Store(results)

    for cell in cells:
        if outcome.interrupted or stop():
            outcome.interrupted.append(cell)
            continue
        display.started(0, cell)
        record: Record | None = None
        callback = Progress(lambda step: display.moved(0, step), stop)
        try:
            with exclusive_lock(store.cell(cell.id), waiting_callback(callback, "this cell")):
                record = record_from_other_run(store, cell.id)
                if record is None:
                    ranks.from_main(lambda cell=cell: cell)  # type: ignore[misc]
                    record = run_cell(cell, store, device=ranks.device, callback=callback, ranks=ranks)
            outcome.records[cell.id] = record
        except Interrupted:
            outcome.interrupted.append(cell)
        display.ended(0, cell, record)
    ranks.from_main(lambda: None)
    return outcome


def follow(results: Path, *, ranks: Ranks, stop: Callable[[], bool]) -> None:
    """Run the cells that the main process sends until it sends None; raise RankDesync also if that process ended."""
    from benchmark.running.run_cell import run_cell
    from benchmark.training.callbacks import Interrupted

    def next_cell() -> Cell | None:
        try:
            return ranks.from_main(lambda: None)
        except RuntimeError as error:  # the connection broke
            raise RankDesync(origin=False) from error

    store = Store(results)
    while (cell := next_cell()) is not None:
        try:
            run_cell(cell, store, device=ranks.device, callback=Progress(lambda step: None, stop), ranks=ranks)
        except Interrupted:
            continue


def leave(error: RankDesync, exit_code: int) -> None:
    """Exit at once, so that torchrun ends the other processes, which may wait for this one forever."""
    if error.origin:
        print(f"benchmark: {error}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)
