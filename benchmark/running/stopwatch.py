"""How long the parts of a cell take, kept for the expected times of later ones."""

from __future__ import annotations

from benchmark.planning.cell import Cell
from benchmark.planning.expected import Role, rest_work, step_flops, step_work
from benchmark.records.speeds import Work, keep_speeds
from benchmark.system.resources import device_name, undisturbed_clock
from benchmark.training.callbacks import ProgressCallback
from benchmark.training.loop import READ_EVERY

TRAINING: dict[Role, str] = {"teacher": "teacher: train", "student": "distill"}  # the phases that take steps
WAITING = "waiting"  # for another process: no work of this one
MADE = "teacher: test items"  # a phase of cells that make their teacher instead of loading it


class Stopwatch(ProgressCallback):
    """A callback that passes everything on to another one, and notes when phases begin and steps are reported."""

    def __init__(self, callback: ProgressCallback) -> None:
        self._callback = callback
        self._name, self._since = "", undisturbed_clock()
        self._first: dict[str, tuple[int, float]] = {}  # by phase: steps done, and when
        self._last: dict[str, tuple[int, float]] = {}
        self.seconds: dict[str, float] = {}  # of each phase that has ended

    def phase(self, name: str) -> None:
        now = undisturbed_clock()
        if self._name:
            self.seconds[self._name] = self.seconds.get(self._name, 0.0) + now - self._since
        self._name, self._since = name, now
        self._callback.phase(name)

    def step(self, done: int, total: int, loss: float) -> None:
        now = undisturbed_clock()
        if self._name not in self._last or done <= self._last[self._name][0]:  # or it began again, with smaller parts
            self._first[self._name] = done, now
        self._last[self._name] = done, now
        self._callback.step(done, total, loss)

    def should_stop(self) -> bool:
        return self._callback.should_stop()

    def pace(self, name: str) -> tuple[float, float]:
        """Return the seconds of a step of a phase that has ended, without what is set up at first, and of the rest."""
        (before, began), (done, ended) = self._first[name], self._last[name]
        if done == before:  # too short to tell apart
            return self.seconds[name] / done, 0.0
        step = (ended - began) / (done - before)
        taken = done - before + min(before, READ_EVERY)  # a run that continues did not take those before
        return step, max(0.0, self.seconds[name] - step * taken)

    def measured(self, cell: Cell, device: str) -> dict[Work, tuple[float, float]]:
        """Return the seconds and operations of each kind of work that a finished cell consisted of.

        Args:
            device: ``cpu`` or ``cuda``, perhaps with a number.
        """
        name = device_name(device.partition(":")[0])
        rest: dict[Role, float] = {"teacher": 0.0, "student": 0.0}
        for phase, seconds in self.seconds.items():
            role: Role = "teacher" if MADE in self.seconds and phase.startswith("teacher") else "student"
            if phase not in TRAINING.values() and not phase.startswith(WAITING):
                rest[role] += seconds
        found = {}
        for role, phase in TRAINING.items():
            if phase in self._last:
                step, setup = self.pace(phase)
                rest[role] += setup
                found[step_work(cell, role, name)] = step, step_flops(cell, role)
            if rest[role]:
                found[rest_work(cell, role, name)] = rest[role], 0.0
        return found

    def keep(self, cell: Cell, device: str) -> None:
        """Keep what was measured in a finished cell."""
        keep_speeds(self.measured(cell, device))
