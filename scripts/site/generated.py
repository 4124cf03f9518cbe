"""Pages of the site that are made from the code: every command, every setting, the Python interface."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

import benchmark
from benchmark.cli.app import app

COMMANDS = """# Commands

The help texts, as `--help` prints them. `benchmark COMMAND --help` has the same on a terminal.
"""
SETTINGS = """# Settings

Every key that can be set as `key=value`, as `benchmark list settings` shows it. Where two kinds of datum have different
defaults, the key has a line for each.
"""
PYTHON = """# The Python interface

Made from docstrings. [From Python](python.md) shows how the parts are used together, and [plug-ins](plugins.md) has an
example of every contract.
"""
CONTRACTS = ("modalities.plugins.contracts", "modalities.base")  # what own plug-ins and targets implement


def generated_pages() -> dict[str, str]:
    """Return the text of each generated page by its path in the site."""
    return {"docs/commands.md": commands(), "docs/settings.md": settings(), "docs/api.md": interface()}


def commands() -> str:
    """The help of every command, with a table of its arguments and options."""
    program = get_command(app)
    return "\n".join([COMMANDS, *_help_of(program, typer.Context(program, info_name="benchmark"))])


def _help_of(command: Any, context: Any) -> Iterator[str]:
    depth = context.command_path.count(" ")
    yield f"{'#' * (depth + 2)} {context.command_path}\n\n```\n{' '.join(command.get_usage(context).split())}\n```\n"
    yield f"{command.help or ''}\n"
    rows = [_parameter(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]
    if rows:
        yield table(("argument or option", "meaning", "default"), rows)
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        inner = command.get_command(context, name)
        if not inner.hidden:
            yield from _help_of(inner, typer.Context(inner, info_name=name, parent=context))


def _parameter(parameter: Any) -> tuple[str, str, str]:
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name}`"
    default = parameter.default
    shown = f"`{default}`" if isinstance(default, str | int | Path) and default not in ("", False) else ""
    return names, parameter.help or "", shown


def settings() -> str:
    """The rows of ``benchmark list settings``, with one line for modalities that agree."""
    command = [sys.executable, "-m", "benchmark", "list", "settings", "--format", "json"]
    rows = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    everywhere = {row["modality"] for row in rows}
    used = {head for row in rows for head, value in row.items() if value not in ("", [], None)}
    heads = [head for head in ("meaning", "type", "default", "choices", "others", "bounds") if head in used]
    modalities: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        shown = (f"`{row['key']}`", *(_shown(row.get(head)) for head in heads))
        modalities.setdefault(shown, []).append(row["modality"])
    lines = [
        (*shown, "all" if set(found) == everywhere else ", ".join(found)) for shown, found in sorted(modalities.items())
    ]
    return SETTINGS + "\n" + table(("key", *heads, "datum"), lines)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value or ("" if value != 0 else 0))


def interface() -> str:
    """One entry for each public name of ``benchmark``, then the contracts of plug-ins and targets."""
    names = [f"benchmark.{name}" for name in benchmark.__all__]
    return "\n".join([PYTHON, *(f"::: {name}\n" for name in (*sorted(names, key=str.lower), *CONTRACTS))])


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table; bars and line ends within cells do not break it."""
    lines = [heads, tuple("---" for _ in heads), *(tuple(_cell(cell) for cell in row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
