"""Runs of the benchmark as processes of their own: started, observed through /proc (Linux), and their records."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def run_benchmark(
    words: Sequence[str],
    results: Path,
    observe: Callable[[int], object] = lambda pid: None,
    every: float = 0.1,
    may_fail: bool = False,
) -> int:
    """Run ``benchmark run`` to its end, in a session of its own, and return the exit code.

    Args:
        words: targets, options and settings.
        results: the results folder.
        observe: called with the process id every so many seconds; it may meet a process that has just ended.

    Raises:
        SystemExit: the run failed and may not; with the end of its output.
    """
    command = [sys.executable, "-m", "benchmark", "run", "--results", str(results), *words]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            while process.poll() is None:
                with contextlib.suppress(OSError, ValueError, IndexError):
                    observe(process.pid)
                time.sleep(every)
        finally:
            process.terminate()
        if process.returncode:
            log.seek(0)
            failure = f"{' '.join(command)} ended with exit code {process.returncode}:\n{log.read()[-3000:]}"
            if not may_fail:
                raise SystemExit(failure)
            print(failure, file=sys.stderr)
    return process.returncode


def seeds(count: int) -> str:
    """Return the setting for that many seeds."""
    return f"seeds=[{','.join(map(str, range(count)))}]"


def records(results: Path) -> list[dict[str, Any]]:
    """Return the records of all cells in a results folder."""
    return [json.loads(path.read_text()) for path in sorted(results.glob("*/cells/*/record.json"))]


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]


def memory(pid: int | str, field: str) -> int:
    """Return bytes of a process (``self``: of this one): ``VmRSS`` now, or ``VmHWM`` at its peak."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition(f"{field}:")[2].split()[0])
