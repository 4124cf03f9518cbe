"""Run cells in processes that can be killed at a chosen moment, and compare what they leave on disk."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmark.planning.cell import Cell
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from benchmark.records.store import Store

TIMES = ("provenance", "seconds", "peak_memory_bytes")

# Small, but each has some checkpoints (every twenty steps) of its teacher and of its student.
TARGETS = {"image": "digits", "audio": "fsdd", "video": "ucf101"}
SETTINGS = (
    "profile=smoke", "teacher.times_chance=0", "teacher.training.steps=60", "teacher.training.batch=16",
    "recipe.steps=60", "recipe.batch=16",
)  # fmt: skip

# Imported once by the server from which the processes are forked: torch alone takes seconds.
PRELOADED = {
    "image": ["modalities.image", "modalities.image.targets.cifar10", "sklearn.datasets"],
    "audio": ["modalities.audio", "modalities.audio.segments", "librosa", "soundfile", "soxr"],
    "video": ["modalities.video", "modalities.video.segments", "modalities.video.decode", "av", "pytorchvideo.models"],
}


def settings_of(modality: str, folder: Path) -> list[str]:
    """Return the settings of a small cell of a modality; its picture is made in ``folder``, to save time."""
    if modality == "audio":
        return list(SETTINGS)
    picture = folder / "picture.png"
    if not picture.is_file():
        pixels = np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((192, 144)).save(picture)
    return [*SETTINGS, f"source.{modality}={picture}"]


def cells_of(modality: str, folder: Path, *settings: str) -> list[Cell]:
    """Return the cells of a modality's cheapest target."""
    overrides = tuple(text for text in settings_of(modality, folder) if not text.startswith("profile"))
    request = Request(
        profile="smoke", targets=(TARGETS[modality],), overrides=(*overrides, *settings), root=Path("none")
    )
    return make_plan(request)


@dataclass
class Life:
    """The phases of a process that ran a cell, with the times at which they began, and how it ended."""

    phases: list[tuple[str, float]]
    exit_code: int

    @property
    def last(self) -> str:
        return self.phases[-1][0] if self.phases else ""

    def lengths(self) -> dict[str, float]:
        """Return the seconds from the beginning of each phase to that of the next one; a repeated phase counts once."""
        ends = [*(moment for _, moment in self.phases[1:]), self.phases[-1][1] + 0.05]
        return {name: end - begin for (name, begin), end in zip(self.phases, ends, strict=True)}


class Server:
    """Forks processes that run a cell from one that has imported everything."""

    def __init__(self, modalities: Sequence[str]) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(
            ["benchmark.running.run_cell", *(name for modality in modalities for name in PRELOADED[modality])]
        )

    def run(self, cell: Cell, root: Path, environment: dict[str, str], kill: tuple[str, float] | None = None) -> Life:
        """Run a cell to its end, or kill -9 it; ``kill`` is a phase and the seconds after its beginning."""
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=run_alone, args=(theirs, cell, root, environment))
        process.start()
        theirs.close()
        handle = os.pidfd_open(process.pid)  # unlike a number, it can never mean another process
        phases: list[tuple[str, float]] = []
        try:
            while True:
                phases.append(ours.recv())
                if kill is not None and phases[-1][0] == kill[0]:
                    process.join(kill[1])
                    with contextlib.suppress(ProcessLookupError):  # it had already ended
                        signal.pidfd_send_signal(handle, signal.SIGKILL)
                    kill = None
        except EOFError:
            process.join()
        finally:
            ours.close()
            os.close(handle)
        return Life(phases, process.exitcode)


class _ReportPhases:
    """A callback that sends the beginning of every phase."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def phase(self, name: str) -> None:
        self._pipe.send((name, time.monotonic()))

    def step(self, done: int, total: int, loss: float) -> None: ...

    def should_stop(self) -> bool:
        return False


def run_alone(pipe: Connection, cell: Cell, root: Path, environment: dict[str, str]) -> None:
    """Run a cell to its record, in a separate process."""
    os.environ.update(environment)
    from benchmark.running.run_cell import run_cell

    record = run_cell(cell, Store(root), device="cpu", callback=_ReportPhases(pipe))
    if record.status != "done":
        raise SystemExit(record.reason)


def differences(cell: Cell, one: Store, other: Store) -> list[str]:
    """Return how two stores differ about a cell, apart from times; an empty list if they do not."""
    found: list[str] = []
    records = [store.read(cell.id) for store in (one, other)]
    if None in records:
        return ["a record is missing"]
    a, b = ({key: value for key, value in asdict(record).items() if key not in TIMES} for record in records)
    found += [f"record: {key}" for key in a if a[key] != b[key]]
    arrays: list[dict[str, Any]] = []
    for store in (one, other):
        with np.load(store.cell(cell.id) / "predictions.npz") as file:
            arrays.append({name: file[name] for name in file.files})
    found += [f"predictions: {name}" for name in arrays[0] if not np.array_equal(arrays[0][name], arrays[1][name])]
    for path in (Path("cells") / cell.id / name for name in ("student.safetensors", "curve.csv")):
        if (one.root / path).read_bytes() != (other.root / path).read_bytes():
            found.append(path.name)
    weights = Path("teachers") / cell.teacher_key / "teacher.safetensors"
    if (one.root / weights).read_bytes() != (other.root / weights).read_bytes():
        found.append(weights.name)
    return found


def litter(folders: Sequence[Path]) -> list[str]:
    """Return the names of files that a finished run does not leave behind."""
    kinds = ("*.tmp", "*.ckpt", "attempt", ".holder")
    return sorted(path.name for folder in folders for kind in kinds for path in folder.rglob(kind))
