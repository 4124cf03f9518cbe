"""Join the results of several machines: what is new is copied, what contradicts is named, nothing is overwritten."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmark.leaderboard.hand_in import HandedIn, figures_again, store_handed_in
from benchmark.leaderboard.statement import content_of
from benchmark.records.record import Manifest, Record
from benchmark.records.store import TEACHER_NOTES, Store, save_manifest
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write
from modalities.storage.locks import LockHeld, do_not_wait, exclusive_lock, path_lock


@dataclass
class Merged:
    """What joining one folder into another did."""

    copied: int = 0  # cells whose record was new, or took the place of one that was not done
    same: int = 0  # cells that both have, with the same figures or as unfinished as here
    conflicts: list[str] = field(default_factory=list)  # a sentence each, on what was left as it was


def merge(sources: Sequence[Path], into: Path) -> tuple[dict[str, Merged], list[Store]]:
    """Join results folders into one; return what each of them added, and the stores that changed.

    A cell is copied with its files and its teacher, unless its record is there already. A record that is not done has
    no figures, and gives way to one that is. Before a cell is copied its accuracy is computed again from its
    predictions. Manifests of one call are united. What contradicts what is there (other figures of one cell, another
    teacher under one key, other claims) is left out and named.

    Raises BadInput if a folder has no results, or if one is the folder that they are joined into.
    """
    found, changed = {}, []
    for folder in sources:
        stores = [Store(path.parent) for path in sorted(folder.glob("*/manifests"))]
        if not stores:
            raise BadInput(f"{folder} holds no results; name a results folder.")
        if folder.resolve() == into.resolve():
            raise BadInput(f"{folder} is the folder that results are joined into; name others.")
        result = found[str(folder)] = Merged()
        for store in stores:
            target = Store(into / store.root.name)
            target.check_writable()
            _merge_store(store, target, result)
            changed.append(target)
    return found, changed


def _merge_store(store: Store, target: Store, result: Merged) -> None:
    refused = set()
    for path in sorted(store.teachers.glob("*/")):
        with _conflicts(result, f"the teacher {path.name}"):
            if store.has_teacher(path.name) and not _merge_teacher(store, target, path.name):
                refused.add(path.name)
                raise BadInput(f"the teacher {path.name} is another one here; cells that learned from it are left out.")
    for path in sorted(store.cells.glob("*/record.json")):
        with _conflicts(result, path.parent.name):
            _merge_cell(store, target, path.parent.name, refused, result)
    for path, manifest in store.manifest_files().items():
        with _conflicts(result, path.name):
            _merge_manifest(target, path.name, manifest)


def add_handed_in(handed: HandedIn, store: Store) -> Merged:
    """Add predictions that were handed in to a store, unless its row is there with others, which is a conflict."""
    result = Merged()
    with _conflicts(result, handed.record.id):
        if store_handed_in(handed, store):
            result.copied += 1
        else:
            result.same += 1
    return result


@contextmanager
def _conflicts(result: Merged, what: str) -> Iterator[None]:
    """Note what is refused inside the block, and go on after it."""
    try:
        yield
    except LockHeld:
        result.conflicts.append(f"{what} is in use here by another process; join it when that has ended.")
    except BadInput as error:
        result.conflicts.append(str(error))
    except OSError as error:
        raise BadInput(f"{what} cannot be copied ({error.strerror or error}); free space or choose another folder.",
                       about="results") from error  # fmt: skip


def _merge_teacher(store: Store, target: Store, key: str) -> bool:
    """Copy a teacher unless there is one; return whether the one that is there then is the same."""
    theirs, folder = store.teacher(key), target.teacher(key)
    with exclusive_lock(folder, do_not_wait):
        if target.has_teacher(key):
            return bool(_weights(theirs) == _weights(folder))
        for path in _files(theirs):
            if path.name != TEACHER_NOTES:
                shutil.copy2(path, folder / path.name)
        atomic_write(folder / TEACHER_NOTES, (theirs / TEACHER_NOTES).read_bytes())  # last: now the teacher is complete
    return True


def _weights(folder: Path) -> Any:
    """Return the hash of a teacher's weights. Raises BadInput if its notes are damaged."""
    path = folder / TEACHER_NOTES
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))).get("weights")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise BadInput(f"{path} cannot be read ({error}); delete its folder and run its cells again.") from error


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]


def _merge_cell(store: Store, target: Store, id: str, refused: set[str], result: Merged) -> None:
    theirs, ours = store.read(id), target.read(id)
    if theirs is None:
        return
    if ours is not None and (ours.status == "done" or theirs.status != "done"):
        if theirs.status == "done" and _figures(ours) != _figures(theirs):
            raise BadInput(f"{id} has other figures here ({_score(ours)}) than there ({_score(theirs)}).")
        result.same += 1
        return
    if theirs.teacher_key in refused:
        raise BadInput(f"{id} learned from another teacher than the one here.")
    if theirs.status == "done":
        _check_figures(store, theirs)
    with exclusive_lock(target.cell(id), do_not_wait):
        attempt = target.start_attempt(id)
        for path in _files(store.cell(id)):
            if path != store.record_file(id):
                shutil.copy2(path, attempt / path.name)
        target.write(theirs)
    result.copied += 1


def _figures(record: Record) -> tuple[Any, ...]:
    return record.metrics, record.controls, record.segments, record.test_set, content_of(record.handed_in)


def _score(record: Record) -> str:
    return f"top-1 {record.metrics.get('top1')}"


def _check_figures(store: Store, record: Record) -> None:
    """Raise BadInput if a record's accuracy is not the one of its predictions.

    Of predictions that were handed in, each figure of the record is computed again.
    """
    from benchmark.evaluation.metrics import top1

    predictions = store.predictions(record.id)
    if predictions is None:
        raise BadInput(f"{record.id} has no predictions there, so its figures cannot be checked; run it again.")
    if record.is_handed_in and figures_again(record, predictions) != record.metrics:
        raise BadInput(f"{record.id} has predictions that its figures do not come from; hand in the predictions again.")
    found = top1(predictions.logp, predictions.labels)
    if found != record.metrics.get("top1"):
        raise BadInput(f"{record.id} has predictions with a top-1 of {found}, and its record says {_score(record)}.")


def _merge_manifest(target: Store, name: str, theirs: Manifest) -> None:
    path = target.manifests / name
    with path_lock(target.manifests):
        ours = target.manifest_files().get(path)
        if ours is not None and (ours.claims != theirs.claims or ours.suite != theirs.suite):
            raise BadInput(f"the run of {theirs.suite} ({name}) made other claims here; its cells are not requested.")
        save_manifest(path, theirs if ours is None else _united(ours, theirs))


def _united(ours: Manifest, theirs: Manifest) -> Manifest:
    cells = {cell.id: cell for cell in (*theirs.cells, *ours.cells)}
    variants = {
        label: sorted({*ours.variants.get(label, ()), *theirs.variants.get(label, ())})
        for label in dict.fromkeys((*ours.variants, *theirs.variants))
    }
    return replace(
        ours, cells=[cells[id] for id in sorted(cells)], settings=theirs.settings | ours.settings, variants=variants,
        late_claims=list(dict.fromkeys((*ours.late_claims, *theirs.late_claims))),
    )  # fmt: skip
