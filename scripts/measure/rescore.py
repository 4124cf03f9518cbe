"""Compute the figures of measured cells again from their stored predictions, after a change to the metrics alone.

    python scripts/measure/rescore.py results/measured/small

Nothing is trained. A record whose figures change says by which commit they were computed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmark.evaluation import metrics
from benchmark.leaderboard.hand_in import figures_again
from benchmark.records.provenance import provenance
from benchmark.records.record import Record
from benchmark.records.store import TEACHER_PREDICTIONS, Predictions, Store
from modalities.errors import BadInput


def teacher_predictions(store: Store, record: Record) -> np.ndarray:
    """Return what a record's teacher predicted for the test items, (items, classes) float16."""
    if record.teacher_key is None:
        raise BadInput(f"{record.id} had a caller's own teacher, whose predictions are not kept.")
    path = store.teacher(record.teacher_key) / TEACHER_PREDICTIONS
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return np.asarray(arrays["logp"])
    except (OSError, KeyError, ValueError) as error:
        raise BadInput(f"{path} cannot be read ({error}); run the cell {record.id} again.") from error


def figures(store: Store, record: Record, predictions: Predictions) -> dict[str, float | None]:
    """Return the metrics of a record, from the predictions of its student and its teacher alone."""
    if record.is_handed_in:
        return figures_again(record, predictions)
    return metrics.evaluate_predictions(
        predictions.logp, teacher_predictions(store, record), predictions.labels,
        groups=predictions.groups, metric=record.metric,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="results of one profile, such as results/measured/small")
    store = Store(parser.parse_args().folder)
    origin = provenance("cpu", 1)
    for cell in store.requested_cells():
        record, predictions = store.read(cell.id), store.predictions(cell.id)
        if record is None or record.status != "done" or predictions is None:
            continue
        found = figures(store, record, predictions)
        if found != record.metrics:
            by = {"commit": origin["commit"], "dirty": origin["dirty"]}
            changed = replace(record, metrics=found, provenance={**record.provenance, "rescored": by})
            store.record_file(cell.id).write_text(changed.to_json(), encoding="utf-8")
            print(f"{cell.id}: {len(found)} figures, rescored")


if __name__ == "__main__":
    main()
