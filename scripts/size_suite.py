"""What the paper profile costs, from its recipes, networks and datasets: operations and disk per cell, as a table.

    python scripts/size_suite.py [--tflops 100] [--cells 12]

Operations are counted by torch on one segment without computing anything: a step is one pass of the teacher, and one
pass forward and backward of the student. Hours are those operations at a speed that is assumed, not measured.
"""

from __future__ import annotations

import argparse

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmark.planning.cell import Cell
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request

WITHOUT_DOWNLOAD = {"torchvision:resnet18": "resnet18", "x3d-xs:pretrained": "x3d-xs"}  # the same, with random weights
AS_THEY_ARE = {("torchvision:resnet18", "imagenet"), ("x3d-xs:pretrained", "kinetics400")}  # of the same classes
OPTIMISER_COPIES = 3  # weights and two moments of Adam
DEEP = 2  # checkpoints kept


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tflops", type=float, default=100.0, help="sustained by one GPU; assumed")
    parser.add_argument("--cells", type=int, default=12, help="sources times seeds per target")
    options = parser.parse_args()
    print("| target | data, GB | segments, M | student, M weights | teacher, hours | cell, hours | record, MB | "
          "checkpoints, MB |\n|---|--:|--:|--:|--:|--:|--:|--:|")  # fmt: skip
    totals = [0.0] * 4
    downloads: dict[int, float] = {}  # two targets read the same dataset
    for cell in make_plan(Request(profile="paper")):
        info, recipe, training = cell.adapter.info, cell.config.recipe, cell.config.teacher.training
        teacher, student = network(cell, cell.config.teacher.network), network(cell, cell.config.student.network)
        shape = cell.config.view.shape
        segments = recipe.steps * recipe.batch
        step = operations(teacher, shape, backward=False) + operations(student, shape, backward=True)
        per_hour = options.tflops * 1e12 * 3600
        trained = operations(teacher, shape, backward=True) * training.steps * training.batch / per_hour
        if (cell.config.teacher.network, cell.key.target) in AS_THEY_ARE:
            trained = 0.0
        hours = segments * step / per_hour
        weights = sum(parameter.numel() for parameter in student.parameters()) * 4
        kept = weights + info.test_items * len(info.classes) * 2
        deep = weights * OPTIMISER_COPIES * DEEP
        downloads[info.download_bytes] = info.download_bytes
        print(f"| {cell.key.target} | {info.download_bytes / 1e9:.1f} | {segments / 1e6:.1f} | {weights / 4e6:.1f} | "
              f"{trained:.1f} | {hours:.1f} | {kept / 1e6:.0f} | {deep / 1e6:.0f} |")  # fmt: skip
        for index, value in enumerate((trained, hours, kept, deep)):
            totals[index] += value
    trained, hours, record, checkpoints = totals
    print(f"| one cell of each | {sum(downloads.values()) / 1e9:.0f} | | | {trained:.0f} | {hours:.0f} | "
          f"{record / 1e6:.0f} | {checkpoints / 1e6:.0f} |")  # fmt: skip
    count = options.cells
    print(f"| {count} cells of each | {sum(downloads.values()) / 1e9:.0f} | | | {trained:.0f} | {hours * count:.0f} | "
          f"{record * count / 1e6:.0f} | {checkpoints * count / 1e6:.0f} |")  # fmt: skip


def network(cell: Cell, name: str) -> nn.Module:
    """A network without memory for its weights."""
    classes = len(cell.adapter.info.classes)
    with torch.device("meta"):
        return cell.modality.network(WITHOUT_DOWNLOAD.get(name, name), cell.config.view, classes)


def operations(network: nn.Module, shape: tuple[int, ...], *, backward: bool) -> float:
    """Floating-point operations of one segment (a multiply-add is two)."""
    inputs = torch.empty((2, *shape), device="meta")  # batch statistics need two
    with FlopCounterMode(display=False) as counter:
        outputs = network(inputs)
        if backward:
            outputs.sum().backward()
    return float(counter.get_total_flops()) / 2


if __name__ == "__main__":
    main()
