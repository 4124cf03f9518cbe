"""``benchmark list``: the names that options and settings accept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmark.cli.list_sources import densities, judged
from benchmark.cli.text_table import print_json, print_table
from benchmark.config.schema import LOSSES, METHODS
from modalities import registry
from modalities.errors import BadInput, UnknownName
from modalities.plugins.find import names as plugin_names
from modalities.plugins.find import plugin_recipes

OF_A_MODALITY = ("targets", "sources", "policies", "networks")
WHAT = (*OF_A_MODALITY, "settings", "suites", "profiles", "recipes", "losses", "methods", "columns")
PLUGIN = "installed plug-in"
Rows = Iterator[dict[str, Any]]


def show_list(
    what: str, *, modalities: Sequence[str], format: str, target: str, overrides: Sequence[str], results: Path,
    root: Path, device: str,
) -> None:  # fmt: skip
    """Print the names of one kind, with what is known of each, as a table or as JSON."""
    if what not in WHAT:
        raise UnknownName("list", what, list(WHAT))
    for name in modalities:
        registry.modality(name)  # raises for an unknown one
    if what == "settings":
        from benchmark.cli.list_settings import show_settings  # Hydra takes a while to import

        show_settings(modalities, target, overrides, format=format)
        return
    if target and what != "sources":
        raise BadInput(f"--target goes with `benchmark list sources` and `settings` only; leave it out to list {what}.")
    if overrides and not target:
        raise BadInput(f"'{overrides[0]}' needs a target, whose teacher it changes; add --target.")
    if target:
        rows = list(judged(target, overrides, results, root, device))
    elif what in OF_A_MODALITY:
        rows = [row for name in modalities or registry.MODALITIES for row in _of_modality(what, name)]
    else:
        rows = list(_of_any_modality(what))
    if format == "json":
        print_json(rows)
    elif rows:
        heads = sorted(dict.fromkeys(key for row in rows for key in row), key="description".__eq__)
        print_table(heads, [[_shown(row.get(head)) for head in heads] for row in rows])


def _shown(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) else value


def _of_modality(what: str, modality: str) -> Rows:
    if what == "targets":
        for info in (adapter.info for adapter in registry.usable()[0].values()):
            if info.modality == modality:
                yield {
                    "name": info.name, "modality": modality, "classes": len(info.classes), "train": info.train_items,
                    "test": info.test_items, "licence": info.licence, "title": info.title,
                }  # fmt: skip
    elif what == "policies":
        for name, policy in registry.modality(modality).policies().items():
            yield {"name": name, "modality": modality, "steps": " ".join(policy.steps)}
        yield from ({"name": name, "modality": modality, "steps": PLUGIN} for name in plugin_names("policy"))
    elif what == "sources":
        yield from densities(modality)
    else:
        names = {**registry.modality(modality).networks(), **dict.fromkeys(plugin_names("network"), PLUGIN)}
        yield from ({"name": name, "modality": modality, "description": text} for name, text in names.items())


def _of_any_modality(what: str) -> Rows:
    from benchmark.config.compose import load_profile
    from benchmark.config.overrides import options
    from benchmark.config.suites import load_suite

    if what == "suites":
        for suite in map(load_suite, options("suite")):
            varies = f"{suite.axis}: {', '.join(suite.variants)}" if suite.variants else ""
            yield {
                "name": suite.name,
                "targets": " ".join(suite.targets),
                "variants": varies,
                "meaning": suite.meaning,
            }
    elif what == "profiles":
        for profile in map(load_profile, options("profile")):
            yield {"name": profile.name, "data": profile.data, "meaning": profile.meaning}
    elif what == "columns":
        from benchmark.leaderboard.formats import HEADS
        from benchmark.leaderboard.table import COLUMNS

        yield from ({"name": name, "head": HEADS.get(name, "")} for name in COLUMNS)
    elif what == "recipes":
        yield from ({"name": name} for name in [*options("recipe"), *plugin_recipes()])
    else:
        kind, built_in = ("loss", LOSSES) if what == "losses" else ("method", METHODS)
        yield from ({"name": name, "description": text} for name, text in built_in.items())
        yield from ({"name": name, "description": PLUGIN} for name in plugin_names(kind))
