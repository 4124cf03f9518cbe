"""The store on disk: records and the files beside them, manifests, teachers, jobs."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from benchmark.records.identity import canonical_json, cell_id, safe_name
from benchmark.records.json_checks import check_finite, first_problem, read_json
from benchmark.records.provenance import strip_folders
from benchmark.records.record import Manifest, ManifestEntry, Record
from benchmark.records.settings import content
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write, cannot_write, sync
from modalities.storage.cleanup import remove_stale
from modalities.storage.locks import check_locks, path_lock

if TYPE_CHECKING:
    import numpy as np

TEACHER_NOTES, TEACHER_WEIGHTS, TEACHER_PREDICTIONS = "teacher.json", "teacher.safetensors", "predictions.npz"
NAMED = "label"  # the axis of a manifest whose only variant is what the user calls its cells
_RECORD, _PREDICTIONS, _CURVE, _STUDENT = "record.json", "predictions.npz", "curve.csv", "student.safetensors"
_CELL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
PROTOTYPES = "prototypes.json"  # goes with the rest when a cell is run again
_BESIDE_RECORD = (_PREDICTIONS, _CURVE, _STUDENT, PROTOTYPES)


@dataclass(frozen=True)
class Predictions:
    """A student's outputs on the n real test items; those of its teacher lie in the teacher's folder."""

    item_ids: Sequence[str]
    labels: np.ndarray  # (n,) int64
    logp: np.ndarray  # (n, classes) float16, natural logarithms of probabilities
    groups: Sequence[str]  # the leak unit of each item, the cluster of intervals


class Requested(NamedTuple):
    """What all manifests request together."""

    cells: list[ManifestEntry]  # each once, sorted by id
    settings: dict[str, dict[str, Any]]  # by row, what ids cover, except the seed; earlier versions do not say
    labels: dict[str, list[str]]  # by row, the variants of suites that it is, and what the user calls it
    names: dict[str, str]  # by row, what the user calls it


class Store:
    """The results of one profile, in the folder ``DIR/PROFILE``. Every path in that folder comes from here.

    ``cells/ID/`` holds a cell's published files, which always belong together: ``record.json``, ``predictions.npz``,
    ``curve.csv``, ``student.safetensors``, and ``prototypes.json`` if somebody has looked. A running cell works in
    ``cells/ID/attempt/`` and touches none of them. Only one process at a time does, the one that holds the lock of the
    cell's folder (``exclusive_lock``).

    ``manifests/`` has one file for each suite and selection that was run. The same call replaces what it requested, so
    that cells which a changed configuration no longer requests leave the leaderboard; but cells that it requested of
    other files (a source or weights of the same name, other data) stay. Another suite or selection adds a file. The
    leaderboard shows the union, so that running one target again never hides the others.

    ``teachers/KEY/`` holds a teacher; ``jobs/`` holds the reports and logs of cluster jobs.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.cells, self.manifests = self.root / "cells", self.root / "manifests"
        self.teachers, self.jobs = self.root / "teachers", self.root / "jobs"

    def cell(self, id: str) -> Path:
        """Folder of a cell; it need not exist. Raises BadInput for what cannot be a cell's name."""
        return self.cells / _checked(id)

    def attempt(self, id: str) -> Path:
        """Folder in which a cell works until it has a record; ``write`` publishes its files. It need not exist."""
        return self.cell(id) / "attempt"

    def record_file(self, id: str) -> Path:
        """A cell's record; it need not exist."""
        return self.cell(id) / _RECORD

    def student_weights(self, id: str, *, published: bool = True) -> Path:
        """Weights of a cell's student: as published, or in the attempt that trains it. They need not exist."""
        return (self.cell(id) if published else self.attempt(id)) / _STUDENT

    def teacher(self, key: str) -> Path:
        """Folder of a teacher, by its content key; it need not exist."""
        return self.teachers / key

    def has_teacher(self, key: str) -> bool:
        """Whether a teacher is complete: its notes are written last."""
        return (self.teacher(key) / TEACHER_NOTES).is_file()

    def check_writable(self, content: str = "") -> None:
        """Raise BadInput if a file with this content cannot be written, or the file system has no file locks."""
        probe = self.cells / ".writable"
        atomic_write(probe, content)
        probe.unlink(missing_ok=True)
        check_locks(self.cells)
        for folder in (self.root, self.cells, self.manifests):  # where other processes may write too
            remove_stale(folder)

    def start_attempt(self, id: str) -> Path:
        """Make the folder of a new attempt, and remove what a killed one left there except its checkpoints."""
        folder = self.attempt(id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error) from error
        remove_stale(folder, older_than=0)
        for name in _BESIDE_RECORD:
            (folder / name).unlink(missing_ok=True)
        return folder

    def discard_attempt(self, id: str) -> None:
        """Remove the attempt of a cell that is done; a process killed just after writing the record leaves one."""
        shutil.rmtree(self.attempt(id), ignore_errors=True)

    def stamp(self, id: str) -> str:
        """Return a text that changes whenever a cell's record is written; empty if it has none."""
        try:
            found = self.record_file(id).stat()
        except OSError:
            return ""
        return f"{found.st_ino} {found.st_mtime_ns}"

    def read(self, id: str) -> Record | None:
        """Read a cell's record; None if it has none. Raises BadInput if it is damaged, or another cell's."""
        path = f"{self.cells}/{_checked(id)}/{_RECORD}"  # making a Path takes as long as opening the file
        text = _read_bytes(path)
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

        What an earlier attempt published is removed first. Reason and traceback lose their folders. The attempt's
        folder is removed too, except after ``failed`` and ``out of memory``: a rerun may continue from a checkpoint.

        Raises BadInput if the folder cannot be written, and ValueError for a value that could not be read back.
        """
        record = replace(record, reason=strip_folders(record.reason), traceback=strip_folders(record.traceback))
        text = record.to_json()
        cell, attempt, path = self.cell(record.id), self.attempt(record.id), self.record_file(record.id)
        if predictions is not None:
            atomic_write(attempt / _PREDICTIONS, _predictions_bytes(predictions))
        if curve is not None:
            atomic_write(attempt / _CURVE, _csv(curve))
        try:
            cell.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            sync(cell)
            for name in _BESIDE_RECORD:
                if (attempt / name).is_file():
                    sync(attempt / name)
                    (attempt / name).replace(cell / name)
                else:
                    (cell / name).unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(cell, error) from error
        atomic_write(path, text)
        if record.status not in ("failed", "out of memory"):
            self.discard_attempt(record.id)

    def predictions_bytes(self, id: str) -> int | None:
        """Return the size of a cell's stored predictions; None if it has none."""
        try:
            return (self.cell(id) / _PREDICTIONS).stat().st_size
        except OSError:
            return None

    def predictions(self, id: str) -> Predictions | None:
        """Read a cell's stored predictions; None if it has none. Raises BadInput if the file is damaged."""
        import numpy as np

        path = self.cell(id) / _PREDICTIONS
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                # A part that is not an array is read as bytes.
                ids, labels, logp = (np.asarray(arrays[name]) for name in ("item_ids", "labels", "logp"))
                groups = np.asarray(arrays["groups"]) if "groups" in arrays else ids  # earlier versions kept none
            if logp.ndim != 2 or logp.dtype != np.float16 or labels.dtype != np.int64:
                raise ValueError("not predictions of this package")
            if not ids.shape == groups.shape == labels.shape == logp.shape[:1]:
                raise ValueError("arrays of unequal length")
        except Exception as error:  # a damaged archive raises nearly anything
            raise _unreadable(path, error) from error
        return Predictions(ids.tolist(), labels, logp, groups.tolist())

    def curve(self, id: str) -> list[dict[str, float]]:
        """Read the rows of a cell's curve; empty if it has none. Raises BadInput if the file is damaged."""
        path = self.cell(id) / _CURVE
        found = _read_bytes(path) or b""
        try:
            rows = csv.DictReader(io.StringIO(found.decode()))
            return [{name: float(value) for name, value in row.items()} for row in rows]
        except (TypeError, ValueError, csv.Error) as error:
            raise _unreadable(path, error) from error

    def write_manifest(
        self,
        suite: str,
        selection: Mapping[str, Any],
        cells: Iterable[ManifestEntry],
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        axis: str = "",
        variants: Mapping[str, Sequence[str]] | None = None,
        claims: Sequence[Mapping[str, Any]] = (),
    ) -> Path:
        """Record which cells a run requests.

        ``selection`` is what narrowed or changed the suite, and ``settings`` what the ids cover, except the seed, by
        row; both are JSON-ready. ``axis``, ``variants`` (rows by label) and ``claims`` are those of the suite; the
        manifest notes which claims are no predictions, since they were not there before results were. Raises BadInput
        if the file cannot be written.
        """
        known = {row: dict(own) for row, own in (settings or {}).items()}
        requested = Manifest(
            suite=suite, selection=dict(selection), cells=list(cells), settings=known, axis=axis,
            variants={label: list(rows) for label, rows in (variants or {}).items()}, claims=list(map(dict, claims)),
        )  # fmt: skip
        digest = hashlib.sha256(canonical_json([suite, selection]).encode()).hexdigest()[:8]
        path = self.manifests / f"{safe_name(suite)}-{digest}.json"
        try:
            with path_lock(self.manifests):  # two runs of one call, each of its own source, keep the cells of both
                manifest = replace(self._with_other_contents(requested, path), late_claims=self._late_claims(requested))
                save_manifest(path, manifest)
        except OSError as error:
            raise cannot_write(path, error) from error
        return path

    def _with_other_contents(self, requested: Manifest, path: Path) -> Manifest:
        """Add to a manifest the cells that its file lists now, of the same targets, if they are made of other files."""
        earlier: list[tuple[ManifestEntry, dict[str, Any]]] = []
        labelled: dict[str, list[str]] = {}
        with contextlib.suppress(BadInput):  # absent or damaged
            before = _read_manifest(path)
            labelled = before.variants
            earlier = [
                (cell, before.settings.get(cell.row) or self._recorded_settings(cell.id)) for cell in before.cells
            ]
        targets = {cell.target for cell in requested.cells}
        contents = {(cell.target, content(requested.settings.get(cell.row, {}))) for cell in requested.cells}
        cells, settings = {cell.id: cell for cell in requested.cells}, dict(requested.settings)
        variants = {label: list(rows) for label, rows in requested.variants.items()}
        for cell, own in earlier:
            made_of = content(own)
            of_other_files = made_of is not None and (cell.target, made_of) not in contents
            # An id that its settings do not give is of a version whose numbers do not count any more.
            if cell.target in targets and of_other_files and cell_id({**own, "seed": cell.seed}) == cell.id:
                cells.setdefault(cell.id, cell)
                settings.setdefault(cell.row, own)
                for label in [label for label, rows in labelled.items() if cell.row in rows]:
                    rows = variants.setdefault(label, [])
                    if cell.row not in rows:
                        rows.append(cell.row)
        return replace(requested, cells=[cells[id] for id in sorted(cells)], settings=settings, variants=variants)

    def _late_claims(self, requested: Manifest) -> list[str]:
        """Return the names of claims that no earlier manifest of the suite has, though some cell of it is done."""
        if not requested.claims:
            return []
        earlier: list[Manifest] = []
        for path in sorted(self.manifests.glob("*.json")):
            with contextlib.suppress(BadInput):  # damaged
                earlier.append(_read_manifest(path))
        earlier = [manifest for manifest in earlier if manifest.suite == requested.suite]
        if not any(self._is_done(cell.id) for manifest in earlier for cell in manifest.cells):
            return []
        in_time = [claim for found in earlier for claim in found.claims if claim.get("name") not in found.late_claims]
        return [str(claim.get("name")) for claim in requested.claims if claim not in in_time]

    def _is_done(self, id: str) -> bool:
        with contextlib.suppress(BadInput):
            record = self.read(id)
            return record is not None and record.status == "done"
        return False

    def _recorded_settings(self, id: str) -> dict[str, Any]:
        """Return what a cell's id covers, except the seed, as its record has it; empty if it has none."""
        with contextlib.suppress(BadInput):
            if record := self.read(id):
                return record.settings
        return {}

    def manifest_files(self) -> dict[Path, Manifest]:
        """Return every manifest by its file. Raises BadInput if one is damaged."""
        return {path: _read_manifest(path) for path in sorted(self.manifests.glob("*.json"))}

    def requested(self) -> Requested:
        """Return what the manifests request, and what they know of it. Raises BadInput if one is damaged."""
        cells: dict[str, ManifestEntry] = {}
        settings: dict[str, dict[str, Any]] = {}
        labels: dict[str, list[str]] = {}
        names: dict[str, str] = {}
        for manifest in self.manifest_files().values():
            cells |= {cell.id: cell for cell in manifest.cells}
            settings |= manifest.settings
            for label, rows in manifest.variants.items():
                for row in rows:
                    known = labels.setdefault(row, [])
                    if label not in known:
                        known.append(label)
                    if manifest.axis == NAMED:
                        names[row] = label
        return Requested([cells[id] for id in sorted(cells)], settings, labels, names)

    def requested_cells(self) -> list[ManifestEntry]:
        """Return every cell that some manifest lists, once, sorted by id. Raises BadInput if a manifest is damaged."""
        return self.requested().cells


def save_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest's file, holding the lock of its folder. Raises BadInput if it cannot be written."""
    atomic_write(path, json.dumps(asdict(manifest), indent=1, allow_nan=False) + "\n")


def _read_manifest(path: Path) -> Manifest:
    try:
        found = read_json(path.read_bytes())
        entries = [ManifestEntry(**entry) for entry in found.pop("cells")]
        check_finite(found)
        return Manifest(**found, cells=entries)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        problem = first_problem(error) if isinstance(error, ValidationError) else error
        raise BadInput(f"{path} is not a manifest ({problem}); delete the file and run its suite again.") from error


def _unreadable(path: str | Path, error: Exception) -> BadInput:
    problem = str(error) or type(error).__name__
    return BadInput(f"{path} cannot be read ({problem}); delete its folder and run the cell again.")


def _checked(id: str) -> str:
    """Return a cell's id. Raises BadInput for what cannot be one."""
    if not _CELL_NAME.fullmatch(id):
        raise BadInput(f"'{id}' is not a valid name of a cell; `benchmark plan` lists the cells.")
    return id


def _read_bytes(path: str | Path) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # a hundred thousand are read for one table
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from error


def _predictions_bytes(predictions: Predictions) -> bytes:
    import numpy as np

    count = len(predictions.item_ids)
    lengths = {len(predictions.logp), len(predictions.labels), len(predictions.groups)}
    if predictions.logp.ndim != 2 or lengths != {count}:
        raise ValueError(
            f"{count} item ids, {len(predictions.labels)} labels, {len(predictions.groups)} groups, outputs "
            f"{predictions.logp.shape}"
        )
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        item_ids=np.asarray(predictions.item_ids, dtype=np.str_),
        labels=np.asarray(predictions.labels, dtype=np.int64),
        logp=np.asarray(predictions.logp, dtype=np.float16),
        groups=np.asarray(predictions.groups, dtype=np.str_),
    )
    return stream.getvalue()


def _csv(rows: Sequence[Mapping[str, float]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
