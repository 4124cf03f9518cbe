"""Reads the lists and tables of datasets, which are not trusted; damage becomes one sentence."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modalities.errors import BadInput

MAX_DIGITS = 18
MAX_NAME_BYTES, MAX_PATH_PARTS = 255, 12  # the first is what file systems take


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Within the block, turn whatever makes a text or table unreadable into one sentence."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror or error}); fetch it again.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path} is damaged ({error}); fetch it again.") from error


def lines(path: Path) -> list[str]:
    """Return the lines of a UTF-8 text without their ends. Raises BadInput if the file cannot be read as one."""
    with reading(path):
        return path.read_text(encoding="utf-8").splitlines()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a small file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def table(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file by column name, without cells that a row lacks or has too many. Raises BadInput."""
    with reading(path), path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield {name: cell for name, cell in row.items() if isinstance(name, str) and isinstance(cell, str)}


def is_safe_path(name: str) -> bool:
    """Return whether a path from a list is a plain relative one, which stays below the folder it is joined to."""
    parts = name.split("/")
    short = all(len(part.encode("utf-8", "backslashreplace")) <= MAX_NAME_BYTES for part in parts)
    return bool(name) and short and len(parts) <= MAX_PATH_PARTS and "\0" not in name and not {"", ".."} & {*parts}


def parse_int(text: str) -> int | None:
    """Return the number that ASCII digits spell; None for any other text, or if there are more than 18 digits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None
