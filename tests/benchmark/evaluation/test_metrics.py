"""Metrics agree with scikit-learn, SciPy and figures worked by hand, and obey their laws."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics as sk

from benchmark.evaluation import metrics
from benchmark.statistics.intervals import effective_items, wilson_interval


def outputs(seed: int, items: int = 200, classes: int = 7, sharpness: float = 2.0):
    """Log-probabilities of two networks that know something, and labels."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, items)
    logits = random.normal(size=(2, items, classes)) * sharpness
    logits[:, np.arange(items), labels] += 2
    student, teacher = (metrics.average_clips(part[:, None]) for part in logits)
    return student, teacher, labels


several = st.builds(
    outputs,
    seed=st.integers(0, 2**32),
    items=st.integers(1, 60),
    classes=st.integers(2, 12),
    sharpness=st.floats(0.1, 30),
)


@pytest.mark.parametrize("seed", range(5))
def test_accuracies_are_those_of_scikit_learn(seed):
    student, _, labels = outputs(seed)
    assert metrics.top1(student, labels) == sk.accuracy_score(labels, student.argmax(1))
    assert metrics.mean_per_class(student, labels) == pytest.approx(
        sk.balanced_accuracy_score(labels, student.argmax(1)), abs=1e-12
    )


@pytest.mark.parametrize("k", [1, 2, 5, 6])
def test_top_k_is_that_of_scikit_learn_where_no_outputs_tie(k):
    random = np.random.default_rng(k)
    logp = np.stack([random.permutation(9) for _ in range(300)]).astype(np.float16) - 9
    labels = random.integers(0, 9, 300)
    assert metrics.topk(logp, labels, k) == sk.top_k_accuracy_score(labels, logp, k=k, labels=np.arange(9))


def test_of_tied_classes_the_first_is_predicted_by_every_figure():
    logp = np.log(np.full((4, 4), 0.25)).astype(np.float16)
    labels = np.arange(4)
    assert metrics.top1(logp, labels) == metrics.topk(logp, labels, 1) == 0.25
    assert metrics.topk(logp, labels, 2) == 0.5


def test_mean_per_class_counts_only_classes_that_occur():
    logp = np.log(np.eye(5) * 0.6 + 0.08)[[0, 0, 0, 1, 2]].astype(np.float16)
    assert metrics.mean_per_class(logp, np.array([0, 0, 0, 0, 2])) == pytest.approx((3 / 4 + 1) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_kl_to_the_teacher_is_scipys_entropy(seed):
    student, teacher, _ = outputs(seed)
    expected = stats.entropy(np.exp(teacher.astype(float)), np.exp(student.astype(float)), axis=1).mean()
    assert metrics.kl_to_teacher(student, teacher) == pytest.approx(expected, rel=1e-9)


def test_calibration_error_worked_by_hand():
    # Confidences 0.75 and 0.75 share a bin (one right), 0.5 has its own (right): (|1 - 1.5| + |1 - 0.5|) / 3.
    probability = np.array([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]])
    labels = np.array([0, 0, 0])
    assert metrics.expected_calibration_error(np.log(probability), labels) == pytest.approx(1 / 3)
    assert metrics.expected_calibration_error(np.log(probability), labels, bins=1) == pytest.approx(abs(2 - 2.0) / 3)


def test_calibration_bins_include_their_upper_edge():
    probability = np.array([[0.5, 0.3, 0.2], [0.45, 0.3, 0.25]])  # with two bins both lie in (0, 0.5]
    labels = np.array([0, 1])  # one right: |1 - 0.95| / 2; in separate bins it would be (0.5 + 0.45) / 2
    assert metrics.expected_calibration_error(np.log(probability), labels, bins=2) == pytest.approx(0.025)


def test_a_certain_and_right_network_is_calibrated():
    logp = np.where(np.eye(3), 0.0, -1000.0)
    assert metrics.expected_calibration_error(logp, np.arange(3)) == 0


def test_clips_are_averaged_as_probabilities():
    logits = np.random.default_rng(0).normal(size=(20, 4, 6)) * 5
    averaged = metrics.average_clips(logits)
    assert averaged.dtype == np.float16
    expected = np.log(special.softmax(logits, axis=-1).mean(axis=1))
    np.testing.assert_allclose(averaged, expected, rtol=2**-10)
    assert not np.allclose(averaged, special.log_softmax(logits.mean(axis=1), axis=-1), rtol=0.05)


def test_one_clip_is_its_own_average_and_shifted_logits_are_the_same_probabilities():
    logits = np.random.default_rng(1).normal(size=(20, 1, 6)).astype(np.float32)
    logp = metrics.average_clips(logits)
    np.testing.assert_allclose(logp, special.log_softmax(logits[:, 0], axis=-1), rtol=2**-10)
    np.testing.assert_allclose(metrics.average_clips(logits + 100), logp, rtol=1e-3)


def test_outputs_beyond_half_precision_stay_finite():
    logp = metrics.average_clips(np.array([[[1e6, 0.0, -1e30]]]))
    assert np.isfinite(logp).all()
    assert logp[0, 0] == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_outputs_that_are_no_numbers_are_refused(bad):
    with pytest.raises(ValueError, match="not finite"):
        metrics.average_clips(np.array([[[0.0, bad]]]))
    with pytest.raises(ValueError, match="not finite"):
        metrics.top1(np.array([[0.0, bad]]), np.array([0]))


@pytest.mark.parametrize("labels", [[0], [0, 3], [0, -1], []])
def test_labels_that_do_not_fit_the_outputs_are_refused(labels):
    with pytest.raises(ValueError, match=r"do not fit|same items"):
        metrics.top1(np.zeros((2, 3)), np.array(labels, dtype=int))


def test_chance_counts_the_classes_that_occur_and_majority_the_most_frequent():
    labels = np.array([0, 0, 0, 7, 9])
    assert metrics.chance(labels) == 1 / 3
    assert metrics.majority_share(labels) == 3 / 5


def test_retention_of_a_teacher_that_is_never_right_is_unknown():
    assert metrics.retention(0.5, 0.8) == 0.625
    assert metrics.retention(0.5, 0.0) is None


@given(several)
def test_figures_keep_their_bounds(case):
    student, teacher, labels = case
    figures = metrics.evaluate_predictions(student, teacher, labels)
    shares = [figures[name] for name in ("top1", "mean_per_class", "teacher_top1", "fidelity", "ece")]
    assert all(0 <= share <= 1 for share in shares)
    assert figures["kl"] >= 0
    assert figures["top1_low"] <= figures["top1"] <= figures["top1_high"]
    assert (figures["top5"] is None) == (student.shape[1] <= 5)
    assert figures["top5"] is None or figures["top5"] >= figures["top1"]
    assert figures["mean_per_class_low"] <= figures["mean_per_class"] <= figures["mean_per_class_high"]
    assert figures["items"] == figures["clusters"] == len(labels)
    assert 1 <= figures["classes"] <= len(labels)
    assert 0 <= figures["classes_predicted"] <= figures["classes"]


@settings(max_examples=50)
@given(several, st.randoms(use_true_random=False))
def test_the_order_of_items_does_not_matter(case, random):
    student, teacher, labels = case
    order = list(range(len(labels)))
    random.shuffle(order)
    figures = metrics.evaluate_predictions(student, teacher, labels)
    shuffled = metrics.evaluate_predictions(student[order], teacher[order], labels[order])
    assert shuffled == {
        name: value if value is None else pytest.approx(value, abs=1e-9) for name, value in figures.items()
    }


@settings(max_examples=50)
@given(several)
def test_a_student_that_is_its_teacher_keeps_everything(case):
    _, teacher, labels = case
    figures = metrics.evaluate_predictions(teacher, teacher, labels)
    assert figures["fidelity"] == 1
    assert figures["kl"] == 0
    assert figures["retention"] in (1, None)


@given(several)
def test_top_k_grows_with_k_up_to_certainty(case):
    student, _, labels = case
    shares = [metrics.topk(student, labels, k) for k in range(1, student.shape[1] + 1)]
    assert all(a <= b for a, b in pairwise(shares))
    assert shares[-1] == 1


def test_scoring_stored_outputs_again_gives_the_same_figures(tmp_path):
    student, teacher, labels = outputs(3)
    np.savez(tmp_path / "stored.npz", student=student, teacher=teacher, labels=labels)
    with np.load(tmp_path / "stored.npz", allow_pickle=False) as stored:
        again = metrics.evaluate_predictions(stored["student"], stored["teacher"], stored["labels"])
    assert again == metrics.evaluate_predictions(student.astype(np.float32), teacher.astype(np.float64), labels)


# --- what else a table has to say ------------------------------------------------------------------------------


def skewed() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A student that always names class 0 of five, a teacher that is mostly right, and labels of which 72 % are 0."""
    labels = np.repeat([0, 1, 2, 3, 4], [94, 10, 9, 9, 9])
    rng = np.random.default_rng(0)
    guess = np.where(rng.random(131) < 0.9, labels, (labels + 1) % 5)
    one_hot = np.log(np.eye(6) * 0.9 + 0.1 / 6)
    return one_hot[np.zeros(131, int)], one_hot[guess], labels


def test_a_constant_predictor_is_seen_through_by_balance_and_by_the_classes_that_it_predicts():
    student, teacher, labels = skewed()
    figures = metrics.evaluate_predictions(student, teacher, labels)
    assert figures["top1"] == pytest.approx(94 / 131)
    assert figures["mean_per_class"] == pytest.approx(1 / 5) == metrics.chance(labels)
    assert (figures["classes"], figures["classes_predicted"], figures["teacher_classes_predicted"]) == (5, 1, 5)
    assert metrics.is_collapsed(figures["classes_predicted"], figures["classes"])
    assert figures["top1"] == metrics.majority_share(labels)


@pytest.mark.parametrize(
    ("predicted", "classes", "collapsed"),
    [
        (0, 3, True), (1, 1, True), (1, 2, True), (2, 2, False), (2, 4, False), (2, 5, True), (3, 5, False),
        (49, 100, True), (50, 100, False),
    ],
)  # fmt: skip
def test_who_has_collapsed(predicted, classes, collapsed):
    assert metrics.is_collapsed(predicted, classes) == collapsed


def test_classes_that_do_not_occur_do_not_count_as_predicted():
    logp = np.log(np.eye(4) * 0.6 + 0.1)
    assert metrics.classes_predicted(logp[[0, 1, 2, 3]], np.array([0, 0, 1, 1])) == 2


@pytest.mark.parametrize("metric", ["top-1", "mean per-class"])
def test_the_metric_of_the_target_decides_retention_and_the_score(metric):
    student, teacher, labels = skewed()
    figures = metrics.evaluate_predictions(student, teacher, labels, metric=metric)
    name = {"top-1": "top1", "mean per-class": "mean_per_class"}[metric]
    assert figures["retention"] == figures[name] / figures[f"teacher_{name}"]
    assert metrics.score(teacher, labels, metric) == figures[f"teacher_{name}"]


def test_intervals_are_those_of_the_items_that_are_right_and_of_their_clusters():
    rng = np.random.default_rng(2)
    student, teacher, labels = outputs(2)
    groups = [f"speaker {i}" for i in rng.integers(0, 12, len(labels))]
    right = student.argmax(1) == labels
    figures = metrics.evaluate_predictions(student, teacher, labels, groups=groups)
    assert figures["clusters"] == len(set(groups))
    for name, balanced_over in (("top1", None), ("mean_per_class", labels)):
        items = effective_items(right, groups, balanced_over)
        assert figures[f"{name}_effective_items"] == items
        assert (figures[f"{name}_low"], figures[f"{name}_high"]) == wilson_interval(figures[name], items)


def test_an_untrained_network_chooses_among_the_classes_that_occur_as_chance_does():
    labels = np.array([2, 2, 5, 5])
    logp = np.log(np.eye(8) * 0.5 + 0.05)[[7, 7, 7, 7]]  # always a class that the test set lacks
    assert metrics.top1(logp, labels) == 0
    assert metrics.untrained_score(logp, labels, "top-1") == metrics.chance(labels) == 0.5
    logp[0, 5] += 0.1
    assert metrics.untrained_score(logp, labels, "top-1") == 0.25
    assert metrics.untrained_score(logp[1:], labels[1:], "mean per-class") == 0.5
