"""One cell to one record: data, teacher, distillation, evaluation, store."""

from __future__ import annotations

import errno
import time
import traceback as tracebacks
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.data.batches import RecentSplits
from benchmark.data.locate import ensure
from benchmark.distillation.distill import can_work_ahead, distill
from benchmark.evaluation import metrics
from benchmark.evaluation.predict import NotFinite, in_order, predict
from benchmark.planning.cell import Cell
from benchmark.records.provenance import provenance, utc_now
from benchmark.records.record import Record, Status
from benchmark.records.store import Predictions, Store
from benchmark.running.networks import load_weights, make_network, save_weights
from benchmark.running.teacher import ReadyTeacher, Refused, TeacherTask, kept_teacher, make_teacher, refuse_if_poor
from benchmark.system import memory
from benchmark.system.memory import is_out_of_memory
from benchmark.system.ranks import SINGLE_PROCESS, RankDesync, Ranks
from benchmark.training.callbacks import Interrupted, PhaseCallback, patience
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.loop import Curve, Diverged
from benchmark.training.micro_batches import with_micro_batches
from modalities.errors import BadInput
from modalities.storage.locks import exclusive_lock

_SPLITS = RecentSplits()


@dataclass
class _Attempt:
    """What an attempt has found out so far; a failure's record keeps it."""

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
    """Run a cell and keep its record; whatever goes wrong becomes the record's status and reason.

    Another process that runs the same cell is waited for, and its record taken.

    Args:
        device: such as ``cpu`` or ``cuda:0``.
        teacher, student: a caller's own networks, instead of those that the configuration names.
        known: the stamp (``Store.stamp``) of the record that led to this call; any other one that is there by now is
            another process's and taken as it is. Without it, only one that is done.
        ranks: the processes that run this cell together; the first one keeps the record.

    Raises:
        Alone: this rank failed and the others did not; the one that failed first has kept the record.
        Interrupted: ``callback`` asked to stop; nothing is recorded, and the same call goes on from a checkpoint.
        BadInput: the results folder cannot be written.
    """
    if ranks.world_size > 1:  # the first rank holds the lock for all of them
        return _run_alone(cell, store, device, callback, teacher, student, ranks)
    with exclusive_lock(store.cell(cell.id), patience(callback, "this cell")):
        found = record_from_other_run(cell, store, expected_stamp)
        if found is None:
            return _run_alone(cell, store, device, callback, teacher, student, ranks)
        if found.status == "done":
            store.discard_attempt(cell.id)
            if student is not None:
                load_weights(student.eval(), store.student_weights(cell.id))
        return found


def record_from_other_run(cell: Cell, store: Store, expected_stamp: str | None = None) -> Record | None:
    """The record that another process made while this one waited or was busy with other cells."""
    try:
        found = store.read(cell.id)
    except BadInput:  # damaged: made again
        return None
    changed = expected_stamp is not None and store.stamp(cell.id) != expected_stamp
    return found if found is not None and (changed or found.status == "done") else None


def _run_alone(
    cell: Cell,
    store: Store,
    device: str,
    callback: PhaseCallback,
    teacher: nn.Module | None,
    student: nn.Module | None,
    ranks: Ranks,
) -> Record:
    # Sums depend on the number of threads, so it is the cell's and not the machine's.
    threads = torch.get_num_threads()
    torch.set_num_threads(cell.config.threads)
    origin = provenance(_in_words(device), cell.config.threads)
    attempt = _Attempt(torch.device(device), callback, ranks)
    memory.reset_peak(attempt.device)
    if ranks.is_main:
        store.start_attempt(cell.id)
    try:
        status, reason, trace = _outcome(partial(_run, cell, store, attempt, teacher, student), attempt)
    finally:
        torch.set_num_threads(threads)
    if ranks.world_size > 1:
        origin["ranks"] = ranks.world_size
    record = cell.record(
        status, reason, traceback=trace, provenance={**origin, "ended": utc_now()},
        metrics=attempt.metrics, controls=attempt.controls, segments=attempt.segments, seconds=attempt.seconds,
        peak_memory_bytes=memory.peak(attempt.device), deviations=attempt.deviations,
    )  # fmt: skip
    curve = [{"step": s, "learning_rate": r, "loss": v} for s, r, v in attempt.curve.rows] if attempt.curve else None
    callback.phase("write")
    try:
        ranks.agree_on_outcome(f"{status}: {reason}")
    except RankDesync as error:
        if error.origin:
            store.write(record)
        raise
    if ranks.is_main:
        try:
            store.write(record, predictions=attempt.predictions, curve=curve)
        except BadInput as error:  # a full disk may still take a row that says so
            record = replace(record, status="failed", reason=str(error), metrics={})
            store.write(record)
    return record


def _run(
    cell: Cell, store: Store, attempt: _Attempt, own_teacher: nn.Module | None, own_student: nn.Module | None
) -> None:
    adapter, modality = cell.adapter, cell.modality
    view, config, device, callback = cell.config.view, cell.config, attempt.device, attempt.callback
    ranks = attempt.ranks
    ranks.check(config.recipe.batch)
    if not cell.data.ready:
        raise _NoData(cell.data.instructions)

    with attempt.timed("data"):
        ensure(cell.data, adapter)
        key = f"{cell.key.target} {cell.key.fold} {cell.data} {view}"
        test = _SPLITS.get(key, lambda: in_order(adapter.test(cell.data.root, view, cell.key.fold), device=device))
        mine = test if ranks.world_size == 1 else in_order(test.data, ranks, device)
        source = modality.load_source(cell.source_path, view, device)
    labels = np.asarray(test.data.labels)
    attempt.controls = {"chance": metrics.chance(labels), "majority": metrics.majority_share(labels)}

    task = TeacherTask(
        modality, view, len(adapter.info.classes), partial(adapter.train, cell.data.root, view, cell.key.fold),
        config.data.train_per_class, test, device,
    )  # fmt: skip
    # Made before the teacher is trained, so that a wrong name costs nothing.
    if own_student is None:
        student = make_network(modality, config.student.network, view, task.classes, cell.key.seed, device)
    else:
        student = own_student.to(device)
    with attempt.timed("teacher"):
        if own_teacher is None:
            folder = store.teacher(cell.teacher_key)
            teacher = _from_main(ranks, partial(kept_teacher, folder, config.teacher, task, callback), cell, task)
        else:
            teacher = _own(own_teacher.to(device), cell, task, callback)
    if teacher.notes.slices > 1:
        attempt.deviations.append(
            _sliced("teacher.training.batch", config.teacher.training.batch, teacher.notes.slices)
        )
    attempt.controls["teacher_top1"] = metrics.top1(teacher.logp, labels)

    with attempt.timed("untrained student"):
        logp = predict(student, mine, modality, view, device, callback, ranks)
        attempt.controls["untrained"] = metrics.top1(logp, labels)

    with attempt.timed("distill"):
        stream = modality.stream(
            source, view, config.policy, batch_size=config.recipe.batch, seed=cell.key.seed, device=device,
            rank=ranks.rank, world_size=ranks.world_size,
        )  # fmt: skip

        def train(slices: int, ahead: bool, checkpoints: Checkpoints | None) -> Curve:
            return distill(
                stream, teacher.network, student, config.recipe, seed=cell.key.seed, device=device, slices=slices,
                ahead=ahead, checkpoints=checkpoints, callback=callback, ranks=ranks,
            )  # fmt: skip

        folder, ahead = store.attempt(cell.id), can_work_ahead(config.recipe, device)
        if ranks.world_size == 1:
            attempt.curve, slices = with_micro_batches(
                train, student, config.recipe.batch, folder, "student", ahead=ahead
            )
        else:  # ranks would have to run out of memory together
            attempt.curve, slices = train(1, ahead, Checkpoints(folder, "student")), 1
        if slices > 1:
            attempt.deviations.append(_sliced("recipe.batch", config.recipe.batch, slices))
        attempt.deviations += ranks.deviations(student)
        attempt.segments = config.recipe.steps * config.recipe.batch

    with attempt.timed("evaluate"):
        try:
            logp = predict(student, mine, modality, view, device, callback, ranks)
        except NotFinite as error:  # the last update did it, after the last loss
            raise Diverged(config.recipe.steps) from error
        attempt.metrics = metrics.evaluate_predictions(logp, teacher.logp, labels)
        attempt.predictions = Predictions(list(test.data.item_ids), labels, logp)
        if ranks.is_main:
            save_weights(student, store.student_weights(cell.id, published=False))


def _from_main(ranks: Ranks, make: Callable[[], ReadyTeacher], cell: Cell, task: TeacherTask) -> ReadyTeacher:
    """The teacher that the first rank makes or finds; the others wait for it and are sent its weights."""
    if ranks.world_size == 1:
        return make()
    made: list[ReadyTeacher] = []

    def parcel() -> tuple[dict[str, Tensor], ReadyTeacher]:
        made.append(make())
        weights = {name: value.cpu() for name, value in made[0].network.state_dict().items()}
        return weights, replace(made[0], network=nn.Identity())

    weights, teacher = ranks.from_main(parcel)
    if made:
        return made[0]
    settings = cell.config.teacher
    network = make_network(task.modality, settings.network, task.view, task.classes, 0, task.device)
    network.load_state_dict(weights)
    return replace(teacher, network=network)


def _sliced(key: str, batch: int, slices: int) -> str:
    return (
        f"{key}={batch} went through the networks in {slices} slices, for want of memory: gradients are the batch's, "
        "batch statistics those of a slice"
    )


def _own(network: nn.Module, cell: Cell, task: TeacherTask, callback: PhaseCallback) -> ReadyTeacher:
    """A caller's own teacher, scored as any other and kept nowhere."""
    ready = make_teacher(network, cell.config.teacher, task, callback, trained=True)
    refuse_if_poor(ready.notes, cell.config.teacher)
    return ready


class _NoData(Exception):
    """The target's data are not on disk."""


# What needs less memory, by the phase that had too little: slices of a batch and single items were tried before.
_NEEDS_LESS = {
    "teacher": "a smaller teacher.training.batch, teacher.network or view",
    "distill": "a smaller recipe.batch",
}


def _outcome(run: Callable[[], None], attempt: _Attempt) -> tuple[Status, str, str]:
    """Run to a status, a reason and, for faults of ours, a traceback."""
    try:
        run()
    except Interrupted:
        raise
    except _NoData as error:
        return "no data", str(error), ""
    except Refused as error:
        return "refused", str(error), ""
    except Diverged as error:
        return "diverged", str(error), ""
    except BadInput as error:
        return "failed", str(error), ""
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            return "failed", f"{error.strerror}: {Path(error.filename or 'a file').name}; free it and run again.", ""
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EIO, errno.ESTALE, errno.ENOTCONN):
            lost = Path(error.filename or "a file").name
            return "failed", f"{error.strerror}: {lost}; was its folder moved or unmounted?", _trace(error)
        return "failed", f"{type(error).__name__}: {error}", _trace(error)
    except Exception as error:
        if is_out_of_memory(error):
            less = _NEEDS_LESS.get(next(reversed(attempt.seconds), ""), "a smaller network or view")
            reason = f"the memory was not enough; {less}, or fewer jobs, needs less."
            return "out of memory", reason, _trace(error)
        return "failed", f"{type(error).__name__}: {error}", _trace(error)
    return "done", "", ""


def _trace(error: BaseException) -> str:
    return "".join(tracebacks.format_exception(error))


def _in_words(device: str) -> str:
    if device.startswith("cuda"):
        return f"{device}: {torch.cuda.get_device_name(device)}"
    return device
