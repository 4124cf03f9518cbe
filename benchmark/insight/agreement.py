"""Where a student decides otherwise than its teacher: class by class and item by item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.evaluation.metrics import predicted
from benchmark.insight.calibration import log_softmax

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]


def confusion(teacher_logp: Floats, student_logp: Floats) -> NDArray[np.int64]:
    """Return how many items each pair of predictions has: (classes, classes), rows by teacher, columns by student."""
    classes = teacher_logp.shape[1]
    pairs = predicted(teacher_logp) * classes + predicted(student_logp)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def commonest(confused: NDArray[np.int64], classes: Sequence[str], most: int) -> list[dict[str, Any]]:
    """Return the commonest disagreements of ``confusion``, at most so many, ties in the order of the classes."""
    off = np.where(np.eye(len(confused), dtype=bool), 0, confused)
    order = np.argsort(-off, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), len(off)) for place in order]
    return [
        {"teacher": classes[row], "student": classes[column], "items": int(off[row, column])}
        for row, column in pairs
        if off[row, column]
    ]


def distances(teacher_logp: Floats, student_logp: Floats) -> NDArray[np.float64]:
    """Return the total variation distance ½ Σ_k |t_k - s_k| of both predictions of each item, (n,), in [0, 1]."""
    teacher, student = np.exp(log_softmax(teacher_logp)), np.exp(log_softmax(student_logp))
    return np.asarray(np.abs(teacher - student).sum(axis=1) / 2)


def most_different(
    teacher_logp: Floats, student_logp: Floats, labels: Integers, ids: Sequence[str], classes: Sequence[str], most: int
) -> list[dict[str, Any]]:
    """Return the items of which both predictions differ most, the first ones first; ``place`` is an item's index."""
    apart = distances(teacher_logp, student_logp)
    sides = {"teacher": np.exp(log_softmax(teacher_logp)), "student": np.exp(log_softmax(student_logp))}
    found = []
    for place in np.argsort(-apart, kind="stable")[:most].tolist():
        item: dict[str, Any] = {
            "place": place, "id": ids[place], "label": classes[labels[place]], "distance": float(apart[place])
        }  # fmt: skip
        for name, probabilities in sides.items():
            best = int(probabilities[place].argmax())
            item[name] = {"class": classes[best], "probability": float(probabilities[place, best])}
        found.append(item)
    return found
