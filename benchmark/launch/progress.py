"""The progress of a run: the steps of its cells, the display that shows them, and the outcome."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from benchmark.planning.cell import Cell
from benchmark.records.record import Record

TICK = 0.2  # seconds between two progress messages of a worker, and between two polls of the workers


@dataclass(frozen=True)
class Step:
    """The progress of a worker in its cell."""

    phase: str
    done: int = 0
    total: int = 0
    loss: float = float("nan")
    per_second: float = 0.0  # steps


class Display(Protocol):
    """Shows what the workers do."""

    def started(self, worker: int, cell: Cell) -> None: ...

    def moved(self, worker: int, step: Step) -> None: ...

    def ended(self, worker: int, cell: Cell, record: Record | None) -> None:
        """A cell ended with a record, or without one if it was interrupted."""
        ...


@dataclass
class Outcome:
    """The records of cells that ended, and the cells that were interrupted."""

    records: dict[str, Record] = field(default_factory=dict)
    interrupted: list[Cell] = field(default_factory=list)


class Progress:
    """The callback of a cell: sends its steps, at most a few times per second, and polls for a request to stop."""

    def __init__(self, send: Callable[[Step], None], stop: Callable[[], bool]) -> None:
        self._send, self._stop = send, stop
        self._name = ""
        self._sent_at = self._began_at = 0.0
        self._began_with = 0

    def phase(self, name: str) -> None:
        if name == self._name:  # repeated while it waits
            return
        self._name, self._sent_at, self._began_at, self._began_with = name, 0.0, 0.0, 0
        self._send(Step(name))

    def step(self, done: int, total: int, loss: float) -> None:
        now = time.monotonic()
        if not self._began_at:  # the rate counts from here, so that a resumed run does not look fast
            self._began_at, self._began_with = now, done
        if now - self._sent_at < TICK and done < total:
            return
        self._sent_at = now
        elapsed = now - self._began_at
        rate = (done - self._began_with) / elapsed if elapsed else 0.0
        self._send(Step(self._name, done, total, loss, rate))

    def should_stop(self) -> bool:
        return self._stop()


def duration(seconds: float | None) -> str:
    """Format seconds: ``95`` as ``1:35``, None as ``?``."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def counted(number: int, what: str) -> str:
    """Format a count: ``1 cell``, ``1,797 cells``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
