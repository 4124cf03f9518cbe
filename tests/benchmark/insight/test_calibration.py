"""One temperature, from segments and the teacher alone; ECE, Brier and bins against other implementations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.metrics import brier_score_loss

from benchmark.evaluation.metrics import expected_calibration_error
from benchmark.insight import calibration as c
from benchmark.insight.collect import find_calibration, segment_temperature


def logits(seed, n=400, classes=4, scale=2.0):
    return np.random.default_rng(seed).normal(size=(n, classes)) * scale


def test_probabilities_are_normalised_and_a_temperature_divides_logits():
    z = logits(0)
    assert np.exp(c.log_softmax(z)).sum(1) == pytest.approx(np.ones(400))
    assert c.log_softmax(z, 2.5) == pytest.approx(c.log_softmax(z / 2.5))
    assert c.log_softmax(c.log_softmax(z), 3.0) == pytest.approx(c.log_softmax(z, 3.0)), "of log-probabilities too"


@pytest.mark.parametrize("true", [0.3, 1.0, 4.0])
def test_the_temperature_of_a_student_that_is_too_sure_is_found(true):
    z = logits(1)
    assert c.fit_temperature(z, z / true) == pytest.approx(true, rel=1e-3)
    assert c.fit_temperature(z + 7, z / true - 3) == pytest.approx(true, rel=1e-3), "a constant says nothing"


def test_no_other_temperature_gives_a_lower_divergence():
    z = logits(3)
    teacher = z / 3 + logits(4)
    best, t = c.fit_temperature(z, teacher), softmax(teacher, axis=1)

    def divergence(temperature):
        return entropy(t, softmax(z / temperature, axis=1), axis=1).mean()

    assert divergence(best) <= min(divergence(t) for t in np.geomspace(c.COLDEST, c.HOTTEST, 400)) + 1e-9


def test_a_temperature_stays_within_its_bounds():
    z = logits(5)
    assert c.fit_temperature(z, 1000 * z) == pytest.approx(c.COLDEST, rel=0.01)
    assert c.fit_temperature(z, 0 * z) == pytest.approx(c.HOTTEST, rel=0.01)


def test_brier_is_the_sum_over_classes():
    z = logits(6)
    labels = np.random.default_rng(7).integers(0, 4, 400)
    p = np.exp(c.log_softmax(z))
    by_class = sum(brier_score_loss(labels == k, p[:, k]) for k in range(4))
    assert c.brier(z, labels) == pytest.approx(by_class)
    assert c.brier(np.log(np.array([[1, 1e-30]])), np.array([1])) == pytest.approx(2)
    assert c.brier(np.log(np.array([[1e-30, 1]])), np.array([1])) == pytest.approx(0)


def test_the_bins_add_up_to_the_calibration_error():
    z = logits(8)
    labels = np.random.default_rng(9).integers(0, 4, 400)
    bins = c.reliability(z, labels)
    assert sum(one.items for one in bins) == 400
    error = sum(one.items * abs(one.accuracy - one.confidence) for one in bins) / 400
    assert error == pytest.approx(expected_calibration_error(c.log_softmax(z), labels))


def test_an_upper_edge_belongs_to_its_bin():
    logp = np.log([[0.5, 0.5 - 1e-12, 1e-12], [0.75, 0.25, 1e-12], [0.76, 0.24, 1e-12]])
    assert [one.items for one in c.reliability(logp, np.zeros(3, int), bins=4)] == [1, 1, 1]
    assert [one.items for one in c.reliability(logp, np.zeros(3, int), bins=2)] == [1, 2]


def test_figures_before_and_after_are_those_of_the_two_temperatures():
    z = logits(10)
    labels = np.random.default_rng(11).integers(0, 4, 400)
    found = c.calibration(z, labels, 2.0)
    assert found["temperature"] == 2.0
    assert found["before"]["brier"] == c.brier(z, labels)
    assert found["after"]["brier"] == pytest.approx(c.brier(z / 2, labels))
    assert found["after"]["ece"] == pytest.approx(expected_calibration_error(c.log_softmax(z / 2), labels))
    assert found["after"]["bins"] == [one._asdict() for one in c.reliability(c.log_softmax(z / 2), labels)]


def test_no_target_item_and_no_label_sets_the_temperature(subject, monkeypatch, found):
    """Other labels and other predictions of test items change the figures and leave the temperature as it is."""
    of = subject.predicted
    subject.predicted = replace(of, labels=(of.labels + 1) % 10, student=np.roll(of.student, 1, axis=0))
    changed = find_calibration(subject, found)
    kept = found.figures["calibration"]
    assert changed["temperature"] == kept["temperature"] == segment_temperature(subject)
    assert changed["before"]["ece"] != kept["before"]["ece"]
    for name in ("test", "train"):  # nor is any labelled data opened
        monkeypatch.setattr(type(subject.finished.cell.adapter), name, None)
    assert segment_temperature(subject) == kept["temperature"]
