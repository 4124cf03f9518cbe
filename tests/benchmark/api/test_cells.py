"""From Python: own datum, own network, own teacher; one call for one cell or many, and records back."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import nn

import benchmark
from benchmark import BadInput, CellFailed
from benchmark.running.networks import module_hash, weights_hash
from own_network import Mine, make_mine


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
    with pytest.raises(CellFailed, match=r"refused: .*chance is 10\.0%") as caught:
        call(teacher=Mine(2), settings={"teacher.times_chance": 5})
    assert caught.value.record.status == "refused"
    assert caught.value.record.metrics == {}


def test_other_weights_of_an_own_network_are_another_cell(call):
    # Nothing trains here: a network of the wrong size fails at once, and its record tells its name.
    records = [call(["digits"], student=Mine(seed, classes=3))[0] for seed in (0, 1, 0)]
    assert records[0].id == records[2].id != records[1].id
    assert {record.status for record in records} == {"failed"}


def test_one_cell_that_fails_raises_an_error_with_its_record(call):
    with pytest.raises(CellFailed) as caught:
        call(student=Mine(classes=3))
    record = caught.value.record
    assert record.status == "failed"
    assert record.reason and record.reason in str(caught.value)
    assert call.store.read(record.id).reason == record.reason


def test_a_cell_of_a_list_that_fails_costs_only_itself(call):
    records = call(
        ["digits", "stl10"], settings={"data.subset": True}, root=Path("nowhere"), profile="small", seeds=[3]
    )
    assert [record.status for record in records] == ["done", "no data"]
    with pytest.raises(CellFailed, match="no data: absent"):
        call("stl10", root=Path("nowhere"), profile="small", seed=3)


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
        ({"target": []}, "no targets were given"),
        ({"seeds": []}, "seeds is empty"),
        ({"seeds": [0.5]}, "are not seeds; give whole numbers"),
        ({"seed": "1"}, "are not seeds; give whole numbers"),
        ({"settings": {"seeds": [0, 1]}}, "seeds is among the settings; give it as the argument seeds"),
        ({"settings": {"source.image": "china"}}, "give it as the argument source"),
        ({"settings": {"student.network": "cnn-16"}, "student": "cnn-8"}, "give it as the argument student"),
        ({"callback": "tensorbord"}, "did you mean tensorboard"),
        ({"callback": 7}, "the callback int cannot be called"),
        ({"student": 7}, "7 is not a network"),
        ({"loss": [1]}, "[1] is not a loss"),
    ],
)
def test_what_is_wrong_is_one_sentence(call, given, message):
    with pytest.raises(BadInput) as caught:
        call(**given)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_folds_of_one_target_need_a_list(tmp_path):
    with pytest.raises(BadInput, match="one target gives one record, and settings ask for 2"):
        benchmark.run("ucf101", profile="smoke", results=tmp_path, settings={"folds": [1, 2]})


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


# --- many cells ------------------------------------------------------------------------------------------------


def test_seeds_are_cells_of_one_row_and_those_of_single_calls(call):
    records = call(seeds=[0, 1])
    assert [record.seed for record in records] == [0, 1]
    assert len({record.row for record in records}) == 1
    assert records == [call(seed=seed) for seed in (0, 1)]
    assert records[0].metrics != records[1].metrics


def test_an_own_student_of_several_seeds_is_one_row_and_stays_as_it_was(call):
    student = Mine(7)
    before = weights_hash(student)
    records = call(student=student, seeds=[0, 1])
    assert weights_hash(student) == before
    frame = benchmark.leaderboard(call.results, profile="smoke")
    rows = frame[frame["student"] == records[0].student]
    assert rows["seeds"].tolist() == ["2"]
    assert rows["row"].tolist() == [records[0].row]
    # Each seed is the cell that a call of its own gives, with the same weights.
    alone = Mine(7)
    assert call(student=alone, seed=1) == records[1]
    assert weights_hash(alone) == weights_hash(records[1].load().student)


def test_a_function_that_makes_students_gives_each_seed_its_own_weights_in_one_row(call):
    records = call(student=make_mine, seeds=[0, 1])
    assert [record.status for record in records] == ["done", "done"]
    assert len({record.row for record in records}) == 1
    assert len({weights_hash(record.load().student) for record in records}) == 2
    assert records[0].controls["untrained"] != records[1].controls["untrained"]
    frame = benchmark.leaderboard(call.results, profile="smoke")
    assert frame[frame["student"] == records[0].student]["seeds"].tolist() == ["2"]


def test_a_function_that_makes_something_else_is_named_in_the_reason(call):
    with pytest.raises(CellFailed, match=r"cannot be built for \(3, 8, 8\), 10 classes"):
        call(student=Mine)


def test_a_cell_that_was_forgotten_is_in_the_leaderboard_again(call):
    from benchmark.records.forget import forget

    record = call(settings={"recipe.steps": 41})

    def listed():
        return record.row in benchmark.leaderboard(call.results, profile="smoke")["row"].tolist()

    forget(call.store, [record.id])
    assert not listed()
    assert call(settings={"recipe.steps": 41}) == record
    assert listed()


# --- callbacks and progress ------------------------------------------------------------------------------------


class Told:
    """A callback that keeps what it is told."""

    every: ClassVar[list] = []

    def __init__(self, cell, folder):
        self.cell, self.phases, self.losses, self.status = cell, [], [], ""
        self.every.append(self)

    def phase(self, name):
        self.phases.append(name)

    def step(self, done, total, loss):
        self.losses.append((self.phases[-1], done, loss))

    def end(self, metrics, status):
        self.status, self.metrics = status, metrics


def test_callbacks_are_told_of_each_cell_that_runs_and_change_nothing(call, tmp_path):
    plain = call(seeds=[5, 6])
    records = call(seeds=[5, 6], callback=Told, results=tmp_path)
    assert [record.metrics for record in records] == [record.metrics for record in plain]
    assert [(told.cell["id"], told.status) for told in Told.every] == [(record.id, "done") for record in records]
    for told, record in zip(Told.every, records, strict=True):
        assert "distill" in told.phases
        assert [done for phase, done, _ in told.losses if phase == "distill"] == [20, 40]
        assert told.metrics == record.metrics


def test_the_path_of_a_callback_and_several_are_taken(call, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "class CALLBACK:\n"
        "    def __init__(self, cell, folder): self.path = folder / f\"{cell['id']}.txt\"\n"
        "    def phase(self, name): pass\n"
        "    def step(self, done, total, loss): pass\n"
        "    def end(self, metrics, status): self.path.write_text(status)\n"
    )
    before = len(Told.every)
    record = call(callback=[str(path), Told], results=tmp_path)
    assert (tmp_path / "smoke" / f"{record.id}.txt").read_text() == "done"
    assert len(Told.every) == before + 1


def test_progress_is_shown_unless_it_is_not_wanted(call, tmp_path, capsys):
    record = call(results=tmp_path, progress=False)
    assert capsys.readouterr() == ("", "")
    call(results=tmp_path / "other", progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"[1/1] digits · photo.png · seed 0: student {record.score:.1%}" in err
    call(results=tmp_path / "other", progress=True)
    assert capsys.readouterr() == ("", ""), "nothing ran"


# --- stand-ins -------------------------------------------------------------------------------------------------


def test_stand_ins_in_the_place_of_data_that_were_given_are_a_warning(call, tmp_path, monkeypatch):
    quick = {"recipe.steps": 2, "teacher.training.steps": 2, "teacher.times_chance": 0, "view.size": 16}
    asked = {"settings": quick, "results": tmp_path / "results"}
    said = rf"the profile smoke runs cifar10 on generated stand-ins, so the data in {tmp_path} are not read"
    with pytest.warns(UserWarning, match=said):
        call("cifar10", root=tmp_path, **asked)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call("cifar10", **asked)  # nobody gave data
        call("digits", root=tmp_path, **asked)  # which ship inside a dependency
        monkeypatch.setenv("BENCHMARK_DATA", str(tmp_path))
        with pytest.raises(UserWarning, match=said):
            call("cifar10", **asked)
