"""Compose a target's typed configuration from the packaged YAML and what the user typed, and refuse what is wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from benchmark.config import schema
from benchmark.config.schema import Config
from modalities import registry
from modalities.errors import BadInput, UnknownName

T = TypeVar("T")
GROUPS = ("profile", "suite", "recipe", "policy")  # keys that take a name and stand for a file of settings


def compose_target(target: str, overrides: Sequence[str], *, profile: str, suite: str) -> Config:
    """The resolved, typed configuration of a target's cells.

    Args:
        target: a registered target.
        overrides: Hydra-style, such as ``recipe.temperature=4`` or ``policy=crop``; ``profile=`` and ``suite=``
            are given apart (``split_overrides``).

    Raises:
        BadInput: an unknown key or name (with the nearest ones), a value of the wrong type or out of range.
    """
    modality = registry.target(target).info.modality
    _register()
    _known("profile", profile)
    _known("suite", suite)
    words = [f"modality={modality}", f"target={target}", f"suite={suite}", f"profile={profile}"]
    try:
        with initialize_config_module("benchmark.config", version_base="1.3"):
            words, composed = _compose(words, modality)
            if overrides:
                checked = [_checked(text, composed, modality) for text in overrides]
                composed = compose("config", overrides=_merged(words, checked))
        config = OmegaConf.to_object(composed)
    except (HydraException, OmegaConfBaseException) as error:
        raise BadInput(_sentence(error, overrides)) from error
    assert isinstance(config, Config)
    _check_values(config, target)
    return config


def load_suite(name: str) -> schema.Suite:
    """A suite's own section: which targets, which variants."""
    return _section("suite", name, schema.Suite)


def load_profile(name: str) -> schema.Profile:
    """A profile's own section: its kind of data and what its numbers mean."""
    return _section("profile", name, schema.Profile)


def _section(group: str, name: str, kind: type[T]) -> T:
    """The section that a packaged file has of the name of its group."""
    _known(group, name)
    text = (files("benchmark.config") / group / f"{name}.yaml").read_text(encoding="utf-8")
    section = OmegaConf.to_object(OmegaConf.merge(kind, OmegaConf.select(OmegaConf.create(text), group)))
    assert isinstance(section, kind)
    return section


def options(group: str) -> list[str]:
    """Names of the packaged files of a group: profiles, suites, recipes."""
    folder = files("benchmark.config") / group
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def split_overrides(
    overrides: Sequence[str], *, profile: str = "demo", suite: str = "all"
) -> tuple[list[str], str, str]:
    """Take ``profile=`` and ``suite=`` out of the overrides: (the others, profile, suite)."""
    rest: list[str] = []
    for text in overrides:
        key, _, value = text.partition("=")
        if key == "profile":
            profile = value
        elif key == "suite":
            suite = value
        else:
            rest.append(text)
    return rest, profile, suite


def settings(modality: str) -> list[tuple[str, str]]:
    """Every key of a modality's cells with its default under the default profile, for people."""
    _register()
    with initialize_config_module("benchmark.config", version_base="1.3"):
        _, composed = _compose([f"modality={modality}"], modality)
    leaves = [key for key in _keys(composed) if not isinstance(OmegaConf.select(composed, key), DictConfig)]
    return [(key, str(OmegaConf.select(composed, key))) for key in leaves]


def _compose(words: list[str], modality: str) -> tuple[list[str], DictConfig]:
    """Compose twice: the first time to learn which recipe and policy are chosen, the second time on top of them."""
    chosen = compose("config", overrides=words).choose
    words = [*words, f"recipe={chosen.recipe}", f"policy={modality}_{chosen.policy}"]
    return words, compose("config", overrides=words)


@cache
def _register() -> None:
    """Put the typed sections into Hydra's store: the schema, and every modality's view and policies."""
    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    own = {path.stem for path in packaged_files() if path.parent == Path("target")}
    for name in set(registry.target_names()) - own:  # a target needs no file of its own: then this empty one answers
        store.store(group="target", name=name, node={}, package="_global_")
    for name in registry.MODALITIES:
        adapter = registry.modality(name)
        store.store(group="view", name=name, node=_open(adapter.view_type))
        for policy_name, policy in adapter.policies().items():
            store.store(group="policy", name=f"{name}_{policy_name}", node=_open(policy))


def _open(frozen: Any) -> DictConfig:
    """A structured node of a frozen dataclass that configuration may still change."""
    node: DictConfig = OmegaConf.structured(frozen)
    OmegaConf.set_readonly(node, None)
    return node


def _known(group: str, name: str) -> None:
    if name not in options(group):
        raise UnknownName(group, name, options(group))


def _checked(text: str, plain: DictConfig, modality: str) -> str:
    """One override, refused with a sentence where it is wrong, as Hydra wants to read it."""
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_][\w.]*", key):
        raise BadInput(f"'{text}' is no setting; settings look like recipe.temperature=4 or profile=small.")
    if "${" in value:
        raise BadInput(f"'{text}' holds an interpolation; give the value itself.")
    if key in GROUPS:
        known = list(registry.modality(modality).policies()) if key == "policy" else options(key)
        if value not in known:
            raise UnknownName(f"{modality} policy" if key == "policy" else key, value, known)
        return f"policy={modality}_{value}" if key == "policy" else text
    keys = _keys(plain)
    if key not in keys:
        raise UnknownName(f"setting of {modality} targets", key, keys + list(GROUPS))
    if key.startswith("source.") or key == "teacher.weights":
        return f"{key}={_quoted(value)}"
    try:
        parsed = OverridesParser.create().parse_override(text)
    except HydraException as error:
        raise BadInput(f"'{text}' cannot be read; quote values with spaces, commas or brackets.") from error
    if parsed.is_sweep_override():
        raise BadInput(f"'{text}' gives several values; only lists such as 'seeds=[0,1,2]' take several.")
    if "${" in str(parsed.value()):  # which Hydra also reads from $\{
        raise BadInput(f"'{text}' holds an interpolation; give the value itself.")
    _check_shape(key, value, parsed.value(), OmegaConf.select(plain, key), modality)
    return text


def _check_shape(key: str, text: str, value: Any, default: Any, modality: str) -> None:
    """Refuse a single value for a group of settings or for a list: what Hydra says of those names its own types."""
    single = value is not None and text and not isinstance(value, dict | list)
    if isinstance(default, DictConfig) and not isinstance(value, dict):
        leaf = next((name for name in ("network", modality) if name in default), "")
        if single and leaf:
            raise BadInput(f"{key} is a group of settings; did you mean {key}.{leaf}={text}?")
        leaves: dict[Any, Any] = dict(default.items())
        name, example = next((name, one) for name, one in leaves.items() if not isinstance(one, DictConfig))
        raise BadInput(
            f"'{key}={text}' names no setting: {key} is a group of them; give one, such as {key}.{name}={example}."
        )
    if isinstance(default, ListConfig) and not isinstance(value, list):
        raise BadInput(f"{key} is a list; write '{key}={f'[{text}]' if single else default}'.")


def _merged(words: Sequence[str], typed: Sequence[str]) -> list[str]:
    """Group choices that the user typed take the place of the ones chosen for them; values come after."""
    replaced = {text.partition("=")[0] for text in typed}
    return [text for text in words if text.partition("=")[0] not in replaced] + list(typed)


def _quoted(value: str) -> str:
    """A path as one Hydra value, whatever characters it has."""
    bare = value.strip("'\"")
    # Hydra reads a backslash as itself unless a quote follows.
    return "'" + re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), bare) + "'"


def _keys(node: DictConfig, prefix: str = "") -> list[str]:
    found: list[str] = []
    for name in map(str, node):
        child = node._get_node(name)
        found.append(f"{prefix}{name}")
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            found += _keys(child, f"{prefix}{name}.")
    return found


def _sentence(error: Exception, overrides: Sequence[str]) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    key = getattr(cause, "full_key", None) or ""
    lines = str(cause).splitlines()
    reason = next((line for line in lines if "full_key" not in line and line.strip()), type(cause).__name__)
    named = next((text for text in overrides if key and text.startswith(f"{key}=")), key)
    if isinstance(cause, MissingMandatoryValue):
        return f"the setting '{key}' has no value; no profile or target sets it, so give one."
    return f"'{named}' is refused: {reason.strip()}." if named else f"the configuration is refused: {reason.strip()}."


def _check_values(config: Config, target: str) -> None:
    """Names from closed lists, and ranges that types cannot say."""
    for where, training in (("recipe", config.recipe), ("teacher.training", config.teacher.training)):
        _one_of(f"{where}.optimiser", training.optimiser, schema.OPTIMISERS)
        _one_of(f"{where}.schedule", training.schedule, schema.SCHEDULES)
        _one_of(f"{where}.precision", training.precision, schema.PRECISIONS)
        _one_of(f"{where}.compile", training.compile, schema.COMPILES)
        _more_than(f"{where}.steps", training.steps, 0)
        _more_than(f"{where}.batch", training.batch, 1)
        _more_than(f"{where}.lr", training.lr, 0)
    _one_of("recipe.mixing", config.recipe.mixing, schema.MIXINGS)
    _one_of("recipe.mixing_per", config.recipe.mixing_per, ("sample", "batch"))
    _one_of("profile.data", config.profile.data, schema.DATA)
    _more_than("recipe.temperature", config.recipe.temperature, 0)
    _more_than("recipe.mixing_alpha", config.recipe.mixing_alpha, 0)
    _more_than("threads", config.threads, 0)
    if not 0 < config.teacher.holdout < 1:
        raise BadInput(f"teacher.holdout={config.teacher.holdout} is no share; give a number between 0 and 1.")
    if not config.seeds:
        raise BadInput("seeds=[] asks for nothing; give at least one seed, such as 'seeds=[0]'.")
    folds = registry.target(target).info.folds
    for fold in config.folds:
        if not 1 <= fold <= folds:
            raise BadInput(f"folds={config.folds}: {target} has folds 1 to {folds}, so there is no fold {fold}.")


def _one_of(key: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise UnknownName(key, value, list(known))


def _more_than(key: str, value: float, bound: float) -> None:
    if not value > bound:
        raise BadInput(f"{key}={value} is too small; give a number above {bound}.")


def plain(value: Any) -> Any:
    """A configuration section as plain dicts, lists, strings and numbers."""
    if isinstance(value, DictConfig | ListConfig):
        return OmegaConf.to_container(value, resolve=True)
    return OmegaConf.to_container(OmegaConf.structured(value), resolve=True)


def packaged_files() -> list[Path]:
    """Every YAML file of the package, relative to its folder."""
    root = Path(str(files("benchmark.config")))
    return sorted(path.relative_to(root) for path in root.rglob("*.yaml"))
