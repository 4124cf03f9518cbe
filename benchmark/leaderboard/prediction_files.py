"""Files of predictions that others made: CSV, or arrays of NumPy; what does not fit the test items is refused."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmark.planning.scored_items import ScoredItems
from modalities.datasets.lists import parse_int, reading
from modalities.errors import BadInput, readable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIXES = (".csv", ".npz", ".npy")
CORRECT = "correct the file"
SUM_WITHIN = 0.01  # of 1: probabilities of a thousand classes in half precision add up to about this
ITEMS, CLASSES, OUTPUTS = ("item", "index"), ("class", "class_index"), ("logit", "probability")
_ARRAYS = {"logits": "logit", "probabilities": "probability", "class_index": "class_index"}
_CHUNK = 4096  # items whose outputs are normalised at once


class Outputs(NamedTuple):
    """What a file predicts for each of the n test items, in their order."""

    logp: NDArray[np.float16]  # (n, classes), natural logarithms of probabilities
    probabilities: bool  # whether they mean anything beyond which class is predicted


@dataclass(frozen=True)
class _Rows:
    """The rows of a file: of which item each is (numbers from 0), its class if one is named, its outputs if any."""

    items: NDArray[np.int64]  # (m,)
    classes: NDArray[np.int64] | None  # (m,)
    outputs: NDArray[np.floating[Any]] | None  # (m, classes)
    kind: str  # of outputs: one of OUTPUTS
    place: Callable[[int], str]  # a row as people find it in the file


def read_predictions(path: Path, items: ScoredItems) -> Outputs:
    """Read a file of predictions, in the formats that ``docs/predictions.md`` describes.

    The predicted class is exactly the one of the file: the one that it names, or the one with the highest output. The
    order of rows that name their items does not matter.

    Raises BadInput for what does not fit the test items or the classes of their target: one sentence on the first
    fault, with its line, its value and what to do.
    """
    read = {".csv": _read_csv, ".npz": _read_arrays, ".npy": _read_arrays}.get(path.suffix.lower())
    if read is None:
        raise BadInput(f"{path} is not a file of predictions by its name; give one that ends in {', '.join(SUFFIXES)}.")
    rows = read(path, items)
    _check_items(path, rows, items)
    _check_outputs(path, rows, items)
    return _outputs(path, rows, items)


def plain(name: str) -> str:
    """Return the id of an item as it is written to a CSV and found again: one line, with no apostrophe before it."""
    return readable(name.strip()).removeprefix("'")


# --- CSV -------------------------------------------------------------------------------------------------------


def _read_csv(path: Path, items: ScoredItems) -> _Rows:
    import numpy as np

    lines = _lines(path)
    header = [name.lower() for name in next(lines, (0, []))[1]]
    item, named, kind = _columns(path, header, items)
    columns = [f"{kind}_{number}" for number in range(len(items.info.classes))] if kind else []
    item_of = _finder(path, item, items)
    class_of = _class_finder(path, named, items)
    lines_of, positions, classes = [], [], []
    outputs = np.empty((len(items.ids) if kind else 0, len(columns)))
    for line, cells in lines:
        where = f"line {line}"
        if len(cells) != len(header):
            says = f"has {len(cells)} cells, and the first line has {len(header)}"
            raise _fault(path, where, says, "separate cells by commas, and write decimals with a point")
        row = dict(zip(header, cells, strict=True))
        lines_of.append(line)
        positions.append(item_of(row[item], where))
        if named:
            classes.append(class_of(row[named], where))
        if kind and len(positions) <= len(outputs):  # more are items that come twice
            outputs[len(positions) - 1] = [_number(path, where, name, row[name]) for name in columns]
    return _Rows(
        np.array(positions, np.int64), np.array(classes, np.int64) if named else None,
        outputs[: len(positions)] if kind else None, kind, lambda row: f"line {lines_of[row]}",
    )  # fmt: skip


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and cells of each line that is not empty."""
    with reading(path, CORRECT), path.open(newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file, skipinitialspace=True)
        for line in lines:
            cells = [cell.strip() for cell in line]
            if any(cells):
                yield lines.line_num, cells


def _columns(path: Path, header: Sequence[str], items: ScoredItems) -> tuple[str, str, str]:
    """Return which column names the item, which one the class, and which outputs there are; "" for none."""
    count = len(items.info.classes)
    kinds = [kind for kind in OUTPUTS if any(name.startswith(f"{kind}_") for name in header)]
    known = {*ITEMS, *CLASSES, *(f"{kind}_{number}" for kind in OUTPUTS for number in range(count))}
    outputs = " or ".join(f"{kind}_0 to {kind}_{count - 1}" for kind in OUTPUTS)
    usage = (
        "separate columns by commas, name the item by item or index, and give class, class_index, or a column for each "
        f"of the {count} classes of {items.info.name}, {outputs}"
    )
    if twice := [name for name in header if header.count(name) > 1]:
        raise _fault(path, "its first line", f"has the column '{twice[0]}' twice", "leave one of them out")
    if unknown := [name for name in header if name not in known]:
        raise _fault(path, "its first line", f"has the unknown column '{unknown[0]}'", usage)
    item, named = ([name for name in names if name in header] for names in (ITEMS, CLASSES))
    if len(item) != 1 or len(named) > 1 or len(kinds) > 1 or not (named or kinds):
        raise _fault(path, "its first line", f"is '{','.join(header)}'", usage)
    for kind in kinds:
        if absent := [name for name in (f"{kind}_{number}" for number in range(count)) if name not in header]:
            raise _fault(path, "its first line", f"has no column '{absent[0]}'", usage)
    return item[0], next(iter(named), ""), next(iter(kinds), "")


def _finder(path: Path, column: str, items: ScoredItems) -> Callable[[str, str], int]:
    """Return what finds the number of an item, from 0, by its id or by that number itself."""
    known = {plain(name): number for number, name in enumerate(items.ids)} if column == "item" else {}
    name, count = items.info.name, len(items.ids)

    def find(text: str, where: str) -> int:
        number = known.get(plain(text)) if column == "item" else parse_int(text)
        if number is None or number >= count:
            says = f"names the {column} '{text}', which is not among {items}"
            raise _fault(path, where, says, f"`benchmark data items {name}` lists them")
        return number

    return find


def _class_finder(path: Path, column: str, items: ScoredItems) -> Callable[[str, str], int]:
    """Return what finds the number of a class, from 0, by its name or by that number itself."""
    target, count = items.info.name, len(items.info.classes)
    known = {plain(name): number for number, name in enumerate(items.info.classes)} if column == "class" else {}

    def find(text: str, where: str) -> int:
        number = known.get(plain(text)) if column == "class" else parse_int(text)
        if number is None or number >= count:
            near = get_close_matches(plain(text), known, n=3, cutoff=0.5)
            meant = f"did you mean {' or '.join(near)}? " if near else ""
            says = f"has the {column} '{text}', which is not one of the {count} of {target}"
            raise _fault(path, where, says, f"{meant}`benchmark data classes {target}` lists them")
        return number

    return find


def _number(path: Path, where: str, column: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _fault(path, where, f"has '{text}' as {column}", "give a number") from None


# --- arrays ----------------------------------------------------------------------------------------------------


def _read_arrays(path: Path, items: ScoredItems) -> _Rows:
    """Read an array of NumPy, or an archive with one of _ARRAYS and perhaps ``item``, the id of each row."""
    import numpy as np

    content = _load(path, items)
    named = content.pop("item", None)
    if len(content) != 1 or not content.keys() <= _ARRAYS.keys():
        raise BadInput(
            f"{path} has the arrays '{', '.join(content) or 'none'}'; give one of {', '.join(_ARRAYS)}, and item "
            "besides if its rows are in another order than the test items."
        )
    name, values = next(iter(content.items()))
    kind, count = _ARRAYS[name], len(items.info.classes)
    of_classes = kind == "class_index"
    shape, types = (() if of_classes else (count,)), ("iu" if of_classes else "iuf")
    if values.dtype.kind not in types or values.shape[1:] != shape or not values.ndim:
        wanted = (
            "(items,) and whole numbers" if of_classes else f"(items, {count}) and numbers, a column for each class"
        )
        says = f"{path} has {name} of shape {values.shape} and type {values.dtype}"
        raise BadInput(f"{says}, and {items.info.name} has {count} classes; give an array {wanted}.")
    positions = _positions(path, named, len(values), items)
    if of_classes and (wrong := np.flatnonzero((values < 0) | (values >= count))).size:
        row = int(wrong[0])
        says = f"has the class_index '{values[row]}', which is not one of the {count} of {items.info.name}"
        raise _fault(path, f"row {row}", says, f"`benchmark data classes {items.info.name}` lists them")
    classes = values.astype(np.int64) if of_classes else None
    return _Rows(positions, classes, None if of_classes else values, "" if of_classes else kind, "row {}".format)


def _positions(path: Path, named: Any, rows: int, items: ScoredItems) -> NDArray[np.int64]:
    """Return which item each row of an array is of."""
    import numpy as np

    if named is None:
        if rows != len(items.ids):
            raise BadInput(
                f"{path} has {rows:,} rows, which are not {items}; give a row for each of them in their order."
            )
        return np.arange(rows)
    if named.dtype.kind != "U" or named.shape != (rows,):
        raise BadInput(
            f"{path} has item of shape {named.shape} and type {named.dtype}; give the id of each of its rows."
        )
    find = _finder(path, "item", items)
    return np.array([find(str(text), f"row {row}") for row, text in enumerate(named)], np.int64)


def _load(path: Path, items: ScoredItems) -> dict[str, Any]:
    """Return the arrays of a file by name; that of an ``.npy`` is called by its shape."""
    import numpy as np

    most = 100_000 + 4096 * len(items.ids) + 32 * len(items.ids) * len(items.info.classes)  # bytes
    try:
        sizes = [path.stat().st_size]
        if path.suffix.lower() == ".npz":
            with zipfile.ZipFile(path) as archive:
                sizes = [entry.file_size for entry in archive.infolist()]
        if sum(sizes) > most:
            raise ValueError(f"{sum(sizes):,} bytes are more than {items} can have")
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return {"class_index" if found.ndim == 1 else "logits": found}
        with found:
            return {name: np.asarray(found[name]) for name in found.files}
    except Exception as error:  # a damaged archive raises nearly anything
        problem = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
        raise BadInput(f"{path} cannot be read ({problem}); save it by numpy.save or numpy.savez.") from error


# --- what all formats have to keep ------------------------------------------------------------------------------


def _check_items(path: Path, rows: _Rows, items: ScoredItems) -> None:
    """Raise BadInput unless each test item has exactly one row."""
    first: dict[int, int] = {}
    for row, item in enumerate(rows.items.tolist()):
        if item in first:
            says = f"is a second prediction for the item '{items.ids[item]}', after {rows.place(first[item])}"
            raise _fault(path, rows.place(row), says, "keep one of the two")
        first[item] = row
    missing = [number for number in range(len(items.ids)) if number not in first]
    if missing:
        example = f"'{items.ids[missing[0]]}' (index {missing[0]})"
        raise BadInput(
            f"{path} has no prediction for {len(missing):,} of {items}, such as {example}; add a row for each, since a "
            "part of them cannot be scored."
        )


def _check_outputs(path: Path, rows: _Rows, items: ScoredItems) -> None:
    """Raise BadInput for outputs that are not finite, are not probabilities, or contradict the class that is named."""
    import numpy as np

    if rows.outputs is None:
        return
    values = rows.outputs
    for row, column in _first(~np.isfinite(values)):
        says = f"has {values[row, column]} as {rows.kind} of class {column}"
        raise _fault(path, rows.place(row), says, "give finite numbers; a class that is ruled out has probability 0")
    if rows.kind == "probability":
        for row, column in _first((values < 0) | (values > 1)):
            says = f"has {values[row, column]:g} as probability of class {column}"
            raise _fault(path, rows.place(row), says, "give numbers from 0 to 1, or call them logits")
        sums = values.sum(axis=1, dtype=np.float64)
        for (row,) in _first(abs(sums - 1) > SUM_WITHIN):
            says = f"has probabilities that add up to {sums[row]:.4g}"
            raise _fault(path, rows.place(row), says, "give those of all classes, which add up to 1")
    if rows.classes is not None:
        chosen = values[np.arange(len(values)), rows.classes]
        for (row,) in _first(chosen < values.max(axis=1)):
            name = items.info.classes[int(values[row].argmax())]
            says = f"predicts {items.info.classes[rows.classes[row]]}, and its outputs are highest for {name}"
            raise _fault(path, rows.place(row), says, "leave one of the two out, or correct it")


def _first(wrong: NDArray[np.bool_]) -> Iterator[tuple[int, ...]]:
    """Yield the place of the first fault, if there is one."""
    import numpy as np

    if wrong.any():
        yield tuple(int(part) for part in np.unravel_index(int(wrong.argmax()), wrong.shape))


def _outputs(path: Path, rows: _Rows, items: ScoredItems) -> Outputs:
    """Return the rows in the order of the items, as logarithms of probabilities."""
    import numpy as np

    order = np.argsort(rows.items)
    lowest = float(np.finfo(np.float16).min)
    if rows.outputs is None:
        if rows.classes is None:
            raise ValueError(f"{path} has neither classes nor outputs")
        logp = np.full((len(order), len(items.info.classes)), lowest, np.float16)
        logp[np.arange(len(order)), rows.classes[order]] = 0
        return Outputs(logp, probabilities=False)
    chosen = rows.outputs.argmax(axis=1) if rows.classes is None else rows.classes
    parts = [
        _log_probabilities(rows.outputs[part], chosen[part], rows.kind)
        for part in (order[start : start + _CHUNK] for start in range(0, len(order), _CHUNK))
    ]
    return Outputs(np.concatenate(parts), probabilities=True)


def _log_probabilities(outputs: NDArray[np.floating[Any]], chosen: NDArray[np.int64], kind: str) -> NDArray[np.float16]:
    """Return log-softmax of logits, or the logarithm of probabilities, in half precision, (n, classes).

    Where rounding makes other classes as probable as the one that is predicted, these are lowered by one step.
    """
    import numpy as np

    from benchmark.evaluation.metrics import average_clips, predicted

    values = outputs.astype(np.float64)
    if kind == "probability":
        values = np.log(values, where=values > 0, out=np.full_like(values, np.finfo(np.float16).min, np.float64))
    with np.errstate(over="ignore"):
        logp = average_clips(values[:, None])
    every = np.arange(len(logp))
    changed = predicted(logp) != chosen
    if changed.any():
        alike = changed[:, None] & (logp == logp[every, chosen][:, None])
        alike[every, chosen] = False
        logp[alike] = np.nextafter(logp[alike], np.float16(-np.inf))
    return logp


def _fault(path: Path, where: str, says: str, remedy: str) -> BadInput:
    end = "" if remedy.endswith(("?", ".")) else "."
    return BadInput(f"{path}: {where} {says}; {remedy}{end}")


def as_csv(items: Mapping[str, Sequence[Any]]) -> str:
    """Return columns as a CSV file, safe for a spreadsheet."""
    import pandas as pd

    from benchmark.leaderboard.documents import render_csv

    return render_csv(pd.DataFrame(items))
