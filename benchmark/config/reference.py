"""The settings' reference: type, default, choices, bounds and meaning of every key, taken from where it is defined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from fnmatch import fnmatchcase
from typing import Any

from benchmark.config.schema import Config
from modalities.assembly.settings import Described, described
from modalities.errors import UnknownName


@dataclass(frozen=True)
class SettingRow:
    """One line of the reference."""

    name: str  # dotted key, as it is typed
    modality: str  # whose cells have it
    type: str  # bool, int, float, text, or a list of these
    default: Any  # of the profile or target that was asked for
    choices: tuple[str, ...]  # of a setting that takes certain names
    others: str  # what may be given besides
    bounds: str  # such as `above 0`; empty: none
    meaning: str


def settings_of(config: Any, prefix: str = "") -> Iterator[tuple[str, Described, Any]]:
    """Yield every setting of a configuration: its dotted key, what is known of it, and its value."""
    known = described(type(config))
    for entry in fields(config):
        key, value = f"{prefix}{entry.name}", getattr(config, entry.name)
        if is_dataclass(value):
            yield from settings_of(value, f"{key}.")
        else:
            yield key, known[entry.name], value


def reference(config: Config, modality: str) -> list[SettingRow]:
    """Return a row for every setting of a modality's cells, with the values of ``config`` as defaults.

    The sections of a suite's own file (``suite``) are no settings of a cell, and are left out.
    """
    return [
        SettingRow(
            key, modality, of.type, list(value) if isinstance(value, tuple) else value, of.setting.choices,
            of.setting.others, of.setting.bounds, of.setting.meaning,
        )
        for key, of, value in settings_of(config)
        if of.setting is not None and not key.startswith("suite.")
    ]  # fmt: skip


def chosen(rows: Sequence[SettingRow], patterns: Sequence[str]) -> list[SettingRow]:
    """Return the rows that patterns choose by name: a key, a glob such as ``recipe.*``, or a group such as ``recipe``.

    All, if there are no patterns. Raises UnknownName for one that chooses nothing.
    """
    found = {pattern: [row for row in rows if _is_chosen(row.name, pattern)] for pattern in patterns}
    for pattern, some in found.items():
        if not some:
            raise UnknownName("setting", pattern, [row.name for row in rows])
    return [row for row in rows if not patterns or any(row in some for some in found.values())]


def _is_chosen(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or name.startswith(f"{pattern}.")
