"""The published result beside a row: shown if it is of the row's source, networks and setting; else what differs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from benchmark.config.published import differing_settings, same_networks
from benchmark.records.record import Record, is_real_training_items
from modalities.base import Published

PUBLISHED_PROFILE = "paper"


def published_columns(
    record: Record | None, deviations: Collection[str], published: Sequence[Published]
) -> dict[str, Any]:
    """Return the columns ``published_top1`` and ``published_differs`` of a row.

    Args:
        record: of one of the row's seeds that are done; without one it is not known which datum was used.
        deviations: those of all of its seeds.
        published: results on the row's target, their ``sources`` as SHA-256.

    Returns:
        The top-1 of a student of the same datum and networks, under the profile that is the published setting, with
        no setting of it changed and on all test items, or else None and a sentence on the nearest result. Neither is
        given for data that are not real, for the control over real training items, for predictions that were handed
        in, or without a published student.
    """
    columns = {"published_top1": None, "published_differs": ""}
    students = [entry for entry in published if entry.role == "student"]
    if record is None or record.data != "real" or not students:
        return columns
    if record.is_handed_in or is_real_training_items(record.source["name"]):
        return columns
    nearest = min(students, key=lambda entry: len(_differences(record, deviations, entry)))  # of several, the first
    differing = _differences(record, deviations, nearest)
    if not differing:
        return columns | {"published_top1": nearest.top1}
    result = f"{100 * nearest.top1:.1f} % (networks: {nearest.networks}; datum: {nearest.datum})"
    return columns | {
        "published_differs": f"the nearest published result, {result}, has other {' and '.join(differing)}"
    }


def _differences(record: Record, deviations: Collection[str], entry: Published) -> list[str]:
    """Return what tells a published result from that of a row."""
    differing = [] if same_networks(entry, record.teacher, record.student) else ["networks"]
    if record.source["sha256"] not in entry.sources:
        differing.append("source")
    if record.profile != PUBLISHED_PROFILE:
        differing.append("setting")
    elif changed := differing_settings(deviations, record.target, record.modality):
        differing.append(f"setting ({'; '.join(text.rstrip('.') for text in changed)})")
    items, known = record.test_set.get("items"), record.test_set.get("known_items")
    if known is not None and items != known:
        differing.append(f"test items ({items:,} of {known:,})")
    return differing
