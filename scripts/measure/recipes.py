"""Which recipe suits a small budget: candidates on held-out training items, each for the same cost.

    python scripts/measure/recipes.py --root DIR --target cifar10 [--only "A;B"] [--seeds 1] [--resume] [SETTING ...]

Every candidate distils a student of its own initial weights from one and the same teacher, and is scored on the part of
the TRAINING split that the teacher has not learned from; no test item is read. A cost counts the student's steps and
all forward passes of the teacher: one step of the recipe costs 4 forward passes of its batch (one of the teacher, three
of the student, of whose step the backward pass is two), and a candidate that asks the teacher more often takes fewer
steps.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.config.schema import Recipe
from benchmark.distillation.loss import distillation_loss
from benchmark.distillation.mixing import mix
from benchmark.running.teacher import get_teacher
from benchmark.training import muon
from harness import Parts, measure, parse_options, table
from holdout import Bench, Clock, bench
from modalities.base import Draws
from modalities.plugins.contracts import Loss, Setup

OWN_RMS = muon.UPDATE_RMS
PASSES = 4  # forward passes that a step of the recipe costs
AVERAGED = 0.25  # share of the steps, the last ones, over which weights are averaged
AVERAGE_RATE = 0.02  # of the moving average
REFRESH = 20  # batches from which the statistics of an averaged network are estimated


class Picked:
    """A method: twice or more as many mixed segments as are needed, of which the teacher's outputs pick some."""

    def __init__(self, setup: Setup, recipe: Recipe, times: int, score: Callable[[Tensor], Tensor]) -> None:
        self._setup, self._recipe, self._times, self._score = setup, recipe, times, score
        self._draws = Draws(setup.seed, "picked/")
        self.shape, self.batch_size = setup.segments.shape, setup.segments.batch_size

    def batch(self, step: int) -> Tensor:
        recipe, found = self._recipe, []
        for part in range(self._times):
            index = step * self._times + part
            segments = self._setup.segments.batch(index)
            found.append(mix(segments, recipe.mixing, recipe.mixing_alpha, recipe.mixing_per, self._draws, index))
        segments = torch.cat(found)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, recipe.precision == "bfloat16"):
            logits = self._setup.teacher(segments).float()
        order = self._score(logits).topk(len(segments) // self._times).indices
        return segments[order.sort().values]


class Averaged:
    """A method: plain segments, while the student's weights of the last quarter of the steps are averaged."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self.average: dict[str, Tensor] = {}

    def batch(self, step: int) -> Tensor:
        if step >= (1 - AVERAGED) * self._setup.steps:
            weights = {name: value.float() for name, value in self._setup.student.state_dict().items()}
            if not self.average:
                self.average = {name: value.clone() for name, value in weights.items()}
            for name, value in self.average.items():
                value.lerp_(weights[name], AVERAGE_RATE)
        return self._setup.segments.batch(step)

    def into(self, student: nn.Module) -> None:
        """Give the student the averaged weights, and normalisation the statistics that segments have under them."""
        student.load_state_dict({k: self.average[k].to(v.dtype) for k, v in student.state_dict().items()})
        norms = [layer for layer in student.modules() if isinstance(layer, nn.BatchNorm2d)]
        for layer in norms:
            layer.reset_running_stats()
            layer.momentum = None
        student.train()
        with torch.no_grad():
            for step in range(REFRESH):
                student(self._setup.segments.batch(self._setup.steps + step))
        student.eval()


def entropy(logits: Tensor) -> Tensor:
    logp = logits.log_softmax(1)
    return -(logp.exp() * logp).sum(1)


def rare(logits: Tensor) -> Tensor:
    """Score highest what the teacher takes for a class that it rarely sees among these."""
    p = logits.softmax(1)
    return -(p @ p.mean(0).log())


def own_temperature(student: Tensor, teacher: Tensor, segments: Tensor, step: int, *, at: float) -> Tensor:
    """KL at a temperature of each segment, its largest logit above the mean, in units of ``at``."""
    centred = teacher - teacher.mean(1, keepdim=True)
    temperature = (centred.amax(1, keepdim=True) / at).clamp(min=0.5)
    log_s, log_t = (student / temperature).log_softmax(1), (teacher / temperature).log_softmax(1)
    return ((log_t.exp() * (log_t - log_s)).sum(1) * temperature[:, 0] ** 2).mean()


def both(student: Tensor, teacher: Tensor, segments: Tensor, step: int) -> Tensor:
    """KL at temperatures 1 and 8, half of each."""
    return (distillation_loss(student, teacher, 8.0) + distillation_loss(student, teacher, 1.0)) / 2


@dataclass(frozen=True)
class Candidate:
    change: dict[str, Any] = field(default_factory=dict)  # of the recipe's values
    lr: float = 1.0  # factor of the recipe's
    smaller: int = 1  # by how much a batch is smaller; steps are as many times more
    policy: tuple[str, ...] = ()  # settings
    loss: Loss | None = None
    pick: Callable[[Tensor], Tensor] | None = None
    times: int = 1  # segments that the teacher sees for each that the student sees
    average: bool = False
    kernels: float = 1.0  # factor of Muon's updates, beside those of the other parameters
    steps: float = 1.0  # of teachers: share of their steps

    def recipe(self, recipe: Recipe) -> Recipe:
        """Return the candidate's recipe at the cost of another one."""
        steps = round(recipe.steps * self.smaller * PASSES / (PASSES - 1 + self.times))
        changed = replace(recipe, lr=recipe.lr * self.lr, steps=steps, batch=recipe.batch // self.smaller)
        return replace(changed, **self.change)


MUON = {"optimiser": "muon"}
CANDIDATES = {
    "as it is": Candidate(),
    "lr / 2": Candidate(lr=0.5),
    "lr x 2": Candidate(lr=2),
    "temperature 2": Candidate({"temperature": 2.0}),
    "temperature 4": Candidate({"temperature": 4.0}),
    "temperature 16": Candidate({"temperature": 16.0}),
    "mse": Candidate({"loss": "mse"}),
    "standardised, T 1": Candidate({"loss": "standardised", "temperature": 1.0}),
    "standardised, T 2": Candidate({"loss": "standardised", "temperature": 2.0}),
    "temperature per segment": Candidate(loss=partial(own_temperature, at=2.0)),
    "temperatures 1 and 8": Candidate(loss=both),
    "uncertain half": Candidate(pick=entropy, times=2),
    "certain half": Candidate(pick=lambda logits: -entropy(logits), times=2),
    "rare half": Candidate(pick=rare, times=2),
    "averaged": Candidate(average=True),
    "muon": Candidate(MUON),
    "muon, lr x 2": Candidate(MUON, lr=2),
    "muon, lr x 4": Candidate(MUON, lr=4),
    "muon, lr x 8": Candidate(MUON, lr=8),
    "muon, lr x 16": Candidate(MUON, lr=16),
    "muon, lr x 4, no decay": Candidate({**MUON, "weight_decay": 0.0}, lr=4),
    "muon, lr x 4, decay 0.05": Candidate({**MUON, "weight_decay": 0.05}, lr=4),
    "muon, lr x 4, temperature 4": Candidate({**MUON, "temperature": 4.0}, lr=4),
    "muon, lr x 4, temperatures 1 and 8": Candidate(MUON, lr=4, loss=both),
    "muon, lr x 4, mse": Candidate({**MUON, "loss": "mse"}, lr=4),
    "muon, lr x 4, standardised, T 2": Candidate({**MUON, "loss": "standardised", "temperature": 2.0}, lr=4),
    "muon, lr x 4, no mixing": Candidate({**MUON, "mixing": "none"}, lr=4),
    "muon, lr x 4, batch / 2, steps x 2": Candidate(MUON, lr=2.8, smaller=2),
    "muon, lr x 4, batch / 4, steps x 4": Candidate(MUON, lr=2, smaller=4),
    "muon, lr x 4, warm-up 0.1": Candidate({**MUON, "warmup": 0.1}, lr=4),
    "muon, lr x 4, cosine": Candidate({**MUON, "schedule": "cosine", "warmup": 0.05}, lr=4),
    "muon, kernels x 8": Candidate(MUON, kernels=8),
    "muon, lr x 2, kernels x 4": Candidate(MUON, lr=2, kernels=4),
    "muon, lr x 2, kernels x 8": Candidate(MUON, lr=2, kernels=8),
    "muon, lr x 8, batch / 2, steps x 2": Candidate(MUON, lr=5.6, smaller=2),
    "muon, lr x 8, batch / 4, steps x 4": Candidate(MUON, lr=4, smaller=4),
    "muon, lr x 8, temperature 16": Candidate({**MUON, "temperature": 16.0}, lr=8),
    "no mixing": Candidate({"mixing": "none"}),
    "mixup": Candidate({"mixing": "mixup"}),
    "batch / 2, steps x 2": Candidate(lr=0.7, smaller=2),
    "batch / 4, steps x 4": Candidate(lr=0.5, smaller=4),
    "warm-up 0.15": Candidate({"warmup": 0.15}),
    "crops from 1 %": Candidate(policy=("policy.area_low=0.01",)),
}


def measure_candidate(name: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """Distil a student by a candidate; return what it reaches and what that took."""
    candidate = CANDIDATES[name]
    found = candidate_bench(candidate, given)
    recipe = candidate.recipe(found.config.recipe)
    network, teacher = found.config.student.network, teacher_of(found, given.work)
    made: list[Averaged] = []
    muon.UPDATE_RMS = OWN_RMS * candidate.kernels

    def method(setup: Setup) -> Any:
        if candidate.pick:
            return Picked(setup, recipe, candidate.times, candidate.pick)
        made.append(Averaged(setup))
        return made[0]

    chosen = method if candidate.pick or candidate.average else None
    used = replace(recipe, mixing="none") if candidate.pick else recipe
    started = time.process_time()
    student, left = found.distill(network, teacher, used, Clock(), seed=seed, loss=candidate.loss, method=chosen)
    if made:
        made[0].into(student)
    return {
        "candidate": name, "seed": seed, "steps": recipe.steps, "batch": recipe.batch, "top1": found.accuracy(student),
        "cpu_seconds": time.process_time() - started, "loss": left.curve.rows[-1][2], "held_out": len(found.held_out),
        "network": network,
    }  # fmt: skip


TEACHERS = {
    "as it is": Candidate(),
    "half the steps": Candidate(steps=0.5),
    "muon, half the steps": Candidate(MUON, steps=0.5),
    "muon, lr x 2, half the steps": Candidate(MUON, lr=2, steps=0.5),
    "muon, lr x 4, half the steps": Candidate(MUON, lr=4, steps=0.5),
    "muon, lr x 2, quarter of the steps": Candidate(MUON, lr=2, steps=0.25),
    "muon, lr x 4, quarter of the steps": Candidate(MUON, lr=4, steps=0.25),
    "muon, lr x 2": Candidate(MUON, lr=2),
}


def measure_teacher(name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Train a teacher by a candidate; return what it reaches on the held-out items and what that took."""
    found = bench(given.target, given)
    training = found.config.teacher.training
    candidate = TEACHERS[name]
    changed = replace(training, lr=training.lr * candidate.lr, steps=round(training.steps * candidate.steps))
    changed = replace(changed, **candidate.change)
    started = time.process_time()
    taught = found.teach(found.config.teacher.network, changed, Clock())
    return {
        "candidate": name, "seed": 0, "steps": changed.steps, "batch": changed.batch,
        "top1": taught.notes.held_out_top1, "cpu_seconds": time.process_time() - started,
        "held_out": len(found.held_out), "network": found.config.teacher.network,
    }  # fmt: skip


def candidate_bench(candidate: Candidate, given: argparse.Namespace) -> Bench:
    settings = argparse.Namespace(**{**vars(given), "settings": [*given.settings, *candidate.policy]})
    found = bench(given.target, settings)
    found.config.recipe.steps = round(found.config.recipe.steps * given.budget)
    return found


def teacher_of(found: Bench, work: Path) -> nn.Module:
    task = found.task(found.config.teacher.network, found.config.teacher.training)
    return get_teacher(work / found.target, task).network


def body(found: Parts) -> list[str]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for part in found.values():
        rows.setdefault(part["candidate"], []).append(part)
    base = {part["seed"]: part["top1"] for part in rows.get("as it is", ())}
    lines = []
    for name, parts in rows.items():
        paired = [100 * (part["top1"] - base[part["seed"]]) for part in parts if part["seed"] in base]
        spread = statistics.stdev(paired) if len(paired) > 1 and name != "as it is" else None
        lines.append({
            "name": name, "seeds": len(parts), "steps": parts[0]["steps"], "batch": parts[0]["batch"],
            "top1": 100 * statistics.mean(part["top1"] for part in parts),
            "gain": "" if name == "as it is" or not paired else f"{statistics.mean(paired):+.1f}"
            + (f" ± {spread:.1f}" if spread is not None else ""),
            "cpu": statistics.mean(part["cpu_seconds"] for part in parts),
        })  # fmt: skip
    first = next(iter(found.values()))
    return [
        f"{first['network']}. Top-1 in percent of {first['held_out']:,} held-out training items, mean over the"
        " seeds; the gain is over the first row with the same seed, ± its standard deviation over seeds.", "",
        *table(
            sorted(lines, key=lambda line: -line["top1"]),
            {"candidate": "{name}", "seeds": "{seeds}", "steps": "{steps:,}", "batch": "{batch}", "top-1": "{top1:.1f}",
             "gain, points": "{gain}", "CPU seconds": "{cpu:.0f}"},
        ), "",
    ]  # fmt: skip


def main() -> None:
    parser = parse_options(__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the real datasets")
    parser.add_argument("--target", required=True)
    parser.add_argument("--only", default="", help="these candidates, instead of all: A;B")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--budget", type=float, default=0.2, help="share of the recipe's steps")
    parser.add_argument("--profile", default="small")
    parser.add_argument("--teachers", action="store_true", help="compare recipes of teachers instead")
    parser.add_argument("--work", type=Path, default=Path("recipes-work"), help="folder of the teacher")
    parser.add_argument("settings", nargs="*", help="settings for every candidate")
    given = parser.parse_args()
    names = given.only.split(";") if given.only else list(TEACHERS if given.teachers else CANDIDATES)
    if given.teachers:
        parts = {f"teacher, {name}": partial(measure_teacher, name, given) for name in names}
        measure(given, f"Recipes of teachers: {given.target}", parts, body)
        return
    parts = {
        f"{name}, seed {seed}": partial(measure_candidate, name, seed, given)
        for seed in range(given.seeds) for name in names
    }  # fmt: skip
    measure(given, f"Recipes of equal cost: {given.target}", parts, body)


if __name__ == "__main__":
    main()
