"""What finished students lose as ONNX and int8 files, and how large and fast these are.

    python scripts/measure/export.py RESULTS CELL … --root DIR --source FILE [--out results/measured/export] [--resume]

Each cell is exported as ``benchmark export`` does, with int8 calibrated on segments of the datum and, as the control,
of noise. Besides, int8 is made in the ways that onnxruntime advises for other CPUs.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmark.export.bundle import CALIBRATIONS, FORMATS, export_cell
from benchmark.export.measure import compared, latencies, logits_of_items
from benchmark.export.onnx_files import onnx_function, to_onnx, without_remarks
from benchmark.export.quantise import BATCH, OPERATIONS, UNROUNDED, quantisation, segment_reader
from benchmark.records.find import find_cell
from benchmark.running.finished import FinishedCell, load_finished
from benchmark.system.processor import has_instructions
from benchmark.system.threads import torch_threads
from harness import Parts, measure, parse_options, table

MODELS = {
    "torch": "PyTorch", "onnx": "ONNX", "int8": "int8, by the datum", "int8-noise": "int8, by noise",
    "teacher": "teacher, PyTorch",
}  # fmt: skip
# What quantize_static is told: whether activations are signed, and whether weights use seven of their bits.
WAYS = {"unsigned, 7 bits (ours)": (False, True), "unsigned, 8 bits": (False, False), "signed, 8 bits": (True, False)}


def load(results: Path, name: str, root: Path, source: str) -> FinishedCell:
    """Load a cell; the source's file is given to those cells whose source has its name."""
    _, record = find_cell(results, name)
    mine = source if Path(source).name == record.source["name"] else ""
    return load_finished(results, record.id, root, torch.device("cpu"), source=mine)


def exported(results: Path, name: str, root: Path, source: str) -> dict[str, Any]:
    """Return the report of an export, and the figures of the other ways to make int8."""
    found = load(results, name, root, source)
    with tempfile.TemporaryDirectory() as folder:
        report = export_cell(found, Path(folder), FORMATS, CALIBRATIONS)
    return report | {"ways": ways(found)}


def ways(found: FinishedCell) -> dict[str, dict[str, Any]]:
    """Return the figures of int8 models that are calibrated on the datum, each made in another way."""
    import onnx

    of = quantisation()
    cell, items = found.cell, found.test_items()
    model, models = to_onnx(found.student, cell.config.view.shape), {}
    with tempfile.TemporaryDirectory() as folder, without_remarks():
        path = Path(folder) / "int8.onnx"
        for name, (signed, reduced) in WAYS.items():
            of.quantize_static(
                onnx.load_from_string(model), path, segment_reader(found.segments(BATCH)),
                quant_format=of.QuantFormat.QDQ, per_channel=True, reduce_range=reduced,
                weight_type=of.QuantType.QInt8, op_types_to_quantize=OPERATIONS,
                activation_type=of.QuantType.QInt8 if signed else of.QuantType.QUInt8, extra_options=UNROUNDED,
            )  # fmt: skip
            models[name] = onnx_function(path.read_bytes(), threads=1)
    prepare = partial(cell.modality.prepare, view=cell.config.view)
    with torch_threads(1):
        logits = logits_of_items({"torch": found.student, **models}, items, prepare)
    seconds = latencies(models, prepare(items.data[0].data))
    return {
        name: {"seconds_per_item": seconds[name], **compared(logits[name], logits["torch"], items.data.labels)}
        for name in models
    }


def body(found: Parts) -> list[str]:
    """Return the tables."""
    rows, others = [], []
    for report in found.values():
        whole = report["models"]["onnx"]["bytes"]
        shared = {"target": report["target"], "items": report["test_items"]}
        for name, row in report["models"].items():
            network = report["teacher" if name == "teacher" else "student"]
            more = {"model": MODELS[name], "network": network["network"], "share": 100 * row["bytes"] / whole}
            rows.append(shared | more | figures(row) | {"kilobytes": row["bytes"] / 1000})
        others += [shared | {"way": name} | figures(row) for name, row in report["ways"].items()]
    shown = {"top-1 %": "{top1:.2f}", "points gained": "{gained}", "agrees %": "{agrees}", "ms per item": "{ms:.3f}"}
    first = {"target": "{target}", "items": "{items:,}", "network": "{network}", "model": "{model}"}
    size = {"kB": "{kilobytes:,.1f}", "% of ONNX": "{share:.1f}"}
    return [
        "Points gained are against PyTorch on the same items, with Newcombe's 95 % interval for paired shares. Time is "
        "CPU time of one item on one thread, the median of alternating rounds.", "",
        *table(rows, first | size | shown), "",
        "## Other ways to make int8", "",
        "Activations that are unsigned or signed, and weights of seven or eight bits, all calibrated by the datum. "
        + VNNI[has_instructions("avx512_vnni", "avx_vnni")], "",
        *table(others, {"target": "{target}", "way": "{way}"} | shown),
    ]  # fmt: skip


VNNI = {
    True: "This CPU has VNNI, which cuts off no sum, whatever the way.",
    False: "This CPU lacks VNNI, so that sums may be cut off where unsigned activations meet weights of eight bits.",
}


def figures(row: dict[str, Any]) -> dict[str, Any]:
    """Return figures of a model as the tables show them."""
    gained, agrees = "", ""
    if "gain" in row:
        low, high = 100 * row["gain_low"], 100 * row["gain_high"]
        gained, agrees = f"{100 * row['gain']:.2f} [{low:.2f}–{high:.2f}]", f"{100 * row['agreement']:.2f}"
    return {"top1": 100 * row["top1"], "gained": gained, "agrees": agrees, "ms": 1000 * row["seconds_per_item"]}


def main() -> None:
    parser = parse_options(__doc__)
    parser.add_argument("results", type=Path, help="folder of the results")
    parser.add_argument("cells", nargs="+", help="ids of finished cells, or parts of them")
    parser.add_argument("--root", type=Path, required=True, help="folder of the real datasets")
    parser.add_argument("--source", default="", help="file of the source, for the cells that learned from it")
    given = parser.parse_args()
    parts = {name: partial(exported, given.results, name, given.root, given.source) for name in given.cells}
    measure(given, "Exported students", parts, body)


if __name__ == "__main__":
    main()
