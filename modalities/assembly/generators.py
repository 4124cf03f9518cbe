"""Generated sources by name: ``KIND``, ``KIND:SEED`` or ``KIND:SEED,PARAMETER=VALUE,…``, such as ``deadleaves:7``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from modalities.errors import BadInput, UnknownName

Value = int | float | str


@dataclass(frozen=True)
class Number:
    """A parameter between two limits, both included; whole if its default is an ``int``."""

    default: int | float
    low: float
    high: float

    def parse(self, text: str, name: str) -> Value:
        """Return the value that a text stands for. Raises BadInput."""
        kind = type(self.default)
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not self.low <= value <= self.high:
            whole = "whole " if kind is int else ""
            raise BadInput(f"{name}={text} must be a {whole}number between {self.low:g} and {self.high:g}.")
        return int(value) if value == int(value) else value


@dataclass(frozen=True)
class Word:
    """A parameter that is one of some words, the first of which is its default."""

    words: tuple[str, ...]

    @property
    def default(self) -> str:
        """The value unless another is given."""
        return self.words[0]

    def parse(self, text: str, name: str) -> Value:
        """Return the word. Raises UnknownName for another one."""
        if text not in self.words:
            raise UnknownName(name, text, list(self.words))
        return text


@dataclass(frozen=True)
class Generator:
    """One kind of generated source: ``make`` takes a seed, what its modality adds, and the parameters by name."""

    make: Callable[..., Any]
    description: str
    parameters: Mapping[str, Number | Word] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Generated:
    """What a name stands for; ``changed`` are the parameters that are not at their defaults, in a fixed order."""

    name: str  # as it is called everywhere
    kind: str
    seed: int
    changed: Mapping[str, Value]

    @property
    def settings(self) -> str:
        """The changed parameters as text, such as ``shapes=200,colour=grey``; empty if there are none."""
        return ",".join(f"{name}={value}" for name, value in self.changed.items())


def parse(name: str, generators: Mapping[str, Generator]) -> Generated | None:
    """Return what a name of a generated source stands for; None if it does not begin with a generator's name.

    Raises BadInput if a seed or a parameter after the colon is not known or out of range.
    """
    kind, colon, rest = name.partition(":")
    if kind not in generators:
        return None
    parts = rest.split(",") if colon else []
    seed = parts.pop(0) if parts and "=" not in parts[0] else ""
    if not (seed or "0").isdecimal():
        raise BadInput(f"'{name}' has the seed '{seed}', which is not a whole number; write {kind}:7, for example.")
    known, given = generators[kind].parameters, {}
    for part in parts:
        key, _, text = part.partition("=")
        if not known:
            raise BadInput(f"'{name}' has settings, but {kind} takes nothing but a seed; write {kind}:7, for example.")
        if key not in known:
            raise UnknownName(f"setting of the source {kind}", key, list(known))
        given[key] = known[key].parse(text, f"{key} of the source {kind}")
    changed = {key: given[key] for key, one in known.items() if key in given and given[key] != one.default}
    if given:  # equal sources have equal names
        options = [*([seed] if seed else []), *(f"{key}={value}" for key, value in changed.items())]
        name = ":".join([kind, *([",".join(options)] if options else [])])
    return Generated(name, kind, int(seed or 0), MappingProxyType(changed))
