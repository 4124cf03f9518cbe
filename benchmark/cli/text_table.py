"""What commands print: tables and sentences that fit the terminal, sizes as plain text, and JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from modalities.errors import readable

GAP = 2  # between columns
FOLDED_FROM = 25  # a column of shorter entries is never folded, but for its head
LAST = 24  # of the last column at least; longer words of it go beneath their row
NARROWEST = 20  # a narrower terminal is taken for one of this width


def terminal_width(stream: TextIO | None = None) -> int | None:
    """Return the columns of the terminal that a stream (standard output) goes to; None for a file or a pipe."""
    stream = stream or sys.stdout
    try:
        if not stream.isatty():
            return None
        columns = os.environ.get("COLUMNS", "")
        found = int(columns) if columns.isdecimal() else os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return None
    return max(NARROWEST, found) if found else None


def print_table(heads: Sequence[str], rows: Sequence[Sequence[Any]], *, least: Sequence[str] = ()) -> None:
    """Print columns as wide as their longest entry; the last one is not padded, and control characters are escaped.

    On a terminal that is too narrow, long entries fold between words, with an indent; then columns are left out, and a
    note names them: those of ``least`` by their heads, in this order, then from the right, but never the first column,
    nor a last one of long text.
    """
    texts = [list(heads), *([("" if value is None else readable(value)) for value in row] for row in rows)]
    width = terminal_width()
    for line in _lines(texts, width, least) if width else map(_joined, texts, [_natural(texts)] * len(texts)):
        print(line)


def say(text: object, *, rest: str = "    ", file: TextIO | None = None, otherwise: int | None = None) -> None:
    """Print a sentence, folded between words on a terminal, with further lines indented by ``rest``.

    Without a terminal it is folded at ``otherwise`` columns, or not at all. Control characters are escaped.
    """
    width, line = terminal_width(file) or otherwise, readable(text)
    first = line[: len(line) - len(line.lstrip(" "))]
    lines = _folded(line.lstrip(" "), width - len(first), rest) if width else [line.lstrip(" ")]
    print("\n".join(first + part for part in lines), file=file, flush=file is not None)


def _natural(texts: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]


def _joined(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = [text.ljust(width) for text, width in zip(row[:-1], widths[:-1], strict=True)]
    return (" " * GAP).join([*padded, row[-1]]).rstrip()


def _lines(texts: Sequence[Sequence[str]], width: int, least: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a table that is at most ``width`` columns wide, unless a single word is wider."""
    natural, floors = _natural(texts), _floors(texts)
    shown = list(range(len(natural)))
    for column in _dispensable(texts[0], natural, least):
        if sum(floors[i] + GAP for i in shown) - GAP > width:
            shown.remove(column)
    widths = {i: natural[i] for i in shown}
    while sum(widths.values()) + GAP * (len(shown) - 1) > width:
        if not (wider := [i for i in shown if widths[i] > floors[i]]):
            break
        widths[max(wider, key=lambda i: widths[i])] -= 1
    for number, row in enumerate(texts):
        yield from _row_lines([row[i] for i in shown], [widths[i] for i in shown], width, "  " if number else "")
    left_out = [texts[0][i] or "the unnamed one" for i in range(len(natural)) if i not in shown]
    if left_out:
        note = f"({width} columns are too few for: {', '.join(left_out)}; a wider terminal or a file has them)"
        yield from _folded(note, width, " ")


def _floors(texts: Sequence[Sequence[str]]) -> list[int]:
    """Return how narrow each column can be without a break inside a word; of the last one no word counts as long."""
    heads, floors = texts[0], []
    for i, head in enumerate(heads):
        entries = [row[i] for row in texts[1:]]
        longest = max(map(len, entries), default=0)
        if longest >= FOLDED_FROM:
            longest = max(len(word) for text in entries for word in text.split(" ")) + 2  # with the indent
            longest = min(longest, LAST) if i == len(heads) - 1 else longest
        floors.append(max([longest, *map(len, head.split(" "))]))
    return floors


def _dispensable(heads: Sequence[str], natural: Sequence[int], least: Sequence[str]) -> list[int]:
    """Return the columns that may be left out, the first of them first."""
    last = len(heads) - 1
    kept = {0, last} if natural[last] >= FOLDED_FROM or not heads[last] else {0}
    others = [i for i in range(last, -1, -1) if i not in kept]
    named = [i for head in least for i in others if heads[i] == head]
    return [*named, *(i for i in others if i not in named)]


def _row_lines(row: Sequence[str], widths: Sequence[int], width: int, indent: str) -> Iterator[str]:
    """Yield the lines of one row: each entry folded within its column, a last one that does not fit beneath."""
    taken = sum(widths[:-1]) + GAP * (len(widths) - 1)
    own = max(width - taken, widths[-1]) if len(widths) > 1 else width
    last = _folded(row[-1], own, indent)
    beneath = len(widths) > 1 and (max(map(len, last)) > own or taken + own > width)
    cells = [_folded(text, room, indent) for text, room in zip(row[:-1], widths[:-1], strict=True)]
    cells.append([""] if beneath else last)
    for number in range(max(map(len, cells))):
        yield _joined([cell[number] if number < len(cell) else "" for cell in cells], widths)
    if beneath:
        yield from (f"    {line}" for line in _folded(row[-1], width - 4, ""))


def _folded(text: str, width: int, indent: str) -> list[str]:
    """Return the lines of a text, broken at spaces alone; all but the first begin with the indent."""
    lines, line = [], ""
    for word in text.split(" "):
        if line.strip() and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = indent + word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


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
