"""Which folder a target's data are read from: real data, data inside a dependency, or a generated stand-in."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock

from benchmark.records import NUMERICS_VERSION
from modalities.base import BadInput, TargetAdapter
from modalities.paths import cache_root
from modalities.standin import stand_ins

Kind = Literal["stand-in", "shipped", "real"]
STAND_IN_SEED = 0


@dataclass(frozen=True)
class Place:
    """Where a target's data are, what they are, and, when they are not all there, what to do."""

    kind: Kind
    root: Path
    fingerprint: str
    ready: bool
    how: str = ""


def locate(adapter: TargetAdapter, wanted: str, data_root: Path) -> Place:
    """Find a target's data without reading them.

    Args:
        wanted: ``stand-in`` or ``real``, as the profile says. Data that ship inside a dependency are real and serve
            both; a stand-in never serves a profile that wants real data.
    """
    info = adapter.info
    if info.ships_with:
        return Place("shipped", data_root, adapter.status(data_root).fingerprint, ready=True)
    if wanted == "stand-in":
        root = cache_root() / "stand-ins" / f"{info.name}-v{NUMERICS_VERSION}"
        return Place("stand-in", root, f"stand-in:{info.name}:{STAND_IN_SEED}:v{NUMERICS_VERSION}", ready=True)
    status = adapter.status(data_root)
    if status.state != "ready":
        missing = f" ({', '.join(status.missing)})" if status.missing else ""
        return Place("real", data_root, "absent", ready=False, how=f"{status.state}{missing}: {status.how}")
    if info.name in stand_ins(data_root):
        how = f"{data_root} holds a generated stand-in of {info.name}; put the real data under another --root."
        return Place("real", data_root, "absent", ready=False, how=how)
    return Place("real", data_root, status.fingerprint, ready=True)


def ensure(place: Place, adapter: TargetAdapter) -> None:
    """Write the stand-in if it is not there yet: under a temporary name, by one process at a time."""
    if place.kind != "stand-in" or place.root.is_dir():
        return
    try:
        place.root.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{place.root}.lock"):
            if place.root.is_dir():
                return
            for left in place.root.parent.glob(f"{place.root.name}.*.tmp"):  # by a process that was killed
                shutil.rmtree(left, ignore_errors=True)
            temporary = place.root.with_name(f"{place.root.name}.{os.getpid()}.tmp")
            temporary.mkdir()
            adapter.write_sample(temporary, STAND_IN_SEED)
            temporary.rename(place.root)
    except OSError as error:
        raise BadInput(
            f"the stand-in of {adapter.info.name} cannot be written to {place.root} ({error.strerror}); "
            "set BENCHMARK_CACHE to a folder with room."
        ) from error


def unit_order(name: str) -> str:
    """Sort key that orders leak units or items at random but for ever the same, whatever else is listed."""
    return hashlib.sha256(name.encode()).hexdigest()
