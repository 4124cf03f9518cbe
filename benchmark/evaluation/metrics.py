"""Metrics of predictions: pure NumPy, from the float16 log-probabilities that are stored.

Scoring saved predictions again gives exactly the same value. Throughout, ``logp`` is (n, classes), natural-log
probabilities of n test items; ``labels`` is (n,), integers in [0, classes). After rounding to float16, probabilities no
longer sum to 1, so metrics that need probabilities normalise each row again in float64. If classes tie, the one with
the lowest index is predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics.intervals import effective_items, wilson_interval

Metric = Literal["top-1", "mean per-class"]
Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]

_LOWEST = float(np.finfo(np.float16).min)


def average_clips(logits: Floats) -> NDArray[np.float16]:
    """Log of the softmax averaged over an item's clips: log((1/C) Σ_c softmax(z_c)).

    Logits are (n, clips, classes), any float type; ValueError if one is not finite. The result is (n, classes) float16,
    at most 0; smaller values are clipped to the lowest finite float16.
    """
    if logits.ndim != 3:
        raise ValueError(f"expected logits of shape (items, clips, classes), got {logits.shape}")
    if not np.isfinite(logits).all():
        raise ValueError("a logit is not finite")
    per_clip = _normalised(logits)
    highest = per_clip.max(axis=1, keepdims=True)
    mean = highest[:, 0] + np.log(np.exp(per_clip - highest).mean(axis=1))
    return np.asarray(mean.clip(_LOWEST, 0.0), dtype=np.float16)


def predicted(logp: Floats) -> NDArray[np.int64]:
    """Return the most probable class of each item, (n,)."""
    return np.asarray(logp.argmax(axis=1), dtype=np.int64)


def _normalised(logits: Floats) -> NDArray[np.float64]:
    """Return the log-softmax over the last axis in float64."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), dtype=np.float64)


def _checked(logp: Floats, labels: Integers) -> Floats:
    if logp.ndim != 2 or labels.shape != logp.shape[:1] or not len(labels):
        raise ValueError(f"outputs {logp.shape} and labels {labels.shape} do not belong to the same items")
    if not np.isfinite(logp).all():
        raise ValueError("an output is not finite")
    if labels.min() < 0 or labels.max() >= logp.shape[1]:
        raise ValueError(f"labels {labels.min()} to {labels.max()} do not fit {logp.shape[1]} outputs")
    return logp


def top1(logp: Floats, labels: Integers) -> float:
    """Share of items whose most probable class is the label, in [0, 1]."""
    return float((predicted(_checked(logp, labels)) == labels).mean())


def topk(logp: Floats, labels: Integers, k: int) -> float:
    """Share of items whose label is among the k most probable classes, in [0, 1]."""
    best = np.argsort(-_checked(logp, labels).astype(np.float64), axis=1, kind="stable")[:, :k]
    return float((best == labels[:, None]).any(axis=1).mean())


def mean_per_class(logp: Floats, labels: Integers) -> float:
    """Balanced accuracy: accuracy within each class that occurs, averaged over these classes; in [0, 1]."""
    right = predicted(_checked(logp, labels)) == labels
    items = np.bincount(labels)
    hits = np.bincount(labels, weights=right)
    return float((hits[items > 0] / items[items > 0]).mean())


def chance(labels: Integers) -> float:
    """Accuracy of uniform guesses among the classes that occur: 1 / their number."""
    return 1.0 / len(np.unique(labels))


def majority_share(labels: Integers) -> float:
    """Share of the most frequent class: the best accuracy of a predictor that ignores its input."""
    return float(np.bincount(labels).max() / len(labels))


def classes_predicted(logp: Floats, labels: Integers) -> int:
    """Number of the classes that occur which are predicted for any item, right or wrong."""
    return len(np.intersect1d(predicted(logp), labels))


def is_collapsed(classes_predicted: float, classes: float) -> bool:
    """Return whether so few classes are predicted that accuracy may come from their frequency alone.

    These are fewer than two, or under half of the ``classes`` that occur.
    """
    return classes_predicted < 2 or 2 * classes_predicted < classes


def retention(student: float, teacher: float) -> float | None:
    """Student's accuracy / teacher's, at least 0; None if the teacher is never right."""
    return student / teacher if teacher > 0 else None


def fidelity(student_logp: Floats, teacher_logp: Floats) -> float:
    """Share of items on which both predict the same class, right or wrong (Stanton et al., NeurIPS 2021), in [0, 1]."""
    return float((predicted(student_logp) == predicted(teacher_logp)).mean())


def kl_to_teacher(student_logp: Floats, teacher_logp: Floats) -> float:
    """Mean over items of KL(teacher || student) = Σ_k t_k (log t_k - log s_k) at temperature 1, in nats, at least 0."""
    teacher, student = _normalised(teacher_logp), _normalised(student_logp)
    return max(0.0, float((np.exp(teacher) * (teacher - student)).sum(axis=1).mean()))


def expected_calibration_error(logp: Floats, labels: Integers, bins: int = 15) -> float:
    """Σ_m (n_m / n) |accuracy_m - confidence_m| over equal-width bins ((m-1)/M, m/M] of the highest probability.

    In [0, 1]; Guo et al., On Calibration of Modern Neural Networks, ICML 2017, equations 2 to 5.
    """
    confidence = np.exp(_normalised(_checked(logp, labels)).max(axis=1))
    right = predicted(logp) == labels
    member = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    # |accuracy - confidence| of a bin times its share of the items is |hits - summed confidence| over all items.
    gaps = np.bincount(member, weights=right, minlength=bins) - np.bincount(member, weights=confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def untrained_score(logp: Floats, labels: Integers, metric: Metric) -> float:
    """Score of a network that was never trained, choosing among the classes that occur, as chance does; in [0, 1]."""
    occurring = np.unique(labels)
    return score(logp[:, occurring], np.searchsorted(occurring, labels), metric)


def score(logp: Floats, labels: Integers, metric: Metric) -> float:
    """Accuracy by the metric of a target: over all items, or balanced over the classes that occur; in [0, 1]."""
    return top1(logp, labels) if metric == "top-1" else mean_per_class(logp, labels)


def evaluate_student(
    logp: Floats, labels: Integers, *, groups: Sequence[str] | None = None, probabilities: bool = True
) -> dict[str, float | None]:
    """Compute what a student's outputs and the labels alone give; outputs are rounded to float16 first.

    ``top5`` is None with 5 classes or fewer. It and ``ece`` are None without ``probabilities``, if the outputs say
    which class is predicted and nothing more. Otherwise as ``evaluate_predictions``.
    """
    student = _checked(logp.astype(np.float16), labels)
    right = predicted(student) == labels
    figures: dict[str, float | None] = {
        "items": len(labels),
        "clusters": len(labels) if groups is None else len(set(groups)),
        "classes": len(np.unique(labels)),
        "classes_predicted": classes_predicted(student, labels),
    }
    for name, accuracy, items in (
        ("top1", top1(student, labels), effective_items(right, groups)),
        ("mean_per_class", mean_per_class(student, labels), effective_items(right, groups, labels)),
    ):
        low, high = wilson_interval(accuracy, items)
        figures |= {name: accuracy, f"{name}_low": low, f"{name}_high": high, f"{name}_effective_items": items}
    return figures | {
        "top5": topk(student, labels, 5) if probabilities and student.shape[1] > 5 else None,
        "ece": expected_calibration_error(student, labels) if probabilities else None,
    }


def evaluate_predictions(
    student_logp: Floats,
    teacher_logp: Floats,
    labels: Integers,
    *,
    groups: Sequence[str] | None = None,
    metric: Metric = "top-1",
) -> dict[str, float | None]:
    """Compute every metric of a student on one test split; outputs are rounded to float16 first.

    ``top5`` is None with 5 classes or fewer, and ``retention``, the ratio of the two accuracies by ``metric``, if the
    teacher is never right. Intervals take ``groups``, the leak unit of each item, as clusters. Raise ValueError if
    shapes or labels do not fit, or if an output is not finite.
    """
    student = _checked(student_logp.astype(np.float16), labels)
    teacher = _checked(teacher_logp.astype(np.float16), labels)
    return evaluate_student(student, labels, groups=groups) | {
        "teacher_classes_predicted": classes_predicted(teacher, labels),
        "teacher_top1": top1(teacher, labels),
        "teacher_mean_per_class": mean_per_class(teacher, labels),
        "retention": retention(score(student, labels, metric), score(teacher, labels, metric)),
        "fidelity": fidelity(student, teacher),
        "kl": kl_to_teacher(student, teacher),
    }
