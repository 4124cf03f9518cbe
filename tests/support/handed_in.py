"""Test items of a small target, and files of predictions for them as an outsider writes them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from benchmark.data.locate import DataLocation
from benchmark.planning.scored_items import ScoredItems
from modalities.base import TargetInfo

INFO = TargetInfo(
    name="pets3", title="Pets", modality="image", classes=("cat", "dog", "great, dane"), train_items=9, test_items=6,
    licence="not stated", citation="@misc{pets}", homepage="https://example.org", download_bytes=0, leak_unit="image",
)  # fmt: skip
LABELS = np.array([0, 1, 2, 0, 1, 2])


def some_items(ids=("a/1.png", "a/2.png", "b, c.png", "=d.png", "'e.png", "é.png"), labels=LABELS, info=INFO):
    """Return test items of three classes."""
    location = DataLocation("stand-in", Path(), "stand-in:pets3", ready=True)
    return ScoredItems(info, "demo", 1, location, list(ids), np.asarray(labels, np.int64), list(ids))


def write_csv(path, header, rows):
    """Write a CSV file as Python's own writer does."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def state(path, **said):
    """Write the statement beside a file of predictions."""
    lines = [f"{key}: {value}" for key, value in said.items()]
    path.with_suffix(".yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
