"""Expected times: what was measured here, else in proportion to operations; a teacher counts once."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from benchmark.planning import expected as module
from benchmark.planning.expected import (
    WORKER_SECONDS,
    Expected,
    Speeds,
    cell_seconds,
    expected_times,
    longest_first,
    rest_work,
    run_seconds,
    step_flops,
    step_work,
)
from benchmark.records.speeds import Figure, keep_speeds
from benchmark.system.resources import device_name

HERE = device_name("cpu")


def seconds(cell, figures=None, device="cpu", has_teacher=False) -> Expected:
    return Speeds(figures or {}, device).cell(cell, has_teacher=has_teacher)


def measured(*works_and_seconds, flops=0.0):
    return {work: Figure(work=work, seconds=[taken], flops=flops) for work, taken in works_and_seconds}


@pytest.fixture
def one(cells):
    """Plan a cell of the digits."""
    return lambda *overrides: cells(*overrides)[0]


def test_an_estimate_is_linear_in_the_steps_of_the_student_and_of_the_teacher(one):
    students = [seconds(one(f"recipe.steps={steps}")).student for steps in (40, 1040, 2040, 3040)]
    teachers = [seconds(one(f"teacher.training.steps={steps}")).teacher for steps in (60, 1060, 2060, 3060)]
    for values in (students, teachers):
        first, *others = (after - before for before, after in pairwise(values))
        assert first > 0 and others == pytest.approx([first, first])
    assert not seconds(one()).measured


def test_an_estimate_is_linear_in_the_batch(one):
    students = [seconds(one(f"recipe.batch={batch}")).student for batch in (128, 256, 384)]
    teachers = [seconds(one(f"teacher.training.batch={batch}")).teacher for batch in (128, 256, 384)]
    for low, middle, high in (students, teachers):
        assert high - middle == pytest.approx(middle - low) and middle > low


def test_what_was_measured_wins_over_an_estimate_and_is_exact(one):
    cell = one("recipe.steps=100")
    works = [(step_work(cell, "student", HERE), 0.25), (rest_work(cell, "student", HERE), 3.0)]
    found = seconds(cell, measured(*works))
    assert found.student == pytest.approx(28.0)
    assert found.teacher == seconds(cell).teacher and not found.measured
    works += [(step_work(cell, "teacher", HERE), 0.5), (rest_work(cell, "teacher", HERE), 2.0)]
    assert seconds(cell, measured(*works)) == Expected(pytest.approx(32.0), pytest.approx(28.0), True)
    assert seconds(one("recipe.steps=300"), measured(*works)).student == pytest.approx(78.0), "also for other steps"


def test_figures_of_another_machine_or_number_of_threads_do_not_count(one):
    cell = one()
    work = step_work(cell, "student", HERE)
    others = [replace(work, device="another"), replace(work, threads=2), replace(work, mode="float32, default")]
    figures = measured(*((other, 1000.0) for other in others), flops=1e9)
    assert seconds(cell, figures) == seconds(cell)


def test_figures_of_another_optimiser_or_method_do_not_count_as_measured(one):
    cell, other, inversion = one(), one("recipe.optimiser=sgd"), one("method=inversion")
    works = [step_work(found, "student", HERE) for found in (cell, other, inversion)]
    assert len(set(works)) == 3
    assert len({step_work(found, "teacher", HERE) for found in (cell, other, inversion)}) == 1
    figures = measured((works[2], 1000.0), flops=1e9)
    assert seconds(cell, figures) == seconds(cell) == seconds(other, figures)
    assert seconds(inversion, figures).student > 10_000
    rest = module.REST_SECONDS["student"]
    figures = measured((works[1], 10.0), flops=step_flops(other, "student"))
    assert (seconds(cell, figures).student - rest) / 40 == pytest.approx(10.0, rel=0.01), "the nearest that is known"


@pytest.mark.parametrize("change", ["recipe.batch=32", "view.size=16"])
def test_the_speed_of_the_same_networks_holds_for_other_batches_and_sizes(one, change):
    before, after = one(), one(change)
    flops = step_flops(before, "student")
    figures = measured((step_work(before, "student", HERE), 10.0), flops=flops)
    rest = module.REST_SECONDS["student"]
    grown = step_flops(after, "student") / flops
    assert grown > 1.5
    found = seconds(after, figures)
    assert not found.measured
    assert (found.student - rest) / 40 == pytest.approx(10.0 * grown, rel=0.01)


def test_the_speed_of_other_networks_of_the_modality_is_better_than_what_is_assumed(one):
    cell, other = one(), one("student.network=cnn-16", "teacher.network=cnn-16")
    figures = measured((step_work(other, "teacher", HERE), 10.0), flops=1e6)
    rest = module.REST_SECONDS["student"]
    assert (seconds(cell, figures).student - rest) / 40 == pytest.approx(step_flops(cell, "student") / 1e5, rel=0.01)


def test_nothing_is_assumed_of_a_gpu_or_of_networks_that_the_table_lacks(one):
    assert seconds(one(), device="cuda:0").student is None
    assert run_seconds([one()], {one().id: seconds(one(), device="cuda")}, 1) is None
    cell = one()
    own = replace(
        cell, row="own", config=replace(cell.config, student=replace(cell.config.student, network="timm:own"))
    )
    assert seconds(own).student is None and seconds(own).teacher is not None
    works = [(step_work(own, "student", HERE), 1.0), (rest_work(own, "student", HERE), 2.0)]
    assert seconds(own, measured(*works)).student == pytest.approx(42.0)


def test_a_kept_teacher_and_one_with_weights_take_no_steps(one):
    cell = one()
    assert seconds(cell, has_teacher=True).teacher == 0
    teacher = replace(cell.config.teacher, weights="weights.safetensors")
    given = replace(cell, row="given", config=replace(cell.config, teacher=teacher))
    assert seconds(given).teacher == module.REST_SECONDS["teacher"]


def test_a_teacher_is_trained_for_fewer_steps_where_epochs_say_so(one):
    cell = one("teacher.training.steps=6000")
    teacher = replace(cell.config.teacher, epochs=1.0)
    brief = replace(cell, row="brief", config=replace(cell.config, teacher=teacher))
    works = [(step_work(cell, "teacher", HERE), 1.0), (rest_work(cell, "teacher", HERE), 0.5)]
    items = cell.adapter.info.train_items
    steps = seconds(brief, measured(*works)).teacher - 0.5
    assert steps == pytest.approx(0.9 * items / 32, abs=1)


def times_of(cells, teacher, student):
    return {cell.id: Expected(teacher, student, True) for cell in cells}


def test_a_shared_teacher_counts_once_and_cells_side_by_side_share_the_time(cells):
    four = cells("seeds=[0,1,2,3]")
    times = times_of(four, 100.0, 10.0)
    assert sorted(cell_seconds(four, times).values()) == [10.0, 10.0, 10.0, 110.0]
    assert run_seconds(four, times, 1) == WORKER_SECONDS + 140
    # The others wait for the teacher, which one of the workers trains.
    assert run_seconds(four, times, 2) == WORKER_SECONDS + 120
    assert run_seconds(four, times, 4) == run_seconds(four, times, 100) == WORKER_SECONDS + 110


def test_different_teachers_are_trained_side_by_side(cells):
    two = [*cells(), *cells("teacher.training.steps=61")]
    times = times_of(two, 100.0, 10.0)
    assert run_seconds(two, times, 1) == WORKER_SECONDS + 220
    assert run_seconds(two, times, 2) == WORKER_SECONDS + 110


def test_cells_that_do_not_divide_evenly_leave_workers_idle(cells):
    three = cells("seeds=[0,1,2]")
    assert run_seconds(three, times_of(three, 0.0, 60.0), 2) == WORKER_SECONDS + 120


def test_a_run_of_nothing_takes_no_time():
    assert run_seconds([], {}, 2) == 0


def test_the_longest_cells_start_first_and_those_of_unknown_length_before(cells):
    a, b, c = cells("seeds=[0,1,2]")
    times = {a.id: Expected(1.0, 5.0, True), b.id: Expected(1.0, 50.0, True), c.id: Expected(None, None, False)}
    assert longest_first([a, b, c], times) == [c, b, a]


def test_seeds_share_what_is_measured_of_one_of_them(cells, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path))
    a, b = cells("seeds=[0,1]")
    keep_speeds({step_work(a, "student", HERE): (2.0, 0.0), rest_work(a, "student", HERE): (1.0, 0.0)})
    times = expected_times([a, b], "cpu", lambda key: True)
    assert times[a.id] == times[b.id] == Expected(0.0, 81.0, True)
