"""Commands that the pages of the documentation show, wherever they stand: in blocks, indented, or in a sentence."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"(benchmark|pip|python3?|pytest|torchrun) \S|scripts/\S+\.sh")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Shown(NamedTuple):
    """A command as a page shows it, split as a shell splits it."""

    page: str
    words: tuple[str, ...]
    in_sentence: bool  # which may mention a command without all of its arguments

    @property
    def text(self) -> str:
        return shlex.join(self.words)


def pages() -> dict[str, str]:
    """Text of every page of the site by its path: those of the repository, and the help of all commands."""
    config = tomllib.loads((ROOT / "scripts/site/zensical.toml").read_text(encoding="utf-8"))
    named = re.findall(r"'([\w/.-]+\.md)'", repr(config["project"]["nav"]))
    found = {name: (ROOT / name).read_text(encoding="utf-8") for name in named if (ROOT / name).is_file()}
    helps = {"docs/commands.md": _command_help()}
    return found | helps


def _command_help() -> str:
    place = importlib.util.spec_from_file_location("generated", ROOT / "scripts/site/generated.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module.commands()


def commands() -> list[Shown]:
    """Every command of every page, each once."""
    found: dict[tuple[str, ...], Shown] = {}
    for page, text in pages().items():
        for shown in _commands_of(page, text):
            if shown.words not in found or found[shown.words].in_sentence:
                found[shown.words] = shown
    return list(found.values())


def _commands_of(page: str, text: str) -> Iterator[Shown]:
    lines: list[str] = []
    for language, block in FENCE.findall(text):
        whole = block.replace("\\\n", " ").splitlines() if language in ("", "sh") else []
        lines += whole if language == "sh" else filter(COMMAND.match, whole)
    prose = FENCE.sub("", text)
    lines += [line for line in re.findall(r"^    (\S.*)$", prose, re.MULTILINE) if COMMAND.match(line)]
    for line in _expanded(lines):
        for part in line.split("&&"):
            if words := tuple(shlex.split(part.partition(" > ")[0], comments=True)):
                yield Shown(page, words, in_sentence=False)
    for code in re.findall(r"`([^`]+)`", prose):
        if COMMAND.match(code):
            yield Shown(page, tuple(shlex.split(code)), in_sentence=True)


def _expanded(lines: list[str]) -> list[str]:
    """Put the value of ``name="…"`` in the place of ``$name`` in the lines that follow."""
    values: dict[str, str] = {}
    kept = []
    for line in lines:
        if given := re.fullmatch(r"(\w+)=\"(.*)\"", line):
            values[given[1]] = given[2]
            continue
        for name, value in values.items():
            line = line.replace(f"${name}", value)
        kept.append(line)
    return kept
