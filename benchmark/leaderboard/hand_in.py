"""Predictions of a student that others trained: scored here, and kept as a record that says so."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.leaderboard.prediction_files import read_predictions
from benchmark.leaderboard.statement import NOT_STATED, UNSEEN, Statement, content_of, read_statement
from benchmark.planning.scored_items import ScoredItems, scored_items
from benchmark.records.cell_key import CellKey
from benchmark.records.identity import cell_id, row_id
from benchmark.records.provenance import provenance, utc_now
from benchmark.records.record import HANDED_IN, ManifestEntry, Record
from benchmark.records.store import Predictions, Store
from modalities.errors import BadInput
from modalities.storage.digest import file_sha256
from modalities.storage.locks import do_not_wait, exclusive_lock

SUITE = "handed-in"  # of the manifests that request such records


@dataclass(frozen=True)
class HandedIn:
    """A file of predictions that has been read and scored."""

    path: Path
    record: Record
    predictions: Predictions


def score_file(path: Path, profile: str, root: Path) -> HandedIn:
    """Read a file of predictions with the statement beside it, and score it on the target's own labels.

    The record's id covers what names the row (target, data, label, seed) and not what is predicted, so that other
    predictions under one name are noticed. Raises BadInput for anything that does not fit.
    """
    statement = read_statement(path)
    items = scored_items(statement.target, profile, root, statement.fold)
    expected = items.test_set["ids_sha256"]
    if statement.items_sha256 not in ("", expected):
        raise BadInput(
            f"{path.with_suffix('.yaml')} is about test items with the hash {statement.items_sha256}, and {items} have "
            f"{expected}; predict these, which `benchmark data items {statement.target}` lists."
        )
    outputs = read_predictions(path, items)
    predictions = Predictions(items.ids, items.labels, outputs.logp, items.groups)
    return HandedIn(path, _record(path, statement, items, predictions, outputs.probabilities), predictions)


def _record(
    path: Path, statement: Statement, items: ScoredItems, predictions: Predictions, probabilities: bool
) -> Record:
    from benchmark.evaluation import metrics

    info, label = items.info, statement.label
    names: dict[str, Any] = {
        "modality": info.modality, "target": info.name, "fold": items.fold, "policy": NOT_STATED, "recipe": NOT_STATED,
        "teacher": statement.teacher or NOT_STATED, "student": statement.student or NOT_STATED,
        "profile": items.profile, "data": items.location.kind, "seed": statement.seed,
    }  # fmt: skip
    settings = {
        "target": info.name, "modality": info.modality, "fold": items.fold, "data": items.location.kind,
        "data_fingerprint": items.location.fingerprint, "source": {"name": label, "sha256": ""}, HANDED_IN: True,
    }  # fmt: skip
    config = settings | {"seed": statement.seed}
    content = {
        **statement.said, "probabilities": probabilities,
        "predictions_sha256": hashlib.sha256(predictions.logp.tobytes()).hexdigest(),
        "file": path.name, "file_sha256": file_sha256(path, "give it again"),
    }  # fmt: skip
    process = provenance("", 0)
    return Record(
        id=cell_id(config), row=row_id(config), status="done", config=config, **names,
        source={"name": label, "sha256": "", "description": UNSEEN},
        data_fingerprint=items.location.fingerprint, metric=info.metric, test_set=items.test_set,
        metrics=figures(predictions, probabilities),
        controls={"chance": metrics.chance(items.labels), "majority": metrics.majority_share(items.labels)},
        provenance={key: process[key] for key in ("package", "version", "commit", "dirty")}
        | {"scored": utc_now(), HANDED_IN: content},
    )  # fmt: skip


def figures(predictions: Predictions, probabilities: bool) -> dict[str, float | None]:
    """Return every figure of a record of predictions that were handed in."""
    from benchmark.evaluation.metrics import evaluate_student

    return evaluate_student(
        predictions.logp, predictions.labels, groups=predictions.groups, probabilities=probabilities
    )  # fmt: skip


def figures_again(record: Record, predictions: Predictions) -> dict[str, float | None]:
    """Return what ``figures`` gives for a record's predictions."""
    return figures(predictions, bool(record.handed_in.get("probabilities")))


def store_handed_in(handed: HandedIn, store: Store) -> bool:
    """Write a record with its predictions, and a manifest that requests it; return whether it was new.

    Raises BadInput, and overwrites nothing, if the row is there already with other predictions or another statement,
    and LockHeld if another process writes it.
    """
    record = handed.record
    store.check_writable()
    with exclusive_lock(store.cell(record.id), do_not_wait):
        ours = store.read(record.id)
        if ours is None:
            store.start_attempt(record.id)
            store.write(record, predictions=handed.predictions)
        else:
            _refuse_other(handed, ours)
    entry = ManifestEntry(id=record.id, row=record.row, **_key(record))
    selection = {key: record.config[key] for key in ("target", "fold", "data", "data_fingerprint", "seed")}
    store.write_manifest(SUITE, {**selection, "label": record.source["name"]}, [entry], {record.row: record.settings})
    return ours is None


def _key(record: Record) -> dict[str, Any]:
    names = (name for name in CellKey.__dataclass_fields__ if name != "source")
    return {name: getattr(record, name) for name in names} | {"source": record.source["name"]}


def _refuse_other(handed: HandedIn, ours: Record) -> None:
    """Raise BadInput if a record is of other predictions, or of another statement."""
    theirs, known = content_of(handed.record.handed_in), content_of(ours.handed_in)
    changed = [key for key in dict.fromkeys((*known, *theirs)) if known.get(key) != theirs.get(key)]
    if not changed:
        return
    place = f"the row '{ours.source['name']}' of {ours.target}, seed {ours.seed},"
    other = ", ".join(key for key in changed if key not in ("predictions_sha256", "probabilities"))
    says = f"states another {other} than"
    if "predictions_sha256" in changed:
        score, own = (f"{100 * (one.score or 0):.2f} %" for one in (handed.record, ours))
        says = f"has other predictions ({score}) than ({own})"
    raise BadInput(
        f"{handed.path} {says} {place} which was handed in before and is left as it is; give it another label or seed."
    )
