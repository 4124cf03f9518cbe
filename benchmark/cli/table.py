"""``benchmark table``: the leaderboard of one profile, computed from its records alone."""

from __future__ import annotations

from pathlib import Path

from benchmark.cli.text_table import print_table
from benchmark.leaderboard.formats import FORMATS, labels, percent
from benchmark.leaderboard.table import leaderboard, sanitize
from benchmark.records.store import Store
from modalities import registry


def render(results: Path, profile: str, format: str) -> str:
    """Return the leaderboard of ``results/profile`` as text."""
    return FORMATS[format](leaderboard(Store(results / profile), published()))


def print_summary(store: Store) -> None:
    """Print a short leaderboard for a terminal, in percent; rows that are not results show their status."""
    frame = leaderboard(store, published())
    heads = ["target", "source", "data", "teacher %", "student %", "retention %", "chance %", "untrained %", "seeds"]
    figures = ("teacher_top1", "top1", "retention", "chance", "untrained")
    found = frame.to_dict("records")
    rows = [
        [
            *map(sanitize, (*label, row["data"])),
            *(percent(row[name]) for name in figures),
            row["seeds"],
            "" if row["status"] == "done" else row["status"],
        ]
        for row, label in zip(found, labels(found), strict=True)
    ]
    print_table([*heads, ""], rows)
    for note in sorted({note for note in frame["note"] if note}):
        print(f"({note})")


def published() -> dict[str, float | None]:
    """Return the top-1 of each target's first published student, as a fraction; None if none is published."""
    infos = [adapter.info for adapter in registry.usable()[0].values()]
    students = {info.name: [entry.top1 for entry in info.published if entry.role == "student"] for info in infos}
    return {name: top1[0] if top1 else None for name, top1 in students.items()}
