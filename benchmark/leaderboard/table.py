"""The leaderboard: a pure function of manifest and records, one row per experiment, aggregated over its seeds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter, itemgetter
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from benchmark.leaderboard.published import published_columns
from benchmark.records.cell_key import CellKey
from benchmark.records.record import ManifestEntry, Record
from benchmark.records.store import Store
from modalities.base import Published
from modalities.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

ROW_AXES = (*(axis.name for axis in fields(CellKey) if axis.name != "seed"), "row")
FIGURES = (
    "top1", "top1_sd", "top1_low", "top1_high", "teacher_top1", "retention", "fidelity", "chance", "majority",
    "untrained", "published_top1", "top5", "mean_per_class", "kl", "ece", "segments", "seconds",
)  # fmt: skip
COLUMNS = (*ROW_AXES, "status", "reason", "seeds", *FIGURES, "published_differs", "note")

_axes = attrgetter(*ROW_AXES)  # of a cell
_NOTES = {
    "stand-in": "made on a generated stand-in: not a result on the real dataset",
    "shipped": "made on real data that ship inside a dependency",
    "smoke": "smoke profile: the numbers mean nothing",
}

_MODALITY_ORDER = ("image", "audio", "video")
_DATA_ORDER = ("real", "shipped", "stand-in")


def leaderboard(store: Store, published: Mapping[str, Sequence[Published]] | None = None) -> pd.DataFrame:
    """Return all rows that some run requested, done or not, in a fixed order.

    A row stands for the cells that agree in every axis but the seed; ``row`` tells rows apart that agree in these
    names and differ in a setting. Figures are means over the seeds that are done, and ``seeds`` says how many: ``3``,
    or ``2/3`` if fewer are done than requested. ``top1_sd`` is their standard deviation (n - 1; missing for one seed).
    ``top1_low`` and ``top1_high`` are the 95 % Wilson interval of the mean top-1 with n = the number of test items,
    not items times seeds, since all seeds are scored on the same items. ``seconds`` and ``segments`` are means per
    cell. ``status`` and ``reason`` are those of the first seed that is not done. Accuracies are fractions, rounded to
    six decimals. A row without data leaves the table once a row of the same names has data.

    ``published`` are the results of the original publication by target; ``published_top1`` is the one of the row's own
    source, networks and setting, and ``published_differs`` says in what the nearest one differs, if there is none.
    Raise BadInput if no run has requested anything here, or if a manifest is damaged; a damaged record costs only its
    cell.
    """
    import pandas as pd

    requested = store.requested_cells()
    if not requested:
        raise BadInput(
            f"{store.root} holds no results; `benchmark run` makes some, or choose another folder.", about="results"
        )
    groups: dict[tuple[Any, ...], list[ManifestEntry]] = {}
    for cell in requested:
        groups.setdefault(_axes(cell), []).append(cell)
    rows = [_row(store, cells, published or {}) for cells in sorted(groups.values(), key=_order)]
    frame = pd.DataFrame(_without_superseded(rows), columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(FIGURES, "float64") | {"segments": "Int64"})


def sanitize(text: str) -> str:
    """Return one line without control characters, terminal escapes, direction marks or what no file can hold."""
    spaced = re.sub("[\t\n\r\v\f]", " ", text)
    visible = (sign for sign in spaced if unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co"))
    return " ".join("".join(visible).split())  # split() takes the line and paragraph separators too


def _order(cells: list[ManifestEntry]) -> tuple[Any, ...]:
    """Real data before stand-ins, then image, audio, video, then by name."""
    first = cells[0]
    place = _MODALITY_ORDER.index(first.modality) if first.modality in _MODALITY_ORDER else len(_MODALITY_ORDER)
    return first.profile, _DATA_ORDER.index(first.data), place, *_axes(first)


def _without_superseded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = itemgetter(*(axis for axis in ROW_AXES if axis != "row"))
    with_data = {names(row) for row in rows if row["status"] != "no data"}
    return [row for row in rows if row["status"] != "no data" or names(row) not in with_data]


def _outcome(store: Store, cell: ManifestEntry) -> Record | tuple[str, str]:
    """Return the record of a cell that is done, or the status and reason of one that is not."""
    try:
        record = store.read(cell.id)
    except BadInput as error:
        return "failed", str(error).replace(str(store.cells / cell.id), cell.id)
    if record is None:
        return "to run", "not run yet"
    if record.status != "done":
        return record.status, record.reason
    accuracy, items = record.metrics.get("top1"), record.metrics.get("items")
    if accuracy is None or not 0 <= accuracy <= 1 or items is None or items < 1:
        return "failed", "the record says done and has no top-1 over test items"
    return record


def _row(store: Store, cells: list[ManifestEntry], published: Mapping[str, Sequence[Published]]) -> dict[str, Any]:
    done, unfinished = [], []
    for cell in sorted(cells, key=lambda cell: (cell.seed, cell.id)):
        outcome = _outcome(store, cell)
        if isinstance(outcome, Record):
            done.append(outcome)
        else:
            status, reason = outcome
            unfinished.append((status, f"seed {cell.seed}: {reason}" if len(cells) > 1 else reason))
    status, reason = unfinished[0] if unfinished else ("done", "")
    first = cells[0]
    row: dict[str, Any] = {axis: getattr(first, axis) for axis in ROW_AXES}
    row |= {
        "status": status,
        "reason": reason,
        "seeds": f"{len(done)}/{len(cells)}" if unfinished else f"{len(done)}",
        **published_columns(done, published.get(first.target, ())),
        "note": "; ".join(_NOTES[name] for name in (first.data, first.profile) if name in _NOTES),
        **(_figures(done) if done else {}),
    }
    return {name: sanitize(value) if isinstance(value, str) else value for name, value in row.items()}


def _figures(records: list[Record]) -> dict[str, float | int | None]:
    from benchmark.evaluation.metrics import retention, wilson_interval

    accuracies = [value for record in records if (value := record.metrics["top1"]) is not None]
    top1 = fmean(accuracies)
    teacher = _mean(record.controls.get("teacher_top1") for record in records)
    low, high = wilson_interval(top1, int(min(record.metrics["items"] or 0 for record in records)))
    figures = {
        "top1": top1,
        "top1_sd": stdev(accuracies) if len(records) > 1 else None,
        "top1_low": low,
        "top1_high": high,
        "teacher_top1": teacher,
        "retention": None if teacher is None else retention(top1, teacher),
        **{name: _mean(r.metrics.get(name) for r in records) for name in _FROM_METRICS},
        **{name: _mean(r.controls.get(name) for r in records) for name in ("chance", "majority", "untrained")},
    }
    return {
        **{name: None if value is None else round(value, 6) for name, value in figures.items()},
        "segments": round(fmean(record.segments for record in records)),
        "seconds": round(fmean(sum(record.seconds.values()) for record in records), 1),
    }


_FROM_METRICS = ("fidelity", "top5", "mean_per_class", "kl", "ece")


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean, or None as soon as one value is missing: a mean over fewer would not say so."""
    numbers = list(values)
    known = [value for value in numbers if value is not None]
    return fmean(known) if known and len(known) == len(numbers) else None
