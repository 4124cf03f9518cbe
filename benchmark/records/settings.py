"""What the settings that an id covers say: what a row was made of, and in which words two rows differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.records.identity import canonical_json

ABSENT = "absent"  # the fingerprint of data that are not there
Settings = Mapping[str, Any]
Content = tuple[str, str, str]

# Named parts of the settings: if two rows differ in a name, it says enough, and what it stands for need not be listed.
_NAMES = {"policy.name": "policy", "recipe.name": "recipe", "teacher.network": "teacher", "student.network": "student"}
# Settings that are typed under another key, or not at all: hashes of files, and of what is in the data's folder.
_WORDS = {"source.sha256": "source", "data_fingerprint": "data", "train_per_class": "data.train_per_class"}
_MAX_NAMED = 4  # settings that are named, unless more are needed to tell rows apart


def value_at(settings: Settings, key: str) -> Any:
    """Return a value by its dotted key; None if there is none."""
    value: Any = settings
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def content(settings: Settings) -> Content | None:
    """Return hashes of what came from files: the source, the data, and the teacher's weights ("" if it has none).

    None if the data were absent, or if the settings do not say.
    """
    found = (
        value_at(settings, "source.sha256"),
        value_at(settings, "data_fingerprint"),
        value_at(settings, "teacher.weights"),
    )
    if not all(isinstance(value, str) for value in found) or found[1] == ABSENT:
        return None
    return found


def is_complete(settings: Settings) -> bool:
    """Return whether these are all settings that an id covers; of some rows only the names are known."""
    return "data_fingerprint" in settings


def without_data(settings: Settings) -> Settings:
    """Return the settings but for what says which data were found."""
    return {key: value for key, value in settings.items() if key != "data_fingerprint"}


def differences(every: Sequence[Settings]) -> list[str]:
    """Return, for each of several settings, what tells it from the others: ``recipe.lr 0.1, threads 2``.

    Names come first (policy, recipe, networks); single settings are listed if the names do not tell all apart. A hash
    is shortened to eight digits. Equal settings have equal texts. Settings that are not complete are compared by
    name alone.
    """
    flat = [_flat(settings) for settings in every]
    names = [key for key in _NAMES if len({_text(values.get(key)) for values in flat}) > 1]

    def named_alike(values: dict[str, Any]) -> list[dict[str, Any]]:
        if not is_complete(values):
            return []
        same = (other for other in flat if all(other.get(key) == values.get(key) for key in names))
        return [other for other in same if is_complete(other)]

    return [_described(values, names, named_alike(values)) for values in flat]


def _described(values: dict[str, Any], names: Sequence[str], alike: Sequence[dict[str, Any]]) -> str:
    parts = [f"{_NAMES[key]} {_text(values.get(key))}" for key in names]
    keys = list(dict.fromkeys(key for other in alike for key in other))
    differing = [key for key in keys if key not in names and len({_text(other.get(key)) for other in alike}) > 1]
    shown: list[str] = []
    for key in differing:
        if len(shown) < _MAX_NAMED or _classes(alike, [*shown, key]) > _classes(alike, shown):
            shown.append(key)
    parts += [f"{_WORDS.get(key, key)} {_text(values.get(key))}" for key in shown]
    if rest := len(differing) - len(shown):
        parts.append(f"and {rest} more setting{'s' if rest > 1 else ''}")
    return ", ".join(parts)


def _classes(rows: Sequence[dict[str, Any]], keys: Sequence[str]) -> int:
    return len(Counter(tuple(_text(values.get(key)) for key in keys) for values in rows))


def _text(value: Any) -> str:
    if value is None or value == "":
        return "none"
    text = value if isinstance(value, str) else canonical_json(value)
    return text[:8] if re.fullmatch("[0-9a-f]{32,}", text) else text


def _flat(settings: Settings, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        elif prefix or key != "seed":
            found[f"{prefix}{key}"] = value
    return found
