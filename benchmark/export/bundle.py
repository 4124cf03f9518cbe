"""``export_cell``: a folder with a finished cell's student in several formats, a model card and a report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import nn

from benchmark.export.card import model_card
from benchmark.export.measure import ROUNDS, Forward, check_same, compared, latencies, logits_of_items
from benchmark.export.onnx_files import OPSET, PACKAGES, onnx_function, require_packages, to_onnx
from benchmark.export.quantise import BATCH, STEPS, quantise
from benchmark.records.provenance import provenance
from benchmark.running.finished import FinishedCell
from benchmark.running.flops import count_flops
from benchmark.running.networks import safetensors_of
from benchmark.system.processor import processor
from benchmark.system.threads import torch_threads
from modalities.base import SegmentStream
from modalities.errors import BadInput, UnknownName
from modalities.storage.atomic import atomic_stream

FORMATS = ("safetensors", "onnx", "int8")
CALIBRATIONS = ("datum", "noise")  # segments of what fix the ranges of int8; noise is the control
FILES = {
    "torch": "student.safetensors",
    "onnx": "student.onnx",
    "int8": "student-int8.onnx",
    "int8-noise": "student-int8-noise.onnx",
}
REPORT, CARD = "report.json", "model-card.md"


def check_request(formats: Sequence[str], calibrations: Sequence[str]) -> None:
    """Raise BadInput for a format or a calibration that does not exist, or if a package that they need is missing."""
    for kind, given, known in (("format", formats, FORMATS), ("calibration", calibrations, CALIBRATIONS)):
        if not given:
            raise BadInput(f"name at least one {kind}: {', '.join(known)}.")
        for name in given:
            if name not in known:
                raise UnknownName(kind, name, list(known))
    if {"onnx", "int8"} & set(formats):
        require_packages()


def export_cell(
    found: FinishedCell, out: Path, formats: Sequence[str] = FORMATS, calibrations: Sequence[str] = ("datum",)
) -> dict[str, Any]:
    """Write a cell's student in some formats, ``model-card.md`` and ``report.json`` into a folder; return the report.

    Every model is first run on all of the target's test items. If the ONNX model computes other logits than torch does,
    nothing is written. The format int8 makes a file for each calibration, on segments of that source.

    Args:
        found: a cell that was loaded onto the CPU.
        formats: some of ``FORMATS``.
        calibrations: some of ``CALIBRATIONS``.

    Raises BadInput if a name is unknown, a package is missing, the models disagree, or a file cannot be written.
    """
    check_request(formats, calibrations)
    models = _models(found, formats, calibrations)
    rows = _measured(found, models)
    hidden = {name for name, format in (("torch", "safetensors"), ("onnx", "onnx")) if format not in formats}
    for name, content in models.items():
        rows[name]["file"] = None if name in hidden else FILES[name]
        if name not in hidden:
            _write(out / FILES[name], content)
    report = _described(found, "onnx" in models) | {"models": rows}
    _write(out / REPORT, (json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())
    _write(out / CARD, model_card(found, report).encode())
    return report


def _models(found: FinishedCell, formats: Sequence[str], calibrations: Sequence[str]) -> dict[str, bytes]:
    """Return the content of each file; int8 is made of the ONNX model, which is then among them."""
    models = {"torch": safetensors_of(found.student)}
    if {"onnx", "int8"} & set(formats):
        models["onnx"] = to_onnx(found.student, found.cell.config.view.shape)
    if "int8" in formats:
        for calibration in calibrations:
            name = "int8" if calibration == "datum" else f"int8-{calibration}"
            models[name] = quantise(models["onnx"], _calibration_segments(found, calibration))
    return models


def _calibration_segments(found: FinishedCell, calibration: str) -> SegmentStream:
    if calibration == "datum":
        return found.segments(BATCH)
    cell, view = found.cell, found.cell.config.view
    return cell.modality.stream(
        cell.modality.load_source(calibration, view, found.device), view, cell.config.policy, batch_size=BATCH,
        seed=cell.key.seed, device=found.device,
    )  # fmt: skip


def _measured(found: FinishedCell, models: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    """Return the figures of each model, and of the teacher. Raises BadInput if ONNX does not do as torch does."""

    def functions(threads: int) -> dict[str, Forward]:
        others = {name: onnx_function(model, threads) for name, model in models.items() if name != "torch"}
        return {"torch": found.student, **others}

    cell, items = found.cell, found.test_items()
    prepare = partial(cell.modality.prepare, view=cell.config.view)
    with torch_threads(cell.config.threads):
        logits = logits_of_items(functions(cell.config.threads), items, prepare)
    if "onnx" in logits:
        check_same(logits["onnx"], logits["torch"])
    seconds = latencies(functions(1) | {"teacher": found.teacher}, prepare(items.data[0].data))
    rows = {
        name: {
            "bytes": len(models[name]),
            "seconds_per_item": seconds[name],
            **compared(logits[name], logits["torch"], items.data.labels),
        }
        for name in models
    }
    teacher = {
        "file": None,
        "bytes": len(safetensors_of(found.teacher)),
        "seconds_per_item": seconds["teacher"],
        "top1": found.record.metrics["teacher_top1"],
    }
    return {**rows, "teacher": teacher}


def _described(found: FinishedCell, with_onnx: bool) -> dict[str, Any]:
    """Return what the report says besides the models' figures."""
    record, cell = found.record, found.cell
    made = provenance(processor(), 1)
    libraries = {name: import_module(name).__version__ for name in ("torch", *(PACKAGES if with_onnx else ()))}
    return {
        "cell": record.id,
        "target": record.target,
        "modality": record.modality,
        "data": record.data,
        "source": record.source,
        "student": _network(found.student, record.student, cell.config.view.shape),
        "teacher": _network(found.teacher, record.teacher, cell.config.view.shape),
        "start": cell.config.student.start,
        "recorded_top1": record.metrics["top1"],
        "test_items": record.metrics["items"],
        "segments": record.segments,
        "input": list(cell.config.view.shape),
        "view": asdict(cell.config.view),
        "classes": list(found.classes),
        "opset": OPSET,
        "calibration_segments": BATCH * STEPS,
        "inputs_per_item": cell.config.view.test_clips,
        "time": f"CPU time of one item on one thread, median of {ROUNDS} rounds in alternation",
        "made": {key: made[key] for key in ("version", "commit", "dirty", "started", "python")}
        | {"processor": made["device"], "libraries": libraries},
    }


def _network(network: nn.Module, name: str, shape: tuple[int, ...]) -> dict[str, Any]:
    return {
        "network": name,
        "parameters": sum(weight.numel() for weight in network.parameters()),
        "flops": count_flops(network, shape).forward,  # of one input, a multiply-add being two
    }


def _write(path: Path, content: bytes) -> None:
    try:
        with atomic_stream(path) as stream:
            stream.write(content)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror or error}); choose another folder.") from error
