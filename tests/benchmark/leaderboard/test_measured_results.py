"""The committed leaderboards are what the committed records give, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.cli.table import render
from benchmark.leaderboard.formats import FORMATS
from benchmark.records.store import Store

MEASURED = Path(__file__).parents[3] / "results" / "measured"
PROFILES = sorted(path.parent for path in MEASURED.glob("**/manifests"))
SUFFIXES = {"csv": "csv", "latex": "tex", "markdown": "md", "html": "html", "json": "json"}


@pytest.mark.parametrize("folder", PROFILES, ids=lambda folder: str(folder.relative_to(MEASURED)))
def test_committed_tables_come_from_committed_records(folder):
    for name in FORMATS:
        committed = (folder / f"leaderboard.{SUFFIXES[name]}").read_text(encoding="utf-8")
        assert render(folder.parent, folder.name, name) == committed, name


@pytest.mark.parametrize("folder", PROFILES, ids=lambda folder: str(folder.relative_to(MEASURED)))
def test_committed_figures_come_from_committed_predictions(folder):
    from benchmark.evaluation import metrics

    store = Store(folder)
    for cell in store.requested_cells():
        record, predictions = store.read(cell.id), store.predictions(cell.id)
        if record is not None and record.status == "done":
            assert predictions is not None, cell.id
            assert metrics.top1(predictions.logp, predictions.labels) == record.metrics["top1"]
            assert not record.provenance["dirty"], f"{cell.id} was not made from a clean commit"


def test_there_are_measured_results():
    assert PROFILES
