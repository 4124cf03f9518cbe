"""How far a run is: the steps of its cells, who shows them, and what came of the cells."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from benchmark.planning.cell import Cell
from benchmark.records.record import Record

TICK = 0.2  # seconds between two looks at the clock, and between two progress messages of a worker


@dataclass(frozen=True)
class Step:
    """How far a worker is in its cell."""

    phase: str
    done: int = 0
    total: int = 0
    loss: float = float("nan")
    per_second: float = 0.0  # steps


class Display(Protocol):
    """Who shows what happens."""

    def started(self, worker: int, cell: Cell) -> None: ...

    def moved(self, worker: int, step: Step) -> None: ...

    def ended(self, worker: int, cell: Cell, record: Record | None) -> None:
        """A cell left its worker: with a record, or without one when it was interrupted."""
        ...


@dataclass
class Outcome:
    """What came of a list of cells."""

    records: dict[str, Record] = field(default_factory=dict)
    interrupted: list[Cell] = field(default_factory=list)


class Progress:
    """A cell's watch: tells about progress, a few times a second at most, and hears a request to stop."""

    def __init__(self, tell: Callable[[Step], None], stop: Callable[[], bool]) -> None:
        self._tell, self._stop = tell, stop
        self._name = ""
        self._sent_at = self._began_at = 0.0
        self._began_with = 0

    def phase(self, name: str) -> None:
        if name == self._name:  # told again and again while it waits
            return
        self._name, self._sent_at, self._began_at, self._began_with = name, 0.0, 0.0, 0
        self._tell(Step(name))

    def step(self, done: int, total: int, loss: float) -> None:
        now = time.monotonic()
        if not self._began_at:  # the rate counts from the first report, so that a resumed run does not look fast
            self._began_at, self._began_with = now, done
        if now - self._sent_at < TICK and done < total:
            return
        self._sent_at = now
        elapsed = now - self._began_at
        rate = (done - self._began_with) / elapsed if elapsed else 0.0
        self._tell(Step(self._name, done, total, loss, rate))

    def should_stop(self) -> bool:
        return self._stop()
