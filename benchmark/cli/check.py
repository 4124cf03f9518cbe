"""``benchmark check``: whether a target adapter keeps the contract, item by item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmark.cli.remedies import explain
from benchmark.cli.text_table import print_json, print_table
from modalities import registry
from modalities.contract.checks import check_adapter


def check_targets(names: Sequence[str], root: Path | None, *, format: str) -> bool:
    """Check adapters (all if ``names`` is empty) on real data in ``root``, or on new stand-ins; return if all pass."""
    for name in names:
        registry.origin(name)
    rows = []
    for name in names or registry.target_names():
        results = list(_check(name, root))
        rows += results
        if format == "text":
            failed = sum(row["verdict"] == "fail" for row in results)
            verdict = f"{failed} item{' fails' if failed == 1 else 's fail'}" if failed else "keeps the contract"
            print(f"{name} ({registry.origin(name)}): {verdict}")
            print_table(["", "item", ""], [[row["verdict"], row["item"], row["detail"]] for row in results])
            print(flush=True)
    if format == "json":
        print_json(rows)
    return all(row["verdict"] != "fail" for row in rows)


def _check(name: str, root: Path | None) -> Iterator[dict[str, Any]]:
    try:
        adapter = registry.target(name)
    except Exception as error:  # one broken adapter must not hide the others
        yield {"target": name, "item": "registered", "verdict": "fail", "detail": explain(error)}
        return
    for item in check_adapter(adapter, root):
        yield {"target": name, "item": item.name, "verdict": item.verdict, "detail": item.detail}
