"""``benchmark clean``: what takes room and could go, and its removal, by kind and only when told to."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.cli.text_table import print_table
from benchmark.records.store import Store
from modalities.errors import BadInput, UnknownName
from modalities.storage.cleanup import remove, remove_atomically
from modalities.storage.locks import LOCK, lock_path, try_lock
from modalities.storage.paths import cache_root

KINDS = {
    "stand-ins": "generated stand-ins; written again when a cell wants them",
    "sources": "generated source pictures; made again when a cell wants them",
    "indexes": "lists of large datasets; read again from the disk, which takes a while",
    "parts": "downloads and unpackings that were cut short; `benchmark data fetch` would go on with the former",
    "checkpoints": "of cells and teachers that are not finished; the same command would go on from them",
    "attempts": "left by cells that are done, or that no manifest asks for any more",
    "teachers": "teachers that no record and no manifest refers to; a cell that wants one trains it again",
    "jobs": "reports and logs of cluster jobs that are over",
    "downloads": "archives that were kept (BENCHMARK_DOWNLOADS); remove by hand, other files may be among them",
    "records": "records that no manifest asks for; removed with --records alone",
}
BY_HAND = "downloads"
UNFINISHED = ("*.part", ".*.tmp", ".*.unpacking")  # the last is from earlier versions


@dataclass(frozen=True)
class Entry:
    """One file or folder that could go."""

    kind: str
    path: Path
    bytes: int
    lock: Path | None = None  # a file; locked by a process that works on this


def clean(kinds: Sequence[str], results: Path, root: Path, *, records: bool, yes: bool, format: str) -> None:
    """List what could go, of all kinds or of some; remove it with ``yes``.

    Args:
        records: take the kind ``records`` too; nothing else removes a record.
        root: folder of the datasets, of which only cut-off downloads are looked at.

    Raises:
        BadInput: an unknown kind, a removal that names none, a manifest that is damaged, or a file that stays.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise UnknownName("kind of leftover", kind, list(KINDS))
    if "records" in kinds and not records:
        raise BadInput("records are removed with --records alone; without it nothing touches them.")
    if yes and BY_HAND in kinds:
        raise BadInput("kept downloads lie in a folder of yours (BENCHMARK_DOWNLOADS); remove them by hand.")
    wanted = {*kinds, *(["records"] if records else [])}
    if yes and not wanted:
        raise BadInput("--yes removes what is named: benchmark clean stand-ins attempts --yes.")
    found = [entry for entry in _entries(results, root) if not wanted or entry.kind in wanted]
    if yes:
        found = [entry for entry in found if _remove(entry)]
    _show(found, removed=yes, format=format)


def _show(found: Sequence[Entry], *, removed: bool, format: str) -> None:
    if format == "json":
        rows = [{"kind": e.kind, "path": str(e.path), "bytes": e.bytes, "removed": removed} for e in found]
        print(json.dumps(rows, indent=1))
        return
    print_table(["kind", "size", "path"], [[entry.kind, _size(entry.bytes), entry.path] for entry in found])
    print()
    for kind, meaning in KINDS.items():
        own = [entry.bytes for entry in found if entry.kind == kind]
        if own:
            print(f"{_size(sum(own))} in {len(own)} {kind}: {meaning}")
    total = _size(sum(entry.bytes for entry in found))
    if removed:
        print(f"removed {total}")
    else:
        print(f"{total} in all; nothing was removed (benchmark clean KIND … --yes removes the kinds that are named)")


def _size(bytes: int) -> str:
    for unit, amount in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if bytes >= amount:
            return f"{bytes / amount:.1f} {unit}"
    return f"{bytes} B"


# --- what there is ---


def _entries(results: Path, root: Path) -> Iterator[Entry]:
    cache = cache_root()
    for entry in _files("stand-ins", cache / "stand-ins"):
        yield from _idle(entry, lock_path(entry.path))
    yield from _files("sources", cache / "sources")
    yield from _files("indexes", cache / "indexes")
    downloads = os.environ.get("BENCHMARK_DOWNLOADS")
    kept = Path(downloads).expanduser() if downloads else None
    for folder in (root, *([kept] if kept else [])):
        for depth in ("", "*/", "*/*/"):  # where archives land; datasets themselves may have millions of files
            for path in sorted(found for ending in UNFINISHED for found in folder.glob(depth + ending)):
                lock = lock_path(path.with_name(path.name.removesuffix(".part")))
                if path.suffix != ".tmp" or lock.is_file():  # samples are written without a lock
                    yield from _idle(_entry("parts", path), lock)
    for path in sorted(kept.iterdir()) if kept and kept.is_dir() else ():
        if path.is_file() and path.suffix != ".part" and not path.name.startswith("."):
            yield _entry("downloads", path)
    for profile in sorted(results.glob("*/")):
        store = Store(profile)
        if store.cells.is_dir():
            yield from _of_profile(store)


def _of_profile(store: Store) -> Iterator[Entry]:
    asked = {cell.id: cell.teacher_key for cell in store.requested_cells()}
    # A cell's record comes last, and its manifest before its teacher.
    teachers: set[str | None] = set(asked.values())
    unknown = {id for id, teacher in asked.items() if teacher is None}  # cells whose teachers nothing tells
    for folder in sorted(store.cells.glob("*/")):
        try:
            record = store.read(folder.name)
        except BadInput:  # damaged: it says nothing, and so nothing of its cell may go
            unknown.add(folder.name)
            continue
        if record is not None:
            teachers.add(record.teacher_key)
            unknown.discard(folder.name)
        elif folder.name not in asked and not _is_idle(folder / LOCK):
            unknown.add(folder.name)
        if record is not None and folder.name not in asked:
            yield from _idle(_entry("records", folder), folder / LOCK)
        elif (folder / "attempt").is_dir():
            over = folder.name not in asked or (record is not None and record.status == "done")
            yield from _idle(_entry("attempts" if over else "checkpoints", folder / "attempt"), folder / LOCK)
    for folder in sorted(store.teachers.glob("*/")):
        if not store.has_teacher(folder.name):
            yield from _idle(_entry("checkpoints", folder), folder / LOCK)
        elif not unknown and folder.name not in teachers:
            yield from _idle(_entry("teachers", folder), folder / LOCK)
    jobs = store.jobs
    if jobs.is_dir() and not list(jobs.glob("*.job")):
        yield _entry("jobs", jobs)


def _files(kind: str, folder: Path) -> Iterator[Entry]:
    for path in sorted(folder.glob("*")):
        if path.suffix != ".lock":
            yield _entry(kind, path)


def _idle(entry: Entry, lock: Path) -> Iterator[Entry]:
    """The entry, unless a process works on it just now."""
    if _is_idle(lock):
        yield replace(entry, lock=lock)


def _is_idle(lock: Path) -> bool:
    with try_lock(lock, create=False) as free:
        return free


def _entry(kind: str, path: Path) -> Entry:
    whole = path.is_dir() and not path.is_symlink()
    inside = [found for found in path.rglob("*") if found.is_file()] if whole else [path]
    total = 0
    for file in inside:
        with contextlib.suppress(OSError):  # gone since it was listed
            total += file.lstat().st_size
    return Entry(kind, path, total)


def _remove(entry: Entry) -> bool:
    """Whether it went: a process may have begun to work on it meanwhile. Links are removed and never followed."""
    stand_in = entry.kind == "stand-ins"
    with try_lock(entry.lock, create=stand_in) if entry.lock else contextlib.nullcontext(True) as free:
        try:
            if free and stand_in:  # half of it would be read as a dataset with fewer items
                remove_atomically(entry.path)
            elif free:
                remove(entry.path)
        except OSError as error:
            why = error.strerror or error
            raise BadInput(f"{entry.path} cannot be removed ({why}); what came before it is gone.") from error
    return free
