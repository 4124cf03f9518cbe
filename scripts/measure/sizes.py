"""What the paper profile costs, from its recipes, networks and datasets: operations and disk per cell, as a table.

    python scripts/measure/sizes.py [--tflops 100] [--cells 12]

torch counts the operations on one segment without computing anything: a step is one pass of the teacher, and one pass
forward and backward of the student. Hours are those operations at a speed that is assumed, not measured.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmark.perf.report import markdown_table
from benchmark.planning.cell import Cell
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request

WITHOUT_DOWNLOAD = {"torchvision:resnet18": "resnet18", "x3d-xs:pretrained": "x3d-xs"}  # the same, with random weights
PRETRAINED = {("torchvision:resnet18", "imagenet"), ("x3d-xs:pretrained", "kinetics400")}  # for the target's classes
OPTIMISER_COPIES = 3  # weights and two moments of Adam
CHECKPOINTS = 2  # kept per cell
HEADS = ("target", "data, GB", "segments, M", "student, M weights", "teacher, hours", "cell, hours", "record, MB",
         "checkpoints, MB")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tflops", type=float, default=100.0, help="sustained by one GPU; assumed")
    parser.add_argument("--cells", type=int, default=12, help="sources times seeds per target")
    given = parser.parse_args()
    plan = make_plan(Request(profile="paper"))
    rows, totals = [], np.zeros(4)
    for cell in plan:
        data, segments, weights, *costs = sizes(cell, given.tflops * 1e12 * 3600)
        rows.append(
            [cell.key.target, f"{data / 1e9:.1f}", f"{segments / 1e6:.1f}", f"{weights / 1e6:.1f}", *show(costs, 1)]
        )
        totals += costs
    downloads = {cell.adapter.info.download_bytes for cell in plan}  # two targets read the same dataset
    for name, factor in (("one cell", 1), (f"{given.cells} cells", given.cells)):
        costs = list(totals * [1, factor, factor, factor])  # one teacher serves all cells of a target
        rows.append([f"{name} of each", f"{sum(downloads) / 1e9:.0f}", "", "", *show(costs, 0)])
    print("\n".join(markdown_table(HEADS, rows)))


def show(costs: list[float], digits: int) -> list[str]:
    """Return hours with that many digits, and bytes as MB."""
    return [*(f"{hours:.{digits}f}" for hours in costs[:2]), *(f"{count / 1e6:.0f}" for count in costs[2:])]


def sizes(cell: Cell, per_hour: float) -> tuple[float, ...]:
    """Return bytes of data, segments, weights of the student, hours of teacher and cell, bytes of record, checkpoints.

    Args:
        per_hour: assumed operations.
    """
    info, recipe, training = cell.adapter.info, cell.config.recipe, cell.config.teacher.training
    teacher, student = network(cell, cell.config.teacher.network), network(cell, cell.config.student.network)
    shape = cell.config.view.shape
    segments = recipe.steps * recipe.batch
    step = operations(teacher, shape, backward=False) + operations(student, shape, backward=True)
    trained = operations(teacher, shape, backward=True) * training.steps * training.batch / per_hour
    if (cell.config.teacher.network, cell.key.target) in PRETRAINED:
        trained = 0.0
    weights = sum(parameter.numel() for parameter in student.parameters())
    record = 4 * weights + info.test_items * len(info.classes) * 2
    checkpoints = 4 * weights * OPTIMISER_COPIES * CHECKPOINTS
    return info.download_bytes, segments, weights, trained, segments * step / per_hour, record, checkpoints


def network(cell: Cell, name: str) -> nn.Module:
    """Return a network that holds no memory for its weights."""
    classes = len(cell.adapter.info.classes)
    with torch.device("meta"):
        return cell.modality.network(WITHOUT_DOWNLOAD.get(name, name), cell.config.view, classes)


def operations(network: nn.Module, shape: tuple[int, ...], *, backward: bool) -> float:
    """Return the floating-point operations of one segment (a multiply-add is two)."""
    inputs = torch.empty((2, *shape), device="meta")  # batch statistics need two
    with FlopCounterMode(display=False) as counter:
        outputs = network(inputs)
        if backward:
            outputs.sum().backward()
    return float(counter.get_total_flops()) / 2


if __name__ == "__main__":
    main()
