"""From Python: own datum, own network, own teacher, one call, a record back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import benchmark
from benchmark import BadInput
from benchmark.records.store import Store
from benchmark.running.networks import module_hash, weights_hash

SETTINGS = {
    "view.size": 8, "teacher.training.steps": 60, "teacher.training.batch": 32, "recipe.steps": 40, "recipe.batch": 16,
}  # fmt: skip


class Mine(nn.Module):
    """A user's own network."""

    def __init__(self, seed: int = 0, classes: int = 10) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.Sequential(nn.Flatten(), nn.Linear(192, 24), nn.BatchNorm1d(24), nn.Linear(24, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


@pytest.fixture(scope="module")
def call(photo, tmp_path_factory):
    """``benchmark.run`` on the digits with small settings, all into one folder of results."""
    results = tmp_path_factory.mktemp("results")

    def made(target: str = "digits", settings: dict | None = None, **given) -> benchmark.Record:
        given = {"source": photo, "profile": "smoke", "device": "cpu", "results": results, **given}
        return benchmark.run(target, settings={**SETTINGS, **(settings or {})}, **given)

    made.store = Store(results / "smoke")
    return made


def test_one_call_gives_a_record_and_the_second_the_same_one(call, ran):
    record = call()
    assert record.status == "done"
    assert record.id == ran.cell.id, "the cell that the command line runs"
    assert record.metrics == ran.record.metrics
    assert call().provenance == record.provenance, "nothing ran again"
    assert record.provenance["ended"] is not None


def test_an_own_student_is_trained_in_place_and_the_second_call_fills_it_with_the_same_weights(call):
    student = Mine()
    before = weights_hash(student)
    record = call(student=student)
    assert record.status == "done", record.traceback
    assert record.student.startswith("own Mine ")
    assert weights_hash(student) != before

    again = Mine()
    assert call(student=again).provenance == record.provenance
    assert weights_hash(again) == weights_hash(student)
    assert not again.training


def test_an_own_teacher_is_used_as_it_is(call):
    teacher = call.teacher = Mine(1)
    first = call(teacher=teacher, settings={"teacher.times_chance": 0})
    assert first.status == "done", first.traceback
    assert weights_hash(teacher) == weights_hash(Mine(1))
    assert first.teacher.startswith("own Mine ")
    assert first.seconds["teacher"] < 60


def test_an_own_teacher_that_guesses_is_refused(call):
    record = call(teacher=Mine(2), settings={"teacher.times_chance": 5})
    assert record.status == "refused"
    assert "chance is 10.0%" in record.reason


def test_other_weights_of_an_own_network_are_another_cell(call):
    # Nothing trains here: a network of the wrong size fails at once, and its record tells its name.
    records = [call(student=Mine(seed, classes=3)) for seed in (0, 1, 0)]
    assert records[0].id == records[2].id != records[1].id
    assert {record.status for record in records} == {"failed"}


def test_a_student_of_the_wrong_size_is_a_record_with_a_reason_and_no_exception(call):
    record = call(student=Mine(classes=3))
    assert record.status == "failed"
    assert record.reason
    assert call.store.read(record.id).status == "failed"


def test_settings_take_python_values(call):
    record = call(settings={"view.flip": False, "view.mean": [0.5, 0.5, 0.5], "recipe.lr": 1e-3, "policy": "crop"})
    assert record.config["view"]["flip"] is False
    assert record.config["view"]["mean"] == [0.5, 0.5, 0.5]
    assert record.config["recipe"]["lr"] == 1e-3
    assert record.policy == "crop"


def test_a_profile_among_the_settings_is_the_profile(call, ran):
    assert call(settings={"profile": "smoke"}, profile="demo").id == ran.cell.id


def test_a_call_shows_in_the_leaderboard(call):
    from benchmark.cli.table import render

    record = call()
    assert record.target in render(call.store.root.parent, "smoke", "csv")


def test_threads_of_the_caller_are_left_as_they_were(call):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        call(seed=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target": "digit"}, "did you mean digits?"),
        ({"profile": "smok"}, "did you mean smoke"),
        ({"source": "chinna"}, "did you mean china"),
        ({"source": "missing.png"}, "missing.png"),
        ({"settings": {"recipe.step": 3}}, "did you mean recipe.steps"),
        ({"settings": {"recipe.steps": "many"}}, "recipe.steps=many"),
        ({"settings": {"folds": [2]}}, "no fold 2"),
        ({"device": "gpu"}, "choose auto, cpu, cuda or cuda:N"),
        ({"device": "cuda:99"}, "the device cuda:99 does not exist"),
        ({"results": __file__}, "cannot be written"),
    ],
)
def test_what_is_wrong_is_one_sentence(call, given, message):
    with pytest.raises(BadInput) as caught:
        call(**given)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_cells_are_not_one_call(photo, tmp_path):
    with pytest.raises(BadInput, match="one call runs one cell, and settings ask for 2"):
        benchmark.run("ucf101", profile="smoke", results=tmp_path, root=Path("nowhere"), settings={"folds": [1, 2]})


def test_a_misspelt_network_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(BadInput, match="no image network named 'resnet99'; did you mean resnet"):
        benchmark.run("digits", student="resnet99", profile="smoke", results=tmp_path, device="cpu")
    assert not any(tmp_path.iterdir())


def test_a_network_of_the_same_name_and_weights_that_computes_something_else_is_another_cell(call):
    one, other = Mine(), Mine()
    for network, activation in ((one, nn.ReLU()), (other, nn.Tanh())):
        network.layers.insert(2, activation)

    def renamed() -> type[nn.Module]:
        class Own(Mine):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return -self.layers(x)

        Own.__name__ = "Mine"
        return Own

    networks = (Mine(), one, other, renamed()())
    assert len({weights_hash(network) for network in (one, other)}) == 1
    assert len({module_hash(network) for network in networks}) == 4
    assert module_hash(Mine()) == module_hash(Mine())


def test_a_profile_of_ones_own_has_its_results_in_a_folder_of_its_name(tmp_path):
    profile = tmp_path / "mine.yaml"
    profile.write_text("profile: {base: smoke, data: stand-in}\nrecipe: {steps: 2}\nteacher: {times_chance: 0}")
    record = benchmark.run("digits", profile=str(profile), results=tmp_path / "results")
    assert record.status == "done", record.reason
    assert (tmp_path / "results" / "mine" / "cells" / record.id / "record.json").is_file()
