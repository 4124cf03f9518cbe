"""What commands print: tables and sizes as plain text, and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from modalities.errors import readable


def print_table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print columns as wide as their longest entry; the last one is not padded, and control characters are escaped."""
    texts = [list(heads), *([("" if value is None else readable(value)) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in texts) for i in range(len(heads))]
    for row in texts:
        padded = [text.ljust(width) for text, width in zip(row[:-1], widths[:-1], strict=True)]
        print("  ".join([*padded, row[-1]]).rstrip())


def print_json(content: Any) -> None:
    print(json.dumps(content, indent=1))


def size(count: int | None) -> str:
    """Format a number of bytes, such as ``6.4 GB``; empty if it is unknown."""
    if count is None:
        return ""
    for unit, amount in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= amount:
            return f"{count / amount:.1f} {unit}"
    return f"{count} B"
