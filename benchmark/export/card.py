"""The model card of an exported student: what it is, how good it is, what may be done with it, how to load it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.export.onnx_files import INPUT
from benchmark.records.record import is_real_training_items
from benchmark.running.finished import FinishedCell
from modalities.errors import readable
from modalities.plugins.find import is_python_file, title

Report = Mapping[str, Any]
WORDS = {
    "torch": "PyTorch, float32",
    "onnx": "ONNX, float32",
    "int8": "ONNX, int8, calibrated on segments of the one datum",
    "int8-noise": "ONNX, int8, calibrated on segments of noise (a control)",
    "teacher": "the teacher, PyTorch, float32 (not exported)",
}


def model_card(found: FinishedCell, report: Report) -> str:
    """Return the card, in Markdown.

    Args:
        found: the cell.
        report: what ``export_cell`` writes beside the card.
    """
    record, info = found.record, found.cell.adapter.info
    sections = {
        f"{info.title}, learned from one datum": _about(found, report),
        "How good it is": [*_figures(found), "", *_files(report)],
        "How to load it": _loading(found, report),
        "What may be done with it": _licences(found),
        "In what it differs from the published setting": [f"- {readable(text)}" for text in record.deviations]
        or ["- in nothing"],
    }
    blocks = [
        "\n".join([f"{'#' if number == 0 else '##'} {heading}", "", *lines])
        for number, (heading, lines) in enumerate(sections.items())
    ]
    return "\n\n".join(blocks) + "\n"


def _about(found: FinishedCell, report: Report) -> list[str]:
    record, info, config = found.record, found.cell.adapter.info, found.cell.config
    student, teacher = report["student"], report["teacher"]
    fold = f", fold {record.fold}" if info.folds > 1 else ""
    return [
        *_warnings(found),
        f"A student network that has never seen an item of {info.title}. It learned to match a teacher on augmented "
        "segments of a single datum (Asano and Saeed, *The Augmented Image Prior*, ICLR 2023).",
        "",
        f"- target: {info.title} (`{info.name}`{fold}), {len(info.classes)} classes, {info.homepage}",
        f"- datum: {_code(record.source['name'])}, {readable(record.source['description'])}, SHA-256 "
        f"`{record.source['sha256']}`",
        f"- student: {_code(record.student)}, {student['parameters']:,} parameters{_operations(student)}"
        + (", started as the teacher with fewer channels" if config.student.start == "pruned" else ""),
        f"- teacher: {_code(record.teacher)}, {teacher['parameters']:,} parameters{_operations(teacher)}, "
        + (
            f"weights {_code(config.teacher.weights)}" if config.teacher.weights else _origin_of_teacher(record.teacher)
        ),
        f"- recipe: {_code(record.recipe)}, policy {_code(record.policy)}, temperature {config.recipe.temperature:g}, "
        f"mixing {config.recipe.mixing}, trained in {config.recipe.precision}, seed {record.seed}",
        f"- segments seen: {record.segments:,} ({config.recipe.steps:,} steps of {config.recipe.batch})",
        f"- cell: `{record.id}`, profile {_code(record.profile)}, made by commit "
        f"`{record.provenance.get('commit') or 'unknown'}`",
    ]


def _warnings(found: FinishedCell) -> list[str]:
    record, target = found.record, found.cell.adapter.info.title
    lines = []
    if record.data == "stand-in":
        lines = [
            f"> **STAND-IN.** Teacher and figures come from small generated data in the format of {target}, not from "
            f"{target} itself. This model knows nothing about {target}.",
            "",
        ]
    if is_real_training_items(record.source["name"]):
        lines += ["> **CONTROL.** Its segments were cut from real training items, not from a single datum.", ""]
    if (method := found.cell.config.method) != "segments":
        lines += [
            f"> **METHOD.** Its inputs were made by {_code(title(method))}, not cut from a single datum alone.",
            "",
        ]
    return lines


def _origin_of_teacher(network: str) -> str:
    return "pretrained" if ":" in network else "trained on the target's training split"


def _operations(network: Mapping[str, Any]) -> str:
    return f", {network['flops'] / 2e6:,.1f} million multiply-adds"


def _figures(found: FinishedCell) -> list[str]:
    metrics, controls = found.record.metrics, found.record.controls
    rows = [
        ("top-1", _share(metrics, "top1")),
        ("mean over classes", _share(metrics, "mean_per_class")),
        ("top-5", _percent(metrics.get("top5"))),
        ("the teacher's top-1", _percent(metrics.get("teacher_top1"))),
        ("share of the teacher's score", _percent(metrics.get("retention"))),
        ("predicts the teacher's class", _percent(metrics.get("fidelity"))),
        ("calibration error", _percent(metrics.get("ece"))),
        ("chance", _percent(controls.get("chance"))),
        ("most frequent class", _percent(controls.get("majority"))),
        ("untrained student", _percent(controls.get("untrained"))),
    ]
    return [
        f"On {metrics['items']:,} test items, with 95 % intervals:",
        "",
        "| | |",
        "|---|---:|",
        *(f"| {name} | {value} |" for name, value in rows if value),
    ]


def _share(metrics: Mapping[str, Any], name: str) -> str:
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    if low is None or high is None:  # records of earlier versions have no interval of some figures
        return _percent(metrics.get(name))
    return f"{_percent(metrics[name])} [{100 * low:.1f}–{100 * high:.1f}]"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _files(report: Report) -> list[str]:
    lines = [
        "| model | file | size, kB | top-1 | agrees with PyTorch | ms per item |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name, row in report["models"].items():
        file = f"`{row['file']}`" if row["file"] else ""
        agreement = _percent(row["agreement"]) if name not in ("torch", "teacher") else ""
        lines.append(
            f"| {WORDS[name]} | {file} | {row['bytes'] / 1000:,.1f} | {_percent(row['top1'])} | {agreement} | "
            f"{1000 * row['seconds_per_item']:.3f} |"
        )
    made = report["made"]
    return [*lines, "", f"Time: {report['time']}; {made['processor']}. Figures in full are in `report.json`."]


def _loading(found: FinishedCell, report: Report) -> list[str]:
    files = {name: row["file"] for name, row in report["models"].items() if row["file"]}
    lines = [
        f"Inputs are (B, {', '.join(map(str, report['input']))}) float32, normalised as `view` in `report.json` says; "
        "outputs are (B, classes) logits. Run this in the folder of these files.",
    ]
    if "torch" in files:
        lines += ["", "With PyTorch and this project:", "", *_torch_code(found, files["torch"])]
    onnx = next((files[name] for name in ("onnx", "int8", "int8-noise") if name in files), None)
    if onnx:
        lines += ["", "With onnxruntime alone:", "", *_onnx_code(onnx, report["input"])]
    return lines


def _torch_code(found: FinishedCell, file: str) -> list[str]:
    raw, network = found.test_items().data[0].data, found.cell.config.student.network
    if is_python_file(network):  # which is to be put into the folder too
        network = Path(network).name
    return [
        "```python",
        "import json",
        "from pathlib import Path",
        "",
        "import torch",
        "from safetensors.torch import load_file",
        "",
        "from modalities import registry",
        "",
        'report = json.loads(Path("report.json").read_text(encoding="utf-8"))',
        f'modality = registry.modality("{found.record.modality}")',
        'view = modality.view_type(**report["view"])',
        f'student = modality.network("{network}", view, len(report["classes"]))',
        f'student.load_state_dict(load_file("{file}"))',
        "student.eval()",
        "",
        f"raw = torch.zeros((1, {', '.join(map(str, raw.shape[1:]))}), dtype={raw.dtype})  # your item here, as "
        "modalities.base.Item says",
        "with torch.inference_mode():",
        "    logits = student(modality.prepare(raw, view))",
        'print(report["classes"][int(logits.argmax())])',
        "```",
    ]


def _onnx_code(file: str, shape: list[int]) -> list[str]:
    return [
        "```python",
        "import json",
        "from pathlib import Path",
        "",
        "import numpy as np",
        "import onnxruntime",
        "",
        'classes = json.loads(Path("report.json").read_text(encoding="utf-8"))["classes"]',
        f'session = onnxruntime.InferenceSession("{file}", providers=["CPUExecutionProvider"])',
        f"inputs = np.zeros((1, {', '.join(map(str, shape))}), np.float32)  # your normalised inputs here",
        f'(logits,) = session.run(None, {{"{INPUT}": inputs}})',
        "print(classes[int(logits.argmax())])",
        "```",
    ]


def _licences(found: FinishedCell) -> list[str]:
    record, info = found.record, found.cell.adapter.info
    return [
        "No licence is granted by this card; these are the ones that may matter.",
        "",
        f"- {info.title}: {info.licence}. The student saw none of its items, but its teacher did, and the names of its "
        "classes are in `report.json`.",
        f"- the datum, {_code(record.source['name'])}: known is only what its description above says. The licence of a "
        "file of your own is yours to know.",
        "- pretrained weights of a teacher, if it has any, keep their own licence.",
        "- the code of this project: Apache-2.0.",
        "",
        "If you publish figures on the target, cite it:",
        "",
        "```bibtex",
        info.citation,
        "```",
    ]


def _code(text: str) -> str:
    """Return a name from outside as Markdown's code, which it cannot leave."""
    return f"`{readable(text).replace('`', chr(39))}`"
