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
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib

from benchmark.running.teacher import get_teacher
from harness import Parts, measure, parse_options, table
from holdout import UNTIL, Clock, bench
from modalities import registry

CANDIDATES = {
    "image": ("resnet-s-16", "resnet-s-24", "resnet-s-32", "resnet-s-48", "cnn-32", "cnn-64", "wrn-10-1", "wrn-16-1",
              "wrn-10-2"),
    "audio": ("conv4-8", "conv4-16", "conv4-24", "conv4-32", "resnet-a-8", "resnet-a-16", "resnet-a-24",
              "resnet-a-32"),
    "video": ("early-16", "early-24", "early-32", "early-48", "r2plus1d-8", "r2plus1d-16", "r2plus1d-24", "x3d-xs"),
}  # fmt: skip


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
            found.distill(network, reference.network, replace(recipe, steps=UNTIL), clock)
        steps[role] = max(UNTIL, min(4 * whole, int(seconds / clock.per_step())))
    taught = found.teach(network, replace(training, steps=steps["teacher"]), Clock())
    student, _ = found.distill(network, reference.network, replace(recipe, steps=steps["student"]), Clock())
    parameters = sum(p.numel() for p in taught.network.parameters())
    return {
        "network": network, "target": target, "parameters": parameters, "seconds": seconds, "steps": steps,
        "teacher": taught.notes.held_out_top1, "student": found.accuracy(student), "held_out": len(found.held_out),
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
