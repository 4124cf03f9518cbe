"""Expected times of cells: from what was measured on this machine, else estimated from their networks' operations."""

from __future__ import annotations

import hashlib
import heapq
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, NamedTuple

from benchmark.planning.cell import Cell
from benchmark.planning.flops import network_flops
from benchmark.records.speeds import Figure, Work, read_speeds
from benchmark.system.resources import device_name

Role = Literal["teacher", "student"]
ROLES: tuple[Role, Role] = ("teacher", "student")

# What is assumed of a CPU until it is measured, per thread: operations per second beyond STEP_SECONDS of a step.
# From the steps of results/measured/demo (two cells at a time, one thread each, on two cores of an AMD EPYC) and, for
# X3D, of results/measured/perf, with the operations of network_flops.json. Nothing is assumed of a GPU.
FLOPS_PER_SECOND = {"image": 58e9, "audio": 24e9, "video": 73e9}
X3D_FLOPS_PER_SECOND = 13e9
BFLOAT16_FACTOR = 1.4  # of these rates, where `auto` means bfloat16: steps of three demo cells with and without
STEP_SECONDS = 0.0075  # of a step that do not grow with its batch; `benchmark perf recipe.batch=16` beside 128
# Of a cell beyond its steps: of a teacher or student whatever the items, and of each item that is read, from
# results/measured/demo and results/measured/reading.
REST_SECONDS = {"teacher": 0.5, "student": 2.5}
READ_SECONDS = {"image": 1 / 314, "audio": 1 / 2640, "video": 1 / 30}
STAND_IN_ITEMS = 300  # about as many as a stand-in has for training
WORKER_SECONDS = 5.0  # until a worker has imported torch and begins its first cell, on the same machine


class Expected(NamedTuple):
    """The seconds that a cell still needs; None if they cannot be estimated."""

    teacher: float | None  # until its teacher is there, which other cells may need too; 0 if it is kept
    student: float | None  # everything else
    measured: bool  # whether work of each kind was measured on this machine

    def seconds(self, *, with_teacher: bool) -> float | None:
        if self.student is None or (with_teacher and self.teacher is None):
            return None
        return self.student + (self.teacher or 0.0 if with_teacher else 0.0)


@dataclass(frozen=True)
class _Estimate:
    seconds: float | None
    measured: bool = False


class Speeds:
    """What is known about the speed of this machine."""

    def __init__(self, figures: Mapping[Work, Figure], device: str) -> None:
        """``device`` is ``cpu`` or ``cuda``, perhaps with a number."""
        self._figures, self._kind = figures, device.partition(":")[0]
        self.device = device_name(self._kind)
        self._overhead = STEP_SECONDS if self._kind == "cpu" else 0.0
        rates: dict[tuple[str, ...], list[float]] = {}
        for work, figure in figures.items():
            # What a method does beside the two networks is not known.
            if work.kind == "step" and work.device == self.device and figure.flops and not work.method:
                rate = figure.flops / max(figure.median - self._overhead, figure.median / 4)
                for key in _rate_keys(work):
                    rates.setdefault(key, []).append(rate)
        self._rates = {key: median(values) for key, values in rates.items()}
        self._of_row: dict[tuple[str, bool], Expected] = {}  # cells of a row differ in nothing but the seed

    def cell(self, cell: Cell, *, has_teacher: bool) -> Expected:
        """Return what a cell needs from its beginning; ``has_teacher`` if its teacher is kept."""
        key = cell.row, has_teacher
        if key not in self._of_row:
            self._of_row[key] = self._cell(cell, has_teacher)
        return self._of_row[key]

    def _cell(self, cell: Cell, has_teacher: bool) -> Expected:
        parts = {role: [self._steps(cell, role), self._rest(cell, role)] for role in ROLES}
        if has_teacher:
            parts["teacher"] = [_Estimate(0.0, measured=True)]
        measured = all(part.measured for some in parts.values() for part in some)
        teacher, student = (_sum(part.seconds for part in parts[role]) for role in ROLES)
        return Expected(teacher, student, measured)

    def _steps(self, cell: Cell, role: Role) -> _Estimate:
        steps = _steps(cell, role)
        if not steps:
            return _Estimate(0.0, measured=True)
        work = step_work(cell, role, self.device)
        if work in self._figures:
            return _Estimate(steps * self._figures[work].median, measured=True)
        flops, rate = step_flops(cell, role), self._rate(work)
        return _Estimate(steps * (self._overhead + flops / rate) if flops and rate else None)

    def _rest(self, cell: Cell, role: Role) -> _Estimate:
        work = rest_work(cell, role, self.device)
        if work in self._figures:
            return _Estimate(self._figures[work].median, measured=True)
        reading = _items(cell, role) * READ_SECONDS[work.modality] if cell.data.kind == "real" else 0.0
        return _Estimate(REST_SECONDS[role] + reading)

    def _rate(self, work: Work) -> float | None:
        """Return operations per second: of the same networks, of others of the modality, or what is assumed."""
        for key in _rate_keys(work):
            if key in self._rates:
                return self._rates[key]
        if self._kind != "cpu":
            return None
        assumed = X3D_FLOPS_PER_SECOND if "x3d" in work.networks else FLOPS_PER_SECOND[work.modality]
        assumed *= BFLOAT16_FACTOR if work.mode.startswith("bfloat16") else 1.0
        return assumed * work.threads


def expected_times(cells: Iterable[Cell], device: str, has_teacher: Callable[[str], bool]) -> dict[str, Expected]:
    """Return by id what each of some cells needs on a device, ``cpu`` or ``cuda``; those that are done are not given.

    Args:
        has_teacher: whether the teacher of a key is kept.
    """
    speeds = Speeds(read_speeds(), device)
    return {cell.id: speeds.cell(cell, has_teacher=has_teacher(cell.teacher_key)) for cell in cells}


def cell_seconds(cells: Sequence[Cell], times: Mapping[str, Expected]) -> dict[str, float | None]:
    """Return by id the seconds of cells that run in this order: a teacher counts for the first that needs it."""
    seen: set[str] = set()
    seconds = {}
    for cell in cells:
        seconds[cell.id] = times[cell.id].seconds(with_teacher=cell.teacher_key not in seen)
        seen.add(cell.teacher_key)
    return seconds


def longest_first(cells: Iterable[Cell], times: Mapping[str, Expected]) -> list[Cell]:
    """Return cells in the order in which a run starts them; those of unknown length come first."""
    return sorted(cells, key=lambda cell: -_or(times[cell.id].seconds(with_teacher=True), math.inf))


def run_seconds(cells: Sequence[Cell], times: Mapping[str, Expected], workers: int) -> float | None:
    """Return the seconds of a run of cells, ``workers`` at a time; None if a cell's are unknown, 0 without cells."""
    if not cells:
        return 0.0
    if None in cell_seconds(cells, times).values():
        return None
    return WORKER_SECONDS + finish(longest_first(cells, times), times, [0.0] * min(workers, len(cells)), {})


def finish(
    waiting: Sequence[Cell],
    times: Mapping[str, Expected],
    free: Sequence[float],
    teachers: Mapping[str, float],
    *,
    pace: float = 1.0,
) -> float:
    """Return when the last cell ends if each worker takes the first that waits whose teacher nobody is training.

    All seconds of the cells are known.

    Args:
        free: when each worker has ended what it is running, in seconds from now.
        teachers: when teachers in training, or just trained, will be there, by key.
        pace: factor by which cells take longer than expected.
    """
    workers, ready, left = list(free), dict(teachers), list(waiting)
    heapq.heapify(workers)
    end = max(workers)
    while left:
        now = heapq.heappop(workers)
        index = next((i for i, cell in enumerate(left) if ready.get(cell.teacher_key, 0.0) <= now), None)
        if index is None:  # the worker waits for the first of the teachers
            heapq.heappush(workers, min(ready[cell.teacher_key] for cell in left))
            continue
        cell = left.pop(index)
        expected = times[cell.id]
        ready.setdefault(cell.teacher_key, now + pace * _or(expected.teacher, 0.0))
        ended = max(now, ready[cell.teacher_key]) + pace * _or(expected.student, 0.0)
        heapq.heappush(workers, ended)
        end = max(end, ended)
    return end


def step_work(cell: Cell, role: Role, device: str) -> Work:
    """Return the kind of work that a step of a cell's teacher or student is; ``device`` as ``device_name`` says."""
    return _work(cell, role, device, "step")


def rest_work(cell: Cell, role: Role, device: str) -> Work:
    """Return the kind of work that a cell is beyond the steps: data, evaluation, and whatever is set up."""
    return _work(cell, role, device, "rest")


def step_flops(cell: Cell, role: Role) -> float:
    """Return the floating-point operations of a step; 0 if they are not known."""
    config, modality = cell.config, cell.key.modality
    shape = config.view.shape
    teacher = network_flops(modality, config.teacher.network, shape)
    if role == "teacher":
        clips = getattr(config.view, "train_clips", 1)
        return config.teacher.training.batch * clips * teacher.training if teacher else 0.0
    student = network_flops(modality, config.student.network, shape)
    return config.recipe.batch * (teacher.forward + student.training) if teacher and student else 0.0


def _work(cell: Cell, role: Role, device: str, kind: Literal["step", "rest"]) -> Work:
    config = cell.config
    training = config.teacher.training if role == "teacher" else config.recipe
    networks = config.teacher.network if role == "teacher" else f"{config.teacher.network} → {config.student.network}"
    threads = config.teacher.threads or config.threads if role == "teacher" else config.threads
    method = "" if role == "teacher" or config.method == "segments" else config.method
    view = json.dumps(cell.identity["view"], sort_keys=True)
    # A step of a student reads nothing of the target.
    target = f"{cell.key.target}, {cell.data.kind}" if role == "teacher" or kind == "rest" else ""
    return Work(
        kind=kind, role=role, device=device, threads=threads, modality=cell.key.modality, networks=networks,
        view=hashlib.sha256(view.encode()).hexdigest()[:16], target=target,
        batch=training.batch if kind == "step" else 0, mode=f"{training.precision}, {training.compile}",
        optimiser=training.optimiser if kind == "step" else "", method=method if kind == "step" else "",
    )  # fmt: skip


def _steps(cell: Cell, role: Role) -> int:
    """Return how many steps are asked for; a pretrained teacher that happens to need none counts like any other."""
    if role == "student":
        return cell.config.recipe.steps
    teacher = cell.config.teacher
    if teacher.weights:
        return 0
    items = _items(cell, role) * (1 - teacher.holdout)
    return teacher.steps(math.ceil(items)) if teacher.epochs and items else teacher.training.steps


def _items(cell: Cell, role: Role) -> int:
    """Return about how many items are read to train or test a network; 0 if nobody knows."""
    if cell.data.kind == "stand-in":
        return STAND_IN_ITEMS
    info = cell.adapter.info
    if role == "student":
        return info.known_test_items(cell.key.fold)
    cap = cell.config.data.train_per_class * len(info.classes)
    return min(info.train_items, cap) if cap else info.train_items


def _rate_keys(work: Work) -> list[tuple[str, ...]]:
    """Return what work of the same speed has in common, the most alike first."""
    same = (str(work.threads), work.mode, work.modality)
    return [(*same, work.role, work.networks, work.view), (*same, work.role, work.networks), same]


def _sum(parts: Iterable[float | None]) -> float | None:
    total = 0.0
    for part in parts:
        if part is None:
            return None
        total += part
    return total


def _or(value: float | None, instead: float) -> float:
    return instead if value is None else value
