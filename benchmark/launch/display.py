"""The display of a run: live bars on a terminal or in a notebook, otherwise one line per event."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TaskProgressColumn
from rich.table import Column
from rich.text import Text

from benchmark.launch.progress import Display, Step, duration
from benchmark.planning.cell import Cell, describe_all
from benchmark.planning.expected import Expected, finish, longest_first
from benchmark.records.record import Record
from modalities.errors import readable

WITH_BAR = 110  # columns of a terminal on which bars are shown besides


class TimeLeft:
    """Estimates the remaining time of cells: the expected times, corrected by how long ended cells took."""

    def __init__(self, cells: Sequence[Cell], jobs: int, times: Mapping[str, Expected]) -> None:
        self._times, self._jobs = times, max(1, jobs)
        self._left = {cell.id: cell for cell in longest_first(cells, times)}
        self._begun: dict[str, tuple[float, float | None]] = {}  # when, and the expected seconds
        self._trained: dict[str, float] = {}  # when each teacher that was begun is expected, by key
        self._elapsed = self._elapsed_expected = 0.0

    def started(self, cell: Cell) -> None:
        now, expected = time.monotonic(), self._times[cell.id]
        own = cell.teacher_key not in self._trained  # the first that needs a teacher trains it
        self._begun[cell.id] = now, expected.seconds(with_teacher=own)
        if own:
            self._trained[cell.teacher_key] = now + (expected.teacher or 0.0)

    def ended(self, cell: Cell) -> None:
        began, expected = self._begun.pop(cell.id)
        self._elapsed += time.monotonic() - began
        self._elapsed_expected += expected or 0.0
        del self._left[cell.id]

    def seconds(self) -> float | None:
        """Return the estimate; None if the time of a cell is not known."""
        if any(self._times[id].seconds(with_teacher=True) is None for id in self._left):
            return None
        pace = self._elapsed / self._elapsed_expected if self._elapsed_expected else 1.0
        now = time.monotonic()
        # An overdue cell may still take a while.
        free = [max(pace * (took or 0.0) - (now - began), (now - began) / 4) for began, took in self._begun.values()]
        free += [0.0] * (self._jobs - len(free))
        trained = {key: max(0.0, when - now) for key, when in self._trained.items()}
        waiting = [cell for id, cell in self._left.items() if id not in self._begun]
        return finish(waiting, self._times, free, trained, pace=pace)


def outcome_line(record: Record) -> str:
    """Summarise a record: its accuracies, or its status and reason."""
    if record.status != "done":
        return f"{record.status}: {record.reason}"
    top1, teacher = record.metrics["top1"], record.controls["teacher_top1"]
    return f"student {top1:.1%} · teacher {teacher:.1%} · chance {record.controls['chance']:.1%}"


def shown(cells: Sequence[Cell], jobs: int, times: Mapping[str, Expected]) -> AbstractContextManager[Display]:
    """Show live bars in a notebook or if standard error is a terminal, else plain lines.

    ``times`` has what is expected of each cell.
    """
    if in_notebook():
        return nullcontext(NotebookBars(cells, jobs, times))
    return Live(cells, jobs, times) if sys.stderr.isatty() else nullcontext(PlainLines(cells, jobs, times))


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


class PlainLines:
    """One line per event, for logs."""

    def __init__(self, cells: Sequence[Cell], jobs: int, times: Mapping[str, Expected]) -> None:
        self._count, self._done, self._left = len(cells), 0, TimeLeft(cells, jobs, times)
        self._names = describe_all(cells)
        self._phase: dict[int, tuple[str, float]] = {}
        self._cell: dict[int, Cell] = {}

    def started(self, worker: int, cell: Cell) -> None:
        self._cell[worker] = cell
        self._left.started(cell)
        self._tell(cell, "starts")

    def moved(self, worker: int, step: Step) -> None:
        name, at = self._phase.get(worker, ("", 0.0))
        if name == step.phase and time.monotonic() - at < 15:
            return
        self._phase[worker] = (step.phase, time.monotonic())
        if step.phase.startswith("waiting"):
            self._tell(self._cell[worker], step.phase)
        elif step.total:
            self._tell(self._cell[worker], ", ".join(_figures(self._cell[worker], step)))

    def ended(self, worker: int, cell: Cell, record: Record | None) -> None:
        if record is None:
            self._tell(cell, "stopped; the same command continues it", running=False)
            return
        self._left.ended(cell)
        self._done += 1
        self._tell(cell, outcome_line(record), running=self._done < self._count)

    def _tell(self, cell: Cell, what: str, *, running: bool = True) -> None:
        """Print a line that begins with the time left of the run, and with how many cells ended."""
        left = f"{duration(seconds)} left, " if running and (seconds := self._left.seconds()) is not None else ""
        self._print(f"[{left}{self._done}/{self._count}] {self._names[cell.id]}: {what}")

    def _print(self, line: str) -> None:
        print(readable(line), file=sys.stderr, flush=True)


class Live(Progress):
    """A line per running cell, and one of all cells; cells that ended become lines above them.

    Each begins with the time left and the share that is done. What a narrow terminal has no room for is cut at the end
    of the line, and a wide one shows a bar too.
    """

    def __init__(self, cells: Sequence[Cell], jobs: int, times: Mapping[str, Expected]) -> None:
        self._left, self._names = TimeLeft(cells, jobs, times), describe_all(cells)
        console = Console(stderr=True)
        bar = [BarColumn(24)] if console.width >= WITH_BAR else []
        super().__init__(_Left(self._left), TaskProgressColumn(), *bar, _Words(), console=console, transient=True)
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
            self.update(bar, completed=step.done, total=step.total, note=" · ".join(_figures(cell, step, counts=False)))

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


class NotebookBars:
    """One output of a notebook's cell: a line per cell that ended, and a bar of each that runs."""

    def __init__(self, cells: Sequence[Cell], jobs: int, times: Mapping[str, Expected]) -> None:
        from IPython import display as notebook

        self._left, self._names, self._count = TimeLeft(cells, jobs, times), describe_all(cells), len(cells)
        self._ended: list[str] = []
        self._bars: dict[int, str] = {}
        self._cells: dict[int, Cell] = {}
        output: Any = notebook  # which has no types
        self._html, self._handle = output.HTML, output.display(output.HTML(""), display_id=True)

    def started(self, worker: int, cell: Cell) -> None:
        self._left.started(cell)
        self._cells[worker] = cell
        self.moved(worker, Step("starting"))

    def moved(self, worker: int, step: Step) -> None:
        cell = self._cells[worker]
        words = " · ".join(_figures(cell, step)) if step.total else step.phase
        share = f' value="{step.done}" max="{step.total}"' if step.total else ""
        self._bars[worker] = f"<progress{share}></progress> {_as_html(f'{self._names[cell.id]}: {words}')}"
        self._show()

    def ended(self, worker: int, cell: Cell, record: Record | None) -> None:
        del self._bars[worker]
        if record is not None:
            self._left.ended(cell)
            mark = "✓" if record.status == "done" else "✗"
            self._ended.append(_as_html(f"{mark} {self._names[cell.id]}: {outcome_line(record)}"))
        self._show()

    def _show(self) -> None:
        seconds = self._left.seconds() if self._bars else None
        left = "" if seconds is None else f", {duration(seconds)} left"
        whole = [f"{len(self._ended)}/{self._count} cells{left}"] if self._bars and self._count > 1 else []
        self._handle.update(self._html("<br>".join([*self._ended, *self._bars.values(), *whole])))


def _as_html(text: str) -> str:
    return html.escape(readable(text))


class _Left(ProgressColumn):
    """Remaining time: of the run in the line of all cells, of the phase in the others."""

    def __init__(self, left: TimeLeft) -> None:
        super().__init__(Column(no_wrap=True, justify="right", min_width=len("1:00 left")))
        self._left = left

    def render(self, task: Task) -> Text:
        seconds = self._left.seconds() if task.fields.get("whole") else task.time_remaining
        return Text("" if seconds is None else f"{duration(seconds)} left", style="cyan")


class _Words(ProgressColumn):
    """The cell and what it does, cut where the terminal ends."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.description}: {task.fields['note']}", no_wrap=True, overflow="ellipsis")


def _figures(cell: Cell, step: Step, *, counts: bool = True) -> list[str]:
    """Return a step in words: segments or items per second of a training phase, batches of any other.

    With ``counts``, how many steps there are of how many.
    """
    loss = [] if step.loss != step.loss else [f"loss {step.loss:.3f}"]
    rate = f"{step.per_second:,.1f} batches/s"
    if step.phase == "distill":
        rate = f"{step.per_second * cell.config.recipe.batch:,.0f} segments/s"
    elif step.phase == "teacher: train":
        rate = f"{step.per_second * cell.config.teacher.training.batch:,.0f} items/s"
    phase = f"{step.phase} {step.done}/{step.total}" if counts else step.phase
    return [phase, *loss, *([rate] if step.per_second else [])]
