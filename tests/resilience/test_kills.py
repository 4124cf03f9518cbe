"""Killed at any moment, the same command continues, and ends with the numbers of a run that was not killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.data.locate import ensure
from benchmark.planning.cell import Cell
from benchmark.records.store import Store
from killing import TARGETS, Life, Server, cells_of, differences, litter, settings_of

# How many of a modality's twenty kills fall into each phase; the moment within it is drawn.
KILLS = {
    "data": 2, "teacher: data": 1, "teacher: train": 4, "teacher: held-out part": 1, "teacher: test items": 1,
    "untrained student": 1, "distill": 5, "evaluate": 2, "write": 3,
}  # fmt: skip
OFTEN = {"BENCHMARK_CHECKPOINT_SECONDS": "0"}


@pytest.fixture(scope="module")
def server(request) -> Server:
    return Server([name for name in TARGETS if name == "image" or request.config.option.markexpr != "not slow"])


class Reference:
    """A cell that ran without a kill."""

    def __init__(self, server: Server, cell: Cell, folder: Path) -> None:
        self.server, self.cell, self.store = server, cell, Store(folder / "smoke")
        ensure(cell.data, cell.adapter)  # beforehand, so that it does not count in the times of the phases
        self.life = server.run(cell, self.store.root, OFTEN)
        assert self.life.exit_code == 0

    def killed(self, folder: Path, phase: str, share: float) -> Life:
        """Kill a run of the cell once, ``share`` of its usual length into a phase, and let it continue.

        Returns:
            The life that was ended.
        """
        return self.killed_after(self.cell, folder, phase, share * self.life.lengths()[phase])

    def killed_after(self, cell: Cell, folder: Path, phase: str, delay: float) -> Life:
        """Kill a run of the cell once, ``delay`` seconds into a phase or sooner, and let it continue."""
        for attempt in range(10):
            store = Store(folder / str(attempt))
            life = self.server.run(cell, store.root, OFTEN, (phase, delay))
            if life.exit_code == -signal.SIGKILL:
                break
            delay /= 2  # it was quicker than the kill
        assert life.exit_code == -signal.SIGKILL
        assert self.server.run(cell, store.root, OFTEN).exit_code == 0
        assert differences(cell, self.store, store) == [], (phase, delay, life.last)
        assert litter([folder]) == [], (phase, delay, life.last)
        return life


def test_a_killed_cell_continues_to_the_very_same_numbers(server, tmp_path):
    (cell,) = cells_of("image", tmp_path, "teacher.training.steps=20", "recipe.steps=40")
    reference = Reference(server, cell, tmp_path / "straight")
    for phase, share in (("distill", 0.8), ("write", 0.3)):
        reference.killed(tmp_path / phase, phase, share)


@pytest.mark.slow
@pytest.mark.parametrize("modality", TARGETS)
def test_twenty_kills_at_random_points_change_no_number(server, tmp_path, modality, capsys):
    (cell,) = cells_of(modality, tmp_path)
    reference = Reference(server, cell, tmp_path / "straight")
    draw = random.Random(f"kills of {modality}")
    hit: Counter[str] = Counter()
    survived = 0
    for phase, count in KILLS.items():
        for number in range(count):
            folder = tmp_path / f"{phase.replace(' ', '-')}-{number}"
            if phase == "data" and number == 0 and cell.data.kind == "stand-in":  # while that is being written
                elsewhere = replace(cell, data=replace(cell.data, root=folder / "cache" / "stand-in"))
                life = reference.killed_after(elsewhere, folder, phase, 0.2 + draw.random())
            else:
                life = reference.killed(folder, phase, draw.random())
            hit[life.last] += 1
            survived += 1
    with capsys.disabled():
        shown = ", ".join(f"{name} {count}" for name, count in hit.items())
        print(f"\n{modality}: {survived}/20 kills survived; died in: {shown}")
    assert survived == 20
    assert hit["teacher: train"] and hit["distill"] and hit["evaluate"] and hit["write"]


# --- through the real command line -----------------------------------------------------------------------------


def command(modality: str, folder: Path) -> list[str]:
    target, results = TARGETS[modality], str(folder / "results")
    words = ["run", "--target", target, "--jobs", "1", "--results", results, *settings_of(modality, folder)]
    return [sys.executable, "-c", "from benchmark.cli.app import main; main()", *words]


def started(words: list[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, **OFTEN}
    return subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment
    )


def worker_of(parent: int) -> int:
    """The process that runs the cells; the other child of a run is Python's resource tracker."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    (worker,) = [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return worker


def all_gone(group: int, within: float) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["run", "worker"])
@pytest.mark.parametrize("modality", TARGETS)
def test_a_killed_command_leaves_no_process_and_the_same_command_continues(server, tmp_path, modality, victim):
    (cell,) = cells_of(modality, tmp_path)
    reference = Reference(server, cell, tmp_path / "straight")
    store = Store(tmp_path / "results" / "smoke")
    process = started(command(modality, tmp_path))
    try:
        wait_for(store.root / "cells" / cell.id / "attempt", "student-*.ckpt", process)
        os.kill(process.pid if victim == "run" else worker_of(process.pid), signal.SIGKILL)
        _, output = process.communicate(timeout=120)
        assert all_gone(process.pid, 30), "workers leave with their parent"
    finally:
        if not all_gone(process.pid, 0.1):
            os.killpg(process.pid, signal.SIGKILL)
    if victim == "run":
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 1, output
        assert store.read(cell.id).status == "failed"
        assert "died (signal 9)" in output
    again = started(command(modality, tmp_path))
    _, output = again.communicate(timeout=300)
    assert again.returncode == 0, output
    assert differences(cell, reference.store, store) == []
    assert litter([tmp_path / "results"]) == []


def wait_for(folder: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    """Until a file is there."""
    while not list(folder.glob(pattern)):
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.002)
