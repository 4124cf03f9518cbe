"""The committed leaderboards are what the committed records give, to the byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.claims import formats as claims
from benchmark.claims.collect import judged_claims
from benchmark.cli.table import render
from benchmark.data.fingerprint import ids_hash
from benchmark.evaluation import metrics
from benchmark.leaderboard.formats import FORMATS
from benchmark.leaderboard.hand_in import figures_again
from benchmark.records.store import TEACHER_PREDICTIONS, Store

MEASURED = Path(__file__).parents[3] / "results" / "measured"
PROFILES = sorted(path.parent for path in MEASURED.glob("**/manifests"))
CLAIMS = [folder for folder in PROFILES if folder.parent.name == "claims"]
SUFFIXES = {"csv": "csv", "latex": "tex", "markdown": "md", "html": "html", "json": "json"}


@pytest.mark.parametrize("folder", PROFILES, ids=lambda folder: str(folder.relative_to(MEASURED)))
def test_committed_tables_come_from_committed_records(folder):
    for name in FORMATS:
        committed = (folder / f"leaderboard.{SUFFIXES[name]}").read_text(encoding="utf-8")
        assert render(folder.parent, folder.name, name) == committed, name


@pytest.mark.parametrize("folder", PROFILES, ids=lambda folder: str(folder.relative_to(MEASURED)))
def test_committed_figures_come_from_committed_predictions(folder):
    store = Store(folder)
    for cell in store.requested_cells():
        record, predictions = store.read(cell.id), store.predictions(cell.id)
        if record is None or record.status != "done":
            continue
        assert predictions is not None, cell.id
        if record.is_handed_in:
            assert figures_again(record, predictions) == record.metrics, cell.id
            continue
        with np.load(store.teacher(record.teacher_key) / TEACHER_PREDICTIONS, allow_pickle=False) as arrays:
            teacher = arrays["logp"]
        found = metrics.evaluate_predictions(
            predictions.logp, teacher, predictions.labels, groups=predictions.groups, metric=record.metric
        )
        assert found == record.metrics, cell.id
        labels = predictions.labels
        assert record.controls["teacher_top1"] == metrics.top1(teacher, labels)
        assert record.controls["chance"] == metrics.chance(labels)
        assert record.controls["majority"] == metrics.majority_share(labels)
        assert record.test_set["items"] == len(labels)
        assert record.test_set["ids_sha256"] == ids_hash(predictions.item_ids)
        assert not record.provenance["dirty"], f"{cell.id} was not made from a clean commit"


@pytest.mark.parametrize("folder", CLAIMS, ids=lambda folder: str(folder.relative_to(MEASURED)))
def test_committed_claims_come_from_committed_records(folder):
    found = judged_claims(folder.parent, folder.name)
    for name, export in claims.FORMATS.items():
        assert export(found) == (folder / f"claims.{SUFFIXES[name]}").read_text(encoding="utf-8"), name


def test_there_are_measured_results():
    assert PROFILES and CLAIMS
