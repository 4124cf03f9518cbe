"""Progress: how long is left, in words that fit a log, and live bars that keep up with any order of events."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

from benchmark.launch import display as display_module
from benchmark.launch.display import PlainLines, TimeLeft, outcome_line, shown
from benchmark.launch.progress import Step, counted, duration
from benchmark.planning.expected import Expected


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(display_module, "time", made)
    return made


def test_one_is_singular():
    assert [counted(number, "cell") for number in (0, 1, 2, 1797)] == ["0 cells", "1 cell", "2 cells", "1,797 cells"]


def cell(name: str, teacher: str = ""):
    training = SimpleNamespace(batch=20)
    config = SimpleNamespace(recipe=SimpleNamespace(batch=10), teacher=SimpleNamespace(training=training))
    key = SimpleNamespace(target=name, fold=1, seed=0)
    source = SimpleNamespace(name="photo")
    return SimpleNamespace(id=name, key=key, source=source, config=config, teacher_key=teacher or f"teacher of {name}")


def times(*seconds, teacher=0.0):
    """What is expected of cells a, b, c …: a student of 100 seconds each, unless given."""
    return {
        name: Expected(teacher, student, True) for name, student in zip("abc", seconds or [100.0] * 3, strict=False)
    }


DONE = SimpleNamespace(status="done", reason="", metrics={"top1": 0.5}, controls={"teacher_top1": 0.75, "chance": 0.1})
FAILED = SimpleNamespace(status="failed", reason="the disk is full.", metrics={}, controls={})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (5, "0:05"), (59.6, "1:00"), (95, "1:35"), (3600, "1:00:00"), (7384, "2:03:04"), (None, "?")],
)
def test_durations_read_as_people_write_them(seconds, text):
    assert duration(seconds) == text


def test_time_left_is_what_was_expected_then_corrected_by_what_was_seen(clock):
    cells = [cell("a"), cell("b"), cell("c")]
    left = TimeLeft(cells, 1, times())
    assert left.seconds() == 300
    left.started(cells[0])
    clock.now += 40
    assert left.seconds() == 260
    clock.now += 160  # twice as long as expected
    assert left.seconds() == 250, "an overdue cell takes a quarter of its time again, the others what was expected"
    left.ended(cells[0])
    assert left.seconds() == 400, "the two others will take twice as long, too"
    left.started(cells[1])
    clock.now += 50
    assert left.seconds() == 350
    left.ended(cells[1])
    left.started(cells[2])
    clock.now += 10_000
    assert left.seconds() == 2_500


def test_time_left_of_cells_side_by_side_is_at_least_the_longest(clock):
    assert TimeLeft([cell("a"), cell("b")], 2, times(300, 100)).seconds() == 300
    assert TimeLeft([cell("a"), cell("b"), cell("c")], 2, times(300, 300, 300)).seconds() == 600
    assert TimeLeft([cell("a"), cell("b"), cell("c")], 2, times(300, 200, 100)).seconds() == 300
    assert TimeLeft([cell("a"), cell("b")], 9, times(300, 100)).seconds() == 300


def test_a_teacher_of_several_cells_is_part_of_the_time_left_once(clock):
    cells = [cell("a", "one"), cell("b", "one"), cell("c", "one")]
    left = TimeLeft(cells, 2, times(teacher=50.0))
    assert left.seconds() == 50 + 100 + 100
    left.started(cells[1])
    clock.now += 20
    assert left.seconds() == 230, "the second worker waits for the teacher, then takes one of the others"
    clock.now += 40
    left.started(cells[0])
    clock.now += 10
    assert left.seconds() == 80 + 100
    clock.now += 80
    left.ended(cells[1])
    assert left.seconds() == 100


def test_time_left_is_unknown_where_a_cell_has_no_expectation():
    assert TimeLeft([cell("a"), cell("b")], 1, times(100, None)).seconds() is None


def test_a_log_has_one_line_per_event_and_none_for_every_step(clock, capsys):
    first, second = cell("a"), cell("b")
    lines = PlainLines([first, second], 1, times())
    lines.started(0, first)
    for done in range(1, 101):
        clock.now += 0.2
        lines.moved(0, Step("distill", done, 100, 1.25, 5.0))
    lines.ended(0, first, DONE)
    lines.started(0, second)
    lines.ended(0, second, FAILED)
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines() == [
        "[3:20 left, 0/2] a · photo · seed 0: starts",
        "[3:20 left, 0/2] a · photo · seed 0: distill 1/100, loss 1.250, 50 segments/s",
        "[3:05 left, 0/2] a · photo · seed 0: distill 76/100, loss 1.250, 50 segments/s",
        "[0:20 left, 1/2] a · photo · seed 0: student 50.0% · teacher 75.0% · chance 10.0%",
        "[0:20 left, 1/2] b · photo · seed 0: starts",
        "[2/2] b · photo · seed 0: failed: the disk is full.",
    ]


def test_an_interrupted_cell_is_not_counted(clock, capsys):
    lines = PlainLines([cell("a")], 1, times())
    lines.started(0, cell("a"))
    lines.ended(0, cell("a"), None)
    assert "[0/1] a · photo · seed 0: stopped; the same command continues it" in capsys.readouterr().err


def test_the_rate_of_each_phase_counts_what_the_phase_is_about(clock, capsys):
    lines = PlainLines([cell("a")], 1, times())
    lines.started(0, cell("a"))
    for phase, unit in (("distill", "30 segments/s"), ("teacher: train", "60 items/s"), ("evaluate", "3.0 batches/s")):
        lines.moved(0, Step(phase, 1, 2, float("nan"), 3.0))
        output = capsys.readouterr().err
        assert unit in output
        assert "loss" not in output, "a phase without a loss says nothing of one"


def test_the_outcome_of_a_cell_is_its_figures_or_its_reason():
    assert outcome_line(DONE) == "student 50.0% · teacher 75.0% · chance 10.0%"
    assert outcome_line(FAILED) == "failed: the disk is full."


def test_live_bars_follow_cells_that_start_end_fail_and_are_stopped(monkeypatch, clock, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    cells = [cell("a[bold]"), cell("b"), cell("c")]
    with shown(cells, 2, {one.id: Expected(0.0, 100.0, True) for one in cells}) as display:
        assert not isinstance(display, PlainLines)
        display.started(0, cells[0])
        display.started(1, cells[1])
        display.moved(0, Step("data"))
        display.moved(1, Step("distill", 3, 10, 0.5, 2.0))
        display.moved(1, Step("distill", 10, 10, 0.5, 2.0))
        display.ended(1, cells[1], FAILED)
        display.started(1, cells[2])
        display.ended(0, cells[0], DONE)
        display.ended(1, cells[2], None)
    output = capsys.readouterr().err
    assert "failed: the disk is full." in output
    assert "student 50.0%" in output


@pytest.mark.parametrize("columns", [40, 80, 132])
def test_live_lines_begin_with_the_time_left_and_are_never_broken(monkeypatch, capsys, columns):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    cells = [cell("speechcommands35"), cell("b")]
    with shown(cells, 1, {one.id: Expected(0.0, 5000.0, True) for one in cells}) as display:
        display.started(0, cells[0])
        display.moved(0, Step("teacher: train", 10, 1000, 0.5, 2.0))
        written = io.StringIO()
        Console(file=written, width=columns).print(display.get_renderable())
    whole, one = written.getvalue().splitlines()
    assert max(len(whole), len(one)) <= columns
    assert whole.split()[:3] == ["2:46:40", "left", "0%"]
    assert "all cells: 0/2" in whole
    assert " 1% " in one and "speechcomm" in one
    assert ("loss 0.500" in one) == (columns > 80)
    assert ("━" in capsys.readouterr().err) == (columns > 110)


def test_plain_lines_if_standard_error_is_not_a_terminal(capsys):
    with shown([cell("a")], 1, times()) as display:
        assert isinstance(display, PlainLines)
