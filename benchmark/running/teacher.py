"""Train or load a teacher, once per content key, and refuse one that is not clearly better than chance."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from torch import Tensor, nn

from benchmark.config.schema import Teacher, Training
from benchmark.data.batches import Batches, shuffled_order
from benchmark.data.splits import holdout_split, limit_per_class
from benchmark.evaluation import metrics
from benchmark.evaluation.predict import NotFinite, evaluation_batches, predict
from benchmark.planning.cell import Cell
from benchmark.records.json_checks import STRICT
from benchmark.records.store import TEACHER_NOTES, TEACHER_PREDICTIONS, TEACHER_WEIGHTS
from benchmark.running.networks import load_weights, make_network, save_weights, weights_hash
from benchmark.system.ranks import Ranks
from benchmark.training.callbacks import ProgressCallback, waiting_callback
from benchmark.training.checkpoints import Checkpoints, clear
from benchmark.training.loop import Diverged, optimise
from benchmark.training.micro_batches import with_micro_batches
from benchmark.training.precision import apply_memory_format, autocast, compile_if_requested, in_memory_format
from modalities.base import Draws, LabelledData
from modalities.storage.atomic import atomic_write
from modalities.storage.locks import exclusive_lock


class Refused(Exception):
    """The teacher is not clearly better than chance, so no student is distilled from it."""


class TeacherNotes(BaseModel):
    """What ``teacher.json`` says about a teacher, beside its weights and predictions."""

    model_config = STRICT | {"frozen": True, "populate_by_name": True}

    # On the part of the training split that it was not trained on:
    held_out_top1: float = Field(ge=0, le=1)
    held_out_mean_per_class: float = Field(ge=0, le=1)
    chance: float = Field(gt=0, le=1)
    majority: float = Field(gt=0, le=1)
    seconds: float
    # Its name in the file is that of an earlier version.
    micro_batches: int = Field(1, ge=1, validation_alias="slices", serialization_alias="slices")
    weights: str = ""  # hashes of the other files, to detect damage; empty for a teacher that is not saved
    predictions: str = ""


@dataclass(frozen=True)
class ReadyTeacher:
    """A teacher on the device, and its predictions of every real test item."""

    network: nn.Module
    logp: NDArray[np.float16]  # (test items, classes)
    notes: TeacherNotes


@dataclass(frozen=True)
class TeacherTask:
    """What a teacher is made for and how: one target as one cell sees it."""

    settings: Teacher
    callback: ProgressCallback
    new_network: Callable[[], nn.Module]  # with seeded random weights, on the device
    prepare: Callable[[Tensor], Tensor]  # raw items on the device -> network inputs
    augment: Callable[[Tensor, Draws, int], Tensor]  # raw items, draws, step -> network inputs for training
    classes: int
    metric: metrics.Metric
    train: Callable[[], LabelledData]
    train_per_class: int  # maximum; 0 means all
    test: Batches
    device: torch.device
    labels: tuple[str, ...] = ()  # the names of the classes
    weights_sha256: str = ""  # of the file of weights, if the settings name one


def teacher_task(cell: Cell, test: Batches, device: torch.device, callback: ProgressCallback) -> TeacherTask:
    """Return the task of a cell's teacher, given the whole test split."""
    config, modality, adapter = cell.config, cell.modality, cell.adapter
    view, labels = config.view, adapter.info.classes
    return TeacherTask(
        settings=config.teacher,
        callback=callback,
        new_network=partial(make_network, modality, config.teacher.network, view, len(labels), "teacher", 0, device),
        prepare=lambda raw: modality.prepare(raw, view),
        augment=lambda raw, draws, step: modality.augment(raw, view, draws, step),
        classes=len(labels),
        labels=labels,
        metric=adapter.info.metric,
        train=partial(adapter.train, cell.data.root, view, cell.key.fold),
        train_per_class=config.data.train_per_class,
        test=test,
        device=device,
        weights_sha256=cell.identity["teacher"]["weights"],
    )


def get_teacher(folder: Path, task: TeacherTask) -> ReadyTeacher:
    """Return the teacher in ``folder``, or make it while others wait; raise Refused, or what making it raises."""
    ready = _load(folder, task)  # without a lock: it may be in another user's folder, which cannot be written
    if ready is None:
        with exclusive_lock(folder, waiting_callback(task.callback, "the teacher")):
            ready = _load(folder, task)  # another process may have made it while this one waited
            if ready is None:
                ready = _save(folder, make_teacher(task.new_network(), task, folder))
                clear(folder)
    refuse_if_poor(ready.notes, task)
    return ready


def make_teacher(
    network: nn.Module, task: TeacherTask, folder: Path | None = None, *, trained: bool = False
) -> ReadyTeacher:
    """Train or load ``network`` in place unless it is ``trained``; score the held-out part, predict the test items."""
    started = time.monotonic()
    settings, callback = task.settings, task.callback
    callback.phase("teacher: data")
    micro_batches, trained_here = 1, False
    split = limit_per_class(task.train(), task.train_per_class)
    for_training, held_out = holdout_split(split, settings.holdout)
    if settings.weights:
        load_weights(network, Path(settings.weights), task.weights_sha256)
    elif not trained and getattr(network, "labels", None) != task.labels:
        trained_here = True
        micro_batches = _train(network, task, for_training, folder)
    try:
        callback.phase("teacher: held-out part")
        batches = evaluation_batches(held_out, device=task.device)
        held_out_logp = predict(network, batches, task.prepare, task.device, callback)
        callback.phase("teacher: test items")
        logp = predict(network, task.test, task.prepare, task.device, callback)
    except NotFinite as error:
        if not trained_here:
            raise
        raise Diverged(settings.training.steps) from error  # because of the last update, which no loss follows
    notes = TeacherNotes(
        held_out_top1=metrics.top1(held_out_logp, held_out.labels),
        held_out_mean_per_class=metrics.mean_per_class(held_out_logp, held_out.labels),
        chance=metrics.chance(held_out.labels), majority=metrics.majority_share(held_out.labels),
        seconds=time.monotonic() - started, micro_batches=micro_batches,
    )  # fmt: skip
    return ReadyTeacher(network, logp, notes)


def limit_to_epochs(settings: Teacher, items: int) -> Training:
    """Return a teacher's training with at most ``settings.epochs`` passes over that many items, if they are given."""
    return replace(settings.training, steps=settings.steps(items))


def _train(network: nn.Module, task: TeacherTask, data: LabelledData, folder: Path | None) -> int:
    """Train with cross-entropy on augmented items, in shuffled order; return the number of micro-batches."""
    training, smoothing = limit_to_epochs(task.settings, len(data)), task.settings.label_smoothing
    draws = Draws(0, "teacher/")
    batches = Batches(data, shuffled_order(draws, len(data), training.batch), training.steps)
    apply_memory_format(network, training)
    learner = compile_if_requested(network, training)

    def loss_at(micro_batches: int, step: int) -> Iterator[Tensor]:
        raw, labels = batches.batch(step, task.device)
        inputs = task.augment(raw, draws, step)
        targets = labels.repeat_interleave(batches.clips)
        for part, part_targets in zip(inputs.chunk(micro_batches), targets.chunk(micro_batches), strict=True):
            with autocast(training, task.device):
                logits = learner(in_memory_format(part, training))
            loss = F.cross_entropy(logits.float(), part_targets, label_smoothing=smoothing)
            yield loss * (len(part) / len(inputs))

    def train(micro_batches: int, prefetch: bool, checkpoints: Checkpoints | None) -> None:
        task.callback.phase("teacher: train")
        optimise(
            network, partial(loss_at, micro_batches), training, seed=0, device=task.device, checkpoints=checkpoints,
            callback=task.callback,
        )  # fmt: skip

    return with_micro_batches(train, network, training.batch, folder, "teacher")[1]


def refuse_if_poor(notes: TeacherNotes, task: TeacherTask) -> None:
    """Raise Refused unless the teacher is clearly better than chance and than naming the most frequent class.

    Both its accuracy by the target's metric and its balanced accuracy, which a frequent class does not raise, have to
    reach ``times_chance`` × chance, or half way from chance to 1 if that is less. A top-1 has to exceed the share of
    the most frequent class besides. ``times_chance=0`` accepts any teacher.
    """
    times = task.settings.times_chance
    if times == 0:
        return
    needed = min(times * notes.chance, (1 + notes.chance) / 2)
    balanced = ("balanced accuracy", notes.held_out_mean_per_class)
    accuracy = ("top-1", notes.held_out_top1) if task.metric == "top-1" else balanced
    remedy = "train it longer (teacher.training.steps) or lower teacher.times_chance; 0 accepts any teacher."
    for name, reached in dict.fromkeys((accuracy, balanced)):
        if reached < needed:
            raise Refused(
                f"the teacher reaches {reached:.1%} {name} on the held-out part of its training split, but "
                f"{needed:.1%} is required (chance is {notes.chance:.1%}); {remedy}"
            )
    if task.metric == "top-1" and notes.held_out_top1 <= notes.majority:
        raise Refused(
            f"the teacher reaches {notes.held_out_top1:.1%} top-1 on the held-out part of its training split, which is "
            f"no more than the share of the most frequent class ({notes.majority:.1%}); {remedy}"
        )


def broadcast_teacher(ranks: Ranks, get: Callable[[], ReadyTeacher], task: TeacherTask) -> ReadyTeacher:
    """Get the teacher on the main rank, and send it to the others, which wait for it."""
    if ranks.world_size == 1:
        return get()

    def get_and_pack() -> tuple[dict[str, Tensor], ReadyTeacher]:
        teacher = get()
        weights = {name: value.cpu() for name, value in teacher.network.state_dict().items()}
        return weights, replace(teacher, network=nn.Identity())

    weights, teacher = ranks.from_main(get_and_pack)
    network = task.new_network()
    network.load_state_dict(weights)
    return replace(teacher, network=network)


def _save(folder: Path, teacher: ReadyTeacher) -> ReadyTeacher:
    """Write a teacher's files, the notes last; return the teacher with their hashes in its notes."""
    save_weights(teacher.network, folder / TEACHER_WEIGHTS)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, logp=teacher.logp)
    atomic_write(folder / TEACHER_PREDICTIONS, buffer.getvalue())
    hashes = {"weights": weights_hash(teacher.network), "predictions": _sha256(buffer.getvalue())}
    notes = teacher.notes.model_copy(update=hashes)
    atomic_write(folder / TEACHER_NOTES, json.dumps(notes.model_dump(by_alias=True)) + "\n")
    return replace(teacher, notes=notes)


def _load(folder: Path, task: TeacherTask) -> ReadyTeacher | None:
    """Return the teacher saved in ``folder``; None if there is none, or a file is damaged or its hash is missing."""
    saved = saved_network(folder, task.new_network)
    if saved is None:
        return None
    network, notes = saved
    try:
        content = (folder / TEACHER_PREDICTIONS).read_bytes()
        if _sha256(content) != notes.predictions:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            logp = arrays["logp"]
    except Exception:  # a damaged file can raise nearly anything
        return None
    fits = logp.dtype == np.float16 and logp.shape == (len(task.test.data), task.classes)
    return ReadyTeacher(network, logp, notes) if fits else None


def saved_network(folder: Path, new_network: Callable[[], nn.Module]) -> tuple[nn.Module, TeacherNotes] | None:
    """Return the network of the teacher saved in ``folder``, and its notes; None if there is none or it is damaged."""
    if not (folder / TEACHER_NOTES).is_file():
        return None
    network = new_network()
    try:
        notes = TeacherNotes.model_validate_json((folder / TEACHER_NOTES).read_bytes())
        load_weights(network, folder / TEACHER_WEIGHTS)
    except Exception:  # a damaged file can raise nearly anything
        return None
    return (network, notes) if weights_hash(network) == notes.weights else None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
