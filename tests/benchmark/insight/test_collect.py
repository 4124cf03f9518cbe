"""Findings about a cell that ran: figures that agree with its record, the same ones every time."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmark.evaluation import metrics
from benchmark.insight import collect, prototypes
from benchmark.insight.collect import Subject, find_agreement, find_beliefs, find_layers, findings
from benchmark.training.callbacks import IgnoreProgress


def test_figures_agree_with_the_record(found, ran):
    figures, record = found.figures, ran.record
    assert (figures["id"], figures["source"], figures["data"]) == (record.id, "photo.png", "shipped")
    assert figures["student_top1"] == record.metrics["top1"] and figures["fidelity"] == record.metrics["fidelity"]
    assert figures["teacher_top1"] == record.controls["teacher_top1"] and figures["chance"] == record.controls["chance"]
    assert figures["calibration"]["before"]["ece"] == pytest.approx(record.metrics["ece"])
    assert figures["test_items"] == record.test_set["items"] == sum(n for _, _, n in figures["agreement"]["confusion"])
    agreed = sum(n for teacher, student, n in figures["agreement"]["confusion"] if teacher == student)
    assert agreed / figures["test_items"] == pytest.approx(record.metrics["fidelity"])
    assert np.array_equal(found.confusion.nonzero()[0], [t for t, _, _ in figures["agreement"]["confusion"]])


def test_figures_are_json_and_the_parts_are_announced(finished, found):
    class Heard(IgnoreProgress):
        parts: list[str] = []  # noqa: RUF012

        def phase(self, name):
            self.parts.append(name)

    again = findings(finished, Heard())
    assert Heard.parts == ["prototypes", "layers", "agreement", "calibration", "beliefs"]
    assert json.dumps(again.figures, allow_nan=False) == json.dumps(found.figures, allow_nan=False)
    assert all(np.array_equal(again.prototypes[name], found.prototypes[name]) for name in found.prototypes)


def test_all_networks_make_as_many_prototypes_and_the_student_is_compared_with_each(found):
    part = found.figures["prototypes"]
    assert list(part["networks"]) == ["student", "untrained student"] and list(part["against"]) == ["untrained student"]
    assert part["labels"] == np.repeat(np.arange(10), prototypes.STARTS).tolist()
    for network in part["networks"].values():
        assert network["share"] == network["by_step"][prototypes.HEADLINE] and network["prototypes"] == 80
        assert list(network["by_step"]) == list(prototypes.CHECKPOINTS)
    student, untrained = part["networks"].values()
    assert part["against"]["untrained student"]["difference"] == pytest.approx(student["share"] - untrained["share"])
    assert student["by_step"][0] == untrained["by_step"][0], "from the same beginnings"
    assert found.prototypes["student"].shape == (10, 8, 8, 3) and found.sounds is None


def test_what_is_shown_is_judged(found, finished):
    """The verdict under a picture is that on the picture, rounded to 256 colours."""
    from modalities.image.items import prepare

    raw = torch.from_numpy(found.prototypes["student"]).permute(0, 3, 1, 2)
    said = prototypes.judged(finished.teacher, prepare(raw, finished.cell.config.view))
    verdicts = found.figures["prototypes"]["networks"]["student"]["verdicts"]
    assert [one["probability"] for one in verdicts] == pytest.approx(said.max(1), abs=0.05)
    assert np.mean([one["class"] == row.argmax() for one, row in zip(verdicts, said, strict=True)]) >= 0.9


def test_layers_of_the_teacher_are_those_of_itself(found):
    part = found.figures["layers"]
    assert [row["cka"]["teacher"] for row in part["rows"]] == pytest.approx([1] * len(part["rows"]))
    assert np.shape(part["matrix"]) == (len(part["student_layers"]), len(part["teacher_layers"]))
    for place, row in enumerate(part["rows"]):
        partner = part["teacher_layers"].index(row["teacher_layer"])
        assert row["cka"]["student"] == part["matrix"][place][partner] and row["layer"] == part["student_layers"][place]
        assert np.mean(row["halves"]) == pytest.approx(row["cka"]["student"], abs=0.1)
    assert part["rows"][-1]["layer"] == "logits"
    assert part["rows"][-1]["cka"]["student"] > part["rows"][-1]["cka"]["untrained student"]
    assert part["items"] == len(found.labels) == len(found.points["student"]) == 320


def test_the_labels_of_the_map_are_those_of_its_items(subject, found):
    """Items are mapped by their features: the teacher's features of an item give its predicted class."""
    chosen = collect.some_items(len(subject.predicted.labels), len(subject.predicted.labels))[: len(found.labels)]
    assert np.array_equal(found.labels, subject.predicted.labels[chosen])
    assert np.var(found.points["teacher"], axis=0)[0] > np.var(found.points["teacher"], axis=0)[1] > 0


@pytest.mark.parametrize(("items", "used", "minibatch"), [(130, 128, 64), (30, 30, 15), (9, 8, 4), (7, 0, 0)])
def test_few_items_make_two_small_minibatches_and_fewer_none(subject, items, used, minibatch):
    few = replace(subject, predicted=replace(subject.predicted, labels=subject.predicted.labels[:items]))
    part = find_layers(few, collect.Findings())
    if not used:
        assert part == {"missing": "7 test items are too few to compare layers."}
        return
    assert (part["items"], part["minibatch"]) == (used, minibatch)
    assert all(len(row["halves"]) == 2 and None not in row["halves"] for row in part["rows"])


def test_the_most_different_items_are_shown(subject, found):
    part = find_agreement(subject, found)
    of = subject.predicted
    apart = np.abs(np.exp(of.teacher.astype(float)) - np.exp(of.student.astype(float))).sum(1) / 2
    first = part["items"][0]
    assert first["id"] == of.ids[apart.argmax()] and first["distance"] == pytest.approx(apart.max(), abs=0.01)
    data = subject.finished.test_items().data
    raw = data[list(data.item_ids).index(first["id"])].data[0].permute(1, 2, 0)
    assert np.abs(found.thumbnails[0].astype(int) - raw.numpy()).max() <= 1
    assert len(found.thumbnails) == len(part["items"]) == collect.DIFFERENT


def test_beliefs_are_those_about_the_segments_of_the_training(subject, found):
    part = find_beliefs(subject, found)
    assert list(part) == ["all"], "forty steps are one window"
    steps = [subject.finished.segments(16).batch(step) for step in range(0, 40, 10)]
    with torch.no_grad():
        believed = subject.finished.teacher(torch.cat(steps)).softmax(1)
    assert part["all"]["segments"] == 64
    assert part["all"]["mean"] == pytest.approx(believed.mean(0).numpy(), abs=1e-5)


def test_unseen_segments_follow_those_of_the_training(subject):
    batches = subject.unseen(40)
    assert [len(batch) for batch in batches] == [16] * 3
    assert torch.equal(batches[0], subject.finished.segments(16).batch(40))


def test_larger_inputs_mean_fewer_of_them(finished):
    def at(size):
        subject = Subject(finished, None, None)
        subject.stream = SimpleNamespace(shape=(3, size, size))
        return subject.affordable(1024)

    assert (at(32), at(224), at(4000)) == (1024, collect.MOST_NUMBERS // (3 * 224 * 224), collect.MINIBATCH)


def test_scores_are_those_of_stored_predictions(subject, found):
    of = subject.predicted
    assert found.figures["calibration"]["teacher"]["ece"] == metrics.expected_calibration_error(of.teacher, of.labels)
