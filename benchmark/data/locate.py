"""Which folder a target's data are read from: real data, data inside a dependency, or a generated stand-in."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmark.data.fingerprint import fingerprint_of
from benchmark.records.cell_key import DataKind
from benchmark.records.identity import NUMERICS_VERSION
from benchmark.records.settings import ABSENT
from modalities.base import TargetAdapter
from modalities.datasets.hidden import is_hidden
from modalities.datasets.standin import has_stand_in, stand_ins
from modalities.errors import BadInput, readable
from modalities.storage.atomic import temporary_path
from modalities.storage.cleanup import remove_atomically
from modalities.storage.locks import path_lock
from modalities.storage.paths import cache_root

STAND_IN_SEED = 0
CONTENTS_FILE = ".whole.json"  # in a stand-in's folder: what it contained when it was complete


@dataclass(frozen=True)
class DataLocation:
    """Where a target's data are, what kind they are, and how to get them if they are incomplete."""

    kind: DataKind
    root: Path
    fingerprint: str
    ready: bool
    instructions: str = ""


def locate(adapter: TargetAdapter, requested: str, data_root: Path, *, subset: bool = False) -> DataLocation:
    """Find ``stand-in`` or ``real`` data, as requested, without reading them; shipped data serve both requests.

    With ``subset``, incomplete real data are ready too, and ``examine`` tells whether they are enough. Whatever an
    adapter raises while it looks at its data is the problem of its own target: it becomes instructions.
    """
    info = adapter.info
    if requested == "stand-in" and not info.ships_with and not has_stand_in(adapter):
        problem = f"{info.name} has no generated stand-in; use its real data, with profile=small or profile=paper."
        return DataLocation("stand-in", data_root, ABSENT, ready=False, instructions=problem)
    if requested == "stand-in" and not info.ships_with:
        version = f"v{NUMERICS_VERSION}{_code_of_plugin(adapter)}"
        root = cache_root() / "stand-ins" / f"{info.name}-{version}"
        return DataLocation("stand-in", root, f"stand-in:{info.name}:{STAND_IN_SEED}:{version}", ready=True)
    kind: DataKind = "shipped" if info.ships_with else "real"
    try:
        status = adapter.status(data_root)
        stand_in = kind == "real" and info.name in stand_ins(data_root)
    except Exception as error:
        return DataLocation(kind, data_root, ABSENT, ready=False, instructions=_trouble(adapter, error))
    if kind == "real" and status.state != "ready" and not (subset and status.state == "partial"):
        missing = f" ({', '.join(status.missing)})" if status.missing else ""
        problem = f"{status.state}{missing}: {status.how}"
        if status.state == "partial":
            problem += " To use what is there, set data.subset=true; its rows then say so."
    elif stand_in:
        problem = f"{data_root} holds a generated stand-in of {info.name}; put the real data under another root folder."
    else:
        return DataLocation(kind, data_root, status.fingerprint, ready=True)
    return DataLocation(kind, data_root, ABSENT, ready=False, instructions=problem)


def examine(location: DataLocation, adapter: TargetAdapter, view: Any, fold: int) -> DataLocation:
    """Return where the data of one fold are, with a fingerprint of its items if they are real data on disk.

    No item is decoded. Data that an adapter cannot list are not ready, and the instructions say why.
    """
    if location.kind != "real" or not location.ready:
        return location
    try:
        splits = [split(location.root, view, fold) for split in (adapter.train, adapter.test)]
        return replace(location, fingerprint=fingerprint_of(location.fingerprint, splits))
    except Exception as error:
        return replace(location, fingerprint=ABSENT, ready=False, instructions=_trouble(adapter, error))


def _trouble(adapter: TargetAdapter, error: Exception) -> str:
    cause = str(error) if isinstance(error, BadInput) else f"{type(error).__name__}: {error}"
    if isinstance(error, OSError) and error.strerror:
        cause = f"{error.filename or 'a file'}: {error.strerror}"
    name = adapter.info.name
    return readable(f"the data of {name} cannot be examined ({cause}); `benchmark data status {name}` tells more.")


def _code_of_plugin(adapter: TargetAdapter) -> str:
    """Return a hash of the file that defines a plug-in; empty for targets of this package, which have a version."""
    module = type(adapter).__module__
    if module.partition(".")[0] == "modalities":
        return ""
    try:
        content = Path(inspect.getfile(type(adapter))).read_bytes()
    except (OSError, TypeError):  # defined in a notebook or a shell
        return ""
    return f"-{hashlib.sha256(content).hexdigest()[:12]}"


def ensure(location: DataLocation, adapter: TargetAdapter) -> None:
    """Write the stand-in if it is absent or incomplete. Raise BadInput if the cache folder cannot be written."""
    root = location.root
    if location.kind != "stand-in" or _is_complete(root):
        return
    try:
        with path_lock(root), temporary_path(root) as temporary:
            if _is_complete(root):
                return
            if os.path.lexists(root):
                remove_atomically(root)
            temporary.mkdir()
            adapter.write_sample(temporary, STAND_IN_SEED)
            (temporary / CONTENTS_FILE).write_text(json.dumps(_contents(temporary)) + "\n", encoding="utf-8")
            temporary.rename(root)
    except OSError as error:
        raise BadInput(
            f"the stand-in of {adapter.info.name} cannot be written to {root} ({error.strerror}); "
            "set BENCHMARK_CACHE to a folder with free space."
        ) from error


def _is_complete(root: Path) -> bool:
    """Return whether a stand-in still has the files, by name and size, that it was written with."""
    try:
        return bool(json.loads((root / CONTENTS_FILE).read_text(encoding="utf-8")) == _contents(root))
    except (OSError, ValueError, RecursionError):
        return False


def _contents(root: Path) -> dict[str, int | str]:
    """Summarise names and sizes of all files in a folder, except hidden ones, which no adapter reads."""
    lines = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not is_hidden(name)]
        paths = (Path(folder, name) for name in files if not is_hidden(name))
        lines += [f"{path.relative_to(root).as_posix()} {path.stat().st_size}\n" for path in paths]
    text = "".join(sorted(lines)).encode("utf-8", "surrogateescape")
    return {"files": len(lines), "names_and_sizes": hashlib.sha256(text).hexdigest()}
