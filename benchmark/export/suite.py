"""All finished cells of a suite, exported, and one table of how good, large and fast they and their teachers are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch

from benchmark.export.bundle import CALIBRATIONS, FORMATS, export_cell
from benchmark.export.card import WORDS
from benchmark.leaderboard.documents import render_csv, render_markdown
from benchmark.records.identity import safe_name
from benchmark.records.record import Record
from benchmark.records.store import Store
from benchmark.running.finished import load_finished
from modalities.errors import BadInput, UnknownName
from modalities.storage.atomic import atomic_write

HEADER = ("variant", "network", "model", "seeds", "top-1 %", "parameters", "MFLOPs", "kB", "ms per item")
LEGEND = (
    "Top-1 on all test items, the mean over the seeds. MFLOPs: million floating-point operations of one input, a "
    "multiply-add being two; of int8 models, those that it has in float32. kB: the file. ms per item: CPU time of one "
    "item on one thread, median over rounds in which the models of a cell take turns, and median over the cells."
)
STAND_IN = "These figures are about generated stand-ins, NOT about the real datasets."

Row = dict[str, Any]


def finished_cells(results: Path, profile: str, suite: str) -> tuple[dict[str, str], int]:
    """Return the variant of each finished cell that a suite requested in a profile, by id, and how many are not done.

    Raises BadInput if none is done, or if no such suite was run.
    """
    store = Store(results / profile)
    manifests = list(store.manifest_files().values())
    names = sorted({manifest.suite for manifest in manifests})
    if suite not in names:
        raise UnknownName(f"suite that was run in {store.root}", suite, names)
    variants: dict[str, str] = {}
    missing: set[str] = set()
    for manifest in manifests:
        order = {row: (place, label) for place, (label, rows) in enumerate(manifest.variants.items()) for row in rows}
        cells = sorted(manifest.cells, key=lambda cell: (cell.target, order.get(cell.row, (0, ""))[0], cell.seed))
        for cell in cells if manifest.suite == suite else ():
            record = store.read(cell.id)
            if record is None or record.status != "done":
                missing.add(cell.id)
            else:
                variants[cell.id] = order.get(cell.row, (0, suite))[1]
    if not variants:
        raise BadInput(f"no cell of the suite {suite} in {store.root} is done; run it to the end first.")
    return variants, len(missing)


def export_suite(
    results: Path, profile: str, suite: str, out: Path, root: Path, *, source: str = "",
    formats: Sequence[str] = FORMATS, calibrations: Sequence[str] = CALIBRATIONS[:1],
    exporting: Callable[[str], None] = lambda id: None,
) -> list[Row]:  # fmt: skip
    """Export every finished cell of a suite into a folder of its own, and write ``SUITE.csv`` and ``SUITE.md`` beside.

    Args:
        out: folder to write to.
        root: folder of the real datasets.
        source: the source's file, for those cells that learned from a file of its name.
        exporting: is told the id of each cell as its turn comes.

    Return the rows of the table. Raises BadInput as ``finished_cells``, ``load_finished`` and ``export_cell`` do.
    """
    variants, _ = finished_cells(results, profile, suite)
    store = Store(results / profile)
    reports = []
    for id, variant in variants.items():
        exporting(id)
        record = store.read(id)
        mine = source if record is not None and Path(source).name == record.source["name"] else ""
        found = load_finished(results, id, root, torch.device("cpu"), source=mine)
        reports.append((variant, found.record, export_cell(found, out / id, formats, calibrations)))
    rows = list(_rows(reports))
    name = safe_name(suite)
    atomic_write(out / f"{name}.csv", to_csv(rows))
    atomic_write(out / f"{name}.md", to_markdown(suite, rows))
    return rows


def _rows(reports: Sequence[tuple[str, Record, dict[str, Any]]]) -> Iterator[Row]:
    """Yield a row for each target, variant and model, the teachers first."""
    groups: dict[tuple[str, ...], list[tuple[Row, Row]]] = {}
    seeds: dict[tuple[str, ...], set[int]] = {}
    for variant, record, report in reports:
        for model, figures in report["models"].items():
            role = "teacher" if model == "teacher" else "student"
            label = "teacher" if role == "teacher" else variant
            key: tuple[str, ...] = (record.target, record.data, label, report[role]["network"], model)
            groups.setdefault(key, []).append((report[role], figures))
            seeds.setdefault(key, set()).add(0 if role == "teacher" else record.seed)  # a teacher is trained once
    for place, members in sorted(groups.items(), key=lambda one: (one[0][:2], one[0][-1] != "teacher")):
        network = members[0][0]
        yield {
            **dict(zip(("target", "data", "variant", "network", "model"), place, strict=True)),
            "seeds": len(seeds[place]),
            "top1": fmean(figures["top1"] for _, figures in members),
            "parameters": network["parameters"],
            "flops": network["flops"],
            "bytes": median(figures["bytes"] for _, figures in members),
            "seconds_per_item": median(figures["seconds_per_item"] for _, figures in members),
            "threads": 1,
        }


def shown(row: Row) -> list[str]:
    """Return the texts of a row, for each column of HEADER."""
    model = "PyTorch, float32" if row["model"] == "teacher" else WORDS[row["model"]]
    return [
        row["variant"], row["network"], model, str(row["seeds"]), f"{100 * row['top1']:.2f}", f"{row['parameters']:,}",
        f"{row['flops'] / 1e6:,.2f}", f"{row['bytes'] / 1000:,.1f}", f"{1000 * row['seconds_per_item']:.3f}",
    ]  # fmt: skip


def blocks(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """Return the rows of each target and kind of data."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["target"], row["data"]), []).append(row)
    return found


def to_csv(rows: Sequence[Row]) -> str:
    """A line for each row, accuracies as fractions, seconds and bytes."""
    import pandas as pd

    return render_csv(pd.DataFrame(rows))


def to_markdown(suite: str, rows: Sequence[Row]) -> str:
    """A table for each target."""
    parts = [
        {
            "title": f"{target}, {data} data", "caveats": [],
            "rows": [shown(row) for row in own], "remarks": [], "methods": None,
        }
        for (target, data), own in blocks(rows).items()
    ]  # fmt: skip
    caveats = [STAND_IN] if any(row["data"] == "stand-in" for row in rows) else []
    table = {
        "title": f"Suite {suite}, exported",
        "caveats": caveats,
        "header": list(HEADER),
        "blocks": parts,
        "legend": LEGEND,
    }
    return render_markdown(table)
