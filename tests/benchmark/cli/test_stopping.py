"""Ctrl-C: checkpoints are written, no process is left behind, and the same command continues."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.launch.progress import Outcome


def started(words: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("benchmark")), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, start_new_session=True,
    )  # fmt: skip


def lines_until(process: subprocess.Popen[str], word: str) -> Iterator[str]:
    assert process.stderr is not None
    for line in process.stderr:
        yield line
        if word in line:
            return


@pytest.mark.parametrize("moment", [pytest.param("start ", marks=pytest.mark.slow), "distill"])
def test_ctrl_c_leaves_no_process_and_says_how_to_continue(small, tmp_path, moment):
    words = ["run", "--results", "out", "--exclude", "cifar10", *small, "recipe.steps=1000000"]
    process = started(words, tmp_path)
    try:
        lines = list(lines_until(process, moment))
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: every process of the group gets it
        _, err = process.communicate(timeout=100)
        output = "".join(lines) + err
        assert process.returncode == 4, output
        assert "stopping: running cells write a checkpoint first" in output
        assert "the same command continues" in output
        assert "Traceback" not in output
        if moment == "distill":
            assert list(tmp_path.glob("out/small/cells/*/attempt/student-*.ckpt"))
        assert not list(tmp_path.glob("out/small/cells/*/record.json"))
        for _ in range(100):  # the resource tracker of the workers leaves a moment later
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                break
            time.sleep(0.1)
        else:
            pytest.fail("a process is left behind")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def test_a_second_ctrl_c_stops_at_once_and_says_that_nothing_is_lost(benchmark, small, tmp_path, monkeypatch, request):
    def two_signals(*given: object, **more: object) -> Outcome:
        for _ in "ab":
            os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the second one takes effect at once")

    monkeypatch.setattr("benchmark.cli.run.run_cells", two_signals)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have ignored it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    ended = benchmark("run", "--results", tmp_path, "--exclude", "cifar10", *small)
    assert ended.code == 4
    assert "stopped at once; the same command continues from the last checkpoints." in ended.err
    assert "Traceback" not in ended.err
    with pytest.raises(KeyboardInterrupt):  # afterwards, a Ctrl-C means what it meant before
        os.kill(os.getpid(), signal.SIGINT)
