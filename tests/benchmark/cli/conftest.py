"""Shared by the tests of the command line: calls in this process, and results of a small run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmark.cli import app
from inline import Inline


class Ended(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def benchmark(capfd, monkeypatch) -> Callable[..., Ended]:
    """Call the command line in this process."""

    def call(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["benchmark", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            app.main()
        output = capfd.readouterr()
        return Ended(int(ended.value.code or 0), output.out, output.err)

    return call


@pytest.fixture
def inline(monkeypatch) -> Inline:
    made = Inline()
    monkeypatch.setattr("benchmark.cli.run.run_cells", made)
    return made


@pytest.fixture(scope="session")
def small(quick) -> tuple[str, ...]:
    """The digits and CIFAR-10 under ``small``, of which only the digits have data; as little work as possible."""
    networks = ("teacher.network=cnn-8", "student.network=cnn-8", "teacher.times_chance=1", "threads=1")
    return ("--target", "digits,cifar10", "--device", "cpu", *quick, *networks, "profile=small")


@pytest.fixture(scope="session")
def results(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def finished(benchmark, inline, small, results) -> Path:
    """Results in which the digits are done; the first test that requests them runs them."""
    if not (results / "small" / "leaderboard.json").exists():
        assert benchmark("run", "--results", results, "--root", results / "empty", *small).code == 0
    return results


@pytest.fixture(scope="session")
def block() -> Callable[[Path], None]:
    """Make a folder behave like one of another user: its lock cannot be taken."""

    def make(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".lock").unlink(missing_ok=True)
        (folder / ".lock").mkdir()

    return make
