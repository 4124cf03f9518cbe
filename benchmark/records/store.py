"""The store on disk in which records, their files and manifests are kept."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.records.identity import SCHEMA_VERSION, canonical_json, safe_name
from benchmark.records.provenance import strip_folders
from benchmark.records.record import ManifestEntry, Record
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write, cannot_write, sync
from modalities.storage.cleanup import remove_stale
from modalities.storage.locks import check_locks

if TYPE_CHECKING:
    import numpy as np

# --- the record ------------------------------------------------------------------------------------------------

TEACHER_NOTES = "teacher.json"  # the last file of a teacher that is written
_FILES = ("predictions.npz", "curve.csv", "student.safetensors")  # published beside record.json


# --- the store -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Predictions:
    """A student's outputs on the real test items.

    Arrays: ``labels`` (n,) int64; ``logp`` (n, classes) float16, natural-log probabilities (metrics.average_clips).
    """

    item_ids: Sequence[str]
    labels: np.ndarray
    logp: np.ndarray


class Store:
    """Records and manifests of one profile, in one folder.

    ``cells/<id>/`` holds a cell's published files, which always belong together: ``record.json``, ``predictions.npz``,
    ``curve.csv``, ``student.safetensors``. A running cell works in ``cells/<id>/attempt/`` and touches none of them.
    One process at a time does so: it holds the lock of the cell's folder (``locks.exclusive_lock``).

    ``manifests/`` holds one file per suite and selection that was run: the same call replaces its own file, so cells
    that a changed configuration no longer asks for leave the table, while another suite or selection adds to it. The
    leaderboard shows the union of all of them, so that running one target again never hides the others.

    Args:
        root: ``DIR/<profile>``; made when something is first written.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.cells, self.manifests = self.root / "cells", self.root / "manifests"
        self.teachers, self.jobs = self.root / "teachers", self.root / "jobs"

    def teacher(self, key: str) -> Path:
        """Folder of a teacher, by its content key; it need not exist."""
        return self.teachers / key

    def has_teacher(self, key: str) -> bool:
        """Whether a teacher is complete: its notes are written last."""
        return (self.teacher(key) / TEACHER_NOTES).is_file()

    def check_writable(self) -> None:
        """Find out before the first step, not after the last.

        Raises:
            BadInput: nothing can be written, or there are no file locks.
        """
        probe = self.cells / ".writable"
        atomic_write(probe, "")
        probe.unlink(missing_ok=True)
        check_locks(self.cells)
        for folder in (self.root, self.cells, self.manifests):  # where other processes may write too
            remove_stale(folder)

    def cell(self, id: str) -> Path:
        """Folder of a cell; it need not exist. Raises BadInput for what cannot be a cell's name."""
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", id):
            raise BadInput(f"'{id}' is no cell; `benchmark plan` lists the cells.")
        return self.cells / id

    def attempt(self, id: str) -> Path:
        """The folder in which a cell works until it has a record; made here.

        Files left there under the published names (``student.safetensors`` above all) are published by ``write``.
        """
        folder = self.cell(id) / "attempt"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error) from error
        return folder

    def begin(self, id: str) -> Path:
        """The folder of a new attempt, without what a killed one left there except checkpoints."""
        folder = self.attempt(id)
        remove_stale(folder, older_than=0)
        for name in _FILES:
            (folder / name).unlink(missing_ok=True)
        return folder

    def tidy(self, id: str) -> None:
        """Remove what a process left beside a record that is done when it was killed just after writing it."""
        shutil.rmtree(self.cell(id) / "attempt", ignore_errors=True)

    def stamp(self, id: str) -> str:
        """Tells a cell's record from any other that is written in its place; empty when it has none."""
        try:
            found = (self.cell(id) / "record.json").stat()
        except OSError:
            return ""
        return f"{found.st_ino} {found.st_mtime_ns}"

    def read(self, id: str) -> Record | None:
        """A cell's record, or None when it has none.

        Raises:
            BadInput: record.json is damaged, or is another cell's.
        """
        path = self.cell(id) / "record.json"
        text = _read_text(path)
        if text is None:
            return None
        record = Record.from_json(text, path)
        if record.id != id:
            raise BadInput(f"{path} is the record of cell '{record.id}'; delete the file and run its cell again.")
        return record

    def write(
        self,
        record: Record,
        *,
        predictions: Predictions | None = None,
        curve: Sequence[Mapping[str, float]] | None = None,
    ) -> None:
        """Publish an attempt: its files one by one, then record.json, so that a record never lacks its files.

        What an earlier attempt published goes first. Reason and traceback lose their folders. The attempt's folder
        is removed, except after ``failed`` and ``out of memory``, where a checkpoint in it lets a rerun continue.

        Args:
            predictions: written as predictions.npz.
            curve: rows with the same keys (``step``, ``loss`` …), written as curve.csv.

        Raises:
            BadInput: the folder cannot be written, or the disk is full.
            ValueError: the record has a value that could not be read back.
        """
        record = replace(record, reason=strip_folders(record.reason), traceback=strip_folders(record.traceback))
        text = record.to_json()
        cell, attempt = self.cell(record.id), self.attempt(record.id)
        if predictions is not None:
            atomic_write(attempt / "predictions.npz", _predictions_bytes(predictions))
        if curve is not None:
            atomic_write(attempt / "curve.csv", _csv(curve))
        try:
            (cell / "record.json").unlink(missing_ok=True)
            sync(cell)
            for name in _FILES:
                if (attempt / name).is_file():
                    sync(attempt / name)
                    (attempt / name).replace(cell / name)
                else:
                    (cell / name).unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(cell, error) from error
        atomic_write(cell / "record.json", text)
        if record.status not in ("failed", "out of memory"):
            shutil.rmtree(attempt, ignore_errors=True)

    def predictions(self, id: str) -> Predictions | None:
        """A cell's stored outputs, or None when it has none. Raises BadInput where the file is damaged."""
        import numpy as np

        path = self.cell(id) / "predictions.npz"
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                # A part that is no array is read as bytes.
                ids, labels, logp = (np.asarray(arrays[name]) for name in ("item_ids", "labels", "logp"))
        except Exception as error:  # a damaged archive raises nearly anything
            raise BadInput(
                f"{path} cannot be read ({error or type(error).__name__}); delete its folder and run the cell again."
            ) from error
        if logp.ndim != 2 or logp.dtype != np.float16 or labels.dtype != np.int64:
            raise BadInput(f"{path} holds no predictions of this package; delete its folder and run the cell again.")
        if not ids.shape == labels.shape == logp.shape[:1]:
            raise BadInput(f"{path} has arrays of unequal length; delete its folder and run the cell again.")
        return Predictions(ids.tolist(), labels, logp)

    def curve(self, id: str) -> list[dict[str, float]]:
        """Rows of a cell's curve; empty when it has none. Raises BadInput where the file is damaged."""
        path = self.cell(id) / "curve.csv"
        rows = csv.DictReader(io.StringIO(_read_text(path) or ""))
        try:
            return [{name: float(value) for name, value in row.items()} for row in rows]
        except (TypeError, ValueError, csv.Error) as error:
            raise BadInput(f"{path} cannot be read ({error}); delete its folder and run the cell again.") from error

    def write_manifest(self, suite: str, selection: Mapping[str, Any], cells: Iterable[ManifestEntry]) -> Path:
        """Note which cells a run asks for, before it runs the first.

        Args:
            suite: its name.
            selection: what narrowed or changed it (targets, overrides …), JSON-ready; {} for the whole suite.
        """
        content = {
            "schema_version": SCHEMA_VERSION,
            "suite": suite,
            "selection": dict(selection),
            "cells": [asdict(cell) for cell in sorted(cells, key=lambda cell: cell.id)],
        }
        digest = hashlib.sha256(canonical_json([suite, selection]).encode()).hexdigest()[:8]
        path = self.manifests / f"{safe_name(suite)}-{digest}.json"
        atomic_write(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
        return path

    def requested_cells(self) -> list[ManifestEntry]:
        """Every cell that some manifest asks for, once, by id.

        Raises:
            BadInput: a manifest is damaged.
        """
        cells: dict[str, ManifestEntry] = {}
        for path in sorted(self.manifests.glob("*.json")):
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
                if content["schema_version"] != SCHEMA_VERSION:
                    raise ValueError(f"schema version {content['schema_version']!r}")
                found = [ManifestEntry(**cell) for cell in content["cells"]]
            except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
                raise BadInput(
                    f"{path} is not a manifest ({error}); delete the file and run its suite again."
                ) from error
            cells.update((cell.id, cell) for cell in found)
        return [cells[id] for id in sorted(cells)]


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}); delete the file and run its cell again.") from error


def _predictions_bytes(predictions: Predictions) -> bytes:
    import numpy as np

    count = len(predictions.item_ids)
    if predictions.logp.ndim != 2 or len(predictions.logp) != count or len(predictions.labels) != count:
        raise ValueError(f"{count} item ids, {len(predictions.labels)} labels, outputs {predictions.logp.shape}")
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        item_ids=np.asarray(predictions.item_ids, dtype=np.str_),
        labels=np.asarray(predictions.labels, dtype=np.int64),
        logp=np.asarray(predictions.logp, dtype=np.float16),
    )
    return stream.getvalue()


def _csv(rows: Sequence[Mapping[str, float]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
