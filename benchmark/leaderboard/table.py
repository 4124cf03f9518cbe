"""The leaderboard: a pure function of manifest and records, one row per experiment, aggregated over its seeds."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from math import ceil, fsum, sqrt
from operator import attrgetter, itemgetter
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmark.leaderboard.costs import COUNTS, costs_of, method_of
from benchmark.leaderboard.published import published_columns
from benchmark.leaderboard.ranking import add_ranks
from benchmark.leaderboard.statement import UNSEEN, stated
from benchmark.records.cell_key import CellKey
from benchmark.records.identity import canonical_json
from benchmark.records.record import ACCURACIES, HANDED_IN, ManifestEntry, Record
from benchmark.records.settings import Settings, differences, is_complete, tell_apart, value_at, without_data
from benchmark.records.store import Store
from benchmark.system.collector import paused_collector
from benchmark.system.forked import map_forked
from modalities.base import Published
from modalities.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

ROW_AXES = (*(axis.name for axis in fields(CellKey) if axis.name != "seed"), "row")
FIGURES = (
    "score", "score_sd", "score_low", "score_high", "score_sd_expected", "score_two_way_low", "score_two_way_high",
    "rank", "rank_low", "rank_high", "teacher_score", "retention", "fidelity", "chance", "majority",
    "untrained", "published_top1", "top1", "top1_sd", "top1_low", "top1_high", "teacher_top1", "top5", "mean_per_class",
    "mean_per_class_sd", "mean_per_class_low", "mean_per_class_high", "teacher_mean_per_class", "kl", "ece", "items",
    "known_items", "clusters", "classes", "classes_predicted", "teacher_classes_predicted", "segments", "seconds",
    *COUNTS, "distill_seconds",
)  # fmt: skip
WHOLE = ("rank", "rank_low", "rank_high", "items", "known_items", "clusters", "classes", "segments", *COUNTS)
COLUMNS = (
    *ROW_AXES, "id", "source_sha256", "method", "variant", "differs", "status", "reason", "seeds", "metric",
    "interval", *FIGURES, "items_sha256", "collapsed", "ties", "rank_note", "seed_scores", "published_differs",
    "handed_in", "note",
)  # fmt: skip
FORKED_FROM = 10_000  # cells, a second's work
DIFFERENCES_FORKED_FROM = 5_000  # rows, half a second's
SHOWN_AXES = ("modality", "target", "fold", "source", "profile", "data")  # those that every table shows

Row = dict[str, Any]  # by column

_axes = attrgetter(*ROW_AXES)  # of a cell
_NOTES = {
    "stand-in": "made on a generated stand-in: not a result on the real dataset",
    "shipped": "made on real data that ship inside a dependency",
    "smoke": "smoke profile: the numbers mean nothing",
}

_MODALITY_ORDER = ("image", "audio", "video")
_DATA_ORDER = ("real", "shipped", "stand-in")


@paused_collector()
def leaderboard(store: Store, published: Mapping[str, Sequence[Published]] | None = None) -> pd.DataFrame:
    """Return all rows that some run requested, done or not, in a fixed order.

    A row stands for the cells that agree in every setting but the seed; ``row`` is a hash of them all, and ``id`` has
    the ids of the cells, in the order of their seeds. ``differs`` says in words how a row differs from others of the
    same SHOWN_AXES, and ``source_sha256`` tells sources of one name apart; it is empty if a cell of an earlier version
    has not run. ``variant`` has the labels that suites or the user give a row; what the user calls it is in ``differs``
    too.

    Figures are means over the seeds that are done, and ``seeds`` says how many: ``3``, or ``2/3`` if fewer are done
    than requested. ``score`` is ``top1`` or ``mean_per_class`` (balanced accuracy), as the
    target's ``metric`` says, and so are ``teacher_score``, ``retention`` and ``untrained``. ``*_sd`` is the standard
    deviation over seeds (n - 1; missing for one seed). ``*_low`` and ``*_high`` are the 95 % interval of the mean over
    the test items, not items times seeds, since all seeds are scored on the same items; ``interval`` is ``wilson`` for
    independent items and ``clustered`` where several items share a leak unit (``benchmark.statistics.intervals``).
    ``score_two_way_*`` is for other seeds too, and ``score_sd_expected`` is the spread over seeds that the test items
    alone would lead to. ``seed_scores`` are the scores of the seeds that are done, in their order. ``rank``, its
    interval and ``ties`` are among the rows of one target (``benchmark.leaderboard.ranking``), ``rank_note`` says why
    there is none.
    ``handed_in`` is what was stated with predictions that others made outside this package, of which there are no
    figures but those that the predictions give; it is empty for other rows.
    ``method`` and the costs (``benchmark.leaderboard.costs``) are there for rows of one method, too; it is the tables
    that leave them out.
    ``collapsed`` names the networks that predict too few classes (``metrics.is_collapsed``) for some seed. ``seconds``
    and ``segments`` are means per cell. ``status`` and ``reason`` are those of the first seed that is not done.
    Accuracies are fractions, rounded to six decimals. A row without data leaves the table once a row of the same
    settings has data.

    ``published`` are the results of the original publication by target; ``published_top1`` is the one of the row's own
    source, networks and setting, and ``published_differs`` says in what the nearest one differs, if there is none.
    Raise BadInput if no run has requested anything here, or if a manifest is damaged; a damaged record costs only its
    cell.
    """
    import pandas as pd

    requested, settings, labels, named = store.requested()
    if not requested:
        raise BadInput(
            f"{store.root} holds no results; `benchmark run` makes some, or choose another folder.", about="results"
        )
    groups: dict[tuple[Any, ...], list[ManifestEntry]] = {}
    for cell in requested:
        groups.setdefault(_axes(cell), []).append(cell)
    found = sorted(groups.values(), key=_order)
    per_row = len(requested) / len(found)
    made = map_forked(
        lambda cells: _row(store, cells, settings.get(cells[0].row), published or {}), found,
        least=ceil(FORKED_FROM / per_row),
    )  # fmt: skip
    rows = [(row, own or settings[row["row"]]) for row, own in made]
    kept = _without_superseded(rows)
    _tell_apart(kept, labels, named)
    add_ranks(store, [row for row, _ in kept])
    frame = pd.DataFrame([row for row, _ in kept], columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(FIGURES, "float64") | dict.fromkeys(WHOLE, "Int64"))


@lru_cache(10_000)
def sanitize(text: str) -> str:
    """Return one line of composed letters without control characters, escapes, direction marks or lone surrogates."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    spaced = re.sub("[\t\n\r\v\f]", " ", text)
    visible = (sign for sign in spaced if unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co"))
    line = " ".join("".join(visible).split())  # split() takes the line and paragraph separators too
    return unicodedata.normalize("NFC", line)


def _order(cells: list[ManifestEntry]) -> tuple[Any, ...]:
    """Real data before stand-ins, then image, audio, video, then by name."""
    first = cells[0]
    place = _MODALITY_ORDER.index(first.modality) if first.modality in _MODALITY_ORDER else len(_MODALITY_ORDER)
    return first.profile, _DATA_ORDER.index(first.data), place, *_axes(first)


def _names(cell: ManifestEntry) -> Settings:
    """Return what is known of a row's settings if neither a manifest nor a record says."""
    return {
        "policy": {"name": cell.policy}, "recipe": {"name": cell.recipe},
        "teacher": {"network": cell.teacher}, "student": {"network": cell.student},
    }  # fmt: skip


def _without_superseded(rows: Sequence[tuple[Row, Settings]]) -> list[tuple[Row, Settings]]:
    """Leave out rows without data if a row that differs in nothing else has data."""
    names = itemgetter(*(axis for axis in ROW_AXES if axis != "row"))
    missing = {names(row) for row, _ in rows if row["status"] == "no data"}
    with_data: dict[Any, set[str]] = {}  # by names, what the settings say besides; "" if they do not say everything
    for row, own in rows:
        if row["status"] != "no data" and names(row) in missing:
            with_data.setdefault(names(row), set()).add(_besides_data(own))

    def superseded(row: Row, own: Settings) -> bool:
        others = with_data.get(names(row), set())
        return bool(others) and ("" in (own_text := _besides_data(own), *others) or own_text in others)

    return [(row, own) for row, own in rows if row["status"] != "no data" or not superseded(row, own)]


def _besides_data(settings: Settings) -> str:
    return canonical_json(without_data(settings)) if is_complete(settings) else ""


def _tell_apart(
    rows: Sequence[tuple[Row, Settings]], labels: Mapping[str, Sequence[str]], named: Mapping[str, str]
) -> None:
    """Say of each row which source and variant it is, and how it differs from rows that look like it.

    What the user calls a row always says how. Else labels of variants do, if they tell these rows apart, or the
    settings that differ.
    """
    shown_alike: dict[tuple[Any, ...], list[tuple[Row, Settings]]] = {}
    for row, own in rows:
        row["variant"] = sanitize("; ".join(labels.get(row["row"], ())))
        row["source_sha256"] = sanitize(str(value_at(own, "source.sha256") or ""))
        key = *(row[axis] for axis in SHOWN_AXES), bool(row["handed_in"])
        shown_alike.setdefault(key, []).append((row, own))
    groups = list(shown_alike.values())
    least = ceil(len(groups) * DIFFERENCES_FORKED_FROM / max(1, len(rows)))
    told = map_forked(lambda alike: _told_apart(alike, named), groups, least=least)
    for alike, texts in zip(groups, told, strict=True):
        for (row, _), text in zip(alike, texts, strict=True):
            row["differs"] = text


def _told_apart(alike: Sequence[tuple[Row, Settings]], named: Mapping[str, str]) -> list[str]:
    """Return how each of some rows that look alike differs from the others."""
    texts = [row["variant"] for row, _ in alike]
    if len(alike) == 1 or not tell_apart(texts):
        texts = [sanitize(text) for text in differences([own for _, own in alike])]
    names = [sanitize(named.get(row["row"], "")) for row, _ in alike]
    count = Counter(names)
    texts = [
        name if name and count[name] == 1 else ", ".join(filter(None, dict.fromkeys((name, text))))
        for name, text in zip(names, texts, strict=True)
    ]
    count = Counter(texts)
    return [
        # By its hash, if nothing else tells a row: of an earlier version, or damaged.
        ", ".join(filter(None, (text, f"settings {row['row']}" if count[text] > 1 else "")))
        for (row, _), text in zip(alike, texts, strict=True)
    ]


def _read(store: Store, cell: ManifestEntry) -> tuple[Record | None, str, str]:
    """Return a cell's record, if it has one that can be read, its status, and the reason if it is not done."""
    try:
        record = store.read(cell.id)
    except BadInput as error:
        return None, "failed", str(error).replace(str(store.cells / cell.id), cell.id)
    if record is None:
        return None, "to run", "not run yet"
    if record.status != "done":
        return record, record.status, record.reason
    accuracy, items = record.score, record.metrics.get("items")
    if accuracy is None or not 0 <= accuracy <= 1 or items is None or items < 1:
        return record, "failed", f"the record says done and has no {record.metric} accuracy over test items"
    return record, "done", ""


def _row(
    store: Store, cells: list[ManifestEntry], known: Settings | None, published: Mapping[str, Sequence[Published]]
) -> tuple[Row, Settings | None]:
    """Return a row and, if its settings are not ``known``, what a record says of them, or only its names."""
    own, example = None, None
    done: list[_Result] = []
    unfinished: list[tuple[str, str]] = []
    deviations: dict[str, None] = {}
    ordered = sorted(cells, key=lambda cell: (cell.seed, cell.id))
    for cell in ordered:
        record, status, reason = _read(store, cell)
        if record is not None and status == "done":
            example = example or record
            done.append(_result(record))
            deviations |= dict.fromkeys(record.deviations)
        else:
            unfinished.append((status, f"seed {cell.seed}: {reason}" if len(cells) > 1 else reason))
        own = own or (record.settings if record and not known else None)
    status, reason = unfinished[0] if unfinished else ("done", "")
    first = cells[0]
    handed_in = bool(value_at(known or own or {}, HANDED_IN))
    notes = [_NOTES[name] for name in (first.data, first.profile) if name in _NOTES]
    row: Row = {axis: getattr(first, axis) for axis in ROW_AXES}
    row |= {
        "id": " ".join(cell.id for cell in ordered),
        "status": status,
        "reason": reason,
        "method": "" if handed_in else method_of(known or own or {}),
        "seeds": f"{len(done)}/{len(cells)}" if unfinished else f"{len(done)}",
        **published_columns(example, deviations, published.get(first.target, ())),
        "cells": [record.id for record in done],
        "handed_in": stated(example.handed_in if example else {}) if handed_in else "",
        "note": "; ".join([*notes, UNSEEN] if handed_in else notes),
        **(_figures(done) if done else {}),
        **({"segments": None, "seconds": None} if handed_in else {}),
    }
    clean = {name: sanitize(value) if isinstance(value, str) else value for name, value in row.items()}
    return clean, None if known else own or _names(first)


class _Result(NamedTuple):
    """What is kept of a record of a row that is done: a row may have any number of seeds, and a record is large."""

    id: str
    metric: str
    metrics: Mapping[str, float | None]
    controls: Mapping[Any, float | None]
    test_set: Mapping[Any, Any]
    segments: int
    seconds: Mapping[str, float]
    costs: Mapping[str, float | None]


def _result(record: Record) -> _Result:
    return _Result(
        record.id, record.metric, record.metrics, record.controls, record.test_set, record.segments, record.seconds,
        costs_of(record),
    )  # fmt: skip


def _figures(records: list[_Result]) -> dict[str, Any]:
    from benchmark.evaluation.metrics import is_collapsed, retention
    from benchmark.statistics.planning import expected_seed_spread

    metric = records[0].metric
    figures: dict[str, float | None] = {}
    for name in ACCURACIES.values():
        figures |= _accuracy(name, records)
    figures["teacher_top1"] = _mean([r.controls.get("teacher_top1") for r in records])
    figures["teacher_mean_per_class"] = _mean([r.metrics.get("teacher_mean_per_class") for r in records])
    for name in ("", "_sd", "_low", "_high"):
        figures[f"score{name}"] = figures[f"{ACCURACIES[metric]}{name}"]
    score, teacher = figures["score"], figures[f"teacher_{ACCURACIES[metric]}"]
    seeds = [record.metrics.get(ACCURACIES[metric]) for record in records]
    figures["score_sd_expected"] = (
        None if score is None else expected_seed_spread(score, _items(ACCURACIES[metric], records))
    )
    figures |= {
        "teacher_score": teacher,
        "retention": None if score is None or teacher is None else retention(score, teacher),
        **{name: _mean([r.metrics.get(name) for r in records]) for name in _FROM_METRICS},
        **{name: _mean([r.controls.get(name) for r in records]) for name in _FROM_CONTROLS},
        "segments": round(fmean(record.segments for record in records)),
        "seconds": round(fmean(sum(record.seconds.values()) for record in records), 1),
        **_costs([record.costs for record in records]),
    }
    test_sets = [record.test_set for record in records]
    hashes = {str(found.get("ids_sha256") or "") for found in test_sets}
    predicted = {
        who: [(r.metrics.get(f"{prefix}classes_predicted"), r.metrics.get("classes")) for r in records]
        for who, prefix in (("teacher", "teacher_"), ("student", ""))
    }
    collapsed = [
        who for who, counts in predicted.items() if any(p is not None and n and is_collapsed(p, n) for p, n in counts)
    ]
    clustered = (figures["clusters"] or 0) < (figures["items"] or 0) and figures["clusters"] is not None
    return {
        **{name: None if value is None else round(value, 6) for name, value in figures.items()},
        "known_items": _mean([_number(found.get("known_items")) for found in test_sets]),
        "items_sha256": hashes.pop() if len(hashes) == 1 else "differ",
        "metric": metric,
        "seed_scores": " ".join(f"{seed:.6g}" for seed in seeds if seed is not None),
        "interval": "clustered" if clustered else "wilson",
        "collapsed": ", ".join(collapsed),
    }


def _costs(every: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    means = {name: _mean([costs[name] for costs in every]) for name in every[0]}
    return {name: None if mean is None else round(mean, 0 if name in COUNTS else 1) for name, mean in means.items()}


def _accuracy(name: str, records: list[_Result]) -> dict[str, float | None]:
    """Return the mean of one accuracy over seeds, its spread, and its interval over the test items."""
    from benchmark.statistics.intervals import wilson_interval

    values = [value for record in records if (value := record.metrics.get(name)) is not None]
    if len(values) < len(records):
        return {f"{name}{what}": None for what in ("", "_sd", "_low", "_high")}
    mean = fmean(values)
    low, high = wilson_interval(mean, _items(name, records))
    # As statistics.stdev, whose exact fractions take a tenth of the time of a large table.
    spread = sqrt(fsum((value - mean) ** 2 for value in values) / (len(values) - 1)) if len(values) > 1 else None
    return {name: mean, f"{name}_sd": spread, f"{name}_low": low, f"{name}_high": high}


def _items(name: str, records: list[_Result]) -> float:
    """Return the effective items of an accuracy, as a mean over seeds; earlier versions counted every item."""
    return fmean(r.metrics.get(f"{name}_effective_items", r.metrics.get("items")) or 0 for r in records)


_FROM_METRICS = (
    "fidelity", "top5", "kl", "ece", "items", "clusters", "classes", "classes_predicted", "teacher_classes_predicted"
)  # fmt: skip
_FROM_CONTROLS = ("chance", "majority", "untrained")


def _number(value: Any) -> float | None:
    return value if isinstance(value, int) else None


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean, or None as soon as one value is missing: a mean over fewer would not say so."""
    known = [value for value in values if value is not None]
    return fsum(known) / len(known) if known and len(known) == len(values) else None
