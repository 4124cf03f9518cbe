"""What the settings that an id covers say: what a row was made of, and in which words two rows differ."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.records.identity import canonical_json
from benchmark.records.record import is_real_training_items

ABSENT = "absent"  # the fingerprint of data that are not there
Settings = Mapping[str, Any]
Content = tuple[str, str, str, str]

# Named parts of the settings: if two rows differ in a name, it says enough, and what it stands for need not be listed.
_NAMES = {
    "policy.name": "policy", "recipe.name": "recipe", "teacher.network": "teacher", "student.network": "student",
    "student.start": "start", "recipe.loss": "loss", "method": "method",
}  # fmt: skip
_USUAL = {
    "student.start": "random",
    "recipe.loss": "kl",
    "method": "segments",
}  # what settings say that do not name them
# Settings that are typed under another key, or not at all: hashes of files, and of what is in the data's folder.
_WORDS = {
    "plugins.recipe.loss.sha256": "loss", "plugins.method.sha256": "method", "plugins.policy.code.sha256": "policy",
    "plugins.student.network.sha256": "student", "plugins.teacher.network.sha256": "teacher",
    "source.sha256": "source", "data_fingerprint": "data", "train_per_class": "data.train_per_class",
}  # fmt: skip
_MAX_NAMED = 4  # settings that are named, unless more are needed to tell rows apart


def value_at(settings: Settings, key: str) -> Any:
    """Return a value by its dotted key; None if there is none."""
    value: Any = settings
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def content(settings: Settings) -> Content | None:
    """Return hashes of what came from files: source, data, teacher's weights ("" if it has none), and plug-ins.

    None if the data were absent, or if the settings do not say.
    """
    found = (
        value_at(settings, "source.sha256"),
        value_at(settings, "data_fingerprint"),
        value_at(settings, "teacher.weights"),
        canonical_json(settings.get("plugins", {})),
    )
    if not all(isinstance(value, str) for value in found) or ABSENT in found:
        return None
    return found


def is_complete(settings: Settings) -> bool:
    """Return whether these are all settings that an id covers; of some rows only the names are known."""
    return "data_fingerprint" in settings


def without_data(settings: Settings) -> Settings:
    """Return the settings but for what says which data were found: of real training items, their hash does too."""
    rest = {key: value for key, value in settings.items() if key != "data_fingerprint"}
    name = value_at(settings, "source.name")
    return rest | ({"source": name} if isinstance(name, str) and is_real_training_items(name) else {})


def tell_apart(labels: Sequence[str]) -> bool:
    """Return whether each of some rows has a label, and no two the same."""
    return all(labels) and len(set(labels)) == len(labels)


def differences(every: Sequence[Settings]) -> list[str]:
    """Return, for each of several settings, what tells it from the others: ``recipe.lr 0.1, threads 2``.

    Names come first (policy, recipe, networks); single settings are listed if the names do not tell all apart. A hash
    is shortened to eight digits. Equal settings have equal texts. Settings that are not complete are compared by
    name alone.
    """
    if len(every) < 2:
        return [""] * len(every)
    values_of = [_without_seed(settings) for settings in every]
    names = [key for key in _NAMES if len({_text(values.get(key)) for values in values_of}) > 1]
    named_alike: dict[str, list[dict[str, Any]]] = {}
    for values in filter(is_complete, values_of):
        named_alike.setdefault(_named(values, names), []).append(values)
    telling = {named: _telling(alike, names) for named, alike in named_alike.items()}
    return [
        _described(values, names, *(telling[_named(values, names)] if is_complete(values) else ([], 0)))
        for values in values_of
    ]


def _without_seed(settings: Settings) -> dict[str, Any]:
    found = flat(settings)
    found.pop("seed", None)
    return _USUAL | found


def _named(values: Settings, names: Sequence[str]) -> str:
    return repr([values.get(key) for key in names])  # texts or nothing: a tenth of the time of canonical JSON


def _telling(alike: Sequence[Settings], names: Sequence[str]) -> tuple[list[str], int]:
    """Return the settings to list of some that have the same names, and how many more differ between them."""
    keys = dict.fromkeys(key for values in alike for key in values)
    differing = [key for key in keys if key not in names and _differ([values.get(key) for values in alike])]
    differing = [key for key in differing if not key.startswith("plugins.") or key.endswith("sha256")]
    shown: list[str] = []
    classes = [0] * len(alike)  # of those that what is shown does not tell apart
    for key in differing:
        numbers: dict[tuple[int, str], int] = {}
        finer = [
            numbers.setdefault((known, _text(values.get(key))), len(numbers))
            for known, values in zip(classes, alike, strict=True)
        ]
        if len(shown) < _MAX_NAMED or max(finer) > max(classes):
            shown.append(key)
            classes = finer
    return shown, len(differing) - len(shown)


def _differ(values: Sequence[Any]) -> bool:
    """Return whether some values have more than one text."""
    first = values[0]
    if all(value is first or (type(value) is type(first) and value == first) for value in values):
        return False  # without a look at the texts, as nearly always
    return len(set(map(_text, values))) > 1


def _described(values: Settings, names: Sequence[str], shown: Sequence[str], rest: int) -> str:
    parts = [f"{_NAMES[key]} {_text(values.get(key))}" for key in names]
    parts += [f"{_WORDS.get(key, key)} {_text(values.get(key))}" for key in shown]
    if rest:
        parts.append(f"and {rest} more setting{'s' if rest > 1 else ''}")
    return ", ".join(parts)


def _text(value: Any) -> str:
    if value is None or value == "":
        return "none"
    text = value if isinstance(value, str) else canonical_json(value)
    return text[:8] if re.fullmatch("[0-9a-f]{32,}", text) else text


def flat(settings: Settings) -> dict[str, Any]:
    """Return settings by their dotted keys; lists stay whole."""
    found: dict[str, Any] = {}
    _flatten(settings, "", found)
    return found


def _flatten(settings: Settings, prefix: str, found: dict[str, Any]) -> None:
    for key, value in settings.items():
        if isinstance(value, dict | Mapping):  # nearly always a dict, which is told sooner
            _flatten(value, f"{prefix}{key}.", found)
        else:
            found[f"{prefix}{key}"] = value


def changes(first: Settings, second: Settings) -> dict[str, tuple[Any, Any]]:
    """Return both values of every setting in which two differ, by dotted key; None for one that is absent."""
    one, other = flat(first), flat(second)
    keys = dict.fromkeys((*one, *other))
    return {key: (one.get(key), other.get(key)) for key in keys if _differ([one.get(key), other.get(key)])}
