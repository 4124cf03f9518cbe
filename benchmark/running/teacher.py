"""Train or load a teacher, once per content key, and refuse one that is not clearly better than chance."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, astuple, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.config.schema import Teacher
from benchmark.data.batches import Batches, shuffled
from benchmark.data.subsets import cap_per_class, hold_out
from benchmark.evaluation import metrics
from benchmark.evaluation.predict import NotFinite, in_order, predict
from benchmark.records.store import TEACHER_NOTES, TEACHER_PREDICTIONS, TEACHER_WEIGHTS
from benchmark.running.networks import load_weights, make_network, save_weights, weights_hash
from benchmark.training.callbacks import PhaseCallback, patience
from benchmark.training.checkpoints import Checkpoints, clear
from benchmark.training.loop import Diverged, optimise
from benchmark.training.micro_batches import with_micro_batches
from benchmark.training.precision import apply_memory_format, autocast, compiled, in_memory_format
from modalities.base import Draws, LabelledData, Modality
from modalities.storage.atomic import atomic_write
from modalities.storage.locks import exclusive_lock


class Refused(Exception):
    """The teacher is not clearly better than chance; no student is distilled from it."""


@dataclass(frozen=True)
class Notes:
    """What is kept of a teacher beside its weights and predictions."""

    held_out_top1: float  # on the part of the training split that it was not trained on
    chance: float
    seconds: float
    slices: int = 1  # of a training batch, for want of memory
    weights: str = ""  # hashes of what lies beside it, by which damage shows; empty where nothing is kept
    predictions: str = ""

    @classmethod
    def from_json(cls, text: str) -> Notes:
        """Raises TypeError or ValueError for what is not the notes of a kept teacher."""
        found = cls(**json.loads(text))
        if [type(value) for value in astuple(found)] != [float, float, float, int, str, str]:
            raise TypeError("a value is of another type")
        if not (0 <= found.held_out_top1 <= 1 and 0 < found.chance <= 1 and found.slices >= 1):
            raise ValueError("a value is out of its range")
        return found


@dataclass(frozen=True)
class ReadyTeacher:
    """A teacher on the device, and what it says of every real test item."""

    network: nn.Module
    logp: NDArray[np.float16]  # (test items, classes)
    notes: Notes


@dataclass(frozen=True)
class TeacherTask:
    """What a teacher is made for: one target as one cell sees it."""

    modality: Modality
    view: Any
    classes: int
    train: Callable[[], LabelledData]
    train_per_class: int
    test: Batches
    device: torch.device


def kept_teacher(folder: Path, settings: Teacher, task: TeacherTask, callback: PhaseCallback) -> ReadyTeacher:
    """The teacher kept in ``folder``, made there first if need be; one process makes it while others wait.

    Raises:
        Refused: below ``times_chance`` × chance on the held-out part of the training split.
        BadInput: a weights file that cannot be used.
        Diverged, Interrupted: see ``optimise``.
    """
    new = partial(make_network, task.modality, settings.network, task.view, task.classes, 0, task.device)
    ready = _finished(folder, new, task)  # which somebody else may have made in a folder that only they may write
    if ready is None:
        with exclusive_lock(folder, patience(callback, "the teacher")):
            ready = _finished(folder, new, task)  # by whom we have waited for
            if ready is None:
                ready = _keep(folder, make_teacher(new(), settings, task, callback, folder))
                clear(folder)
    refuse_if_poor(ready.notes, settings)
    return ready


def make_teacher(
    network: nn.Module,
    settings: Teacher,
    task: TeacherTask,
    callback: PhaseCallback,
    folder: Path | None = None,
    *,
    trained: bool = False,
) -> ReadyTeacher:
    """Train or load ``network`` in place, score it on the held-out part, and predict the test items.

    Args:
        folder: of its checkpoints; None keeps none.
        trained: the network is good as it is (a caller's own).

    Raises:
        Diverged: it was trained here and its answers are no numbers.
    """
    started = time.monotonic()
    callback.phase("teacher: data")
    slices, trained_here = 1, False
    split = cap_per_class(task.train(), task.train_per_class)
    for_training, held_out = hold_out(split, settings.holdout)
    if settings.weights:
        load_weights(network, Path(settings.weights))
    elif not trained and not getattr(network, "ready", False):
        trained_here = True
        slices = _train(network, settings, task, for_training, callback, folder)
    try:
        callback.phase("teacher: held-out part")
        top1 = metrics.top1(_predict(network, in_order(held_out, device=task.device), task, callback), held_out.labels)
        callback.phase("teacher: test items")
        logp = _predict(network, task.test, task, callback)
    except NotFinite as error:
        if not trained_here:
            raise
        raise Diverged(settings.training.steps) from error  # the last update did it, after the last loss
    notes = Notes(float(top1), float(metrics.chance(held_out.labels)), time.monotonic() - started, slices)
    return ReadyTeacher(network, logp, notes)


def _predict(network: nn.Module, batches: Batches, task: TeacherTask, callback: PhaseCallback) -> NDArray[np.float16]:
    return predict(network, batches, task.modality, task.view, task.device, callback)


def _train(
    network: nn.Module,
    settings: Teacher,
    task: TeacherTask,
    data: LabelledData,
    callback: PhaseCallback,
    folder: Path | None,
) -> int:
    """Cross-entropy on augmented items, in an order that is a pure function of the step; the slices of a batch."""
    training = settings.training
    draws = Draws(0, "teacher/")
    batches = Batches(data, shuffled(draws, len(data), training.batch), training.steps)
    apply_memory_format(network, training)
    learner = compiled(network, training)

    def loss_at(slices: int, step: int) -> Iterator[Tensor]:
        raw, labels = batches.on(step, task.device)
        inputs = task.modality.augment(raw, task.view, draws, step)
        wanted = labels.repeat_interleave(batches.clips)
        for part, answers in zip(inputs.chunk(slices), wanted.chunk(slices), strict=True):
            with autocast(training, task.device):
                logits = learner(in_memory_format(part, training))
            loss = F.cross_entropy(logits.float(), answers, label_smoothing=settings.label_smoothing)
            yield loss * (len(part) / len(inputs))

    def train(slices: int, ahead: bool, checkpoints: Checkpoints | None) -> None:
        callback.phase("teacher: train")
        optimise(
            network, partial(loss_at, slices), training, seed=0, device=task.device, checkpoints=checkpoints,
            callback=callback,
        )  # fmt: skip

    return with_micro_batches(train, network, training.batch, folder, "teacher")[1]


def refuse_if_poor(notes: Notes, settings: Teacher) -> None:
    """Raises Refused below ``times_chance`` × chance, or below half way from chance to certainty if that is less."""
    needed = min(settings.times_chance * notes.chance, (1 + notes.chance) / 2)
    if notes.held_out_top1 < needed:
        raise Refused(
            f"the teacher reaches {notes.held_out_top1:.1%} on the held-out part of its training split, and "
            f"{needed:.1%} is wanted (chance is {notes.chance:.1%}); train it longer (teacher.training.steps) or "
            "lower teacher.times_chance."
        )


def _keep(folder: Path, made: ReadyTeacher) -> ReadyTeacher:
    """Write a teacher's files, the notes last; the teacher with their hashes in its notes."""
    save_weights(made.network, folder / TEACHER_WEIGHTS)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, logp=made.logp)
    atomic_write(folder / TEACHER_PREDICTIONS, buffer.getvalue())
    notes = replace(made.notes, weights=weights_hash(made.network), predictions=_sha256(buffer.getvalue()))
    atomic_write(folder / TEACHER_NOTES, json.dumps(asdict(notes)) + "\n")
    return replace(made, notes=notes)


def _finished(folder: Path, new: Callable[[], nn.Module], task: TeacherTask) -> ReadyTeacher | None:
    """A finished teacher; None when there is none, or a file of it is damaged or without a hash: it is made again."""
    if not (folder / TEACHER_NOTES).is_file():
        return None
    network = new()
    try:
        notes = Notes.from_json((folder / TEACHER_NOTES).read_text(encoding="utf-8"))
        load_weights(network, folder / TEACHER_WEIGHTS)
        content = (folder / TEACHER_PREDICTIONS).read_bytes()
        if (weights_hash(network), _sha256(content)) != (notes.weights, notes.predictions):
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            logp = arrays["logp"]
    except Exception:  # damaged, which a reader meets with nearly anything
        return None
    fits = logp.dtype == np.float16 and logp.shape == (len(task.test.data), task.classes)
    return ReadyTeacher(network, logp, notes) if fits else None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
