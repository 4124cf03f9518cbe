"""Measured figures as Markdown: tables, and the command, commit and machine that the figures come from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from benchmark.records.provenance import provenance

Table = tuple[str, list[str], list[list[str]]]  # title, heads, rows
_NUMERIC = re.compile(r"[-−+\d.,± \[\]–]*")


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return the lines of a Markdown table; columns of numbers are aligned to the right."""
    cells = [[str(value).replace("|", r"\|") for value in row] for row in rows]
    numeric = [bool(rows) and all(_NUMERIC.fullmatch(row[i]) for row in cells) for i in range(len(heads))]
    rule = "|" + "".join("---:|" if right else "---|" for right in numeric)
    return [f"| {' | '.join(heads)} |", rule, *(f"| {' | '.join(row)} |" for row in cells)]


def origin(command: str) -> dict[str, Any]:
    """Return where the figures of this process come from: its command, version, commit, local changes and time."""
    here = provenance("cpu", 1)
    return {"command": command, **{key: here[key] for key in ("version", "commit", "dirty", "started")}}


def origin_line(made: dict[str, Any]) -> str:
    """Return what ``origin`` says, as a sentence."""
    dirty = ", with local changes" if made["dirty"] else ""
    return f"`{made['command']}`, commit {made['commit'] or 'unknown'}{dirty}, {made['started']}."


def to_markdown(found: dict[str, Any]) -> str:
    """Return the page of ``benchmark perf``: its tables, with the command and the machine."""
    machine = found["machine"]
    lines = [
        origin_line(found["made"]),
        f"{machine['device']}; {machine['clock']}.",
        "Process MiB is the peak memory of the whole process during the measurement, libraries included.",
    ]
    for title, heads, rows in tables(found):
        lines += ["", f"### {title}", "", *markdown_table(heads, rows)]
    return "\n".join(lines) + "\n"


def tables(found: dict[str, Any]) -> list[Table]:
    """Return the tables of what ``benchmark.perf.measure.measure`` found."""
    segments = []
    for row in found["segments"]:
        ours = [row["modality"], row["profile"], row["policy"], "×".join(map(str, row["shape"]))]
        segments += [
            [*ours, "ours", _count(row["per_second"]), "", _mebibytes(row)],
            *([*ours, o["name"], *_rate_and_ratio(o), ""] for o in row["others"]),
        ]
    steps = [
        [
            row["modality"], row["profile"], row["target"], f"{row['teacher']} → {row['student']}", str(row["batch"]),
            f"{1000 * row['step_seconds']:.1f}", f"{1000 * row['networks_seconds']:.1f}",
            f"{100 * row['overhead']:.1f}", _count(row["segments_per_second"]), _mebibytes(row),
        ]
        for row in found["steps"]
    ]  # fmt: skip
    evaluation = [
        [*(row[name] for name in ("modality", "profile", "target", "network")), str(row["items"]),
         _count(row["items_per_second"]), _mebibytes(row)]
        for row in found["evaluation"]
    ]  # fmt: skip
    with_parts = [row for row in found["steps"] if "parts" in row]  # figures of an earlier version lack them
    return [
        ("Segments", ["modality", "profile", "policy", "shape", "by", "per second", "ours is × faster", "process MiB"],
         segments),
        ("Steps", ["modality", "profile", "target", "teacher → student", "batch", "step ms", "networks alone ms",
                   "overhead %", "segments per second", "process MiB"], steps),
        *([_composition(with_parts), _utilisation(with_parts)] if with_parts else []),
        ("Evaluation of stand-ins",
         ["modality", "profile", "target", "network", "items", "items per second", "process MiB"], evaluation),
    ]  # fmt: skip


def _composition(rows: Sequence[dict[str, Any]]) -> Table:
    """Return what a step consists of, each part in milliseconds and, in brackets, as a share in per cent."""
    names = list(rows[0]["parts"])
    body = [
        [
            *(row[name] for name in ("modality", "profile", "target")), f"{1000 * row['step_seconds']:.1f}",
            *(f"{1000 * row['parts'][name]:.1f} [{100 * row['parts'][name] / row['step_seconds']:.0f}]"
              for name in names),
        ]
        for row in rows
    ]  # fmt: skip
    return "What a step consists of, in ms [%]", ["modality", "profile", "target", "step", *names], body


def _utilisation(rows: Sequence[dict[str, Any]]) -> Table:
    """Return the operations of a step, and per second beside those of a matrix product timed in the same rounds."""
    heads = ["modality", "profile", "target", "precision", "teacher GFLOP", "student GFLOP", "GFLOP/s",
             "float32 matrix product GFLOP/s", "utilisation %"]  # fmt: skip
    body = [
        [
            *(row[name] for name in ("modality", "profile", "target", "precision")),
            *(f"{row[name] / 1e9:.3g}" for name in ("teacher_flops", "student_flops")),
            *(f"{row[name] / 1e9:,.1f}" for name in ("flops_per_second", "matrix_flops_per_second")),
            f"{100 * row['utilisation']:.0f}",
        ]
        for row in rows
    ]  # fmt: skip
    return "Operations per step (a multiply-add is two)", heads, body


def _rate_and_ratio(other: dict[str, Any]) -> tuple[str, str]:
    if other["per_second"] is None:
        return "not installed", ""
    return _count(other["per_second"]), f"{other['ratio']:.1f}"


def _mebibytes(row: dict[str, Any]) -> str:
    return f"{row['peak_memory_bytes'] / 2**20:,.0f}"


def _count(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"
