"""Compose a target's typed configuration from the packaged YAML and what the user typed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from operator import attrgetter
from typing import Any, TypeVar

from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from benchmark.config import schema
from benchmark.config.overrides import check_option, checked_override, options, setting_keys
from benchmark.config.plugin_settings import plugin_settings
from benchmark.config.schema import Config
from modalities import registry
from modalities.errors import BadInput, UnknownName
from modalities.storage.paths import user_path

T = TypeVar("T")


def compose_target(target: str, overrides: Sequence[str], *, profile: str, suite: str) -> Config:
    """Return the resolved, typed configuration of a target's cells; ``overrides`` have no ``profile=`` or ``suite=``.

    Raise BadInput for an unknown key or name (with the nearest ones), or a value of the wrong type or out of range.
    """
    check_option("profile", profile)
    check_option("suite", suite)
    if path := registry.settings_file(target):
        try:
            _compose_target(target, [], profile=profile, suite=suite)
        except BadInput as error:  # of the plug-in's file, since nothing is typed
            raise error if str(path) in str(error) else BadInput(f"{path}: {error}") from error
    return _compose_target(target, overrides, profile=profile, suite=suite)


def _compose_target(target: str, overrides: Sequence[str], *, profile: str, suite: str) -> Config:
    modality = registry.target(target).info.modality
    _register()
    _register_plugin(target)
    choices = [f"modality={modality}", f"target={target}", f"suite={suite}", f"profile={profile}"]
    try:
        with initialize_config_module("benchmark.config", version_base="1.3"):
            choices, composed = _compose(choices, modality)
            if overrides:
                typed = [checked_override(text, composed, modality) for text in overrides]
                replaced = {text.partition("=")[0] for text in typed}
                choices = [choice for choice in choices if choice.partition("=")[0] not in replaced]
                composed = compose("config", overrides=[*choices, *typed])
        config = OmegaConf.to_object(composed)
    except (HydraException, OmegaConfBaseException) as error:
        raise BadInput(_explanation(error, overrides)) from error
    assert isinstance(config, Config)
    if config.teacher.weights:
        config.teacher.weights = str(user_path(config.teacher.weights))
    _check_values(config, target)
    return config


def load_suite(name: str) -> schema.Suite:
    """Return a suite's own section: its targets and variants."""
    return _load_section("suite", name, schema.Suite)


def load_profile(name: str) -> schema.Profile:
    """Return a profile's own section: its kind of data, and what it is for."""
    return _load_section("profile", name, schema.Profile)


def _load_section(group: str, name: str, kind: type[T]) -> T:
    """Return the section of a packaged file that is named like its group."""
    check_option(group, name)
    text = (files("benchmark.config") / group / f"{name}.yaml").read_text(encoding="utf-8")
    section = OmegaConf.to_object(OmegaConf.merge(kind, OmegaConf.select(OmegaConf.create(text), group)))
    assert isinstance(section, kind)
    return section


def settings(modality: str) -> list[tuple[str, str]]:
    """Return every key of a modality's cells with its default under the default profile, as text."""
    _register()
    with initialize_config_module("benchmark.config", version_base="1.3"):
        _, composed = _compose([f"modality={modality}"], modality)
    values = {key: OmegaConf.select(composed, key) for key in setting_keys(composed)}
    return [(key, str(value)) for key, value in values.items() if not isinstance(value, DictConfig)]


def to_container(section: Any) -> Any:
    """Return a section of a configuration as plain dicts, lists, strings and numbers."""
    if not isinstance(section, DictConfig | ListConfig):
        section = OmegaConf.structured(section)
    return OmegaConf.to_container(section, resolve=True)


def _compose(choices: list[str], modality: str) -> tuple[list[str], DictConfig]:
    """Compose twice: first to learn which recipe and policy are chosen, then on top of these two."""
    chosen = compose("config", overrides=choices).choose
    choices = [*choices, f"recipe={chosen.recipe}", f"policy={modality}_{chosen.policy}"]
    return choices, compose("config", overrides=choices)


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


@cache
def _register_plugin(target: str) -> None:
    """Put the settings that a plug-in brings for its target into Hydra's store, as if they were packaged files."""
    store = ConfigStore.instance()
    if target not in options("target"):  # Hydra requires a node for each target
        store.store(group="target", name=target, node=plugin_settings(target), package="_global_")
    for profile in options("profile"):
        if section := plugin_settings(target, profile):
            store.store(group="profile/target", name=f"{profile}_{target}", node=section, package="_global_")


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
    for key, choices in schema.CHOICES.items():
        if (value := attrgetter(key)(config)) not in choices:
            raise UnknownName(key, value, list(choices))
    for key, bound in schema.BOUNDS.items():
        if not (value := attrgetter(key)(config)) > bound:
            raise BadInput(f"{key}={value} is too small; give a number above {bound}.")
    if not 0 < config.teacher.holdout < 1:
        raise BadInput(f"teacher.holdout={config.teacher.holdout} is not a share; give a number between 0 and 1.")
    if not config.teacher.epochs >= 0:
        raise BadInput(f"teacher.epochs={config.teacher.epochs} is not a length; give a number, or 0 for no limit.")
    if not config.seeds:
        raise BadInput("seeds=[] is empty; give at least one seed, such as 'seeds=[0]'.")
    folds = registry.target(target).info.folds
    for fold in config.folds:
        if not 1 <= fold <= folds:
            raise BadInput(f"folds={config.folds}: {target} has folds 1 to {folds}, so there is no fold {fold}.")
