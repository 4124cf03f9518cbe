"""Reads the lists and tables of datasets, which are not trusted; damage becomes one sentence."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from modalities.errors import BadInput

FETCH_AGAIN = "fetch it again"  # the remedy for a file of the dataset's authors
MAX_DIGITS = 18
MAX_NAME_BYTES, MAX_PATH_PARTS = 255, 12  # the first is what file systems take


@contextmanager
def reading(path: Path, remedy: str = FETCH_AGAIN) -> Iterator[None]:
    """Within the block, turn whatever makes a text or table unreadable into one sentence that ends with the remedy."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror or error}); {remedy}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path} is damaged ({error}); {remedy}.") from error


def lines(path: Path) -> list[str]:
    """Return the lines of a UTF-8 text without their ends and byte order mark. Raises BadInput if it is not one."""
    with reading(path):
        return path.read_text(encoding="utf-8-sig").splitlines()


def table(path: Path, columns: Sequence[str] = ()) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file by column name, without cells that a row lacks or has too many.

    Raises BadInput, also if the first line or a row lacks one of ``columns``.
    """
    for number, row in numbered_rows(path, columns):
        if absent := [column for column in columns if column not in row]:
            raise BadInput(f"{path} line {number} has no {absent[0]}; {FETCH_AGAIN}.")
        yield row


def numbered_rows(
    path: Path, columns: Sequence[str] = (), remedy: str = FETCH_AGAIN
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and cells of each row of a CSV file in UTF-8, by column name in lower case.

    A byte order mark, any line ends, empty lines and blanks around cells are tolerated; cells that a row lacks or has
    too many are left out. Raises BadInput, also if the first line lacks one of ``columns``.
    """
    names: list[str] | None = None
    with reading(path, remedy), path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file, skipinitialspace=True)
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if names is None:
                names = [name.lower() for name in cells]
                _require_columns(path, names, columns, remedy)
            else:
                yield rows.line_num, dict(zip(names, cells, strict=False))
    if names is None:
        _require_columns(path, [], columns, remedy)


def _require_columns(path: Path, names: Sequence[str], columns: Sequence[str], remedy: str) -> None:
    if wrong := [column for column in columns if names.count(column) != 1]:
        raise BadInput(
            f"{path} needs each of the columns {', '.join(columns)} once in its first line, separated by commas; "
            f"{wrong[0]} is not there once in '{','.join(names)}'; {remedy}."
        )


def plain_path(name: str) -> str:
    """Return a relative path from a list with "/" between its parts and without "." parts; "" if it is not safe."""
    plain = name.strip().replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    return "/".join(parts) if not plain.startswith("/") and is_safe_path("/".join(parts)) else ""


def is_safe_path(name: str) -> bool:
    """Return whether a path from a list is a plain relative one, which stays below the folder it is joined to."""
    parts = name.split("/")
    short = all(len(part.encode("utf-8", "backslashreplace")) <= MAX_NAME_BYTES for part in parts)
    return bool(name) and short and len(parts) <= MAX_PATH_PARTS and "\0" not in name and not {"", ".."} & {*parts}


def parse_int(text: str) -> int | None:
    """Return the number that ASCII digits spell; None for any other text, or if there are more than 18 digits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None


def unmatched(path: Path, names: Sequence[str], unit: str) -> list[str]:
    """Return a phrase that counts the names of a list without a file, and gives one; nothing if there are none."""
    return [f"{path.name} names {len(names):,} {unit} that are not there, such as {names[0]}"] if names else []
