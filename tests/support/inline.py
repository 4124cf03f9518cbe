"""Cells run in the test's own process, in the place of worker processes."""

from __future__ import annotations

from benchmark.launch.progress import Outcome
from benchmark.records.store import Store
from benchmark.running.run_cell import run_cell
from benchmark.training.callbacks import IgnoreProgress, Interrupted


class Inline:
    """Runs cells in this process, so that a test need not wait for workers to start."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def __call__(self, cells, results, *, devices, display, stop) -> Outcome:
        outcome, store = Outcome(), Store(results)
        for cell in cells:
            callback = IgnoreProgress()
            callback.should_stop = stop
            display.started(0, cell)
            try:
                outcome.records[cell.id] = run_cell(cell, store, device="cpu", callback=callback)
                self.ran.append(cell.id)
            except Interrupted:
                outcome.interrupted.append(cell)
            display.ended(0, cell, outcome.records.get(cell.id))
        return outcome
