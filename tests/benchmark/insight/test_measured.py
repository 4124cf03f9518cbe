"""The measured cells: the teacher recognises prototypes of students clearly more often than those of both controls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.insight.prototypes import CHECKPOINTS, HEADLINE

MEASURED = Path(__file__).parents[3] / "results/measured/insight/insight.json"


@pytest.fixture(scope="module")
def cells():
    return {part["target"]: part for part in json.loads(MEASURED.read_text(encoding="utf-8"))["parts"].values()}


@pytest.mark.parametrize("target", ["cifar10", "fsdd"])
@pytest.mark.parametrize("control", ["untrained student", "noise student"])
def test_prototypes_of_a_student_stand_clearly_above_those_of_a_control(cells, target, control):
    part = cells[target]["prototypes"]
    assert part["networks"]["student"]["low"] > part["networks"][control]["high"]
    assert part["against"][control]["p"] < 0.001


@pytest.mark.parametrize("target", ["cifar10", "fsdd", "digits"])
def test_untrained_students_stay_around_chance_and_students_are_as_their_teachers(cells, target):
    networks, rows = cells[target]["prototypes"]["networks"], cells[target]["layers"]["rows"]
    assert max(networks["untrained student"]["by_step"].values()) < 0.2
    for row in rows:
        of = row["cka"]
        assert of["student"] > of["untrained student"] and of["teacher"] == pytest.approx(1)
        assert all(half == pytest.approx(of["student"], abs=0.02) for half in row["halves"])
    assert rows[-1]["cka"]["student"] - rows[-1]["cka"]["noise student"] > 0.1


def test_what_was_measured_has_the_settings_of_today(cells):
    for cell in cells.values():
        for network in cell["prototypes"]["networks"].values():
            assert list(map(int, network["by_step"])) == list(CHECKPOINTS)
            assert network["by_step"][str(HEADLINE)] == network["share"] and network["prototypes"] == 80
