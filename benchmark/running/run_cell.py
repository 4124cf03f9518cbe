"""One cell to one record: data, teacher, distillation, evaluation, store."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmark.data.batches import Batches, BatchesCache
from benchmark.data.fingerprint import test_set_of
from benchmark.data.locate import ensure
from benchmark.distillation.distill import Distilled, distill
from benchmark.distillation.prefetch import can_prefetch
from benchmark.distillation.pruning import check_prunable, prune_into
from benchmark.evaluation import metrics
from benchmark.evaluation.predict import NotFinite, evaluation_batches, predict
from benchmark.planning.cell import Cell
from benchmark.records.provenance import provenance, utc_now
from benchmark.records.record import Record, TestSet
from benchmark.records.store import Predictions, Store
from benchmark.running.failures import record_from_other_run
from benchmark.running.loggers import LoggerMaker, WithLoggers, loggers_of
from benchmark.running.networks import load_weights, make_network, save_weights
from benchmark.running.plugins import check_plugins, load_plugin
from benchmark.running.source import load_source
from benchmark.running.status import NoData, run_to_status
from benchmark.running.stopwatch import Stopwatch
from benchmark.running.teacher import (
    ReadyTeacher,
    TeacherTask,
    broadcast_teacher,
    get_teacher,
    make_teacher,
    refuse_if_poor,
    teacher_task,
)
from benchmark.system import memory
from benchmark.system.ranks import SINGLE_PROCESS, RankDesync, Ranks
from benchmark.system.threads import torch_threads
from benchmark.training.callbacks import ProgressCallback, waiting_callback
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.loop import Curve, Diverged
from benchmark.training.micro_batches import describe_micro_batches, with_micro_batches
from modalities.base import Source, SourceRef
from modalities.errors import BadInput
from modalities.storage.locks import exclusive_lock

_TEST_SPLITS = BatchesCache()


@dataclass
class _Attempt:
    """One attempt at a cell, and its results so far, which the record keeps even if the attempt fails."""

    cell: Cell
    store: Store
    device: torch.device
    callback: ProgressCallback
    teacher: nn.Module | None
    student: nn.Module | None
    ranks: Ranks
    source: SourceRef
    deviations: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float | None] = field(default_factory=dict)
    controls: dict[str, float | None] = field(default_factory=dict)
    predictions: Predictions | None = None
    curve: Curve | None = None
    segments: int = 0
    costs: dict[str, float] = field(default_factory=dict)
    test_set: TestSet = field(default_factory=dict)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        self.callback.phase(phase)
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[phase] = self.seconds.get(phase, 0.0) + time.monotonic() - started

    def predict(self, network: nn.Module, batches: Batches, task: TeacherTask) -> NDArray[np.float16]:
        return predict(network, batches, task.prepare, self.device, self.callback, self.ranks)


def run_cell(
    cell: Cell,
    store: Store,
    *,
    device: str,
    callback: ProgressCallback,
    teacher: nn.Module | None = None,
    student: nn.Module | None = None,
    expected_stamp: str | None = None,
    ranks: Ranks = SINGLE_PROCESS,
    loggers: Sequence[LoggerMaker] = (),
) -> Record:
    """Run a cell and write its record; whatever goes wrong becomes the record's status and reason.

    If another process runs the same cell, wait for it and return its record.

    Args:
        teacher, student: a caller's own networks, instead of those that the configuration names.
        expected_stamp: see ``record_from_other_run``, whose record is returned if there is one.
        ranks: the processes that run this cell together; the main one writes the record.
        loggers: what makes loggers of this cell, besides those that the environment names.

    Raises:
        RankDesync: the ranks ended differently; the one that failed first has written the record.
        Interrupted: ``callback`` requested a stop; nothing is recorded, and the same call continues from a checkpoint.
        BadInput: the results folder cannot be written.
    """
    logged = WithLoggers(callback, loggers_of(cell, store.root, loggers) if ranks.is_main else [])
    stopwatch = Stopwatch(logged)
    attempt = _Attempt(cell, store, torch.device(device), stopwatch, teacher, student, ranks, cell.source)
    if ranks.world_size > 1:  # the main rank holds the lock for all of them
        record = _run_locked(attempt)
        logged.end(record)
        return record
    with exclusive_lock(store.cell(cell.id), waiting_callback(callback, "this cell")):
        found = record_from_other_run(store, cell.id, expected_stamp)
        if found is None:
            found = _run_locked(attempt)
            logged.end(found)
            if found.status == "done" and teacher is None and student is None:  # names tell nothing of a caller's own
                stopwatch.keep(cell, device)
            return found
        if found.status == "done":
            store.discard_attempt(cell.id)
            if student is not None:
                load_weights(student.eval(), store.student_weights(cell.id))
        return found


def _run_locked(attempt: _Attempt) -> Record:
    cell, ranks = attempt.cell, attempt.ranks
    name = f": {torch.cuda.get_device_name(attempt.device)}" if attempt.device.type == "cuda" else ""
    origin = provenance(f"{attempt.device}{name}", cell.config.threads)
    memory.reset_peak(attempt.device)
    if ranks.is_main:
        attempt.store.start_attempt(cell.id)
    with torch_threads(cell.config.threads):
        status, reason, trace = run_to_status(partial(_run_phases, attempt), attempt.seconds)
    if ranks.world_size > 1:
        origin["ranks"] = ranks.world_size
    record = cell.record(
        status, reason, traceback=trace, provenance={**origin, "ended": utc_now()},
        source=asdict(attempt.source), metric=cell.adapter.info.metric, test_set=attempt.test_set,
        metrics=attempt.metrics, controls=attempt.controls, segments=attempt.segments, costs=attempt.costs,
        seconds=attempt.seconds, peak_memory_bytes=memory.peak(attempt.device), deviations=attempt.deviations,
    )  # fmt: skip
    return _write(attempt, record)


def _write(attempt: _Attempt, record: Record) -> Record:
    """Write the record and the files that belong to it, once all ranks agree on the outcome."""
    attempt.callback.phase("write")
    try:
        attempt.ranks.agree_on_outcome(f"{record.status}: {record.reason}")
    except RankDesync as error:
        if error.origin:
            attempt.store.write(record)
        raise
    if attempt.ranks.is_main:
        rows = attempt.curve.rows if attempt.curve else None
        curve = None if rows is None else [{"step": s, "learning_rate": r, "loss": v} for s, r, v in rows]
        try:
            attempt.store.write(record, predictions=attempt.predictions, curve=curve)
        except BadInput as error:  # a full disk may still have space for a record that says so
            record = replace(record, status="failed", reason=str(error), metrics={})
            attempt.store.write(record)
    return record


def _run_phases(attempt: _Attempt) -> None:
    cell = attempt.cell
    attempt.ranks.check(cell.config.recipe.batch)
    if cell.missing:
        raise NoData(cell.missing)
    check_plugins(cell)
    with attempt.timed("data"):
        test, mine, source = _load_data(attempt)
    labels, info = np.asarray(test.data.labels), cell.adapter.info
    attempt.test_set = test_set_of(test.data.item_ids, info, cell.key.fold, cell.data.kind)
    attempt.controls = {"chance": metrics.chance(labels), "majority": metrics.majority_share(labels)}
    task = teacher_task(cell, test, attempt.device, attempt.callback)
    student = attempt.student  # before the teacher: a wrong name must cost nothing
    if student is None:
        name, view = cell.config.student.network, cell.config.view
        student = make_network(cell.modality, name, view, task.classes, "student", cell.key.seed, attempt.device)
    student = student.to(attempt.device)
    pruned = cell.config.student.start == "pruned"
    if pruned:
        _check_prunable(cell, student, task.new_network() if attempt.teacher is None else attempt.teacher)
    with attempt.timed("teacher"), torch_threads(cell.config.teacher.threads or cell.config.threads):
        teacher = _get_teacher(attempt, task)
    attempt.controls["teacher_top1"] = metrics.top1(teacher.logp, labels)
    with attempt.timed("untrained student"):
        untrained = attempt.predict(student, mine, task)
        attempt.controls["untrained"] = metrics.untrained_score(untrained, labels, task.metric)
    if pruned:
        with attempt.timed("prune"):
            prune_into(student, teacher.network)
            logp = attempt.predict(student, mine, task)
            attempt.controls["pruned"] = metrics.score(logp, labels, task.metric)
    with attempt.timed("distill"):
        _distill(attempt, source, teacher.network, student)
    with attempt.timed("evaluate"):
        try:
            logp = attempt.predict(student, mine, task)
        except NotFinite as error:  # because of the last update, which no loss follows
            raise Diverged(cell.config.recipe.steps) from error
        groups = list(test.data.groups)
        attempt.metrics = metrics.evaluate_predictions(logp, teacher.logp, labels, groups=groups, metric=task.metric)
        attempt.predictions = Predictions(list(test.data.item_ids), labels, logp, groups)
        if attempt.ranks.is_main:
            save_weights(student, attempt.store.student_weights(cell.id, published=False))


def _check_prunable(cell: Cell, student: nn.Module, teacher: nn.Module) -> None:
    try:
        check_prunable(student, teacher)
    except BadInput as error:
        networks = cell.config.student.network, cell.config.teacher.network
        raise BadInput(
            "student.start=pruned: {} cannot be pruned from the teacher {}: {}".format(*networks, error)
        ) from error


def _load_data(attempt: _Attempt) -> tuple[Batches, Batches, Source]:
    """Return the test split, this rank's share of it, and the datum."""
    cell, device, ranks = attempt.cell, attempt.device, attempt.ranks
    view = cell.config.view
    ensure(cell.data, cell.adapter)

    def read_test() -> Batches:
        return evaluation_batches(cell.adapter.test(cell.data.root, view, cell.key.fold), device=device)

    test = _TEST_SPLITS.get(f"{cell.key.target} {cell.key.fold} {cell.data} {view}", read_test)
    mine = test if ranks.world_size == 1 else evaluation_batches(test.data, ranks, device)
    source, notes = load_source(cell, device)
    attempt.deviations += notes
    attempt.source = source.ref
    return test, mine, source


def _get_teacher(attempt: _Attempt, task: TeacherTask) -> ReadyTeacher:
    """Return the saved or newly made teacher, or a caller's own, which is scored in the same way but not saved."""
    if attempt.teacher is None:
        folder = attempt.store.teacher(attempt.cell.teacher_key)
        teacher = broadcast_teacher(attempt.ranks, partial(get_teacher, folder, task), task)
    else:
        teacher = make_teacher(attempt.teacher.to(attempt.device), task, trained=True)
        refuse_if_poor(teacher.notes, task)
    batch, count = task.settings.training.batch, teacher.notes.micro_batches
    attempt.deviations += describe_micro_batches("teacher.training.batch", batch, count)
    return teacher


def _distill(attempt: _Attempt, source: Source, teacher: nn.Module, student: nn.Module) -> None:
    cell, device, ranks = attempt.cell, attempt.device, attempt.ranks
    recipe, seed = cell.config.recipe, cell.key.seed
    stream = cell.modality.stream(
        source, cell.config.view, cell.config.policy, batch_size=recipe.batch, seed=seed, device=device,
        rank=ranks.rank, world_size=ranks.world_size,
    )  # fmt: skip
    loss, method = (load_plugin(cell, key, attempt.ranks) for key in ("recipe.loss", "method"))

    def train(micro_batches: int, prefetch: bool, checkpoints: Checkpoints | None) -> Distilled:
        return distill(
            stream, teacher, student, recipe, seed=seed, device=device, micro_batches=micro_batches,
            prefetch=prefetch, checkpoints=checkpoints, callback=attempt.callback, ranks=ranks,
            loss=loss, method=method,
        )  # fmt: skip

    # What a method makes may depend on the student's last update.
    folder, prefetch = attempt.store.attempt(cell.id), can_prefetch(recipe, device) and method is None
    if ranks.world_size == 1:
        distilled, count = with_micro_batches(train, student, recipe.batch, folder, "student", prefetch=prefetch)
        attempt.deviations += describe_micro_batches("recipe.batch", recipe.batch, count)
    else:  # ranks would have to run out of memory together
        distilled = train(1, prefetch, Checkpoints(folder, "student"))
    attempt.curve, attempt.costs = distilled
    attempt.deviations += ranks.deviations(student)
    if ranks.world_size > 1 and recipe.mixing != "none" and recipe.mixing_partner == "permuted":
        attempt.deviations.append(f"segments are mixed within each of {ranks.world_size} shares of a batch.")
    attempt.segments = recipe.steps * recipe.batch
