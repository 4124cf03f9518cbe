"""The display of a run: live bars on a terminal, otherwise one line per event."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from benchmark.launch.progress import Display, Step, duration
from benchmark.planning.cell import Cell, describe_all
from benchmark.records.record import Record
from modalities.errors import readable


class TimeLeft:
    """Estimates the remaining time of cells: the expected times, corrected by how long ended cells took."""

    def __init__(self, cells: Sequence[Cell], jobs: int) -> None:
        self._expected = {cell.id: cell.config.expected_seconds for cell in cells}
        self._jobs = max(1, jobs)
        self._begun: dict[str, float] = {}
        self._elapsed = self._elapsed_expected = 0.0

    def started(self, cell: Cell) -> None:
        self._begun[cell.id] = time.monotonic()

    def ended(self, cell: Cell) -> None:
        self._elapsed += time.monotonic() - self._begun.pop(cell.id)
        self._elapsed_expected += self._expected.pop(cell.id)

    def seconds(self) -> float | None:
        """Return the estimate; None if a cell has no expected time."""
        if not all(self._expected.values()):
            return None
        pace = self._elapsed / self._elapsed_expected if self._elapsed_expected else 1.0
        now = time.monotonic()
        left = []
        for id, expected in self._expected.items():
            running = now - self._begun.get(id, now)
            left.append(max(pace * expected - running, running / 4))  # an overdue cell may still take a while
        return max(max(left, default=0.0), sum(left) / self._jobs)


def outcome_line(record: Record) -> str:
    """Summarise a record: its accuracies, or its status and reason."""
    if record.status != "done":
        return f"{record.status}: {record.reason}"
    top1, teacher = record.metrics["top1"], record.controls["teacher_top1"]
    return f"student {top1:.1%} · teacher {teacher:.1%} · chance {record.controls['chance']:.1%}"


def shown(cells: Sequence[Cell], jobs: int) -> AbstractContextManager[Display]:
    """Show live bars if standard error is a terminal, else plain lines."""
    return Live(cells, jobs) if sys.stderr.isatty() else nullcontext(PlainLines(cells, jobs))


class PlainLines:
    """One line per event, for logs."""

    def __init__(self, cells: Sequence[Cell], jobs: int) -> None:
        self._count, self._done, self._left = len(cells), 0, TimeLeft(cells, jobs)
        self._names = describe_all(cells)
        self._phase: dict[int, tuple[str, float]] = {}
        self._cell: dict[int, Cell] = {}

    def started(self, worker: int, cell: Cell) -> None:
        self._cell[worker] = cell
        self._left.started(cell)
        self._print(f"start  {self._names[cell.id]}")

    def moved(self, worker: int, step: Step) -> None:
        name, at = self._phase.get(worker, ("", 0.0))
        if name == step.phase and time.monotonic() - at < 15:
            return
        self._phase[worker] = (step.phase, time.monotonic())
        if step.phase.startswith("waiting"):
            self._print(f"       {self._names[self._cell[worker].id]}: {step.phase}")
        elif step.total:
            self._print(f"       {self._names[self._cell[worker].id]}: {', '.join(_figures(self._cell[worker], step))}")

    def ended(self, worker: int, cell: Cell, record: Record | None) -> None:
        if record is None:
            self._print(f"[{self._done}/{self._count}] {self._names[cell.id]}: stopped; the same command continues it")
            return
        self._left.ended(cell)
        self._done += 1
        left = f", {duration(self._left.seconds())} left" if self._done < self._count else ""
        self._print(f"[{self._done}/{self._count}{left}] {self._names[cell.id]}: {outcome_line(record)}")

    def _print(self, line: str) -> None:
        print(readable(line), file=sys.stderr, flush=True)


class Live(Progress):
    """A bar per running cell, and one of all cells; cells that ended become lines above the bars."""

    def __init__(self, cells: Sequence[Cell], jobs: int) -> None:
        self._left, self._names = TimeLeft(cells, jobs), describe_all(cells)
        text, note = (TextColumn(f"{{task.{field}}}", markup=False) for field in ("description", "fields[note]"))
        columns = (text, BarColumn(24), _Left(self._left), note)
        super().__init__(*columns, console=Console(stderr=True), transient=True)
        self._whole = self.add_task("all cells", total=len(cells), note=f"0/{len(cells)}", whole=True)
        self._bars: dict[int, tuple[Cell, TaskID, str]] = {}
        self._count, self._done = len(cells), 0

    def started(self, worker: int, cell: Cell) -> None:
        self._left.started(cell)
        self._bars[worker] = (cell, self.add_task(readable(self._names[cell.id]), total=None, note="starting"), "")

    def moved(self, worker: int, step: Step) -> None:
        cell, bar, phase = self._bars[worker]
        if step.phase != phase:
            self.reset(bar, total=step.total or None, note=step.phase)
            self._bars[worker] = (cell, bar, step.phase)
        if step.total:
            self.update(bar, completed=step.done, total=step.total, note=" · ".join(_figures(cell, step)))

    def ended(self, worker: int, cell: Cell, record: Record | None) -> None:
        self.remove_task(self._bars.pop(worker)[1])
        if record is not None:
            self._left.ended(cell)
            mark = ("✓", "green") if record.status == "done" else ("✗", "red")
            self.console.print(
                Text.assemble(mark, readable(f" {self._names[cell.id]}: {outcome_line(record)}"))
            )  # no markup
            self._done += 1
            self.update(self._whole, completed=self._done, note=f"{self._done}/{self._count}")


class _Left(ProgressColumn):
    """Remaining time: of the run in the bar of all cells, of the phase in the others."""

    def __init__(self, left: TimeLeft) -> None:
        super().__init__()
        self._left = left

    def render(self, task: Task) -> Text:
        seconds = self._left.seconds() if task.fields.get("whole") else task.time_remaining
        return Text("" if seconds is None else f"{duration(seconds)} left", style="cyan")


def _figures(cell: Cell, step: Step) -> list[str]:
    """Return a step in words: segments or items per second of a training phase, batches of any other."""
    loss = [] if step.loss != step.loss else [f"loss {step.loss:.3f}"]
    rate = f"{step.per_second:,.1f} batches/s"
    if step.phase == "distill":
        rate = f"{step.per_second * cell.config.recipe.batch:,.0f} segments/s"
    elif step.phase == "teacher: train":
        rate = f"{step.per_second * cell.config.teacher.training.batch:,.0f} items/s"
    return [f"{step.phase} {step.done}/{step.total}", *loss, *([rate] if step.per_second else [])]
