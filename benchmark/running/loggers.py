"""Callbacks of users beside the run's own: TensorBoard, Weights & Biases, or a class in a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmark.planning.cell import Cell
from benchmark.records.record import Record
from benchmark.training.callbacks import ProgressCallback
from modalities.errors import BadInput, UnknownName
from modalities.plugins.find import find, names

VARIABLE = "BENCHMARK_LOG"  # names with commas between them; workers, jobs and processes of a torchrun inherit it


class Logger(Protocol):
    """What is told of one cell while it runs: ``CALLBACK(cell, folder)`` returns one. No number depends on it.

    ``cell`` has the id, the names by which people tell cells apart, and the settings; ``folder`` is that of the
    profile's results. The methods are called in the process that runs the cell, ``step`` every 20 steps.
    """

    def phase(self, name: str) -> None:
        """Be told that a phase begins: ``teacher: train``, ``distill``, ``evaluate`` …"""
        ...

    def step(self, done: int, total: int, loss: float) -> None:
        """Be told the mean loss since the last call; NaN in phases without one."""
        ...

    def end(self, metrics: Mapping[str, float | None], status: str) -> None:
        """Be told how the cell ended; ``metrics`` are those of its record."""
        ...


LoggerMaker = Callable[[Mapping[str, Any], Path], Logger]


def check_loggers(text: str) -> None:
    """Raise BadInput if a name among some, with commas between them, is not known or not installed."""
    for name in _split(text):
        _maker(name)


def logger_maker(callback: str | os.PathLike[str] | LoggerMaker) -> LoggerMaker:
    """Return what makes a logger: that of a name or of a plug-in's path, or an object as it is. Raises BadInput."""
    if isinstance(callback, str | os.PathLike):
        return _maker(os.fspath(callback))
    if not callable(callback):
        raise BadInput(
            f"the callback {type(callback).__name__} cannot be called; pass a class, or a function of cell and folder."
        )
    return callback


def loggers_of(cell: Cell, folder: Path, makers: Sequence[LoggerMaker] = ()) -> list[Logger]:
    """Make a cell's loggers: of ``makers``, and of what the environment names. Raises BadInput if one cannot be."""
    wanted = [*makers, *map(_maker, _split(os.environ.get(VARIABLE, "")))]
    if wanted:
        folder.mkdir(parents=True, exist_ok=True)
    about = {"id": cell.id, **vars(cell.key), "settings": cell.identity}
    return [make(about, folder) for make in wanted]


class WithLoggers(ProgressCallback):
    """Passes on what a callback is told to loggers too; one that raises is left out from then on, and the cell runs."""

    def __init__(self, callback: ProgressCallback, loggers: list[Logger]) -> None:
        self._callback, self._loggers = callback, list(loggers)

    def phase(self, name: str) -> None:
        self._callback.phase(name)
        self._tell("phase", name)

    def step(self, done: int, total: int, loss: float) -> None:
        self._callback.step(done, total, loss)
        self._tell("step", done, total, loss)

    def should_stop(self) -> bool:
        return self._callback.should_stop()

    def end(self, record: Record) -> None:
        """Tell the loggers how the cell ended."""
        self._tell("end", record.metrics, record.status)

    def _tell(self, method: str, *told: Any) -> None:
        for logger in list(self._loggers):
            try:
                getattr(logger, method)(*told)
            except Exception as error:
                self._loggers.remove(logger)
                print(f"the logger {type(logger).__name__} is left out from now on: {error!r}", file=sys.stderr)


def _split(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _maker(name: str) -> LoggerMaker:
    if name in BUILT_IN:
        return BUILT_IN[name]
    plugin = find("callback", name)
    if plugin is None:
        raise UnknownName("logger", name, [*BUILT_IN, *names("callback")])
    maker: LoggerMaker = plugin.load()
    return maker


def _missing(package: str, error: ImportError) -> BadInput:
    return BadInput(f"{package} is not installed ({error}); run pip install 'single-datum-benchmark[{package}]'.")


class TensorBoard(Logger):
    """Losses of teacher and student, and the final metrics, in FOLDER/tensorboard/ID."""

    def __init__(self, cell: Mapping[str, Any], folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise _missing("tensorboard", error) from error
        self._writer: Any = SummaryWriter(folder / "tensorboard" / cell["id"])
        self._phase, self._step = "", 0

    def phase(self, name: str) -> None:
        self._phase = name

    def step(self, done: int, total: int, loss: float) -> None:
        if loss == loss:  # a phase without a loss passes NaN
            self._step = done
            self._writer.add_scalar(f"{self._phase}/loss", loss, done)

    def end(self, metrics: Mapping[str, float | None], status: str) -> None:
        for name, value in metrics.items():
            if value is not None:
                self._writer.add_scalar(f"metrics/{name}", value, self._step)
        self._writer.close()


class WeightsAndBiases(Logger):
    """The same as a run of the project ``single-datum-benchmark``, named by the cell's id."""

    def __init__(self, cell: Mapping[str, Any], folder: Path) -> None:
        try:
            import wandb
        except ImportError as error:
            raise _missing("wandb", error) from error
        self._run: Any = wandb.init(
            project="single-datum-benchmark", name=cell["id"], config=dict(cell), dir=str(folder), reinit="create_new"
        )
        self._phase = ""

    def phase(self, name: str) -> None:
        self._phase = name

    def step(self, done: int, total: int, loss: float) -> None:
        if loss == loss:
            self._run.log({f"{self._phase}/loss": loss, f"{self._phase}/step": done})

    def end(self, metrics: Mapping[str, float | None], status: str) -> None:
        self._run.summary.update({name: value for name, value in metrics.items() if value is not None})
        self._run.finish(exit_code=0 if status == "done" else 1)


BUILT_IN = {"tensorboard": TensorBoard, "wandb": WeightsAndBiases}
