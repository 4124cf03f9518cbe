"""What a folder of labelled files holds: modality, layout, classes, numbers, and the view that fits them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modalities import registry
from modalities.base import Suggestion
from modalities.datasets.file_table import COLUMNS, TABLE
from modalities.datasets.hidden import is_hidden
from modalities.datasets.lists import numbered_rows
from modalities.errors import BadInput

SAMPLE = 60  # files to open
TRAIN = ("train", "training")
TEST = ("test", "testing", "val", "valid", "validation")  # the first that is there is the test


@dataclass(frozen=True)
class Look:
    """What was found in a folder."""

    modality: str
    classes: tuple[str, ...]
    splits: tuple[str, str] | None  # folders of training and test; None if there is no split
    counts: tuple[int, int]  # of training and test items; 0 without a split
    suffix: str  # of most files
    suggestion: Suggestion


def look(folder: Path, modality: str = "") -> Look:
    """Return what a folder holds: ``{train,test}/CLASS/FILE``, ``CLASS/FILE`` or files that ``files.csv`` lists.

    The modality is that of most files, unless it is given. Raises BadInput for another layout, which says all the same
    what view would fit.
    """
    files = _files(folder)
    modality = modality or _most_files(folder, files)
    endings = registry.modality(modality).suffixes()
    files = [name for name in files if name.lower().endswith(endings)]
    evenly = [folder / files[i * len(files) // SAMPLE] for i in range(SAMPLE)] if len(files) > SAMPLE else None
    suggestion = registry.modality(modality).suggest_view(evenly or [folder / name for name in files])
    suffix = Counter(Path(name).suffix for name in files).most_common(1)[0][0]
    classes, splits, counts = _table(folder) if (folder / TABLE).is_file() else _folders(files)
    if len(classes) < 2:
        view = ", ".join(f"view.{key}={value}" for key, value in suggestion.view.items())
        raise BadInput(
            f"{folder} has files such as {files[0]}, which is not {{train,test}}/CLASS/FILE or CLASS/FILE; list them "
            f"in {folder / TABLE}, or write an adapter with a method files(). What fits: {view} ({suggestion.seen})."
        )
    return Look(modality, classes, splits, counts, suffix, suggestion)


def _files(folder: Path) -> list[str]:
    """Return every file below a folder that is not hidden, in order, with "/" between the parts of its name."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        inside = Path(place).relative_to(folder)
        found += [(inside / name).as_posix() for name in sorted(names) if not is_hidden(name)]
    return found


def _most_files(folder: Path, files: Sequence[str]) -> str:
    counts = {
        name: sum(file.lower().endswith(registry.modality(name).suffixes()) for file in files)
        for name in registry.MODALITIES
    }
    best = max(counts, key=counts.__getitem__)
    if not counts[best]:
        raise BadInput(f"{folder} holds no image, sound or video file; name the folder of the dataset.")
    return best


Found = tuple[tuple[str, ...], tuple[str, str] | None, tuple[int, int]]


def _table(folder: Path) -> Found:
    """Return classes, splits and counts of the table that lists the files."""
    rows = [row for _, row in numbered_rows(folder / TABLE, COLUMNS)]
    counts = Counter(row.get("split", "") for row in rows)
    classes = tuple(sorted({row["class"] for row in rows if row.get("class")}))
    return classes, ("train", "test"), (counts["train"], counts["test"])


def _folders(files: Sequence[str]) -> Found:
    """Return classes, splits and counts of files in folders; no classes for a layout that is not known."""
    parts = [name.split("/") for name in files]
    tops = {part[0].lower(): part[0] for part in parts}
    train, test = (next((tops[name] for name in names if name in tops), "") for names in (TRAIN, TEST))
    depth = 3 if train and test else 2
    if train and test:
        parts = [part for part in parts if part[0] in (train, test)]
    if {len(part) for part in parts} != {depth}:
        return (), None, (0, 0)
    classes = tuple(sorted({part[-2] for part in parts}))
    counts = Counter(part[0] for part in parts)
    return (classes, (train, test), (counts[train], counts[test])) if depth == 3 else (classes, None, (0, 0))
