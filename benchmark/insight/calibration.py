"""Whether a student's probabilities mean what they say, before and after one temperature that no target item sets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.evaluation.metrics import expected_calibration_error, predicted

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]

COLDEST, HOTTEST = 0.05, 20.0


def log_softmax(logits: Floats, temperature: float = 1.0) -> NDArray[np.float64]:
    """Return log-probabilities, (n, classes) float64, of logits or log-probabilities divided by a temperature."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)))


def fit_temperature(student_logits: Floats, teacher_logits: Floats) -> float:
    """Return the temperature at which a student's probabilities are nearest to its teacher's, on the same inputs.

    It minimises the mean of -Σ_k t_k log s_k(T) in T alone, between COLDEST and HOTTEST; logits are (n, classes). This
    is temperature scaling (Guo et al., ICML 2017) with the teacher's probabilities in place of labels. Its most
    probable classes would not do: the student would become as sure of them as it copies them, however unsure the
    teacher is.
    """
    from scipy.optimize import minimize_scalar

    teacher = np.exp(log_softmax(teacher_logits))

    def cost(log_temperature: float) -> float:
        return float(-(teacher * log_softmax(student_logits, float(np.exp(log_temperature)))).sum(axis=1).mean())

    bounds = (float(np.log(COLDEST)), float(np.log(HOTTEST)))
    return float(np.exp(minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x))


def brier(logp: Floats, labels: Integers) -> float:
    """Mean over items of Σ_k (p_k - [k = label])² (Brier 1950, as he wrote it for several classes), in [0, 2]."""
    wrong = np.exp(log_softmax(logp))
    wrong[np.arange(len(labels)), labels] -= 1
    return float((wrong**2).sum(axis=1).mean())


class Bin(NamedTuple):
    """Items whose highest probability is alike."""

    items: int
    confidence: float  # mean of the highest probability
    accuracy: float


def reliability(logp: Floats, labels: Integers, bins: int = 15) -> list[Bin]:
    """Return the bins ((m-1)/M, m/M] of the highest probability that hold items, as ``expected_calibration_error``."""
    confidence = np.exp(log_softmax(logp).max(axis=1))
    right = predicted(logp) == labels
    member = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    inside = [member == place for place in np.unique(member)]
    return [Bin(int(one.sum()), float(confidence[one].mean()), float(right[one].mean())) for one in inside]


def calibration(logp: Floats, labels: Integers, temperature: float) -> dict[str, Any]:
    """Return figures of a student's predictions of test items, as they are and divided by a temperature."""
    found: dict[str, Any] = {"temperature": temperature}
    for name, scaled in (("before", log_softmax(logp)), ("after", log_softmax(logp, temperature))):
        found[name] = {
            "ece": expected_calibration_error(scaled, labels),
            "brier": brier(scaled, labels),
            "bins": [one._asdict() for one in reliability(scaled, labels)],
        }
    return found
