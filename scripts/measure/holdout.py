"""Training and judging on the training split alone: what scripts share that choose networks or recipes."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from functools import partial

import torch

from benchmark.config.compose import compose_target
from benchmark.config.schema import Config, Recipe, Training
from benchmark.data.splits import holdout_split, limit_per_class
from benchmark.distillation.distill import Distilled, distill
from benchmark.evaluation import metrics
from benchmark.evaluation.predict import evaluation_batches, predict
from benchmark.planning.auto import resolve_auto
from benchmark.running.networks import make_network
from benchmark.running.teacher import ReadyTeacher, TeacherTask, make_teacher
from benchmark.training.callbacks import IgnoreProgress
from modalities import registry
from modalities.base import LabelledData, Modality
from modalities.plugins.contracts import Loss, Method

CPU = torch.device("cpu")
FROM, UNTIL = 20, 40  # steps between which a step is timed


class Clock(IgnoreProgress):
    """Notes the processor time after every report of steps."""

    def __init__(self) -> None:
        self.at: dict[int, float] = {}

    def step(self, done: int, total: int, loss: float) -> None:
        self.at.setdefault(done, time.process_time())

    def per_step(self) -> float:
        return (self.at[UNTIL] - self.at[FROM]) / (UNTIL - FROM)


@dataclass
class Bench:
    """One target's training split in two parts, and what trains networks on it."""

    config: Config
    modality: Modality
    target: str
    training: LabelledData  # the whole training split
    held_out: LabelledData
    classes: tuple[str, ...]

    def task(self, network: str, training: Training) -> TeacherTask:
        """Return the task of training a network with labels, with the held-out part in the place of test items."""
        config, view = self.config, self.config.view
        return TeacherTask(
            settings=replace(config.teacher, network=network, training=training, epochs=0.0),
            callback=IgnoreProgress(), metric="top-1", train_per_class=0, device=CPU, classes=len(self.classes),
            new_network=partial(make_network, self.modality, network, view, len(self.classes), "teacher", 0, CPU),
            prepare=lambda raw: self.modality.prepare(raw, view),
            augment=lambda raw, draws, step: self.modality.augment(raw, view, draws, step),
            train=lambda: self.training, test=evaluation_batches(self.held_out),
        )  # fmt: skip

    def teach(self, network: str, training: Training, clock: Clock) -> ReadyTeacher:
        task = replace(self.task(network, training), callback=clock)
        return make_teacher(task.new_network(), task)

    def distill(
        self, network: str, teacher: torch.nn.Module, recipe: Recipe, clock: Clock, *, seed: int = 0,
        loss: Loss | None = None, method: Method | None = None,
    ) -> tuple[torch.nn.Module, Distilled]:  # fmt: skip
        """Return a student, and what its distillation left."""
        config, view = self.config, self.config.view
        source = self.modality.load_source(str(getattr(config.source, self.modality.name)), view, CPU)
        stream = self.modality.stream(source, view, config.policy, batch_size=recipe.batch, seed=seed, device=CPU)
        student = make_network(self.modality, network, view, len(self.classes), "student", seed, CPU)
        left = distill(
            stream, teacher, student, recipe, seed=seed, device=CPU, callback=clock, loss=loss, method=method
        )
        return student, left

    def accuracy(self, network: torch.nn.Module) -> float:
        """Return the top-1 accuracy on the held-out items."""
        prepare = partial(self.modality.prepare, view=self.config.view)
        logp = predict(network, evaluation_batches(self.held_out), prepare, CPU, IgnoreProgress())
        return metrics.top1(logp, self.held_out.labels)


def bench(target: str, given: argparse.Namespace) -> Bench:
    config = compose_target(target, given.settings, profile=given.profile, suite="all")
    resolve_auto(config, "cpu", registry.target(target).info.modality)
    adapter = registry.target(target)
    torch.set_num_threads(1)
    split = limit_per_class(adapter.train(given.root, config.view, 1), config.data.train_per_class)
    held_out = holdout_split(split, config.teacher.holdout)[1]
    modality = registry.modality(adapter.info.modality)
    return Bench(config, modality, target, split, held_out, adapter.info.classes)
