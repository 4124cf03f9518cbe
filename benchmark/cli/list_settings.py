"""``benchmark list settings``: what every setting means, which values it takes, and its default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmark.cli.text_table import print_json, say
from benchmark.config.compose import compose_target, defaults
from benchmark.config.overrides import split_overrides
from benchmark.config.reference import SettingRow, chosen, reference
from modalities import registry
from modalities.errors import BadInput

WIDTH = 80  # of lines that do not go to a terminal


def show_settings(modalities: Sequence[str], target: str, words: Sequence[str], *, format: str) -> None:
    """Print the settings of some modalities (none: of all), or of a target's cells, as text or as JSON.

    ``words`` are names or globs of settings, and settings that defaults follow: of all modalities, ``profile=`` alone.
    """
    names, typed = [word for word in words if "=" not in word], [word for word in words if "=" in word]
    rows = chosen(_rows(modalities, target, typed), names)
    if format == "json":
        print_json([{"key": row.name, **{key: value for key, value in asdict(row).items() if key != "name"}}
                    for row in rows])  # fmt: skip
        return
    alike: dict[tuple[Any, ...], list[SettingRow]] = {}
    for row in rows:
        alike.setdefault((row.name, row.type, row.choices, row.bounds, row.meaning), []).append(row)
    for some in sorted(alike.values(), key=lambda some: some[0].name):
        own = "" if target or len(some) == len(registry.MODALITIES) else f" ({', '.join(row.modality for row in some)})"
        say(f"{some[0].name}{own}: {'; '.join(_facts(some))}", otherwise=WIDTH)
        say(f"    {some[0].meaning}", rest="", otherwise=WIDTH)


def _rows(modalities: Sequence[str], target: str, typed: Sequence[str]) -> list[SettingRow]:
    if target:
        if modalities:
            raise BadInput("--target has a modality; leave out --modality.")
        rest, profile, suite = split_overrides(typed)
        modality = registry.target(target).info.modality
        return reference(compose_target(target, rest, profile=profile, suite=suite), modality)
    rest, profile, _ = split_overrides(typed)
    if rest:
        raise BadInput(f"'{rest[0]}' changes the settings of a target; add --target.")
    return [row for name in modalities or registry.MODALITIES for row in reference(defaults(name, profile), name)]


def _facts(rows: Sequence[SettingRow]) -> list[str]:
    """Return the type, the values and the default of one setting, which may differ between modalities."""
    row = rows[0]
    names = [*([", ".join(row.choices)] if row.choices else []), *([row.others] if row.others else [])]
    by_modality = {one.modality: _shown(one.default) for one in rows}
    if len(set(by_modality.values())) == 1:
        default = by_modality[row.modality]
    else:
        default = ", ".join(f"{text} ({name})" for name, text in by_modality.items())
    return [" ".join(filter(None, (row.type, row.bounds))), *([f"one of {', or '.join(names)}"] if names else []),
            f"default {default}"]  # fmt: skip


def _shown(value: Any) -> str:
    """Return a default as it is typed; numbers to six digits."""
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value) or "empty"
