"""Confusions and disagreements, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from benchmark.insight.agreement import commonest, confusion, distances, most_different

TEACHER = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]))
STUDENT = np.log(np.array([[0.6, 0.3, 0.1], [0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.3, 0.1, 0.6]]))


def test_confusions_are_counted_by_teacher_and_student():
    expected = confusion_matrix(TEACHER.argmax(1), STUDENT.argmax(1), labels=range(3))
    assert confusion(TEACHER, STUDENT).tolist() == expected.tolist() == [[1, 0, 0], [2, 0, 0], [0, 0, 1]]


def test_the_commonest_disagreements_come_first_and_agreement_is_none():
    counts = np.array([[9, 1, 0], [2, 9, 5], [1, 0, 9]])
    found = commonest(counts, "abc", 3)
    assert [(one["teacher"], one["student"], one["items"]) for one in found] == [
        ("b", "c", 5),
        ("b", "a", 2),
        ("a", "b", 1),
    ]
    assert commonest(np.diag([3, 4]), "ab", 5) == []


def test_distances_are_total_variation():
    assert distances(TEACHER, STUDENT) == pytest.approx([0.1, 0.7, 0.4, 0.1])
    assert distances(np.array([[0.0, -100.0]]), np.array([[-100.0, 0.0]])) == pytest.approx([1])


def test_the_most_different_items_are_named_with_both_predictions():
    first, second = most_different(TEACHER, STUDENT, np.array([0, 1, 0, 2]), ["p", "q", "r", "s"], "abc", 2)
    assert (first["id"], first["place"], first["label"], first["distance"]) == ("q", 1, "b", pytest.approx(0.7))
    assert first["teacher"] == {"class": "b", "probability": pytest.approx(0.8)}
    assert first["student"] == {"class": "a", "probability": pytest.approx(0.8)}
    assert (second["id"], second["label"]) == ("r", "a")
    assert len(most_different(TEACHER, STUDENT, np.zeros(4, int), "pqrs", "abc", 9)) == 4
