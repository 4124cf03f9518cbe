"""The time of steps and of the rest of a cell, from what its callback is told."""

from __future__ import annotations

import pytest

from benchmark.planning.expected import ROLES, Speeds, expected_times, rest_work, step_flops, step_work
from benchmark.records.speeds import read_speeds
from benchmark.running import stopwatch as module
from benchmark.running.run_cell import run_cell
from benchmark.running.stopwatch import Stopwatch
from benchmark.system.resources import device_name
from benchmark.training.callbacks import IgnoreProgress


class Clock:
    now = 100.0


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(module, "undisturbed_clock", lambda: made.now)
    return made


def take(stopwatch, clock, name, setup, steps, seconds, begin=0):
    """A phase that takes steps of equal length, reported as the training loop reports them."""
    stopwatch.phase(name)
    clock.now += setup
    for done in range(begin + 1, steps + 1):
        clock.now += seconds
        if done % 20 == 0 or done == steps:
            stopwatch.step(done, steps, 0.5)


def rest(stopwatch, clock, phases):
    for name, seconds in phases.items():
        stopwatch.phase(name)
        clock.now += seconds


@pytest.fixture
def cell(cells):
    (one,) = cells()
    return one


def test_steps_are_told_apart_from_what_is_set_up_and_evaluated(cell, clock):
    watch = Stopwatch(IgnoreProgress())
    rest(watch, clock, {"data": 1.0, "teacher": 0.5, "teacher: data": 2.0})
    take(watch, clock, "teacher: train", 3.0, 110, 0.25)
    rest(watch, clock, {"teacher: held-out part": 0.5, "teacher: test items": 0.25, "untrained student": 0.5})
    take(watch, clock, "distill", 7.0, 90, 0.5)
    rest(watch, clock, {"evaluate": 0.75, "write": 1.0})
    name = device_name("cpu")
    assert watch.measured(cell, "cpu") == {
        step_work(cell, "teacher", name): (pytest.approx(0.25), step_flops(cell, "teacher")),
        rest_work(cell, "teacher", name): (pytest.approx(0.5 + 2 + 3 + 0.5 + 0.25), 0.0),
        step_work(cell, "student", name): (pytest.approx(0.5), step_flops(cell, "student")),
        rest_work(cell, "student", name): (pytest.approx(1 + 0.5 + 7 + 0.75), 0.0),
    }


def test_a_teacher_that_was_there_or_that_another_made_is_not_measured(cell, clock):
    watch = Stopwatch(IgnoreProgress())
    rest(watch, clock, {"data": 1.0, "teacher": 0.5, "waiting for the teacher, which another is making": 50.0})
    take(watch, clock, "distill", 0.0, 40, 0.5)
    rest(watch, clock, {"write": 0.0})
    found = watch.measured(cell, "cpu")
    assert {work.role for work in found} == {"student"}
    assert found[rest_work(cell, "student", device_name("cpu"))][0] == pytest.approx(1.5)


def test_a_run_that_continues_counts_only_the_steps_it_takes(cell, clock):
    watch = Stopwatch(IgnoreProgress())
    take(watch, clock, "distill", 0.0, 100, 0.5, begin=60)
    rest(watch, clock, {"write": 0.0})
    found = watch.measured(cell, "cpu")
    assert found[step_work(cell, "student", device_name("cpu"))][0] == pytest.approx(0.5)
    assert rest_work(cell, "student", device_name("cpu")) not in found


def test_a_few_steps_are_shared_out_among_all_seconds(cell, clock):
    watch = Stopwatch(IgnoreProgress())
    take(watch, clock, "distill", 1.0, 4, 0.5)
    rest(watch, clock, {"write": 0.0})
    assert watch.pace("distill") == (0.75, 0.0)


def test_a_training_that_begins_again_with_smaller_parts_is_measured_anew(cell, clock):
    watch = Stopwatch(IgnoreProgress())
    take(watch, clock, "distill", 0.0, 40, 9.0)
    for done in (20, 40):
        clock.now += 20
        watch.step(done, 40, 0.5)
    rest(watch, clock, {"write": 0.0})
    assert watch.pace("distill")[0] == pytest.approx(1.0)


def test_everything_is_passed_on(clock):
    told = []

    class Callback(IgnoreProgress):
        def phase(self, name):
            told.append(name)

        def step(self, done, total, loss):
            told.append((done, total, loss))

        def should_stop(self):
            return True

    watch = Stopwatch(Callback())
    watch.phase("distill")
    watch.step(1, 2, 0.5)
    assert told == ["distill", (1, 2, 0.5)]
    assert watch.should_stop()


def test_a_cell_that_has_run_is_expected_as_it_was_measured(cells, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    from benchmark.records.store import Store

    (cell,) = cells()
    store = Store(tmp_path / "results")
    assert not expected_times([cell], "cpu", lambda key: False)[cell.id].measured
    record = run_cell(cell, store, device="cpu", callback=IgnoreProgress())
    assert record.status == "done"
    name = device_name("cpu")
    assert set(read_speeds()) == {work(cell, role, name) for role in ROLES for work in (step_work, rest_work)}
    expected = expected_times([cell], "cpu", lambda key: False)[cell.id]
    assert expected.measured
    kept = read_speeds()
    student = 40 * kept[step_work(cell, "student", name)].median + kept[rest_work(cell, "student", name)].median
    assert expected.student == pytest.approx(student)
    assert Speeds(kept, "cpu").cell(cell, has_teacher=True).teacher == 0
