"""Settings as a user types them: each is checked, and refused with a sentence, before Hydra sees it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf

from modalities import registry
from modalities.errors import BadInput, UnknownName
from modalities.plugins.find import find, plugin_recipe, plugin_recipes

GROUPS = ("profile", "suite", "recipe", "policy")  # keys that take the name of a file of settings
QUOTES = "'\""
_WHOLE_NUMBERS = re.compile(r"\[(0|-?[1-9][0-9]{0,17})( ?, ?(0|-?[1-9][0-9]{0,17}))*\]")


def options(group: str) -> list[str]:
    """Return the names of a group's packaged files: profiles, suites, recipes."""
    folder = files("benchmark.config") / group
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def is_own_file(name: str) -> bool:
    """Return whether an option is the path of a YAML file of the user's, not a packaged name."""
    return name.lower().endswith((".yaml", ".yml"))


def split_overrides(
    overrides: Sequence[str], *, profile: str = "demo", suite: str = "all"
) -> tuple[list[str], str, str]:
    """Take ``profile=`` and ``suite=`` out of the overrides: (the others, profile, suite)."""
    chosen = {"profile": profile, "suite": suite}
    others: list[str] = []
    for text in overrides:
        key, _, value = text.partition("=")
        if key in chosen:
            chosen[key] = value
        else:
            others.append(text)
    return others, chosen["profile"], chosen["suite"]


def setting_keys(config: DictConfig, prefix: str = "") -> list[str]:
    """Return every key of a configuration, groups of settings included: ``recipe``, ``recipe.steps`` …"""
    keys: list[str] = []
    for name in map(str, config):
        child = config._get_node(name)
        keys.append(f"{prefix}{name}")
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            keys += setting_keys(child, f"{prefix}{name}.")
    return keys


def names_a_file(key: str) -> bool:
    """Return whether a setting's value may be the path of a user's file."""
    files = ("teacher.weights", "teacher.network", "student.network", "recipe.loss", "policy.code", "method")
    return key.startswith("source.") or key in files


def checked_override(text: str, defaults: DictConfig, keys: Sequence[str], modality: str) -> tuple[str, Any]:
    """Return key and value of one override, ``KEY=VALUE`` as typed; types are checked later.

    ``keys`` are those of ``defaults``. Raise BadInput for another form, an unknown key, several values, an
    interpolation, or one value for a group or list.
    """
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_][\w.]*", key):
        raise BadInput(f"'{text}' is not a setting; settings look like recipe.temperature=4 or profile=small.")
    interpolation = BadInput(f"'{text}' contains an interpolation; give the value itself.")
    if "${" in value:
        raise interpolation
    if key in GROUPS and is_own_file(value := value.strip(QUOTES)):
        return key, value
    if key == "recipe" and (path := plugin_recipe(value)):
        return key, str(path)
    if key == "policy" and find("policy", value):
        return key, value
    if key == "policy":
        policies = list(registry.modality(modality).policies())
        if value not in policies:
            raise UnknownName(f"{modality} policy", value, policies)
        return key, value
    if key in GROUPS:
        if value not in options(key):
            raise UnknownName(key, value, [*options(key), *(plugin_recipes() if key == "recipe" else ())])
        return key, value
    if key not in keys:
        raise UnknownName(f"setting of {modality} targets", key, [*keys, *GROUPS])
    if names_a_file(key):
        return key, value.strip(QUOTES)
    parsed = _parsed(text)
    if "${" in str(parsed):  # Hydra reads $\{ as the same
        raise interpolation
    check_shape(key, value, parsed, OmegaConf.select(defaults, key), modality)
    return key, parsed


@lru_cache(maxsize=100)  # what the user types is the same for every target
def _parsed(text: str) -> Any:
    """Return the value of an override as Hydra reads it; not to be changed. Raise BadInput if it has none, or more."""
    value = text.partition("=")[2]
    if _WHOLE_NUMBERS.fullmatch(value):  # of a list of n values, Hydra's parser takes time in proportion to n²
        return [int(number) for number in value[1:-1].split(",")]
    try:
        parsed = _parser().parse_override(text)
    except HydraException as error:
        raise BadInput(f"'{text}' cannot be read; quote values with spaces, commas or brackets.") from error
    if parsed.is_sweep_override():
        raise BadInput(f"'{text}' gives several values; only lists such as 'seeds=[0,1,2]' take several.")
    return parsed.value()


@cache
def _parser() -> OverridesParser:
    return OverridesParser.create()


def check_shape(key: str, text: str, value: Any, default: Any, modality: str) -> None:
    """Refuse a single value for a group of settings or for a list: Hydra's own messages name its internal types."""
    single = value is not None and text and not isinstance(value, dict | list)
    if isinstance(default, DictConfig) and not isinstance(value, dict):
        main = next((name for name in ("network", modality) if name in default), "")
        if single and main:
            raise BadInput(f"{key} is a group of settings; did you mean {key}.{main}={text}?")
        known = cast(dict[str, Any], OmegaConf.to_container(default))
        name, example = next(pair for pair in known.items() if not isinstance(pair[1], dict) and pair[1] != MISSING)
        raise BadInput(
            f"'{key}={text}' is not a setting: {key} is a group of settings; give one, such as {key}.{name}={example}."
        )
    if isinstance(default, ListConfig) and not isinstance(value, list):
        raise BadInput(f"{key} is a list; write '{key}={f'[{text}]' if single else default}'.")
