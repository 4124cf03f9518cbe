"""``benchmark plan``: every cell and what would happen to it."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import fill
from typing import Any

from benchmark.cli.text_table import print_table
from benchmark.launch.display import counted, duration
from benchmark.planning.cell import state_of
from benchmark.planning.plan import make_plan
from benchmark.planning.select import Request
from benchmark.records.store import Store
from modalities.errors import readable

BYTES_OF_A_LOG_PROBABILITY = 2
WHOLE_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}  # addresses stay in one piece


def show_plan(request: Request, results: Path, *, jobs: str, format: str) -> None:
    """Print the plan: a table with totals, or JSON."""
    from benchmark.system.devices import worker_devices

    cells = make_plan(request)
    threads = max((cell.config.threads for cell in cells), default=1)
    at_once = len(worker_devices("cpu" if request.device == "cpu" else "cuda", jobs, threads))  # may refuse --jobs
    store = Store(results / request.profile)
    rows: list[dict[str, Any]] = []
    for cell in cells:
        state, reason = state_of(cell, store)
        info = cell.adapter.info
        rows.append(
            {
                "cell": cell.id,
                "target": cell.key.target,
                "source": cell.source.name,
                "seed": cell.key.seed,
                "fold": cell.key.fold,
                "data": cell.data.kind,
                "state": state,
                "reason": reason,
                "seconds": cell.config.expected_seconds or None if state == "to run" else None,
                "predictions_bytes": info.test_items * len(info.classes) * BYTES_OF_A_LOG_PROBABILITY
                if state == "to run" and cell.data.kind != "stand-in"
                else None,
                "download_bytes": info.download_bytes if state == "no data" else None,
            }
        )
    if format == "json":
        print(json.dumps(rows, indent=1))
        return
    folded = any(row["fold"] != 1 for row in rows)
    table = []
    for row in rows:
        runs = row["state"] == "to run"
        when, why = (duration(row["seconds"]), row["reason"]) if runs else ("", "")
        place = [row["fold"]] if folded else []
        table.append([row["target"], *place, row["source"], row["seed"], row["data"], row["state"], when, why])
    print_table(["target", *(["fold"] if folded else []), "source", "seed", "data", "state", "time", ""], table)
    missing = {row["target"]: row["reason"] for row in rows if row["state"] == "no data"}
    if missing:
        print("\nMissing data:")
        for target, reason in missing.items():
            print(
                fill(
                    readable(f"{target}: {reason}"), 100, initial_indent="  ", subsequent_indent="      ", **WHOLE_WORDS
                )
            )
    todo = [row for row in rows if row["state"] == "to run"]
    workers = min(at_once, max(1, len(todo)))
    known = [row["seconds"] for row in todo]
    total = duration(sum(known) / workers) if known and all(known) else "?" if known else "0:00"
    disk = sum(row["predictions_bytes"] or 0 for row in rows) / 1e6
    print(f"\n{counted(len(rows), 'cell')}, {len(todo):,} to run, about {total} with {workers} at a time, "
          f"{disk:.1f} MB of predictions; results in {store.root.resolve()}")  # fmt: skip
