"""Plain-text tables that fit a terminal and a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modalities.errors import readable


def print_table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns as wide as their longest entry; the last one is never padded; no name steers the terminal."""
    texts = [list(heads), *([("" if value is None else readable(value)) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in texts) for i in range(len(heads))]
    for row in texts:
        padded = [text.ljust(width) for text, width in zip(row[:-1], widths[:-1], strict=True)]
        print("  ".join([*padded, row[-1]]).rstrip())
