"""A display that records what a run shows, in place of bars on a terminal."""

from __future__ import annotations

from collections.abc import Callable

from benchmark.launch.progress import Step
from benchmark.planning.cell import Cell
from benchmark.records.record import Record


class RecordingDisplay:
    """Records every event; refuses a cell that starts twice or ends without having started.

    Args:
        on_step: called with the worker, its cell and the step, such as to kill the worker in a certain phase.

    Attributes:
        cells: index of a worker -> the cell that it started last.
        phases: id of a cell -> its phases.
        results: id of a cell that ended -> the status of its record, None if it was interrupted.
    """

    def __init__(self, on_step: Callable[[int, Cell, Step], None] = lambda *_: None) -> None:
        self.on_step = on_step
        self.started_ids: list[str] = []
        self.cells: dict[int, Cell] = {}
        self.phases: dict[str, list[str]] = {}
        self.results: dict[str, str | None] = {}

    def started(self, worker: int, cell: Cell) -> None:
        assert cell.id not in self.started_ids
        self.started_ids.append(cell.id)
        self.cells[worker] = cell

    def moved(self, worker: int, step: Step) -> None:
        cell = self.cells[worker]
        self.phases.setdefault(cell.id, []).append(step.phase)
        self.on_step(worker, cell, step)

    def ended(self, worker: int, cell: Cell, record: Record | None) -> None:
        assert cell.id in self.started_ids
        assert cell.id not in self.results
        self.results[cell.id] = record and record.status
