"""``benchmark list``: the names of everything that can be asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmark.cli.text_table import print_table
from modalities import registry
from modalities.errors import UnknownName

WHAT = ("targets", "suites", "sources", "policies", "networks", "profiles", "recipes", "settings")


def show_list(what: str, *, modalities: Sequence[str], format: str) -> None:
    """Print one kind of names as a table or as JSON."""
    if what not in WHAT:
        raise UnknownName("list", what, list(WHAT))
    for name in modalities:
        registry.modality(name)  # refuses an unknown one
    rows = _rows(what, list(modalities) or list(registry.MODALITIES))
    if format == "json":
        print(json.dumps(rows, indent=1))
    elif rows:
        heads = list(rows[0])
        print_table(heads, [[row[head] for head in heads] for row in rows])


def _rows(what: str, rooms: list[str]) -> list[dict[str, Any]]:
    if what == "targets":
        infos = [working.info for working in registry.usable()[0].values()]
        return [
            {
                "name": info.name, "modality": info.modality, "classes": len(info.classes), "train": info.train_items,
                "test": info.test_items, "licence": info.licence, "title": info.title,
            }
            for room in rooms for info in infos if info.modality == room
        ]  # fmt: skip
    if what in ("sources", "networks"):
        return [
            {"name": name, "modality": room, "description": text}
            for room in rooms
            for name, text in getattr(registry.modality(room), what)().items()
        ]
    if what == "policies":
        return [{"name": name, "modality": room} for room in rooms for name in registry.modality(room).policies()]
    return _configured(what, rooms)


def _configured(what: str, rooms: list[str]) -> list[dict[str, Any]]:
    from benchmark.config import compose as config
    from benchmark.config.overrides import options

    if what == "suites":
        suites = [config.load_suite(name) for name in options("suite")]
        return [{"name": s.name, "targets": " ".join(s.targets), "meaning": s.meaning} for s in suites]
    if what == "profiles":
        profiles = [config.load_profile(name) for name in options("profile")]
        return [{"name": p.name, "data": p.data, "meaning": p.meaning} for p in profiles]
    if what == "recipes":
        return [{"name": name} for name in options("recipe")]
    return [
        {"key": key, "default": default, "modality": room} for room in rooms for key, default in config.settings(room)
    ]
