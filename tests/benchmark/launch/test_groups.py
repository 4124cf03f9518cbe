"""Launch options and groups: no job waits for a teacher that another job trains; options are checked at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.launch.groups import LaunchOptions, group_cells
from benchmark.planning.cell import Cell
from modalities.errors import BadInput


def grouped(
    cells: list[Cell],
    has_teacher: bool = False,
    in_training: dict[str, str] | None = None,
    per_job: str = "2",
    seconds: float | None = None,
):
    return group_cells(
        cells, has_teacher=lambda key: has_teacher, in_training=in_training or {}, per_job=per_job, stamp="x",
        seconds={cell.id: seconds for cell in cells},
    )  # fmt: skip


def test_a_teacher_of_several_cells_has_a_job_of_its_own_which_the_others_need(cells):
    three = cells("seeds=[0,1,2]")
    teacher_job, *students = grouped(three)
    assert (teacher_job.teacher, teacher_job.cells, teacher_job.needs) == (three[0].teacher_key, (three[0],), "")
    assert [group.cells for group in students] == [tuple(three[:2]), tuple(three[2:])]
    assert {group.needs for group in students} == {teacher_job.name}
    assert len({teacher_job.name, *(group.name for group in students)}) == 3


def test_each_teacher_has_its_own_job_and_students_of_different_teachers_never_share_one(cells):
    some = [*cells("seeds=[0,1]"), *cells("seeds=[0,1]", "teacher.training.steps=61")]
    groups = grouped(some, per_job="10")
    assert [bool(group.teacher) for group in groups] == [True, True, False, False]
    for teacher_job, students in zip(groups[:2], groups[2:], strict=True):
        assert students.needs == teacher_job.name
        assert {cell.teacher_key for cell in students.cells} == {teacher_job.teacher}


def test_a_teacher_on_disk_or_one_for_a_single_cell_needs_no_job(cells):
    assert [group.teacher for group in grouped(cells("seeds=[0,1]"), has_teacher=True)] == [""]
    (only,) = grouped(cells("seeds=[5]"))
    assert (only.teacher, only.needs) == ("", "")


def test_a_teacher_that_an_earlier_call_is_training_is_not_trained_again(cells):
    two = cells("seeds=[0,1]")
    (students,) = grouped(two, in_training={two[0].teacher_key: "earlier"})
    assert students.needs == "earlier"


def test_auto_fills_half_an_hour_and_gives_cells_of_unknown_length_a_job_each(cells):
    (cell,) = cells()

    seven = [replace(cell, id=f"c{number}", teacher_key=f"t{number}") for number in range(7)]
    assert [len(group.cells) for group in grouped(seven, per_job="auto", seconds=600)] == [3, 3, 1]
    assert [len(group.cells) for group in grouped(seven, per_job="auto", seconds=None)] == [1] * 7


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("cloud",), "there is no launcher 'cloud'; choose local, local-jobs, slurm"),
        (("local", ("time=5",)), "time=5 is a setting for Slurm; choose the launcher slurm"),
        (("slurm", ("time",)), "'time' is not a setting for Slurm"),
        (("slurm", (), "0"), "'0' is not a number of cells per job"),
        (("slurm", (), "many"), "'many' is not a number of cells per job"),
    ],
)
def test_options_that_are_not_valid_are_refused_in_a_sentence(given, sentence):
    with pytest.raises(BadInput, match=sentence):
        LaunchOptions(*given)


def test_jobs_with_gpus_run_on_them_although_this_machine_has_none():
    assert LaunchOptions("slurm", ("gpus_per_node=1",), device="auto").job_device == "cuda"
    assert LaunchOptions("slurm", ("gres=gpu:1",), device="auto").job_device == "cuda"
    assert LaunchOptions("slurm", ("partition=main",), device="auto").job_device == "auto"
    assert LaunchOptions("slurm", ("gpus_per_node=1",), device="cpu").job_device == "cpu"
