"""What a setting means and which values it takes, written beside its type: the one place for checks and documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from math import inf
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from modalities.errors import BadInput, UnknownName

_WORDS = {"str": "text"}  # for types that a reader may not know by Python's name


@dataclass(frozen=True)
class Setting:
    """Stands in the annotation of a dataclass's field: ``lr: Annotated[float, Setting("learning rate", above=0)]``.

    ``low`` and ``high`` are values that are allowed themselves; ``above`` and ``below`` are not.
    """

    meaning: str
    low: float = -inf
    high: float = inf
    above: float = -inf
    below: float = inf
    choices: tuple[str, ...] = ()
    others: str = ""  # what may be given besides the choices, which then are not all

    @property
    def bounds(self) -> str:
        """The range in words, such as ``from 0 to 1``; empty if every value is allowed."""
        if self.low > -inf and self.high < inf:
            return f"from {self.low:g} to {self.high:g}"
        under = f"above {self.above:g}" if self.above > -inf else f"{self.low:g} or more" if self.low > -inf else ""
        over = f"below {self.below:g}" if self.below < inf else f"up to {self.high:g}" if self.high < inf else ""
        return " and ".join(filter(None, (under, over)))

    def remedy(self, key: str, value: Any) -> str:
        """Return what to give instead of a value out of bounds, empty if it is within. Raises UnknownName."""
        if self.choices and not self.others and value not in self.choices:
            raise UnknownName(key, value, list(self.choices))
        numbers = (value if isinstance(value, list | tuple) else [value]) if self.bounds else []
        if all(self.low <= number <= self.high and self.above < number < self.below for number in numbers):
            return ""
        of = "of " if "or more" in self.bounds else ""
        return f"give {'a number' if numbers == [value] else 'numbers'} {of}{self.bounds}"


@dataclass(frozen=True)
class Described:
    """What is known of a field: its type in words, and its setting, if it is one."""

    type: str
    setting: Setting | None


def described(section: type) -> Mapping[str, Described]:
    """Return what is known of each field of a dataclass, by name, in order."""
    return _described(section)


@cache
def _described(section: type) -> Mapping[str, Described]:
    hints = get_type_hints(section, include_extras=True)
    found = {}
    for entry in fields(section):
        hint, setting = hints[entry.name], None
        if get_origin(hint) is Annotated:
            setting = next((note for note in hint.__metadata__ if isinstance(note, Setting)), None)
            hint = get_args(hint)[0]
        found[entry.name] = Described(_in_words(hint), setting)
    return MappingProxyType(found)


def _in_words(hint: Any) -> str:
    parts = [part for part in get_args(hint) if part is not Ellipsis]
    if get_origin(hint) in (list, tuple):
        return f"list of {_in_words(parts[0])}"
    name = getattr(hint, "__name__", str(hint))
    return _WORDS.get(name, name)


def check_settings(section: Any, name: str) -> None:
    """Check every setting of a dataclass; ``name`` stands before their keys. Raises BadInput."""
    for key, of in described(type(section)).items():
        value = getattr(section, key)
        if of.setting is not None and (remedy := of.setting.remedy(f"{name}.{key}", value)):
            raise BadInput(f"{name}.{key} is {value}; {remedy}.")
