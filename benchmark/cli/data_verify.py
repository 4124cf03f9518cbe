"""``benchmark data verify``: published checksums, then every item decoded, and what is missing or damaged by name."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.cli.data import chosen, next_step, state_of
from benchmark.cli.exit_codes import DONE, FAILED
from benchmark.cli.remedies import explain
from benchmark.launch.display import counted
from benchmark.system.resources import cores
from modalities import registry
from modalities.base import LabelledData, TargetAdapter
from modalities.contract.checks import small_view
from modalities.errors import BadInput, readable

SHOWN = 20  # problems of a target that a person wants to read
AT_ONCE = 1_000  # items handed to the decoding threads together
SECONDS = 10  # between two lines of progress


@dataclass
class Verified:
    """What was found of a target."""

    name: str
    state: str  # as in ``benchmark data status``
    items: int
    problems: list[str]


def verify(names: Sequence[str], root: Path, *, quick: bool, format: str) -> int:
    """Prove the data of each target; the exit code is 1 where something is missing or damaged.

    Published checksums are compared where an adapter has a ``verify(root)``, which returns problems or raises the
    first as BadInput; then every item of every fold is decoded. ``quick`` only counts.
    """
    found = [_verified(name, root, quick) for name in chosen(names)]
    if format == "json":
        print(json.dumps([asdict(one) for one in found], indent=1))
    else:
        for one in found:
            done = "counted" if quick else "decoded"
            items, problems = counted(one.items, "item"), counted(len(one.problems), "problem")
            print(f"{one.name}: {one.state}, {items} {done}, {problems}")
            for problem in one.problems[:SHOWN]:
                print(f"  {readable(problem)}")
            if len(one.problems) > SHOWN:
                print(f"  and {len(one.problems) - SHOWN:,} more; --format json has them all")
    return FAILED if any(one.problems for one in found) else DONE


def _verified(name: str, root: Path, quick: bool) -> Verified:
    try:
        adapter = registry.target(name)
        state, status = state_of(adapter, root)
    except Exception as error:  # another target may be whole
        return Verified(name, "broken", 0, [explain(error)])
    if state in ("absent", "stand-in"):
        return Verified(name, state, 0, [next_step(adapter, state, status, root)])
    problems = [next_step(adapter, state, status, root)] if state == "partial" else []
    if not quick:
        problems += _caught(lambda: getattr(adapter, "verify", lambda root: None)(root) or [])
    seen: set[str] = set()
    problems += _caught(lambda: _folds(adapter, root, seen, quick))
    return Verified(name, state, len(seen), list(dict.fromkeys(problems)))


def _folds(adapter: TargetAdapter, root: Path, seen: set[str], quick: bool) -> Iterator[str]:
    """Problems of all items of all folds; ``seen`` takes their ids."""
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
    """Decode items on all cores; what is wrong with them."""

    def problem(place: int) -> str | None:
        try:
            data[place]
        except Exception as error:  # decoders of plug-ins may raise anything
            return explain(error) if isinstance(error, BadInput) else f"item {data.item_ids[place]}: {explain(error)}"
        return None

    told = time.monotonic()
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(places), AT_ONCE):
            if time.monotonic() - told > SECONDS:
                told = time.monotonic()
                print(f"{name}: {start:,} of {len(places):,} items decoded", file=sys.stderr, flush=True)
            yield from filter(None, pool.map(problem, places[start : start + AT_ONCE]))


def _caught(work: Callable[[], Iterable[str]]) -> list[str]:
    """The problems that some work gives, and the one that ends it."""
    problems: list[str] = []
    try:
        problems.extend(work())
    except Exception as error:
        problems.append(explain(error))
    return problems
