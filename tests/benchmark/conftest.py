"""Shared by the tests of the harness: a small photograph, cells of a fraction of a second, and one that has run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from benchmark.planning.cell import Cell
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from benchmark.records.record import Record
from benchmark.records.store import Store


class Ran(NamedTuple):
    """A cell that has run, and where its record is."""

    cell: Cell
    store: Store
    record: Record


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture with detail of several sizes, 192 × 128."""
    rng = np.random.default_rng(0)
    layers = [rng.integers(0, 255, (h, w, 3), dtype=np.uint8) for h, w in ((4, 6), (16, 24), (64, 96))]
    large = [np.asarray(Image.fromarray(layer).resize((192, 128)), np.float64) for layer in layers]
    path = tmp_path_factory.mktemp("source") / "photo.png"
    Image.fromarray(np.mean(large, axis=0).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="session")
def quick(photo: Path) -> tuple[str, ...]:
    """Settings that make a cell of the digits as small as it can be."""
    return (
        f"source.image={photo}", "view.size=8", "teacher.training.steps=60", "teacher.training.batch=32",
        "recipe.steps=40", "recipe.batch=16",
    )  # fmt: skip


@pytest.fixture(scope="session")
def cells(quick: tuple[str, ...]) -> Callable[..., list[Cell]]:
    """Plan cells of the digits: ``cells("seeds=[0,1]")``."""

    def planned(*overrides: str, **request: Any) -> list[Cell]:
        asked = {"profile": "smoke", "targets": ("digits",), "root": Path("nowhere"), **request}
        return make_plan(Request(overrides=(*quick, *overrides), **asked))

    return planned


@pytest.fixture(scope="session")
def ran(cells: Callable[..., list[Cell]], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A cell of the digits, run in this process."""
    from benchmark.running.run_cell import run_cell
    from benchmark.training.callbacks import IgnoreProgress

    store = Store(tmp_path_factory.mktemp("ran") / "smoke")
    (cell,) = cells()
    record = run_cell(cell, store, device="cpu", callback=IgnoreProgress())
    assert record.status == "done", record.reason
    return Ran(cell, store, record)
