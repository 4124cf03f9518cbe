"""What the paper profile costs, from its recipes, networks and datasets: operations and disk per cell, as a table.

    python scripts/measure/sizes.py [--tflops 100] [--cells 12]

torch counts the operations on one segment without computing anything: a step is one pass of the teacher, and one pass
forward and backward of the student. Hours are those operations at a speed that is assumed, not measured.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torch import nn

from benchmark.planning.cell import Cell
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from benchmark.running.flops import count_flops
from benchmark.running.teacher import limit_to_epochs
from harness import table

RESNET18, X3D = "torchvision:resnet18:IMAGENET1K_V1", "x3d-xs:pretrained"
WITHOUT_DOWNLOAD = {RESNET18: "resnet18", X3D: "x3d-xs"}  # the same, with random weights
PRETRAINED = {(RESNET18, "imagenet"), (X3D, "kinetics400")}  # for the target's classes
OPTIMISER_COPIES = 3  # weights and two moments of Adam
CHECKPOINTS = 2  # kept per cell
COSTS = ("teacher", "cell", "record", "checkpoints")
COLUMNS = {
    "target": "{target}", "data, GB": "{data}", "segments, M": "{segments}", "student, M weights": "{weights}",
    "teacher, hours": "{teacher:.{digits}f}", "cell, hours": "{cell:.{digits}f}", "record, MB": "{record:.0f}",
    "checkpoints, MB": "{checkpoints:.0f}",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tflops", type=float, default=100.0, help="sustained by one GPU; assumed")
    parser.add_argument("--cells", type=int, default=12, help="sources times seeds per target")
    given = parser.parse_args()
    plan = make_plan(Request(profile="paper"))
    rows = [sizes(cell, given.tflops * 1e12 * 3600) for cell in plan]
    # Two targets read the same dataset, and one teacher serves all cells of a target.
    downloads = {cell.adapter.info.download_bytes for cell in plan}
    teacher, *totals = (sum(row[name] for row in rows) for name in COSTS)
    for name, factor in (("one cell", 1), (f"{given.cells} cells", given.cells)):
        costs = dict(zip(COSTS, (teacher, *(factor * total for total in totals)), strict=True))
        rows.append({"target": f"{name} of each", "data": f"{sum(downloads) / 1e9:.0f}", "segments": "", "weights": "",
                     "digits": 0, **costs})  # fmt: skip
    print("\n".join(table(rows, COLUMNS)))


def sizes(cell: Cell, per_hour: float) -> dict[str, Any]:
    """Return the row of a cell: hours at that many operations, and megabytes."""
    info, recipe = cell.adapter.info, cell.config.recipe
    training = cell.config.teacher.training
    if info.train_items:  # which VoxForge does not state
        training = limit_to_epochs(cell.config.teacher, info.train_items)
    teacher, student = network(cell, cell.config.teacher.network), network(cell, cell.config.student.network)
    shape = cell.config.view.shape
    segments = recipe.steps * recipe.batch
    of_teacher = count_flops(teacher, shape)
    step = of_teacher.forward + count_flops(student, shape).training
    trained = of_teacher.training * training.steps * training.batch
    pretrained = (cell.config.teacher.network, cell.key.target) in PRETRAINED
    weights = sum(parameter.numel() for parameter in student.parameters())
    return {
        "target": cell.key.target, "data": f"{info.download_bytes / 1e9:.1f}", "segments": f"{segments / 1e6:.1f}",
        "weights": f"{weights / 1e6:.1f}", "teacher": 0.0 if pretrained else trained / per_hour,
        "cell": segments * step / per_hour, "record": (4 * weights + info.test_items * len(info.classes) * 2) / 1e6,
        "checkpoints": 4 * weights * OPTIMISER_COPIES * CHECKPOINTS / 1e6, "digits": 1,
    }  # fmt: skip


def network(cell: Cell, name: str) -> nn.Module:
    """Return a network that holds no memory for its weights."""
    classes = len(cell.adapter.info.classes)
    with torch.device("meta"):
        return cell.modality.network(WITHOUT_DOWNLOAD.get(name, name), cell.config.view, classes)


if __name__ == "__main__":
    main()
