"""``benchmark clean``: list files that can be removed to free disk space, and remove the kinds that are named."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.cli.text_table import print_json, print_table, say, size
from benchmark.launch.job_files import note_paths
from benchmark.records.store import Store
from modalities.errors import BadInput, UnknownName
from modalities.storage.cleanup import remove, remove_atomically
from modalities.storage.locks import LOCK, lock_path, try_lock
from modalities.storage.paths import cache_root, user_path

KINDS = {
    "stand-ins": "generated stand-in datasets; a cell that needs one generates it again",
    "sources": "generated source pictures; a cell that needs one generates it again",
    "indexes": "file lists of large datasets; the next run builds them again, which takes a while",
    "compiled": "networks compiled by torch; a run that needs one compiles it again",
    "parts": "interrupted downloads and extractions; `benchmark data fetch` would continue the downloads",
    "checkpoints": "checkpoints of unfinished cells and teachers; the same command would continue from them",
    "attempts": "files left by cells that are done, or that no manifest lists any more",
    "teachers": "teachers that no record and no manifest uses; a cell that needs one trains it again",
    "jobs": "reports and logs of cluster jobs that have ended",
    "downloads": "archives in BENCHMARK_DOWNLOADS; remove them yourself, as your own files may be among them",
    "records": "records that no manifest lists; removed only with --records",
}
NEVER_REMOVED = "downloads"
UNFINISHED = ("*.part", ".*.tmp", ".*.unpacking")  # the last is from earlier versions


@dataclass(frozen=True)
class Entry:
    """A file or folder that can be removed."""

    kind: str
    path: Path
    bytes: int
    lock: Path | None  # lock file of the processes that work on this


def clean(kinds: Sequence[str], results: Path, root: Path, *, records: bool, yes: bool, format: str) -> None:
    """List what can be removed, of all kinds (but ``records``) or of some; remove it with ``yes``."""
    for kind in kinds:
        if kind not in KINDS:
            raise UnknownName("kind of leftover", kind, list(KINDS))
    if "records" in kinds and not records:
        raise BadInput("records are removed only with --records; give that option instead of the kind.")
    if yes and NEVER_REMOVED in kinds:
        raise BadInput("downloads are in your own folder (BENCHMARK_DOWNLOADS); remove them yourself.")
    selected = {*kinds, *(["records"] if records else [])}
    if yes and not selected:
        raise BadInput("--yes needs the kinds to remove, such as benchmark clean stand-ins attempts --yes.")
    found = [entry for entry in _entries(results, root) if not selected or entry.kind in selected]
    if yes:
        found = [entry for entry in found if _remove(entry)]
    _show(found, removed=yes, format=format)


def _show(found: Sequence[Entry], *, removed: bool, format: str) -> None:
    if format == "json":
        print_json([{"kind": e.kind, "path": str(e.path), "bytes": e.bytes, "removed": removed} for e in found])
        return
    print_table(["kind", "size", "path"], [[entry.kind, size(entry.bytes), entry.path] for entry in found])
    print()
    for kind, meaning in KINDS.items():
        if own := [entry.bytes for entry in found if entry.kind == kind]:
            say(f"{size(sum(own))} in {len(own)} {kind}: {meaning}")
    total = size(sum(entry.bytes for entry in found))
    if removed:
        say(f"removed {total}")
    else:
        say(f"{total} in total; nothing was removed (benchmark clean KIND … --yes removes the kinds that you name)")


def _entries(results: Path, root: Path) -> Iterator[Entry]:
    for kind in ("stand-ins", "sources", "indexes", "compiled"):
        for path in sorted((cache_root() / kind).glob("*")):
            if path.suffix != ".lock":
                yield from _if_idle(kind, path, lock_path(path) if kind == "stand-ins" else None)
    yield from _unfinished(root)
    if downloads := os.environ.get("BENCHMARK_DOWNLOADS"):
        folder = user_path(downloads)
        yield from _unfinished(folder)
        for path in sorted(folder.glob("*")):
            if path.is_file() and path.suffix != ".part" and not path.name.startswith("."):
                yield from _if_idle("downloads", path)
    for profile in sorted(results.glob("*/")):
        store = Store(profile)
        if store.cells.is_dir():
            yield from _of_profile(store)


def _unfinished(folder: Path) -> Iterator[Entry]:
    """Interrupted downloads and extractions, at most three levels down: datasets may have millions of files."""
    for depth in ("", "*/", "*/*/"):
        for path in sorted(found for pattern in UNFINISHED for found in folder.glob(depth + pattern)):
            lock = lock_path(path.with_name(path.name.removesuffix(".part")))
            if path.suffix != ".tmp" or lock.is_file():  # samples are written without a lock
                yield from _if_idle("parts", path, lock)


def _of_profile(store: Store) -> Iterator[Entry]:
    requested = {cell.id: cell.teacher_key for cell in store.requested_cells()}
    # A manifest is written before its teachers, and a record after its teacher.
    used_teachers: set[str | None] = set(requested.values())
    unknown = {id for id, teacher in requested.items() if teacher is None}  # cells whose teacher is not recorded
    for folder in sorted(store.cells.glob("*/")):
        try:
            record = store.read(folder.name)
        except BadInput:  # damaged: its teacher is unknown, and nothing of its cell may be removed
            unknown.add(folder.name)
            continue
        if record is not None:
            used_teachers.add(record.teacher_key)
            unknown.discard(folder.name)
        elif folder.name not in requested and not _is_idle(folder / LOCK):
            unknown.add(folder.name)
        if record is not None and folder.name not in requested:
            yield from _if_idle("records", folder, folder / LOCK)
        elif (attempt := store.attempt(folder.name)).is_dir():
            needed = folder.name in requested and (record is None or record.status != "done")
            yield from _if_idle("checkpoints" if needed else "attempts", attempt, folder / LOCK)
    for folder in sorted(store.teachers.glob("*/")):
        if not store.has_teacher(folder.name):
            yield from _if_idle("checkpoints", folder, folder / LOCK)
        elif not unknown and folder.name not in used_teachers:
            yield from _if_idle("teachers", folder, folder / LOCK)
    if store.jobs.is_dir() and not note_paths(store.jobs):
        yield from _if_idle("jobs", store.jobs)


def _if_idle(kind: str, path: Path, lock: Path | None = None) -> Iterator[Entry]:
    """The entry of a path, unless a process is working on it."""
    if lock is not None and not _is_idle(lock):
        return
    is_folder = path.is_dir() and not path.is_symlink()
    total = 0
    for file in path.rglob("*") if is_folder else [path]:
        with contextlib.suppress(OSError):  # removed since it was listed
            if not is_folder or file.is_file():
                total += file.lstat().st_size
    yield Entry(kind, path, total, lock)


def _is_idle(lock: Path) -> bool:
    with try_lock(lock, create=False) as free:
        return free


def _remove(entry: Entry) -> bool:
    """Remove an entry unless a process has begun to work on it; links are not followed."""
    stand_in = entry.kind == "stand-ins"
    with try_lock(entry.lock, create=stand_in) if entry.lock else contextlib.nullcontext(True) as free:
        try:
            if free and stand_in:  # half a stand-in would be read as a dataset with fewer items
                remove_atomically(entry.path)
            elif free:
                remove(entry.path)
        except OSError as error:
            why = error.strerror or error
            raise BadInput(f"{entry.path} cannot be removed ({why}); the entries before it were removed.") from error
    return free
