"""``benchmark check``: whether a target adapter or a plug-in keeps its contract, item by item."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark.cli.remedies import explain
from benchmark.cli.text_table import print_json, print_table, say
from modalities import registry
from modalities.contract.checks import NO_DATA, check_adapter, small_view
from modalities.errors import BadInput
from modalities.plugins.find import KINDS, Plugin, find, is_python_file, kind_of_file

COUNTS = {"train_items": "train", "test_items": "test"}  # what an info states of each split


def check_targets(names: Sequence[str], root: Path | None, *, format: str, fill: bool = False) -> bool:
    """Check adapters (all if ``names`` is empty) on real data in ``root``, or on new stand-ins; return if all pass.

    With ``fill``, numbers of items that an info gives as 0 are first counted in ``root`` and written into the adapter.
    """
    plugins = {name: plugin for name in names if (plugin := find_any(name))}
    targets = [name for name in names if name not in plugins]
    for name in targets:
        registry.origin(name)
    if fill:
        if root is None:
            raise BadInput("--fill-counts counts real data; say with --root in which folder they are.")
        for name in targets:
            fill_counts(name, root)
    rows = []
    for name in names or registry.target_names():
        plugin = plugins.get(name)
        results = list(_check_plugin(plugin) if plugin else _check(name, root))
        rows += results
        if format == "text":
            failed = sum(row["verdict"] == "fail" for row in results)
            verdict = f"{failed} item{' fails' if failed == 1 else 's fail'}" if failed else "keeps the contract"
            if not failed and any(row["detail"] == NO_DATA for row in results):
                verdict += " as far as that shows without data; check the real data with --root DIR"
            say(f"{name} ({plugin.kind if plugin else registry.origin(name)}): {verdict}")
            print_table(["", "item", ""], [[row["verdict"], row["item"], row["detail"]] for row in results])
            print(flush=True)
    if format == "json":
        print_json(rows)
    return all(row["verdict"] != "fail" for row in rows)


def fill_counts(name: str, root: Path) -> None:
    """Write how many labelled files each split has into the adapter's file, where its info says 0; print what is new.

    Raises BadInput if the file does not say ``train_items=0`` and ``test_items=0`` exactly once.
    """
    adapter = registry.target(name)
    unknown = [key for key in COUNTS if getattr(adapter.info, key) == 0]
    path = Path(inspect.getfile(type(adapter)))
    text, counts = path.read_text(encoding="utf-8"), {}
    for key in unknown:
        data = getattr(adapter, COUNTS[key])(root, small_view(adapter.info.modality))
        counts[key] = getattr(data, "files", len(data))
        text, replaced = re.subn(rf"\b{key}\s*=\s*0(?=\s*[,)])", f"{key}={counts[key]:_}", text)
        if replaced != 1:
            raise BadInput(f"{path} does not say {key}=0 once; write {key}={counts[key]:_} there yourself.")
    train, test = (counts.get(key, getattr(adapter.info, key)) for key in COUNTS)
    adapter.info = replace(adapter.info, train_items=train, test_items=test)
    if counts:
        path.write_text(text, encoding="utf-8")
    say(f"{name}: wrote {', '.join(f'{key}={count:_}' for key, count in counts.items()) or 'nothing'} into {path}")


def find_any(name: str) -> Plugin | None:
    """Return the plug-in of any kind that a name means; None if it means none. Raises BadInput for a file of none."""
    if is_python_file(name):
        return find(kind_of_file(Path(name)), name)
    if name in registry.target_names():
        return None
    return next((plugin for kind in KINDS if (plugin := find(kind, name))), None)


def _check_plugin(plugin: Plugin) -> Iterator[dict[str, Any]]:
    from modalities.contract.plugins import check_plugin

    for item in check_plugin(plugin):
        yield {"target": plugin.name, "item": item.name, "verdict": item.verdict, "detail": item.detail}


def _check(name: str, root: Path | None) -> Iterator[dict[str, Any]]:
    try:
        adapter = registry.target(name)
    except Exception as error:  # one broken adapter must not hide the others
        yield {"target": name, "item": "registered", "verdict": "fail", "detail": explain(error)}
        return
    for item in check_adapter(adapter, root):
        yield {"target": name, "item": item.name, "verdict": item.verdict, "detail": item.detail}
