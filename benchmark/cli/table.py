"""``benchmark table``: the leaderboard of one profile, computed from its records alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli.text_table import print_table
from benchmark.config.published import source_digests
from benchmark.leaderboard.formats import (
    COLLAPSED,
    COLLAPSED_MEANING,
    FORMATS,
    items_shown,
    labels,
    marked,
    percent,
    rank_shown,
)
from benchmark.leaderboard.table import leaderboard, sanitize
from benchmark.records.store import Store
from modalities import registry
from modalities.base import Published

if TYPE_CHECKING:
    import pandas as pd


def render(results: Path, profile: str, format: str) -> str:
    """Return the leaderboard of ``results/profile`` as text."""
    return FORMATS[format](leaderboard(Store(results / profile), published()))


def print_summary(frame: pd.DataFrame) -> None:
    """Print a short leaderboard for a terminal, in percent; rows that are not results show their status."""
    heads = ["target", "source", "data", "teacher %", "student %", "balanced %", "retention %", "chance %"]
    heads += ["majority %", "untrained %", "test items", "seeds", "rank"]
    figures = ("mean_per_class", "retention", "chance", "majority", "untrained")
    found = frame.to_dict("records")
    rows = [
        [
            *map(sanitize, (*label, row["data"])),
            *(marked(row, who) for who in ("teacher", "student")),
            *(percent(row[name]) for name in figures),
            items_shown(row),
            row["seeds"],
            rank_shown(row),
            "" if row["status"] == "done" else row["status"],
        ]
        for row, label in zip(found, labels(found), strict=True)
    ]
    print_table([*heads, ""], rows)
    if any(COLLAPSED in text for row in rows for text in row):
        print(f"({COLLAPSED} {COLLAPSED_MEANING})")
    for note in sorted({note for note in frame["note"] if note}):
        print(f"({note})")


def published() -> dict[str, tuple[Published, ...]]:
    """Return the published results of each target, with the SHA-256 of their sources."""
    found = {}
    for adapter in registry.usable()[0].values():
        digest = source_digests(registry.modality(adapter.info.modality))
        found[adapter.info.name] = tuple(
            replace(entry, sources=tuple(map(digest, entry.sources))) for entry in adapter.info.published
        )
    return found
