"""Stores filled with records of cells that never ran, for tests of the leaderboard."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from benchmark.leaderboard.table import leaderboard
from benchmark.records.identity import cell_id, row_id
from benchmark.records.record import ManifestEntry, Record
from benchmark.records.store import Predictions, Store

METRICS = {"items": 500, "fidelity": 0.7, "top5": 0.99, "kl": 0.5, "ece": 0.1, "teacher_mean_per_class": 0.95}


def cell(target="digits", seed=0, top1=0.8, status="done", settings=1, **changes):
    """A cell as a manifest lists it, and its record."""
    axes = {
        "modality": "image", "target": target, "fold": 1, "source": "deadleaves", "policy": "published",
        "recipe": "quick", "teacher": "wrn-16-1", "student": "wrn-10-1", "profile": "demo", "data": "real",
    } | {name: value for name, value in changes.items() if name in ManifestEntry.__dataclass_fields__}  # fmt: skip
    identity = {**axes, "seed": seed, "settings": settings}
    entry = ManifestEntry(id=cell_id(identity), row=row_id(identity), seed=seed, **axes)
    done = status == "done"
    record = Record(
        id=entry.id, row=entry.row, seed=seed, status=status, reason=changes.get("reason", "" if done else "it broke"),
        **{**axes, "source": {"name": axes["source"], "sha256": "ab", "description": ""}},
        config={}, provenance={},
        metrics=METRICS | {"top1": top1, "mean_per_class": top1 - 0.01} | changes.get("metrics", {}) if done else {},
        metric=changes.get("metric", "top-1"), test_set=changes.get("test_set", {}),
        controls={"chance": 0.1, "majority": 0.12, "untrained": 0.09, "teacher_top1": 0.96} if done else {},
        segments=1000, seconds={"distil": 2.0, "evaluate": 0.5},
    )  # fmt: skip
    return entry, record


def filled(folder, *cells, unwritten=()):
    store = Store(folder / "demo")
    store.write_manifest("all", {}, [entry for entry, _ in (*cells, *unwritten)])
    for _, record in cells:
        store.write(record)
    return store


def predicted(store, entry, right, items=500, name="item"):
    """Write a record with predictions of test items of two classes, of which those in ``right`` are right."""
    labels = np.arange(items) % 2
    choice = np.where(np.isin(np.arange(items), right), labels, 1 - labels)
    logp = np.log(np.where(np.eye(2)[choice] > 0, 0.9, 0.1)).astype(np.float16)
    ids = [f"{name}{i}" for i in range(items)]
    store.start_attempt(entry[1].id)
    store.write(entry[1], predictions=Predictions(ids, labels, logp, ids))


def of_folds(source, folds=(1, 2, 3), seeds=(0, 1), settings=1, data="x"):
    """Cells of a row in several folds, whose settings differ in the fold alone, and in the hash of its data."""
    made = []
    for fold in folds:
        for seed in seeds:
            entry, record = cell(source=source, fold=fold, seed=seed, settings=[settings, fold, data])
            own = {"source": source, "settings": settings, "data_fingerprint": f"{data}{fold}", "fold": fold}
            made.append((entry, replace(record, config={**own, "seed": seed})))
    return made


def with_folds(folder, *rows):
    """A store of such rows, each with the share of its items that its students predict rightly, by fold and seed."""
    store = Store(folder / "demo")
    store.write_manifest("all", {}, [entry for row, _ in rows for entry, _ in row])
    for row, share in rows:
        for entry, record in row:
            right = range(int(100 * share(record.fold, record.seed)))
            predicted(store, (entry, record), right, items=100, name=f"fold{record.fold}-")
    return store


def only_row(store, published=None):
    frame = leaderboard(store, published)
    assert len(frame) == 1
    return frame.iloc[0]


HOSTILE = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><b>', "&amp;", "=cmd|'/c calc'!A1", "+1+1", "-2+3",
    "@SUM(A1)", "\t=1", "a\x1b[31mred\x1b]0;title\x07", "a\nb,c\r\nd", "\\input{/etc/passwd}", "a & b", "[x]", "*", "%",
    "50% $x_1^2$ #1 {~} \\", "| a | b |", "`code` **bold** _it_", "[link](https://evil.example)", "a\\\\", "\x00",
    "https://evil.example www.evil.example", "\u202egnp.exe", "\ud800", "é中😀",
)  # fmt: skip
TAME = "tame"


def named(folder, text):
    """A leaderboard of one row, whose target, source, teacher and reason are a text."""
    store = filled(folder, cell("a", status="failed", reason=text.replace("\ud800", "")))
    path = next((store.root / "manifests").iterdir())
    content = json.loads(path.read_text())
    content["cells"][0] |= dict.fromkeys(("target", "source", "teacher"), text)
    path.write_text(json.dumps(content))
    return leaderboard(store)
