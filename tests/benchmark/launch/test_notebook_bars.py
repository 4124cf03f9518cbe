"""Progress in a notebook: one output, with a bar for each cell that runs and a line for each that ended."""

from __future__ import annotations

from types import SimpleNamespace

import IPython
import pytest
from IPython import display as notebook

from benchmark.launch.display import Live, NotebookBars, PlainLines, in_notebook, shown
from benchmark.launch.progress import Step
from benchmark.planning.expected import Expected

DONE = SimpleNamespace(status="done", reason="", metrics={"top1": 0.5}, controls={"teacher_top1": 0.75, "chance": 0.1})
FAILED = SimpleNamespace(status="failed", reason="<i>full</i>\x1b[1m", metrics={}, controls={})


def cell(name: str):
    config = SimpleNamespace(
        recipe=SimpleNamespace(batch=10), teacher=SimpleNamespace(training=SimpleNamespace(batch=20))
    )
    key = SimpleNamespace(target=name, fold=1, seed=0)
    return SimpleNamespace(id=name, key=key, source=SimpleNamespace(name="photo"), config=config, teacher_key=name)


CELLS = [cell("a"), cell("b")]
TIMES = {name: Expected(0.0, 100.0, True) for name in "ab"}


@pytest.fixture
def pages(monkeypatch) -> list[str]:
    """What the one output of a cell of a notebook showed, update by update."""
    found: list[str] = []
    handle = SimpleNamespace(update=lambda made: found.append(made.data))
    monkeypatch.setattr(notebook, "display", lambda *_, display_id: handle)
    return found


def test_a_bar_moves_and_becomes_a_line(pages):
    bars = NotebookBars(CELLS, 1, TIMES)
    bars.started(0, CELLS[0])
    assert "<progress></progress> a · photo · seed 0: starting" in pages[-1]
    assert "0/2 cells, 3:20 left" in pages[-1]
    bars.moved(0, Step("distill", 20, 40, 0.25, 3.0))
    assert '<progress value="20" max="40"></progress>' in pages[-1]
    assert "distill 20/40 · loss 0.250 · 30 segments/s" in pages[-1]
    bars.ended(0, CELLS[0], DONE)
    assert pages[-1] == "✓ a · photo · seed 0: student 50.0% · teacher 75.0% · chance 10.0%"
    bars.started(0, CELLS[1])
    bars.ended(0, CELLS[1], FAILED)
    assert pages[-1].endswith("<br>✗ b · photo · seed 0: failed: &lt;i&gt;full&lt;/i&gt;\\x1b[1m")


def test_a_cell_that_was_interrupted_leaves_no_bar(pages):
    bars = NotebookBars(CELLS, 1, TIMES)
    bars.started(0, CELLS[0])
    bars.ended(0, CELLS[0], None)
    assert pages[-1] == ""


@pytest.mark.parametrize(
    ("shell", "tty", "kind"),
    [
        (SimpleNamespace(kernel=object()), True, NotebookBars),
        (SimpleNamespace(), True, Live),  # IPython in a terminal
        (None, True, Live),
        (None, False, PlainLines),
    ],
)
def test_each_place_has_its_display(monkeypatch, pages, shell, tty, kind):
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda: tty, write=len, flush=lambda: None))
    assert in_notebook() == (kind is NotebookBars)
    with shown(CELLS, 1, TIMES) as display:
        assert isinstance(display, kind)
