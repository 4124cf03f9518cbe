"""Reads ``files.csv``, the table by which a user says class, split and leak unit of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modalities.datasets.listing import Row
from modalities.datasets.lists import numbered_rows, plain_path
from modalities.errors import BadInput, readable_name
from modalities.storage.paths import stored

TABLE = "files.csv"
COLUMNS = ("file", "class", "split")
REMEDY = "correct it, as a table in UTF-8 with commas"


def read_file_table(path: Path, classes: Sequence[str], splits: Sequence[str]) -> dict[str, list[Row]]:
    """Return the rows of each split in the table's order, whether or not their files exist.

    Paths are normalised: ``.\\a\\b.wav`` is ``a/b.wav``. Raises BadInput for a line without a path below the table's
    folder, one of the classes and one of the splits, and for a file that is listed twice.
    """
    labels = {name: label for label, name in enumerate(classes)}
    rows: dict[str, list[Row]] = {split: [] for split in splits}
    first: dict[str, int] = {}
    for number, line in numbered_rows(path, COLUMNS, REMEDY):
        name = readable_name(plain_path(line.get("file", "")))
        label, split = line.get("class", ""), line.get("split", "")
        if not name or label not in labels or split not in rows:
            raise BadInput(
                f"{path} line {number} needs a file below that folder, one of the {len(labels)} classes and a split "
                f"({' or '.join(splits)}); it has {line}."
            )
        if name in first:
            raise BadInput(f"{path} line {number} lists {name} again, after line {first[name]}; delete one of them.")
        first[name] = number
        rows[split].append(Row(stored(path.parent / name), labels[label], name, line.get("group") or name))
    return rows
