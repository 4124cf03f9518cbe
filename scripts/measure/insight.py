"""What `benchmark insight` finds about finished cells: prototypes beside their controls, layers, calibration, seconds.

    python scripts/measure/insight.py CELL … --results DIR --root DIR [--source FILE …] [--resume]

The cells, by id or a part of it, are those of a results folder with weights, in which cells of the source `noise` and
of other seeds are the controls. A source of one's own is needed as its file; of several files each cell takes its own.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from benchmark.insight import prototypes
from benchmark.insight.collect import findings
from benchmark.records.find import find_cell
from benchmark.running.finished import load_finished
from benchmark.training.callbacks import IgnoreProgress
from harness import Parts, measure, parse_options, table

TAKEN = (
    "id", "target", "source", "student_top1", "teacher_top1", "chance", "fidelity", "controls", "missing", "layers",
    "calibration",
)  # fmt: skip


def insight(cell: str, results: Path, root: Path, sources: list[Path]) -> dict[str, Any]:
    """Return the figures of one cell, without those of single prototypes, and the seconds that they took."""
    name = find_cell(results, cell)[1].source["name"]
    source = next((str(path) for path in sources if path.name == name), "")
    finished = load_finished(results, cell, root, torch.device("cpu"), source=source)
    started, worked = time.monotonic(), time.process_time()
    found = findings(finished, IgnoreProgress()).figures
    seconds = {"wall": time.monotonic() - started, "processor": time.process_time() - worked}
    networks = {
        name: {key: value for key, value in network.items() if key != "verdicts"}
        for name, network in found["prototypes"]["networks"].items()
    }
    part = {"networks": networks, "against": found["prototypes"]["against"]}
    return {**{key: found[key] for key in TAKEN}, "prototypes": part, "seconds": seconds}


def body(found: Parts) -> list[str]:
    """Return the tables of the page."""
    shares, steps, layers, calibrated = [], [], [], []
    for cell in found.values():
        for name, one in cell["prototypes"]["networks"].items():
            row = {"target": cell["target"], "source": cell["source"], "network": name}
            versus = cell["prototypes"]["against"].get(name)
            difference = f"{100 * versus['difference']:.0f} (p = {versus['p']:.1g})" if versus else "–"
            shares.append(row | {key: 100 * one[key] for key in ("share", "low", "high")} | {"difference": difference})
            # JSON has no numbers for keys, and a part that was resumed comes from there
            steps.append(row | {f"s{step}": 100 * share for step, share in one["by_step"].items()})
        for one in cell["layers"]["rows"]:
            seeds = {"other seed": float("nan"), "noise student": float("nan"), "between seeds": float("nan")}
            pair = f"{one['layer']} / {one['teacher_layer']}"
            layers.append({"target": cell["target"], "pair": pair, **seeds, **one["cka"]})
        of = cell["calibration"]
        figures = {
            f"{when} {key}": of[when][key] for when in ("before", "after", "teacher") for key in ("ece", "brier")
        }
        calibrated.append({**cell, **figures, "temperature": of["temperature"], **cell["seconds"]})
    heads = {"target": "{target}", "source": "{source}", "prototypes of": "{network}"}
    return [
        f"Share of prototypes that the teacher puts into the intended class after {prototypes.HEADLINE} steps, in "
        "percent, with Wilson's 95 % interval; eight of each class, from the same beginnings for all networks. The "
        "last column is what the student has over a control, in points, with McNemar's mid-p.",
        "",
        *table(shares, {
            **heads, "share": "{share:.0f}", "interval": "{low:.0f}–{high:.0f}", "student – this": "{difference}"
        }),
        "",
        "The same share by the number of steps. All settings are those of `benchmark.insight.prototypes`, the same for "
        "all networks. The number of steps at which shares are compared was chosen on the cells of CIFAR-10 and of "
        "spoken digits, by looking at this table. With many steps, a student that learned from noise gets there too.",
        "",
        *table(steps, heads | {str(step): f"{{s{step}:.0f}}" for step in prototypes.CHECKPOINTS}),
        "",
        "Debiased CKA with the teacher, over real test items, by layer (student's / teacher's).",
        "",
        *table(layers, {
            "target": "{target}", "layers": "{pair}", "student": "{student:.3f}", "other seed": "{other seed:.3f}",
            "noise student": "{noise student:.3f}", "untrained": "{untrained student:.3f}",
            "student, between seeds": "{between seeds:.3f}",
        }),
        "",
        "Calibration of the student on real test items, before and after the one temperature that was fitted on "
        "segments; and what a whole page takes, in seconds, on one thread and beside other work.",
        "",
        *table(calibrated, {
            "target": "{target}", "student": "{student_top1:.3f}", "fidelity": "{fidelity:.3f}",
            "temperature": "{temperature:.2f}", "ECE": "{before ece:.3f}", "after": "{after ece:.3f}",
            "teacher's": "{teacher ece:.3f}", "Brier": "{before brier:.3f}", "after ": "{after brier:.3f}",
            "teacher's ": "{teacher brier:.3f}", "processor": "{processor:.0f}", "wall": "{wall:.0f}",
        }),
    ]  # fmt: skip


def main() -> None:
    parser = parse_options(__doc__)
    parser.add_argument("cells", nargs="+", metavar="CELL")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True, help="folder with the real datasets")
    parser.add_argument("--source", type=Path, nargs="*", default=[], help="files of sources")
    given = parser.parse_args()
    torch.set_num_threads(1)
    parts = {cell: lambda cell=cell: insight(cell, given.results, given.root, given.source) for cell in given.cells}
    measure(given, "What students have learned", parts, body)


if __name__ == "__main__":
    main()
