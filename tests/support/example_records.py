"""A complete record of a cell that never ran, and predictions of four items, for tests of what is on disk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmark.records.identity import cell_id, row_id
from benchmark.records.provenance import provenance
from benchmark.records.record import Record
from benchmark.records.store import Predictions

IDENTITY = {"target": "digits", "source": {"name": "deadleaves", "sha256": "ab"}, "fold": 1, "seed": 0, "lr": 0.01}


def record(**changes) -> Record:
    standard = Record(
        id=cell_id(IDENTITY),
        row=row_id(IDENTITY),
        target="digits",
        modality="image",
        fold=1,
        seed=0,
        status="done",
        source={"name": "deadleaves", "sha256": "ab", "description": "generated"},
        policy="published",
        recipe="quick",
        teacher="wrn-16-1",
        student="wrn-10-1",
        profile="smoke",
        data="stand-in",
        config={"recipe": {"lr": 0.01, "steps": 3}, "list": [1, None, "x"]},
        provenance={**provenance("cpu", 1), "started": "2026-01-01T00:00:00+00:00"},  # two of them are equal
        metrics={"top1": 0.5, "top5": None, "items": 4},
        controls={"chance": 0.1},
        segments=96,
        seconds={"teacher": 1.5},
        deviations=["three steps"],
    )
    return replace(standard, **changes)


def outputs() -> Predictions:
    logp = np.log(np.full((4, 3), 1 / 3)).astype(np.float16)
    return Predictions(["a/1.png", "a/2.png", "ü", "d"], np.arange(4) % 3, logp, ["a", "a", "ü", "d"])
