"""What all measurements share: options, parts that can be resumed, pages, and runs of the benchmark as processes.

A measurement is a script that names its parts and writes the body of a page from their results; ``measure`` does the
rest.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.perf.report import markdown_table, origin, origin_line
from benchmark.system.processor import processor
from modalities.storage.atomic import atomic_write

Parts = dict[str, Any]  # name of a part → its JSON-ready result
NAME = Path(sys.argv[0]).stem


def parse_options(doc: str | None, folder: str = NAME) -> argparse.ArgumentParser:
    """Return a parser with the options of every measurement; results go to ``folder`` below ``results/measured``."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    out = Path("results/measured") / folder
    parser.add_argument("--out", type=Path, default=out, help="folder for the JSON file and README.md")
    parser.add_argument("--resume", action="store_true", help="keep the parts that are finished in the JSON file")
    return parser


def measure(
    given: argparse.Namespace,
    title: str,
    parts: Mapping[str, Callable[[], Any]],
    body: Callable[[Parts], Sequence[str]],
) -> None:
    """Measure the parts in order; after each, write the JSON file and README.md; finally print the page.

    Args:
        given: the parsed options.
        parts: name → function that measures a part and returns a JSON-ready result.
        body: makes the lines of the page from the results so far.

    Raises:
        SystemExit: the parts to resume come from another command, commit or machine.
    """
    words = [_without_folder(word) for word in parse_options(None).parse_known_args()[1]]
    machine = f"{processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    command = f"python scripts/measure/{NAME}.py {shlex.join(words)}".rstrip()
    found: dict[str, Any] = {**origin(command), "machine": machine, "parts": {}}
    path = given.out / f"{NAME}.json"
    if given.resume and path.is_file():
        try:
            before = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise SystemExit(f"{path} cannot be read ({error}); delete it, or leave out --resume") from error
        if any(before.get(key) != found[key] for key in ("command", "version", "commit", "dirty", "machine")):
            raise SystemExit(
                f"{path} was not begun with this command, commit and machine; leave out --resume or choose another "
                "--out"
            )
        found = before
    page = ""
    for name, part in parts.items():
        if name not in found["parts"]:
            print(f"measuring: {name}", file=sys.stderr)
            found["parts"][name] = part()
            atomic_write(path, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
        page = "\n".join([f"# {title}", "", origin_line(found), f"{machine}.", "", *body(found["parts"])]) + "\n"
        atomic_write(given.out / "README.md", page)
    print(page, end="")


def _without_folder(word: str) -> str:
    """Leave out the folders of a path, since they are someone's own."""
    return Path(word).name if Path(word).is_absolute() or Path(word).exists() else word


def table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> list[str]:
    """Return the lines of a Markdown table; ``columns`` gives each head a format that takes the values of a row."""
    return markdown_table(list(columns), [[form.format(**row) for form in columns.values()] for row in rows])


def rate(count: int, seconds: Sequence[float]) -> dict[str, float]:
    """Return how many per second: the median of the rounds, the slowest and the fastest."""
    taken = {"median": statistics.median(seconds), "slowest": max(seconds), "fastest": min(seconds)}
    return {name: count / value for name, value in taken.items()}


def rate_format(name: str) -> str:
    """Return the format of a ``rate`` in a row: the median, with the range of the rounds."""
    return "{NAME[median]:,.0f} [{NAME[slowest]:,.0f}–{NAME[fastest]:,.0f}]".replace("NAME", name)


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
        log.seek(0)
        if process.returncode and not may_fail:
            raise SystemExit(f"{' '.join(command)} ended with exit code {process.returncode}:\n{log.read()[-3000:]}")
    return process.returncode


def seeds(count: int) -> str:
    """Return the setting for that many seeds."""
    return f"seeds={list(range(count))}".replace(" ", "")


def records(results: Path) -> list[dict[str, Any]]:
    """Return the records of all cells in a results folder."""
    return [json.loads(path.read_text()) for path in sorted(results.glob("*/cells/*/record.json"))]


def family(pid: int) -> list[int]:
    """Return a process and all its descendants, from /proc (Linux)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]


def memory(pid: int | str, field: str) -> int:
    """Return bytes of a process (``self``: of this one): ``VmRSS`` now, or ``VmHWM`` at its peak."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition(f"{field}:")[2].split()[0])
