"""``benchmark data verify``: compare published checksums, decode every item, and list missing and damaged ones."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmark.cli.data import data_state, next_step, resolve_targets
from benchmark.cli.exit_codes import DONE, FAILED
from benchmark.cli.remedies import explain
from benchmark.cli.text_table import print_json, say
from benchmark.launch.progress import counted
from benchmark.system.resources import cores
from modalities import registry
from modalities.base import LabelledData, TargetAdapter
from modalities.contract.checks import small_view
from modalities.errors import BadInput

MAX_SHOWN = 20  # problems per target in text
CHUNK = 1_000  # items handed to the decoding threads at a time
PROGRESS_SECONDS = 10  # between two lines of progress


def verify(names: Sequence[str], root: Path, *, quick: bool, format: str) -> int:
    """Verify the data of each target; return exit code 1 if something is missing or damaged.

    Without names, all targets are verified, and those whose data are not there at all are no problem.

    An adapter with published checksums has a method ``verify(root)``, which returns problems or raises the first one
    as BadInput. Then every item of every fold is decoded. ``quick`` only counts the items.
    """
    results = [_verify(name, root, quick) for name in resolve_targets(names)]
    for result in results:
        if not names and result["state"] in ("absent", "stand-in"):
            result["problems"] = []
    if format == "json":
        print_json(results)
    else:
        for result in results:
            items, problems = counted(result["items"], "item"), result["problems"]
            verb = "counted" if quick else "decoded"
            say(f"{result['name']}: {result['state']}, {items} {verb}, {counted(len(problems), 'problem')}")
            for problem in problems[:MAX_SHOWN]:
                say(f"  {problem}")
            if len(problems) > MAX_SHOWN:
                say(f"  and {len(problems) - MAX_SHOWN:,} more; --format json lists them all")
    return FAILED if any(result["problems"] for result in results) else DONE


def _verify(name: str, root: Path, quick: bool) -> dict[str, Any]:
    """Return the target's name, its ``state`` as in ``benchmark data status``, its count of items and the problems."""
    try:
        adapter = registry.target(name)
        state, status = data_state(adapter, root)
    except Exception as error:  # one broken adapter must not hide the others
        return {"name": name, "state": "broken", "items": 0, "problems": [explain(error)]}
    if state in ("absent", "stand-in"):
        return {"name": name, "state": state, "items": 0, "problems": [next_step(adapter, state, status, root)]}
    problems = [next_step(adapter, state, status, root)] if state == "partial" else []
    if not quick:
        problems += _collect(lambda: getattr(adapter, "verify", lambda root: None)(root) or [])
    seen: set[str] = set()
    problems += _collect(lambda: _check_folds(adapter, root, seen, quick))
    return {"name": name, "state": state, "items": len(seen), "problems": list(dict.fromkeys(problems))}


def _check_folds(adapter: TargetAdapter, root: Path, seen: set[str], quick: bool) -> Iterator[str]:
    """Yield the problems of all items of all folds; add their ids to ``seen``."""
    view = small_view(adapter.info.modality)
    for fold in range(1, adapter.info.folds + 1):
        for split in (adapter.train, adapter.test):
            try:
                data = split(root, view, fold)
            except BadInput as error:
                yield explain(error)
                continue
            new = [place for place, item in enumerate(data.item_ids) if item not in seen]
            seen.update(data.item_ids)
            if not quick:
                yield from _unreadable(data, new, adapter.info.name)


def _unreadable(data: LabelledData, places: list[int], name: str) -> Iterator[str]:
    """Decode items on all cores; yield a problem for each that fails."""

    def problem(place: int) -> str | None:
        try:
            data[place]
        except Exception as error:  # decoders of plug-ins may raise anything
            return explain(error) if isinstance(error, BadInput) else f"item {data.item_ids[place]}: {explain(error)}"
        return None

    printed_at = time.monotonic()
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(places), CHUNK):
            if time.monotonic() - printed_at > PROGRESS_SECONDS:
                printed_at = time.monotonic()
                print(f"{name}: {start:,} of {len(places):,} items decoded", file=sys.stderr, flush=True)
            yield from filter(None, pool.map(problem, places[start : start + CHUNK]))


def _collect(work: Callable[[], Iterable[str]]) -> list[str]:
    """Collect the problems that ``work`` yields, and the exception that ends it."""
    problems: list[str] = []
    try:
        problems.extend(work())
    except Exception as error:
        problems.append(explain(error))
    return problems
