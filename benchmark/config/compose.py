"""Compose a target's typed configuration from the packaged YAML and what the user typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import fields, is_dataclass, replace
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from benchmark.config import schema
from benchmark.config.overrides import GROUPS, check_shape, checked_override, is_own_file, options, setting_keys
from benchmark.config.own_files import OwnFile, Settings, base_of, check_option, leaves, own_file
from benchmark.config.plugin_settings import plugin_settings
from benchmark.config.reference import settings_of
from benchmark.config.schema import Config
from modalities import registry
from modalities.errors import BadInput, UnknownName
from modalities.plugins.find import find
from modalities.storage.paths import user_path


def compose_target(target: str, overrides: Sequence[str], *, profile: str, suite: str) -> Config:
    """Return the resolved, typed configuration of a target's cells; ``overrides`` have no ``profile=`` or ``suite=``.

    Hydra composes once in a process for each modality, profile, suite, recipe and policy; a target's files, the user's
    own and the overrides are merged on top, with the result and the messages of a whole composition.

    Raise BadInput for an unknown key or name (with the nearest ones), or a value of the wrong type or out of range.
    """
    check_option("profile", profile)
    check_option("suite", suite)
    own = [own_file(group, name) for group, name in (("suite", suite), ("profile", profile)) if is_own_file(name)]
    profile, suite = base_of("profile", profile), base_of("suite", suite)
    if path := registry.settings_file(target):
        _blamed(path, partial(_compose_target, target, [], profile, suite, []))  # since nothing is typed
    for file in own:
        _blamed(file.path, partial(_compose_target, target, [], profile, suite, [file]))
    return _compose_target(target, overrides, profile, suite, own)


def _blamed(path: Path, compose_without_typed: Callable[[], object]) -> None:
    """Raise BadInput that names a file if what it says cannot be composed."""
    try:
        compose_without_typed()
    except BadInput as error:
        raise error if str(path) in str(error) else BadInput(f"{path}: {error}") from error


def _compose_target(target: str, overrides: Sequence[str], profile: str, suite: str, own: Sequence[OwnFile]) -> Config:
    modality = registry.target(target).info.modality
    try:
        choices = _choices(modality, target, profile, suite)
        composed = _composed(modality, target, **choices)
        typed = [checked_override(text, composed.settings, composed.keys, modality) for text in overrides]
        chosen = _chosen_in(own, modality, target) | {key: value for key, value in typed if key in GROUPS}
        own = [*own, *(own_file(group, name) for group, name in chosen.items() if is_own_file(name))]
        code = find("policy", chosen["policy"]) if "policy" in chosen else None
        if chosen:
            bases = {group: base_of(group, name, modality) for group, name in chosen.items()}
            if code:
                bases["policy"] = base_of("policy", str(getattr(code.load(), "base", "")), modality)
            based = {group: base or choices[group] for group, base in bases.items()}
            composed = _composed(modality, target, **(choices | based))
        of_files = [pair for file in own for pair in _checked(file, composed.keys, modality, target)]
        of_code = [("policy.code", code.place), ("policy.name", code.name)] if code else []
        others = [(key, value) for key, value in typed if key not in GROUPS]
        config = composed.changed([*of_files, *of_code, *others])
    except (HydraException, OmegaConfBaseException) as error:
        raise BadInput(_explanation(error, overrides)) from error
    if config.teacher.weights:
        config.teacher.weights = str(user_path(config.teacher.weights))
    _check_values(config, target)
    config.recipe.steps, config.recipe.budget = max(1, round(config.recipe.steps * config.recipe.budget)), 1.0
    return config


def _chosen_in(own: Sequence[OwnFile], modality: str, target: str) -> dict[str, str]:
    """Return the recipe and policy that files of the user's name in a section ``choose``."""
    named = {key: value for file in own for key, value in file.settings(modality, target)}
    return {group: str(named[f"choose.{group}"]) for group in ("recipe", "policy") if f"choose.{group}" in named}


def _checked(file: OwnFile, keys: Sequence[str], modality: str, target: str) -> Settings:
    """Return the settings of a user's file. Raise BadInput for a key that cells of this modality do not have."""
    found = file.settings(modality, target)
    for key, value in found:
        if key not in keys:
            raise BadInput(f"{file.path}: {UnknownName(f'setting of {modality} targets', key, list(keys))}")
        if "${" in str(value):
            raise BadInput(f"{file.path}: {key} contains an interpolation; write the value itself.")
    return [(key, value) for key, value in found if not key.startswith("choose.")]


def load_profile(name: str) -> schema.Profile:
    """Return a profile's own section: its kind of data, and what it is for."""
    check_option("profile", name)
    own = own_file("profile", name) if is_own_file(name) else None
    try:
        packaged = OmegaConf.select(_file("profile", own.base if own else name), "profile")
        head = {**own.sections["profile"], "name": own.name} if own else {}
        section = OmegaConf.to_object(OmegaConf.merge(schema.Profile, packaged, head))
    except OmegaConfBaseException as error:
        raise BadInput(f"{own.path if own else name}: {_explanation(error, ())}") from error
    assert isinstance(section, schema.Profile)
    return section


def defaults(modality: str, profile: str = "demo") -> Config:
    """Return what the cells of a modality start from in a profile, before a target's own settings."""
    check_option("profile", profile)
    own = own_file("profile", profile) if is_own_file(profile) else None
    profile = base_of("profile", profile)
    composed = _composed(modality, "", **_choices(modality, "", profile, "all"))
    return composed.changed(_checked(own, composed.keys, modality, "") if own else [])


def config_of(target: str, parts: Sequence[Mapping[str, Any]]) -> Config:
    """Return the typed configuration that sections of settings spell out in full; later parts win.

    A setting that they leave out has the default of the schema. Raises BadInput as ``compose_target`` does.
    """
    modality = registry.modality(registry.target(target).info.modality)
    base = OmegaConf.structured(Config)
    base.view, base.policy = _editable(modality.view_type), _editable(type(next(iter(modality.policies().values()))))
    keys = setting_keys(base)
    try:
        for key, value in [pair for part in parts for pair in leaves(part)]:
            if key not in keys:
                raise UnknownName(f"setting of {modality.name} targets", key, keys)
            if "${" in str(value):
                raise BadInput(f"{key} contains an interpolation; write the value itself.")
            check_shape(key, str(value), value, OmegaConf.select(base, key), modality.name)
            OmegaConf.update(base, key, value, merge=True)
        for name in ("recipe", "policy"):
            base.choose[name] = base[name].name
        base.suite.name = ""  # what a suite is stands in no cell
        config = OmegaConf.to_object(base)
    except OmegaConfBaseException as error:
        raise BadInput(_explanation(error, ())) from error
    assert isinstance(config, Config)
    _check_values(config, target)
    return config


def to_container(section: Any) -> Any:
    """Return a section of a configuration as plain dicts, lists, strings and numbers."""
    if is_dataclass(section) and not isinstance(section, type):
        return {entry.name: to_container(getattr(section, entry.name)) for entry in fields(section)}
    return [to_container(item) for item in section] if isinstance(section, list | tuple) else section


class _Composed:
    """What the packaged files say of a target's cells, and the same with values that a user typed."""

    def __init__(self, settings: DictConfig) -> None:
        self.settings = settings  # shared by all who ask: not to be changed
        self.keys = setting_keys(settings)
        self._config = OmegaConf.to_object(settings)
        self._parts: dict[frozenset[str], DictConfig] = {}

    def changed(self, values: Sequence[tuple[str, Any]]) -> Config:
        """Return a configuration of one's own, with values by dotted key; only the sections that change are merged."""
        names = frozenset(key.partition(".")[0] for key, _ in values)
        config = deepcopy(self._config)
        assert isinstance(config, Config)
        if not names:
            return config
        part = deepcopy(self._part(names))
        for key, value in values:
            OmegaConf.update(part, key, value, merge=True)
        merged = OmegaConf.to_object(part)
        return replace(config, **{name: getattr(merged, name) for name in names})

    def _part(self, names: frozenset[str]) -> DictConfig:
        """Return some sections in a configuration of the same type, so that what is refused is refused alike."""
        if names not in self._parts:
            part = deepcopy(self.settings)
            with open_dict(part):
                for name in set(part) - names:
                    del part[name]
            self._parts[names] = part
        return self._parts[names]


@cache
def _composed(modality: str, target: str, profile: str, suite: str, recipe: str, policy: str) -> _Composed:
    """Merge a target's files, if it has any, where ``config.yaml`` puts them: above its suite, below its profile."""
    composed = _of_modality(modality, profile, suite, recipe, policy)
    if _target_file(target) or _target_file(target, profile):
        # What a file sets is set to the same again, unless the target's own files, which the others lack, change it.
        composed = cast(DictConfig, OmegaConf.merge(composed, *_files(modality, target, profile, suite)))
    return _Composed(composed)


@cache
def _of_modality(modality: str, profile: str, suite: str, recipe: str, policy: str) -> DictConfig:
    """Let Hydra compose what all targets of a modality share."""
    _register()
    choices = {"modality": modality, "profile": profile, "suite": suite, "recipe": recipe}
    with initialize_config_module("benchmark.config", version_base="1.3"):
        words = [f"{group}={name}" for group, name in choices.items()]
        return compose("config", overrides=[*words, f"policy={modality}_{policy}"])


def _choices(modality: str, target: str, profile: str, suite: str) -> dict[str, str]:
    """Return the options of all groups that a target starts from: recipe and policy are those that its files name."""
    named = {"profile": profile, "suite": suite}
    for file in (_file("modality", modality), *_files(modality, target, profile, suite)):
        named |= file.get("choose", {})
    return named


def _files(modality: str, target: str, profile: str, suite: str) -> list[DictConfig]:
    """Return the files of whole configurations from the suite upwards, in the order of ``config.yaml``: later wins."""
    return [
        _file("suite", suite),
        _target_file(target),
        _file("profile", profile),
        _file("profile/modality", f"{profile}_{modality}"),
        _target_file(target, profile),
    ]


@cache
def _target_file(target: str, profile: str = "") -> DictConfig:
    """Return a target's own settings, in every profile or in one: of a packaged file, or what its plug-in brings."""
    packaged = _file("profile/target", f"{profile}_{target}") if profile else _file("target", target)
    return packaged if packaged or not target else OmegaConf.create(plugin_settings(target, profile))


@cache
def _file(group: str, name: str) -> DictConfig:
    """Read a packaged file, not to be changed; empty if there is none, as for most targets."""
    if name not in options(group):
        return OmegaConf.create({})
    text = (files("benchmark.config") / group / f"{name}.yaml").read_text(encoding="utf-8")
    return cast(DictConfig, OmegaConf.create(text))


@cache
def _register() -> None:
    """Put the typed sections into Hydra's store: the schema, and every modality's view and policies."""
    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    for name in registry.MODALITIES:
        modality = registry.modality(name)
        store.store(group="view", name=name, node=_editable(modality.view_type))
        for policy_name, policy in modality.policies().items():
            store.store(group="policy", name=f"{name}_{policy_name}", node=_editable(policy))


def _editable(frozen: Any) -> DictConfig:
    """Return a structured node of a frozen dataclass that YAML and overrides may still change."""
    node: DictConfig = OmegaConf.structured(frozen)
    OmegaConf.set_readonly(node, None)
    return node


def _explanation(error: Exception, overrides: Sequence[str]) -> str:
    """Return one sentence on what Hydra or OmegaConf refused, naming the override at fault."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    key = getattr(cause, "full_key", None) or ""
    if isinstance(cause, MissingMandatoryValue):
        return f"the setting '{key}' has no value; no profile or target sets it, so give one."
    lines = [line.strip() for line in str(cause).splitlines() if "full_key" not in line and line.strip()]
    reason = lines[0] if lines else type(cause).__name__
    named = next((text for text in overrides if key and text.startswith(f"{key}=")), key)
    return f"'{named}' is refused: {reason}." if named else f"the configuration is refused: {reason}."


def _check_values(config: Config, target: str) -> None:
    """Check names from closed lists, and ranges that types cannot express."""
    for section, training in (("recipe", config.recipe), ("teacher.training", config.teacher.training)):
        if training.compile == "reduce-overhead":
            raise BadInput(f"{section}.compile=reduce-overhead is no longer supported; use {section}.compile=default.")
    for key, known, value in settings_of(config):
        if known.setting is not None and (remedy := known.setting.remedy(key, value)):
            raise BadInput(f"{key}={value} is out of range; {remedy}.")
    if not config.seeds:
        raise BadInput("seeds=[] is empty; give at least one seed, such as 'seeds=[0]'.")
    folds = registry.target(target).info.folds
    for fold in config.folds:
        if not 1 <= fold <= folds:
            raise BadInput(f"folds={config.folds}: {target} has folds 1 to {folds}, so there is no fold {fold}.")
