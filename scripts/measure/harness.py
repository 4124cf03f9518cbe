"""What all measurements share: options, parts that can be resumed, and a JSON file beside a Markdown page.

A measurement is a script that names its parts and writes the body of a page from their results; ``measure`` does the
rest. Timing in alternation, Markdown tables and the origin of a figure come from ``benchmark.perf``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.perf.report import markdown_table, origin, origin_line
from benchmark.perf.timing import processor
from modalities.storage.atomic import atomic_write

Parts = dict[str, Any]
NAME = Path(sys.argv[0]).stem


def parse_options(doc: str | None, folder: str = NAME) -> argparse.ArgumentParser:
    """Return a parser with the options of every measurement, to which a script adds its own.

    Args:
        doc: the docstring of the script.
        folder: below ``results/measured``, where results go by default.
    """
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0], parents=[_shared_options()])
    parser.set_defaults(out=Path("results/measured") / folder)
    return parser


def _shared_options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--out", type=Path, help="folder for the JSON file and README.md")
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
        body: makes the lines of the page from the results so far, by name.
    """
    words = [Path(word).name for word in _shared_options().parse_known_args()[1]]  # no one's folders in a page
    machine = f"{processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    found: dict[str, Any] = {
        **origin(" ".join([f"python scripts/measure/{NAME}.py", *words])), "machine": machine, "parts": {}
    }  # fmt: skip
    path = given.out / f"{NAME}.json"
    if given.resume and path.is_file():
        found = _begun(path, found)
    page = ""
    for name, part in parts.items():
        if name not in found["parts"]:
            print(f"measuring: {name}", file=sys.stderr)
            found["parts"][name] = part()
            atomic_write(path, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
        page = "\n".join([f"# {title}", "", origin_line(found), f"{machine}.", "", *body(found["parts"])]) + "\n"
        atomic_write(given.out / "README.md", page)
    print(page, end="")


def _begun(path: Path, now: dict[str, Any]) -> dict[str, Any]:
    """Return what the file holds, if its parts and the missing ones can stand in one page."""
    try:
        before = dict(json.loads(path.read_text()))
        same = all(before[key] == now[key] for key in ("command", "version", "commit", "dirty", "machine"))
    except (ValueError, TypeError, KeyError):
        same = False
    if not same:
        raise SystemExit(
            f"{path} was not begun with this command, commit and machine; leave out --resume or choose another --out"
        )
    return before


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
