"""Output that fails is discarded: it does not end the process, and the other stream stays as it is."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli.output import tolerate_closed_output

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
SCRIPT = """
import os, sys
from benchmark.cli.output import tolerate_closed_output
with tolerate_closed_output():
    for number in range(3):
        print(f"out {number}")
        print(f"err {number}", file=sys.stderr)
    sys.stdout.flush()
    os.write(1, b"from C\\n")  # a library that writes by itself
sys.exit(5)
"""


def called(**streams: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", SCRIPT], text=True, timeout=60, check=False, **streams)


@needs_full
@pytest.mark.parametrize("lost", ["stdout", "stderr"])
def test_a_full_disk_under_one_stream_changes_neither_exit_code_nor_the_other_stream(lost):
    other = "stderr" if lost == "stdout" else "stdout"
    with FULL.open("w") as full:
        done = called(**{lost: full, other: subprocess.PIPE})
    assert done.returncode == 5
    lines = getattr(done, other).splitlines()
    assert lines == [f"{other[3:]} {number}" for number in range(3)] + (["from C"] if other == "stdout" else [])


@pytest.mark.parametrize("lost", ["stdout", "stderr"])
def test_a_closed_pipe_changes_neither_exit_code_nor_the_other_stream(lost):
    other = "stderr" if lost == "stdout" else "stdout"
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = called(**{lost: writer, other: subprocess.PIPE})
    finally:
        os.close(writer)
    assert done.returncode == 5
    lines = getattr(done, other).splitlines()
    assert lines == [f"{other[3:]} {number}" for number in range(3)] + (["from C"] if other == "stdout" else [])


def test_a_process_that_was_started_without_standard_error_continues():
    done = subprocess.run(
        ["sh", "-c", '"$0" -c "$1" 2>&-', sys.executable, SCRIPT], stdout=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stdout.splitlines()[:3]) == (5, ["out 0", "out 1", "out 2"])


def test_a_stream_without_a_descriptor_is_discarded_after_one_failure(monkeypatch):
    class Broken(io.StringIO):
        tried = 0

        def write(self, text: str) -> int:
            self.tried += 1
            raise BrokenPipeError

    broken = Broken()
    monkeypatch.setattr(sys, "stderr", broken)
    with tolerate_closed_output():
        for _ in range(3):
            print("hello", file=sys.stderr)
    assert broken.tried == 1
    assert sys.stderr is broken


def test_a_busy_terminal_loses_a_line_and_is_not_discarded(monkeypatch):
    class Busy(io.StringIO):
        def write(self, text: str) -> int:
            if "first" in text:
                raise BlockingIOError
            return super().write(text)

    busy = Busy()
    monkeypatch.setattr(sys, "stderr", busy)
    with tolerate_closed_output():
        print("first", file=sys.stderr)
        print("second", file=sys.stderr)
    assert "second" in busy.getvalue()


def test_a_stream_still_says_whether_it_is_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    with tolerate_closed_output():
        assert sys.stderr.isatty()


def test_other_errors_are_raised():
    with pytest.raises(OSError, match="of the run"), tolerate_closed_output():
        raise OSError("of the run")
