"""The suite compression from its first command to its table, in the profile smoke, and what a table is made of."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from benchmark.config.suites import load_suite
from benchmark.export import suite as exports
from benchmark.export.suite import export_suite, finished_cells
from benchmark.planning.cell import write_manifest
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from benchmark.records.store import Store
from benchmark.running.run_cell import run_cell
from benchmark.training.callbacks import IgnoreProgress
from modalities.errors import BadInput, UnknownName

QUICK = ("recipe.steps=4", "teacher.training.steps=30", "teacher.times_chance=0", "view.size=16", "seeds=[0]")
VARIANTS = [
    "full width", "half width", "half width pruned", "quarter width", "quarter width pruned", "eighth width",
]  # fmt: skip


@pytest.fixture(scope="module")
def compressed(tmp_path_factory):
    """Results of the suite on one target."""
    folder = tmp_path_factory.mktemp("compression")
    request = Request(suite="compression", profile="smoke", targets=("cifar10",), overrides=QUICK, root=Path("nowhere"))
    cells, store = make_plan(request), Store(folder / "smoke")
    write_manifest(store, load_suite(request.suite), request.selection(), cells)
    for cell in cells:
        record = run_cell(cell, store, device="cpu", callback=IgnoreProgress())
        assert record.status == "done", record.reason
    return folder


def test_the_suite_runs_and_one_command_makes_its_table(benchmark, compressed, tmp_path):
    code, out, err = benchmark(
        "export", "--suite", "compression", "--profile", "smoke", "--format", "safetensors", "--results", compressed,
        "--out", tmp_path,
    )  # fmt: skip
    assert code == 0, err
    cells = [folder.name for folder in (compressed / "smoke" / "cells").iterdir() if folder.is_dir()]
    assert len(cells) == len(VARIANTS)
    assert {path.name for path in tmp_path.iterdir()} == {*cells, "compression.csv", "compression.md"}
    rows = list(csv.DictReader((tmp_path / "compression.csv").open(encoding="utf-8")))
    assert [row["variant"] for row in rows] == ["teacher", *VARIANTS]
    of = {row["variant"]: row for row in rows}
    for width in ("half", "quarter"):  # the fair control has the same size and does the same work
        pruned, narrow = of[f"{width} width pruned"], of[f"{width} width"]
        assert all(pruned[key] == narrow[key] for key in ("network", "parameters", "flops"))
    assert of["full width"]["parameters"] == of["teacher"]["parameters"]
    sizes = [float(of[name]["flops"]) for name in VARIANTS if "pruned" not in name]
    assert sizes == sorted(sizes, reverse=True) and sizes[1] < sizes[0] / 3
    for row in rows:
        assert row["seeds"] == "1", "six cells share one teacher"
        assert 0 <= float(row["top1"]) <= 1 and float(row["seconds_per_item"]) > 0 and row["threads"] == "1"
        assert int(float(row["bytes"])) > 4 * int(row["parameters"])
    text = (tmp_path / "compression.md").read_text(encoding="utf-8")
    assert exports.STAND_IN.split(",")[0] in text and "stand-in" in text
    assert exports.STAND_IN in out and "half width pruned" in out
    report = json.loads((tmp_path / cells[0] / "report.json").read_text(encoding="utf-8"))
    assert report["start"] in ("random", "pruned")


def test_claims_of_the_suite_are_judged(benchmark, compressed):
    code, out, err = benchmark("claims", "--suite", "compression", "--results", compressed)
    assert code == 0, err
    assert all(f"\n{name} " in out for name in ("6", "6b", "6c"))


def test_students_of_a_suite_share_their_teacher_and_are_shown_as_many_segments(compressed):
    store = Store(compressed / "smoke")
    records = [store.read(cell.id) for cell in store.requested_cells()]
    assert len({record.teacher_key for record in records}) == len({record.segments for record in records}) == 1
    assert len({record.row for record in records}) == len(VARIANTS)


def test_cells_that_are_not_done_are_counted_and_a_suite_without_any_is_refused(compressed, tmp_path):
    done, missing = finished_cells(compressed, "smoke", "compression")
    assert list(done.values()) == VARIANTS and missing == 0
    copy = tmp_path / "smoke"
    (copy / "manifests").mkdir(parents=True)
    for path in (compressed / "smoke" / "manifests").iterdir():
        (copy / "manifests" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(BadInput, match=r"no cell of the suite compression .* is done"):
        finished_cells(tmp_path, "smoke", "compression")
    with pytest.raises(UnknownName, match=r"compresion"):
        export_suite(compressed, "smoke", "compresion", tmp_path / "out", Path("nowhere"))


@pytest.mark.parametrize("given", [(), ("some-cell", "--suite", "compression")])
def test_one_cell_or_one_suite_is_exported(benchmark, compressed, given):
    code, _, err = benchmark("export", *given, "--results", compressed)
    assert code == 2 and "give either a cell or --suite NAME" in err
