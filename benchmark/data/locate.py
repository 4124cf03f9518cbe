"""Which folder a target's data are read from: real data, data inside a dependency, or a generated stand-in."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from benchmark.records.cell_key import DataKind
from benchmark.records.identity import NUMERICS_VERSION
from modalities.base import TargetAdapter
from modalities.datasets.hidden import is_hidden
from modalities.datasets.standin import stand_ins
from modalities.errors import BadInput
from modalities.storage.atomic import temporary_path
from modalities.storage.cleanup import remove_atomically
from modalities.storage.locks import path_lock
from modalities.storage.paths import cache_root

STAND_IN_SEED = 0
WHOLE = ".whole.json"  # in a stand-in's folder: what was there when it was finished


@dataclass(frozen=True)
class DataLocation:
    """Where a target's data are, what they are, and, when they are not all there, what to do."""

    kind: DataKind
    root: Path
    fingerprint: str
    ready: bool
    instructions: str = ""


def locate(adapter: TargetAdapter, wanted: str, data_root: Path) -> DataLocation:
    """Find a target's data without reading them.

    Args:
        wanted: ``stand-in`` or ``real``, as the profile says. Data that ship inside a dependency are real and serve
            both; a stand-in never serves a profile that wants real data.
    """
    info = adapter.info
    if info.ships_with:
        return DataLocation("shipped", data_root, adapter.status(data_root).fingerprint, ready=True)
    if wanted == "stand-in":
        root = cache_root() / "stand-ins" / f"{info.name}-v{NUMERICS_VERSION}"
        return DataLocation("stand-in", root, f"stand-in:{info.name}:{STAND_IN_SEED}:v{NUMERICS_VERSION}", ready=True)
    status = adapter.status(data_root)
    if status.state != "ready":
        missing = f" ({', '.join(status.missing)})" if status.missing else ""
        return DataLocation(
            "real", data_root, "absent", ready=False, instructions=f"{status.state}{missing}: {status.how}"
        )
    if info.name in stand_ins(data_root):
        how = f"{data_root} holds a generated stand-in of {info.name}; put the real data under another root folder."
        return DataLocation("real", data_root, "absent", ready=False, instructions=how)
    return DataLocation("real", data_root, status.fingerprint, ready=True)


def ensure(place: DataLocation, adapter: TargetAdapter) -> None:
    """Write the stand-in if it is not there or not whole: under a temporary name, by one process at a time."""
    root = place.root
    if place.kind != "stand-in" or _is_whole(root):
        return
    try:
        with path_lock(root), temporary_path(root) as temporary:
            if _is_whole(root):
                return
            if os.path.lexists(root):
                remove_atomically(root)
            temporary.mkdir()
            adapter.write_sample(temporary, STAND_IN_SEED)
            (temporary / WHOLE).write_text(json.dumps(_contents(temporary)) + "\n")
            temporary.rename(root)
    except OSError as error:
        raise BadInput(
            f"the stand-in of {adapter.info.name} cannot be written to {root} ({error.strerror}); "
            "set BENCHMARK_CACHE to a folder with room."
        ) from error


def _is_whole(root: Path) -> bool:
    """Whether a stand-in has the files it was finished with; else it would pass for another dataset, with fewer items.

    Costs a look at every name and size, some milliseconds for a thousand files.
    """
    try:
        return bool(json.loads((root / WHOLE).read_text(encoding="utf-8")) == _contents(root))
    except (OSError, ValueError, RecursionError):
        return False


def _contents(root: Path) -> dict[str, int | str]:
    """Names and sizes of all files below a folder, in short; hidden ones, which no adapter reads, are left out."""
    lines = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not is_hidden(name)]
        paths = (Path(folder, name) for name in files if not is_hidden(name))
        lines += [f"{path.relative_to(root).as_posix()} {path.stat().st_size}\n" for path in paths]
    text = "".join(sorted(lines)).encode("utf-8", "surrogateescape")
    return {"files": len(lines), "names_and_sizes": hashlib.sha256(text).hexdigest()}
