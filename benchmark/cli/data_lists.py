"""``benchmark data items`` and ``classes``: what predictions are made of, for people who make them elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmark.cli.output import print_document
from benchmark.cli.text_table import say
from benchmark.leaderboard.prediction_files import as_csv, plain
from benchmark.planning.scored_items import scored_items
from modalities import registry


def list_items(name: str, profile: str, root: Path, fold: int) -> None:
    """Print the ids of a target's test items in their order, as CSV."""
    items = scored_items(name, profile, root, fold)
    print_document(as_csv({"index": range(len(items.ids)), "item": [plain(id) for id in items.ids]}))
    say(f"{items}; SHA-256 of their ids: {items.test_set['ids_sha256']}", file=sys.stderr)


def list_classes(name: str) -> None:
    """Print the classes of a target in their order, as CSV."""
    classes = registry.target(name).info.classes
    print_document(as_csv({"class_index": range(len(classes)), "class": [plain(text) for text in classes]}))
