"""One cell to one record: data, teacher, distillation, evaluation, store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmark.data.batches import Batches, BatchesCache
from benchmark.data.locate import ensure
from benchmark.distillation.distill import distill
from benchmark.distillation.prefetch import can_prefetch
from benchmark.evaluation import metrics
from benchmark.evaluation.predict import NotFinite, evaluation_batches, predict
from benchmark.planning.cell import Cell
from benchmark.records.provenance import provenance, utc_now
from benchmark.records.record import Record
from benchmark.records.store import Predictions, Store
from benchmark.running.networks import load_weights, make_network, save_weights
from benchmark.running.status import NoData, run_to_status
from benchmark.running.teacher import get_teacher, teacher_task
from benchmark.system import memory
from benchmark.system.ranks import SINGLE_PROCESS, RankDesync, Ranks
from benchmark.training.callbacks import PhaseCallback, waiting_callback
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.loop import Curve, Diverged
from benchmark.training.micro_batches import micro_batch_deviations, with_micro_batches
from modalities.base import Source
from modalities.errors import BadInput
from modalities.storage.locks import exclusive_lock

_TEST_SPLITS = BatchesCache()


@dataclass
class _Attempt:
    """One attempt at a cell, and its results so far, which the record keeps even if the attempt fails."""

    cell: Cell
    store: Store
    device: torch.device
    callback: PhaseCallback
    ranks: Ranks
    deviations: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float | None] = field(default_factory=dict)
    controls: dict[str, float | None] = field(default_factory=dict)
    predictions: Predictions | None = None
    curve: Curve | None = None
    segments: int = 0

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        self.callback.phase(phase)
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[phase] = self.seconds.get(phase, 0.0) + time.monotonic() - started

    def last_phase(self) -> str:
        return next(reversed(self.seconds), "")


def run_cell(
    cell: Cell,
    store: Store,
    *,
    device: str,
    callback: PhaseCallback,
    teacher: nn.Module | None = None,
    student: nn.Module | None = None,
    expected_stamp: str | None = None,
    ranks: Ranks = SINGLE_PROCESS,
) -> Record:
    """Run a cell and write its record; whatever goes wrong becomes the record's status and reason.

    If another process runs the same cell, wait for it and return its record.

    Args:
        device: such as ``cpu`` or ``cuda:0``.
        teacher, student: a caller's own networks, instead of those that the configuration names.
        expected_stamp: the stamp (``Store.stamp``) of the record to be replaced. If there is another record by now,
            another process wrote it, and it is returned as it is. If None, only a record that is done is returned.
        ranks: the processes that run this cell together; the main one writes the record.

    Raises:
        RankDesync: the ranks ended differently; the one that failed first has written the record.
        Interrupted: ``callback`` requested a stop; nothing is recorded, and the same call continues from a checkpoint.
        BadInput: the results folder cannot be written.
    """
    attempt = _Attempt(cell, store, torch.device(device), callback, ranks)
    if ranks.world_size > 1:  # the main rank holds the lock for all of them
        return _run_locked(attempt, teacher, student)
    with exclusive_lock(store.cell(cell.id), waiting_callback(callback, "this cell")):
        found = record_from_other_run(cell, store, expected_stamp)
        if found is None:
            return _run_locked(attempt, teacher, student)
        if found.status == "done":
            store.discard_attempt(cell.id)
            if student is not None:
                load_weights(student.eval(), store.student_weights(cell.id))
        return found


def record_from_other_run(cell: Cell, store: Store, expected_stamp: str | None = None) -> Record | None:
    """Return the record that another process wrote while this one waited or ran other cells, if there is one."""
    try:
        found = store.read(cell.id)
    except BadInput:  # damaged: run the cell again
        return None
    changed = expected_stamp is not None and store.stamp(cell.id) != expected_stamp
    return found if found is not None and (changed or found.status == "done") else None


def _run_locked(attempt: _Attempt, teacher: nn.Module | None, student: nn.Module | None) -> Record:
    cell, ranks = attempt.cell, attempt.ranks
    # Sums depend on the number of threads, so the cell decides it and not the machine.
    threads = torch.get_num_threads()
    torch.set_num_threads(cell.config.threads)
    origin = provenance(_device_name(attempt.device), cell.config.threads)
    memory.reset_peak(attempt.device)
    if ranks.is_main:
        attempt.store.start_attempt(cell.id)
    try:
        status, reason, trace = run_to_status(partial(_run_phases, attempt, teacher, student), attempt.last_phase)
    finally:
        torch.set_num_threads(threads)
    if ranks.world_size > 1:
        origin["ranks"] = ranks.world_size
    record = cell.record(
        status, reason, traceback=trace, provenance={**origin, "ended": utc_now()},
        metrics=attempt.metrics, controls=attempt.controls, segments=attempt.segments, seconds=attempt.seconds,
        peak_memory_bytes=memory.peak(attempt.device), deviations=attempt.deviations,
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


def _run_phases(attempt: _Attempt, own_teacher: nn.Module | None, own_student: nn.Module | None) -> None:
    cell, config, store, ranks = attempt.cell, attempt.cell.config, attempt.store, attempt.ranks
    ranks.check(config.recipe.batch)
    if not cell.data.ready:
        raise NoData(cell.data.instructions)
    with attempt.timed("data"):
        test, mine, source = _load_data(attempt)
    labels = np.asarray(test.data.labels)
    attempt.controls = {"chance": metrics.chance(labels), "majority": metrics.majority_share(labels)}
    task = teacher_task(cell, test, attempt.device)
    # Before the teacher is trained, so that a wrong name costs nothing.
    student = _make_student(attempt, task.classes) if own_student is None else own_student.to(attempt.device)

    def predict_test() -> NDArray[np.float16]:
        return predict(student, mine, task.prepare, attempt.device, attempt.callback, ranks)

    with attempt.timed("teacher"):
        folder = store.teacher(cell.teacher_key)
        teacher = get_teacher(folder, config.teacher, task, attempt.callback, own=own_teacher, ranks=ranks)
    batch, count = config.teacher.training.batch, teacher.notes.micro_batches
    attempt.deviations += micro_batch_deviations("teacher.training.batch", batch, count)
    attempt.controls["teacher_top1"] = metrics.top1(teacher.logp, labels)
    with attempt.timed("untrained student"):
        attempt.controls["untrained"] = metrics.top1(predict_test(), labels)
    with attempt.timed("distill"):
        _distill(attempt, source, teacher.network, student)
    with attempt.timed("evaluate"):
        try:
            logp = predict_test()
        except NotFinite as error:  # because of the last update, which no loss follows
            raise Diverged(config.recipe.steps) from error
        attempt.metrics = metrics.evaluate_predictions(logp, teacher.logp, labels)
        attempt.predictions = Predictions(list(test.data.item_ids), labels, logp)
        if ranks.is_main:
            save_weights(student, store.student_weights(cell.id, published=False))


def _load_data(attempt: _Attempt) -> tuple[Batches, Batches, Source]:
    """Return the test split, this rank's share of it, and the datum."""
    cell, view, device, ranks = attempt.cell, attempt.cell.config.view, attempt.device, attempt.ranks
    ensure(cell.data, cell.adapter)

    def read_test() -> Batches:
        return evaluation_batches(cell.adapter.test(cell.data.root, view, cell.key.fold), device=device)

    test = _TEST_SPLITS.get(f"{cell.key.target} {cell.key.fold} {cell.data} {view}", read_test)
    mine = test if ranks.world_size == 1 else evaluation_batches(test.data, ranks, device)
    return test, mine, cell.modality.load_source(cell.source_path, view, device)


def _make_student(attempt: _Attempt, classes: int) -> nn.Module:
    cell, config = attempt.cell, attempt.cell.config
    return make_network(cell.modality, config.student.network, config.view, classes, cell.key.seed, attempt.device)


def _distill(attempt: _Attempt, source: Source, teacher: nn.Module, student: nn.Module) -> None:
    cell, device, ranks = attempt.cell, attempt.device, attempt.ranks
    recipe, seed = cell.config.recipe, cell.key.seed
    stream = cell.modality.stream(
        source, cell.config.view, cell.config.policy, batch_size=recipe.batch, seed=seed, device=device,
        rank=ranks.rank, world_size=ranks.world_size,
    )  # fmt: skip

    def train(micro_batches: int, prefetch: bool, checkpoints: Checkpoints | None) -> Curve:
        return distill(
            stream, teacher, student, recipe, seed=seed, device=device, micro_batches=micro_batches,
            prefetch=prefetch, checkpoints=checkpoints, callback=attempt.callback, ranks=ranks,
        )  # fmt: skip

    folder, prefetch = attempt.store.attempt(cell.id), can_prefetch(recipe, device)
    if ranks.world_size == 1:
        attempt.curve, count = with_micro_batches(train, student, recipe.batch, folder, "student", prefetch=prefetch)
        attempt.deviations += micro_batch_deviations("recipe.batch", recipe.batch, count)
    else:  # ranks would have to run out of memory together
        attempt.curve = train(1, prefetch, Checkpoints(folder, "student"))
    attempt.deviations += ranks.deviations(student)
    attempt.segments = recipe.steps * recipe.batch


def _device_name(device: torch.device) -> str:
    return f"{device}: {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)
