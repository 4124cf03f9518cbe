"""Everything about one finished cell: its figures, ready for JSON, and what a page shows of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.evaluation import metrics
from benchmark.insight import agreement, beliefs, prototypes
from benchmark.insight.calibration import brier, calibration, fit_temperature
from benchmark.insight.cka import FEWEST, cka
from benchmark.insight.controls import OTHER_SEED, Controls, controls_of
from benchmark.insight.embedding import principal_plane, turned_towards
from benchmark.insight.items import Predicted, predicted_items, raw_batches, some_items
from benchmark.insight.layers import Observed, counterparts, observe
from benchmark.insight.spectrum import spectrum_of
from benchmark.records.prototypes import STUDENT, Recognised
from benchmark.records.record import is_real_training_items
from benchmark.running.finished import FinishedCell
from benchmark.training.callbacks import ProgressCallback
from modalities.base import SegmentStream

SEED = 0  # of all draws: which items are looked at, and from which phases prototypes start
MINIBATCH = 64  # items of a Gram matrix
MOST_ITEMS = 1024  # that go through networks
MOST_SEGMENTS = 2560  # in one part
MOST_NUMBERS = 16_000_000  # in the inputs of one part, so that a CPU is done with it in a minute or so
DIFFERENT, CONFUSED = 12, 10  # items, and pairs of classes, that are listed
TEACHER, BETWEEN_SEEDS = "teacher", "between seeds"


@dataclass
class Findings:
    """What was found: ``figures`` are JSON-ready, the rest is what people look at and listen to."""

    figures: dict[str, Any] = field(default_factory=dict)
    prototypes: dict[str, NDArray[np.uint8]] = field(default_factory=dict)  # pictures by network
    sounds: tuple[int, NDArray[np.float32]] | None = None  # of the student's prototypes, with their rate
    points: dict[str, NDArray[np.float64]] = field(default_factory=dict)  # of test items, by network
    labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # of these items
    confusion: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))  # teacher × student
    recognised: Recognised | None = None  # which prototypes the teacher recognised, for claims
    thumbnails: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 1, 1, 3), np.uint8))


@dataclass
class Subject:
    """A finished cell, its controls and its predictions, as all parts need them."""

    finished: FinishedCell
    controls: Controls
    predicted: Predicted

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The student and its controls, by name; the student first."""
        return {STUDENT: self.finished.student, **self.controls.networks}

    @cached_property
    def stream(self) -> SegmentStream:
        """The segments that the student saw, step by step; those of later steps it never saw."""
        return self.finished.segments(self.finished.cell.config.recipe.batch)

    def unseen(self, most: int) -> list[Tensor]:
        """Return batches of segments that follow those of the training, about ``most`` together."""
        steps = self.finished.cell.config.recipe.steps
        return [self.stream.batch(steps + step) for step in range(-(-most // self.stream.batch_size))]

    def affordable(self, most: int, least: int = MINIBATCH) -> int:
        """Return how many inputs of this cell a part may look at."""
        return max(least, min(most, MOST_NUMBERS // math.prod(self.stream.shape)))

    def prepare(self, raw: Tensor) -> Tensor:
        """Make network inputs of raw items, as a test does."""
        return self.finished.cell.modality.prepare(raw, self.finished.cell.config.view)

    def pictures(self, inputs: Tensor) -> NDArray[np.uint8]:
        """Return network inputs as pictures."""
        return np.asarray(self.finished.cell.modality.pictures(inputs, self.finished.cell.config.view))


def findings(finished: FinishedCell, callback: ProgressCallback) -> Findings:
    """Look at a finished cell from all sides; ``callback`` hears of each part. The same call finds the same.

    Raises BadInput if the predictions of the cell or of its teacher are gone.
    """
    for network in (finished.student, finished.teacher):
        network.requires_grad_(False)
    subject = Subject(finished, controls_of(finished), predicted_items(finished))
    for network in subject.controls.networks.values():
        network.requires_grad_(False)
    found = Findings(figures=_about(subject))
    parts: dict[str, Callable[[Subject, Findings], dict[str, Any]]] = {
        "prototypes": find_prototypes, "layers": find_layers, "agreement": find_agreement,
        "calibration": find_calibration, "beliefs": find_beliefs,
    }  # fmt: skip
    for name, part in parts.items():
        callback.phase(name)
        found.figures[name] = part(subject, found)
    return found


def _about(subject: Subject) -> dict[str, Any]:
    record, of, controls = subject.finished.record, subject.predicted, subject.controls
    names = ("id", "target", "modality", "data", "profile", "policy", "recipe", "teacher", "student", "seed", "fold")
    return {
        **{name: getattr(record, name) for name in names},
        "source": record.source["name"],
        "single_datum": not is_real_training_items(record.source["name"]),
        "method": record.config.get("method", "segments"),
        "title": subject.finished.cell.adapter.info.title,
        "classes": list(subject.finished.classes),
        "test_items": len(of.labels),
        "student_top1": metrics.top1(of.student, of.labels),
        "teacher_top1": metrics.top1(of.teacher, of.labels),
        "chance": metrics.chance(of.labels),
        "fidelity": metrics.fidelity(of.student, of.teacher),
        "segments": record.segments,
        "controls": controls.cells,
        "missing": controls.missing,
    }


def find_prototypes(subject: Subject, found: Findings) -> dict[str, Any]:
    """Make prototypes of the student and of its controls, the same way, and let the teacher judge them."""
    cell, teacher = subject.finished.cell, subject.finished.teacher
    segments = torch.cat(subject.unseen(subject.affordable(MOST_ITEMS)))
    spectrum = spectrum_of(segments)
    labels = prototypes.labels_of(len(subject.finished.classes), cell.config.view.shape)
    networks = {name: network for name, network in subject.networks.items() if name != OTHER_SEED}
    figures: dict[str, Any] = {"segments": len(segments), "labels": labels.tolist(), "networks": {}}
    firsts, last = np.unique(labels, return_index=True)[1], prototypes.CHECKPOINTS[-1]
    rights = {}
    for name, network in networks.items():
        made = prototypes.prototypes(network, spectrum, labels, seed=SEED)
        verdicts = {step: prototypes.judged(teacher, inputs) for step, inputs in made.items()}
        right = {step: prototypes.recognised(verdict, labels) for step, verdict in verdicts.items()}
        rights[name] = right[prototypes.HEADLINE]
        figures["networks"][name] = {
            **prototypes.share(rights[name]),
            "by_step": {step: float(one.mean()) for step, one in right.items()},
            "probability": float(verdicts[prototypes.HEADLINE][np.arange(len(labels)), labels].mean()),
            "verdicts": [
                {"class": int(row.argmax()), "probability": float(row.max())} for row in verdicts[last][firsts]
            ],
        }
        found.prototypes[name] = subject.pictures(made[last][firsts])
        if name == STUDENT:
            found.sounds = cell.modality.sounds(made[last][firsts], cell.config.view, subject.finished.source())
    found.recognised = Recognised(
        labels.tolist(),
        {name: one.tolist() for name, one in rights.items()},
        {name: id for name, id in subject.controls.cells.items() if name in rights},
    )
    figures["against"] = {
        name: prototypes.against(rights[STUDENT], right) for name, right in rights.items() if name != STUDENT
    }
    return figures


def find_layers(subject: Subject, found: Findings) -> dict[str, Any]:
    """Compare layers and features of the student with those of its teacher, over real test items."""
    finished, items = subject.finished, len(subject.predicted.labels)
    chosen = some_items(items, min(items, subject.affordable(MOST_ITEMS)), SEED)
    size = min(MINIBATCH, len(chosen) // 2)  # at least two minibatches, one for each half
    if size < FEWEST:
        return {"missing": f"{items} test items are too few to compare layers."}
    chosen = chosen[: len(chosen) // size * size]
    raw = raw_batches(finished.test_items(), chosen, size, finished.device)
    inputs = [subject.prepare(batch) for batch in raw]
    seen = {
        name: observe(network, inputs) for name, network in (subject.networks | {TEACHER: finished.teacher}).items()
    }
    explained = _map(seen, subject.predicted.labels[chosen], found)
    student, teacher = seen[STUDENT], seen[TEACHER]
    partners = counterparts(student.layers, teacher.layers)
    half = len(inputs) // 2
    rows: list[dict[str, Any]] = []
    for place, (layer, partner) in enumerate(zip(student.layers, partners, strict=True)):
        row = {name: cka(of.grams[place], teacher.grams[partner]) for name, of in seen.items() if name != TEACHER}
        halves = [
            cka(student.grams[place, part], teacher.grams[partner, part]) for part in (slice(half), slice(half, None))
        ]
        row[TEACHER] = cka(teacher.grams[partner], teacher.grams[partner])
        if OTHER_SEED in seen:
            row[BETWEEN_SEEDS] = cka(student.grams[place], seen[OTHER_SEED].grams[place])
        rows.append({"layer": layer, "teacher_layer": teacher.layers[partner], "cka": row, "halves": halves})
    matrix = [[cka(one, other) for other in teacher.grams] for one in student.grams]
    return {
        "items": len(chosen), "minibatch": size, "student_layers": student.layers, "teacher_layers": teacher.layers,
        "rows": rows, "matrix": matrix, "map": explained,
    }  # fmt: skip


def _map(seen: dict[str, Observed], labels: NDArray[np.int64], found: Findings) -> dict[str, float]:
    """Lay the features of student and teacher into planes; return the share of variance that each plane holds."""
    planes = {name: principal_plane(seen[name].features) for name in (STUDENT, TEACHER)}
    student, teacher = planes[STUDENT].points, planes[TEACHER].points
    found.points, found.labels = {STUDENT: turned_towards(student, teacher), TEACHER: teacher}, labels
    return {name: plane.explained for name, plane in planes.items()}


def find_agreement(subject: Subject, found: Findings) -> dict[str, Any]:
    """Find where student and teacher predict different things, from their stored predictions."""
    of, classes = subject.predicted, subject.finished.classes
    found.confusion = confused = agreement.confusion(of.teacher, of.student)
    items = agreement.most_different(of.teacher, of.student, of.labels, of.ids, classes, DIFFERENT)
    places = np.array([item["place"] for item in items])
    raw = list(raw_batches(subject.finished.test_items(), places, 1, subject.finished.device))
    found.thumbnails = subject.pictures(torch.cat([subject.prepare(one) for one in raw]))
    return {
        "confusion": [[*pair.tolist(), int(confused[tuple(pair)])] for pair in np.argwhere(confused)],
        "commonest": agreement.commonest(confused, classes, CONFUSED),
        "items": [{key: value for key, value in item.items() if key != "place"} for item in items],
        "mean_distance": float(agreement.distances(of.teacher, of.student).mean()),
    }


def segment_temperature(subject: Subject) -> float:
    """Return the temperature that brings the student's probabilities nearest to the teacher's, on segments alone."""
    segments = subject.unseen(subject.affordable(MOST_SEGMENTS))
    with torch.inference_mode():
        student, teacher = (
            np.concatenate([network(batch).float().cpu().numpy() for batch in segments])
            for network in (subject.finished.student, subject.finished.teacher)
        )
    return fit_temperature(student, teacher)


def find_calibration(subject: Subject, found: Findings) -> dict[str, Any]:
    """Say how far the student's probabilities of test items can be taken at their word."""
    of = subject.predicted
    teacher = {"ece": metrics.expected_calibration_error(of.teacher, of.labels), "brier": brier(of.teacher, of.labels)}
    return {**calibration(of.student, of.labels, segment_temperature(subject)), "teacher": teacher}


def find_beliefs(subject: Subject, found: Findings) -> dict[str, Any]:
    """Say what the teacher believes about the segments that the student was shown."""
    finished, most = subject.finished, subject.affordable(MOST_SEGMENTS)
    return {
        name: beliefs.beliefs(
            beliefs.probabilities(finished.teacher, beliefs.segments_of(subject.stream, window, most))
        )
        for name, window in beliefs.windows(finished.cell.config.recipe.steps).items()
    }
