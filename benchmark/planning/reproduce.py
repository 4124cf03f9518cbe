"""From a record back to what a user has to type to make its cell again, and how that differs from the defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmark.config.compose import compose_target
from benchmark.config.overrides import options
from benchmark.config.schema import Config
from benchmark.planning.auto import resolve_auto
from benchmark.planning.cell import accepted_guard
from benchmark.planning.plan import AS_BEFORE, Once, student_identity, teacher_identity
from benchmark.planning.select import Request
from benchmark.records.identity import canonical_json, cell_id
from benchmark.records.record import Record, is_real_training_items
from benchmark.records.settings import flat
from modalities import registry
from modalities.base import SourceRef
from modalities.errors import BadInput

OUTSIDE_IDS = ("teacher.times_chance", "data.subset")  # settings that decide whether a cell runs, and change no number
_TYPED_AS = {"train_per_class": "data.train_per_class"}
_PLAIN = re.compile(r"[\w.:/+-]+", re.ASCII)
_MADE = re.compile(r"made by the plug-in (.+?)(:\d+)?, SHA-256 (\w+)")  # of a file, see modalities.plugins.sources
_ABSENT = object()


@dataclass(frozen=True)
class Setting:
    """A setting of a cell that is not the default of its profile."""

    key: str
    value: Any
    default: Any


@dataclass(frozen=True)
class Reproduction:
    """How a cell is made again."""

    request: Request  # of this cell alone
    settings: list[Setting]  # that differ from the defaults of the request's profile, recipe and policy
    remarks: list[str]  # what the request lacks, such as the folder of a file
    is_exact: bool  # whether this version makes the same cell of the request, with the same id


def reproduction(record: Record, typed: Sequence[str] = ()) -> Reproduction:
    """Return the request that makes a record's cell again, from what its id covers.

    ``typed`` are the settings of a run that requested the cell; those of OUTSIDE_IDS are taken from it. A precision or
    compilation that is ``auto`` by default is given as it was resolved, so that the cell is the same on every machine.
    Files are given by their names without folders. Nothing on disk is read. Raises BadInput for predictions that were
    handed in, and for what this installation cannot plan.
    """
    if record.is_handed_in:
        file = record.handed_in.get("file", "FILE")
        raise BadInput(f"its predictions were handed in; `benchmark merge {file}` scores them again.")
    profile = _profile_of(record)
    kind = str(record.provenance.get("device", "")).partition(":")[0]
    kind = kind if kind in ("cpu", "cuda") else "cpu"
    names = _names(record, profile)
    config = compose_target(record.target, names, profile=profile, suite="all")
    automatic = _automatic(config)
    settings, unknown = _differing(record, config, kind)
    modality = registry.target(record.target).info.modality
    overrides = [
        *names, f"source.{modality}={_source(record)}", *(_as_typed(one.key, one.value) for one in settings),
        *_resolved(record, automatic, {one.key for one in settings}), *_outside_ids(record, typed),
        f"seeds=[{record.seed}]", *([f"folds=[{record.fold}]"] if record.fold != 1 else []),
    ]  # fmt: skip
    overrides = [_with_file(text, record) for text in overrides]
    request = Request(profile=profile, targets=(record.target,), device=kind, overrides=tuple(overrides))
    is_exact = not unknown and _id_of(record, request) == record.id
    return Reproduction(request, settings, [*_remarks(record, profile, unknown, is_exact)], is_exact)


def _with_file(text: str, record: Record) -> str:
    """Return a setting with the name of a file, if it is one that a record knows by its content."""
    key, _, value = text.partition("=")
    if key == "teacher.weights":
        return f"{key}=FILE"
    plugin = record.config.get("plugins", {}).get(key)
    return f"{text}.py" if plugin and not plugin["version"] and not value.strip("'").startswith("own ") else text


def _source(record: Record) -> str:
    """Return the source as it is typed, without folders: a name, or a file's."""
    name, file = record.source["name"], _MADE.fullmatch(record.source["description"])
    return f"{file[1]}.py{file[2] or ''}" if file else name


def _profile_of(record: Record) -> str:
    """Return the record's profile, or the one to start from if it was a file of the user's."""
    if record.profile in options("profile"):
        return record.profile
    return "demo" if record.data == "stand-in" else "small"


def _names(record: Record, profile: str) -> list[str]:
    """Return the recipe and the policy by name, if the profile has others by default."""
    modality = registry.modality(registry.target(record.target).info.modality)
    known = {"recipe": options("recipe"), "policy": list(modality.policies())}
    default = _default_names(record.target, profile)
    named = {group: record.config.get(group, {}).get("name") for group in known}
    return [f"{group}={name}" for group, name in named.items() if name != default[group] and name in known[group]]


@cache
def _default_names(target: str, profile: str) -> dict[str, str]:
    config = compose_target(target, [], profile=profile, suite="all")
    return {"recipe": config.recipe.name, "policy": config.policy.name}


def _differing(record: Record, config: Config, kind: str) -> tuple[list[Setting], list[str]]:
    """Return the settings that differ from the defaults, and the keys that this version does not know."""
    default, own = flat(_identity(config, kind, record)), flat(record.config)
    settings, unknown = [], []
    for key in dict.fromkeys((*own, *default)):
        if key in _GIVEN or key.startswith("plugins."):
            continue
        values = [_value(values, key) for values in (own, default)]
        if _ABSENT in values:
            unknown.append(key)
        elif canonical_json(values[0]) != canonical_json(values[1]):
            settings.append(Setting(_TYPED_AS.get(key, key), *values))
    return settings, unknown


# What a record says itself, or the data and the source do.
_GIVEN = {
    "target", "modality", "data", "data_fingerprint", "source.name", "source.sha256", "fold", "seed"
}  # fmt: skip


def _value(values: Mapping[str, Any], key: str) -> Any:
    name = key.rpartition(".")[2]
    as_before = {"compile": "none", "method": "segments"} | AS_BEFORE
    return values.get(key, as_before.get(name, _ABSENT))


def _identity(config: Config, kind: str, record: Record) -> dict[str, Any]:
    """Return what an id covers, with the data, the source, the fold and the seed of the record."""
    modality = registry.modality(registry.target(record.target).info.modality)
    plugins = record.config.get("plugins", {})
    for role, settings in (("teacher", config.teacher), ("student", config.student)):
        if not settings.network.startswith("own ") and f"{role}.network" not in plugins:
            settings.network = modality.check_network(settings.network)
    resolve_auto(config, kind, modality.name)
    weights, config.teacher.weights = config.teacher.weights, ""
    parts = teacher_identity(config, Once())
    if weights:
        parts["teacher"]["weights"] = record.config.get("teacher", {}).get("weights")
    return {
        "target": record.target, "modality": modality.name, "data": record.data,
        "data_fingerprint": record.data_fingerprint, **parts,
        **student_identity(config, SourceRef(record.source["name"], record.source["sha256"], "")),
        **({"plugins": plugins} if plugins else {}), "fold": record.fold, "seed": record.seed,
    }  # fmt: skip


def _id_of(record: Record, request: Request) -> str:
    config = compose_target(record.target, request.overrides, profile=request.profile, suite=request.suite)
    return cell_id(_identity(config, request.device, record))


def _automatic(config: Config) -> list[str]:
    """Return the keys of what is ``auto`` by default."""
    sections = {"recipe": config.recipe, "teacher.training": config.teacher.training}
    names = ("precision", "compile")
    return [f"{key}.{name}" for key, part in sections.items() for name in names if getattr(part, name) == "auto"]


def _resolved(record: Record, automatic: Sequence[str], given: set[str]) -> Iterator[str]:
    """Yield what ``auto`` was resolved to, by key, for those that are not given anyway."""
    own = flat(record.config)
    yield from (f"{key}={_value(own, key)}" for key in automatic if key not in given)


def _outside_ids(record: Record, typed: Sequence[str]) -> Iterator[str]:
    found = {text.partition("=")[0]: text for text in typed if text.partition("=")[0] in OUTSIDE_IDS}
    if (guard := accepted_guard(record.deviations)) is not None:
        found.setdefault("teacher.times_chance", f"teacher.times_chance={guard:g}")
    known, items = record.test_set.get("known_items"), record.test_set.get("items")
    if record.data == "real" and None not in (known, items) and items != known:
        found.setdefault("data.subset", "data.subset=true")
    yield from found.values()


def _as_typed(key: str, value: Any) -> str:
    return f"{key}={_text(value)}"


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)


def _remarks(record: Record, profile: str, unknown: Sequence[str], is_exact: bool) -> Iterator[str]:
    modality = registry.modality(registry.target(record.target).info.modality)
    name, sha256 = record.source["name"], record.source["sha256"]
    made_by_plugin = " the plug-in " in record.source["description"]
    if made_by_plugin:
        yield f"source.{modality.name} is {record.source['description']}"
    elif name not in modality.sources() and not is_real_training_items(name):
        yield f"source.{modality.name} is a file: give the path of {name}, with SHA-256 {sha256}"
    if weights := record.config.get("teacher", {}).get("weights"):
        yield f"teacher.weights is a file: give the path of the one with SHA-256 {weights}"
    own = flat(record.config)
    for key, plugin in record.config.get("plugins", {}).items():
        version = f"version {plugin['version']} of its package" if plugin["version"] else "its file"
        if not str(own[key]).startswith("own "):
            yield f"{key} is the plug-in {own[key]}: it takes {version}, with SHA-256 {plugin['sha256']}"
    for key, value in own.items():
        if isinstance(value, str) and value.startswith("own "):
            yield f"{key} was given from Python ({value}); give it again in the same way"
    if record.profile != profile:
        yield f"the profile {record.profile} was a file; the same cell is made under {profile}, in its folder"
    if record.data == "real":
        yield "the data have to be the same; their folder is not in a record"
    if unknown:
        yield f"this version has other settings ({', '.join(unknown)}), so it makes another cell"
    elif not is_exact:
        yield "the record is of an earlier version, whose numbers no longer count; this makes the cell of today"
