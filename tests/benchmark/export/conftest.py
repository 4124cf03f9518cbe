"""Shared by the tests of exports: a finished cell, loaded, and the folder with all that can be exported of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from benchmark.export.bundle import CALIBRATIONS, FORMATS, export_cell
from benchmark.running.finished import FinishedCell, load_finished


class Exported(NamedTuple):
    """A folder that ``export_cell`` wrote, and the report that it returned."""

    folder: Path
    report: dict[str, Any]


@pytest.fixture(scope="session")
def needs_onnx() -> None:
    """Skip where the packages of the extra are not installed."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason="needs the extra 'export'")


@pytest.fixture(scope="session")
def found(ran) -> FinishedCell:
    return load_finished(
        ran.store.root.parent, ran.record.id, Path("nowhere"), torch.device("cpu"), source=ran.cell.source_path
    )


@pytest.fixture(scope="session")
def exported(found, needs_onnx, tmp_path_factory) -> Exported:
    folder = tmp_path_factory.mktemp("exported") / "student"
    return Exported(folder, export_cell(found, folder, FORMATS, CALIBRATIONS))
