"""Reads the lists and tables that come with datasets, which are not trusted, and says so where one is no text."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modalities.errors import BadInput

MOST_DIGITS = 18
LONGEST_NAME, MOST_PARTS = 255, 12  # bytes, and folders with the file: what file systems take


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Inside, whatever a text or a table cannot be read for becomes one sentence."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror or error}); fetch it again.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path} is damaged ({error}); fetch it again.") from error


def lines(path: Path) -> list[str]:
    """The lines of a text in UTF-8, without their ends. Raises BadInput for a file that is none."""
    with reading(path):
        return path.read_text(encoding="utf-8").splitlines()


def table(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file by their column; cells that a row lacks, and those beyond the columns, are left out.

    Raises BadInput for a file that is no such table.
    """
    with reading(path), path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield {name: cell for name, cell in row.items() if isinstance(name, str) and isinstance(cell, str)}


def is_safe_path(name: str) -> bool:
    """Whether a name from a list can be that of a file below a folder, and of nothing else."""
    parts = name.split("/")
    short = all(len(part.encode("utf-8", "backslashreplace")) <= LONGEST_NAME for part in parts)
    return bool(name) and short and len(parts) <= MOST_PARTS and "\0" not in name and not {"", ".."} & {*parts}


def parse_int(text: str) -> int | None:
    """The number that plain digits write; None for anything else, and for one that no list needs."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None
