"""Which networks suit a CPU: accuracy on held-out training items for the same processor time, as teacher and student.

    python scripts/measure/networks.py --root DIR [--targets cifar10,fsdd] [--networks A,B] [--seconds 100] [--resume]

Every candidate is trained twice on one core, for as many steps as fit into the processor time of its modality: with
labels, as a teacher is, and by distillation from segments of the profile's datum, as a student is, from one and the
same teacher. Both are scored on the part of the TRAINING split that no teacher learns from; no test item is read.
Recipes are those of the profile `small`, so that only network and steps differ.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import torch

from benchmark.config.compose import compose_target
from benchmark.config.schema import Config, Training
from benchmark.data.splits import holdout_split, limit_per_class
from benchmark.distillation.distill import distill
from benchmark.evaluation import metrics
from benchmark.evaluation.predict import evaluation_batches, predict
from benchmark.planning.auto import resolve_auto
from benchmark.running.networks import make_network
from benchmark.running.teacher import ReadyTeacher, TeacherTask, get_teacher, make_teacher
from benchmark.training.callbacks import IgnoreProgress
from harness import Parts, measure, parse_options, table
from modalities import registry
from modalities.base import LabelledData, Modality

CPU = torch.device("cpu")
FROM, UNTIL = 20, 40  # steps between which a step is timed
CANDIDATES = {
    "image": ("resnet-s-16", "resnet-s-24", "resnet-s-32", "resnet-s-48", "cnn-32", "cnn-64", "wrn-10-1", "wrn-16-1",
              "wrn-10-2"),
    "audio": ("conv4-8", "conv4-16", "conv4-24", "conv4-32", "resnet-a-8", "resnet-a-16", "resnet-a-24",
              "resnet-a-32"),
    "video": ("early-16", "early-24", "early-32", "early-48", "r2plus1d-8", "r2plus1d-16", "r2plus1d-24", "x3d-xs"),
}  # fmt: skip


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

    def distill(self, network: str, teacher: torch.nn.Module, steps: int, clock: Clock) -> float:
        """Return the accuracy on held-out items of a student after so many steps."""
        config, view = self.config, self.config.view
        recipe = replace(config.recipe, steps=steps)
        source = self.modality.load_source(str(getattr(config.source, self.modality.name)), view, CPU)
        stream = self.modality.stream(source, view, config.policy, batch_size=recipe.batch, seed=0, device=CPU)
        student = make_network(self.modality, network, view, len(self.classes), "student", 0, CPU)
        distill(stream, teacher, student, recipe, seed=0, device=CPU, callback=clock)
        prepare = partial(self.modality.prepare, view=view)
        logp = predict(student, evaluation_batches(self.held_out), prepare, CPU, IgnoreProgress())
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


def measure_network(network: str, target: str, seconds: float, given: argparse.Namespace) -> dict[str, Any]:
    """Train one candidate in both roles for ``seconds`` of processor time each; return what it reaches."""
    found = bench(target, given)
    training, recipe = found.config.teacher.training, found.config.recipe
    reference = get_teacher(given.work / target, found.task(found.config.teacher.network, training))
    steps = {}
    for role, whole in (("teacher", training.steps), ("student", recipe.steps)):
        clock = Clock()
        if role == "teacher":
            found.teach(network, replace(training, steps=UNTIL), clock)
        else:
            found.distill(network, reference.network, UNTIL, clock)
        steps[role] = max(UNTIL, min(4 * whole, int(seconds / clock.per_step())))
    taught = found.teach(network, replace(training, steps=steps["teacher"]), Clock())
    student = found.distill(network, reference.network, steps["student"], Clock())
    parameters = sum(p.numel() for p in taught.network.parameters())
    return {
        "network": network, "target": target, "parameters": parameters, "seconds": seconds, "steps": steps,
        "teacher": taught.notes.held_out_top1, "student": student, "held_out": len(found.held_out),
        "reference": found.config.teacher.network, "reference_top1": reference.notes.held_out_top1,
        "precision": recipe.precision,
    }  # fmt: skip


def pareto(rows: Sequence[dict[str, Any]]) -> set[str]:
    """Return the names of the networks that no other one of fewer parameters beats as a student."""
    return {
        row["network"] for row in rows
        if not any(o["student"] > row["student"] and o["parameters"] <= row["parameters"] for o in rows)
    }  # fmt: skip


def body(found: Parts) -> list[str]:
    lines: list[str] = []
    for target in dict.fromkeys(row["target"] for row in found.values()):
        rows = sorted((r for r in found.values() if r["target"] == target), key=lambda row: -row["student"])
        first, best = rows[0], pareto(rows)
        lines += [
            f"## {target}", "",
            f"{first['seconds']:.0f} s of processor time per training, {first['precision']}; all students' teacher: "
            f"{first['reference']} with {100 * first['reference_top1']:.1f} %. Top-1 in percent of "
            f"{first['held_out']:,} held-out training items; * marks those that no smaller one beats as student.", "",
            *table(
                [{**r, "mark": "*" if r["network"] in best else "", "t": 100 * r["teacher"], "s": 100 * r["student"],
                  "ts": r["steps"]["teacher"], "ss": r["steps"]["student"]} for r in rows],
                {"network": "{network}{mark}", "parameters": "{parameters:,}", "as teacher": "{t:.1f}",
                 "steps": "{ts:,}", "as student": "{s:.1f}", "its steps": "{ss:,}"},
            ), "", f"![accuracy against parameters]({target}.svg)", "",
        ]  # fmt: skip
    return lines


def plot(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw the accuracy of both roles against the number of parameters."""
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "networks"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 4.0), layout="constrained")
    for role, marker in (("teacher", "s"), ("student", "o")):
        axes.scatter([r["parameters"] for r in rows], [100 * r[role] for r in rows], marker=marker, label=role)
    for row in rows:
        axes.annotate(row["network"], (row["parameters"], 100 * row["student"]), fontsize=7, xytext=(4, -8),
                      textcoords="offset points")  # fmt: skip
    axes.set(xscale="log", xlabel="parameters", ylabel="top-1 on held-out training items, %",
             title=f"{rows[0]['target']}: {rows[0]['seconds']:.0f} s of processor time per training")  # fmt: skip
    axes.legend()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    parser = parse_options(__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the real datasets")
    parser.add_argument("--targets", default="cifar10,fsdd,hmdb51", help="one per modality")
    parser.add_argument("--networks", default="", help="only these, instead of all candidates of a modality")
    parser.add_argument("--profile", default="small")
    parser.add_argument("--seconds", type=float, default=100, help="of processor time per training on pictures")
    parser.add_argument("--work", type=Path, default=Path("networks-work"), help="folder of the reference teachers")
    parser.add_argument("settings", nargs="*", help="settings for every candidate, such as recipe.precision=float32")
    given = parser.parse_args()
    parts = {}
    for target in given.targets.split(","):
        modality = registry.target(target).info.modality
        seconds = given.seconds if modality == "image" else given.seconds * 0.4
        for network in given.networks.split(",") if given.networks else CANDIDATES[modality]:
            parts[f"{target} {network}"] = partial(measure_network, network, target, seconds, given)
    measure(given, "Networks by accuracy per second of processor time", parts, body)
    found: list[dict[str, Any]] = json.loads((given.out / "networks.json").read_text())["parts"].values()
    for target in given.targets.split(","):
        plot([row for row in found if row["target"] == target], given.out / f"{target}.svg")


if __name__ == "__main__":
    main()
