"""The records inside a report: enough of them that every table can be computed again from the page alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.leaderboard.documents import in_script
from benchmark.records.json_checks import read_json
from benchmark.records.prototypes import Recognised, read_recognised, recognised_of, write_recognised
from benchmark.records.record import Record
from benchmark.records.store import Predictions, Store
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write

if TYPE_CHECKING:
    import numpy as np

FORMAT = "single-datum-benchmark report 1"
MOST_BYTES = 5_000_000  # of a report's records; without room, predictions are left out, and with them ranks
_SCRIPT = re.compile(r'<script type="application/json" id="records" data-sha256="([0-9a-f]{64})">(.*?)</script>', re.S)


def pack(store: Store, records: Mapping[str, Record], profile: str) -> tuple[str, str]:
    """Return what a report embeds, as JSON that is safe inside a script, and its SHA-256.

    An object with ``format``, ``profile``, ``manifests`` by file name, ``records`` by cell id, ``test_sets`` (ids,
    labels and leak units of test items, compressed, by the hash of that) and ``predictions``: of each cell its test
    set, the number of classes and the most probable class of each item, compressed (``_packed``). If some cells have
    them, also ``prototypes``: which ones the teacher recognised.
    """
    content: dict[str, Any] = {
        "format": FORMAT,
        "profile": profile,
        "manifests": {path.name: asdict(manifest) for path, manifest in store.manifest_files().items()},
        "records": {id: vars(record) for id, record in sorted(records.items())},  # plain values, not to be changed
        "test_sets": {},
        "predictions": {},
    }
    room = MOST_BYTES - len(_json(content))
    for id, record in sorted(records.items()):
        size = store.predictions_bytes(id) or 0
        found = _predictions(store, id) if record.status == "done" and size < MOST_BYTES * 10 else None
        if found is None:
            continue
        key, test_set, own = _of_cell(found)
        room -= len(own["classes_predicted"]) + (0 if key in content["test_sets"] else len(test_set))
        if room < 0:
            break
        content["test_sets"][key] = test_set
        content["predictions"][id] = own
    if prototypes := {id: asdict(one) for id in sorted(records) if (one := _prototypes(store, id))}:
        content["prototypes"] = prototypes
    text = _json(content)
    return text, hashlib.sha256(text.encode()).hexdigest()


def unpack(page: Path, folder: Path) -> Store:
    """Write the records of a report into a store, ``folder/PROFILE``, and return it.

    Its predictions say which class was the most probable one and nothing more: tables and claims need no more. Raises
    BadInput if the page is not a report, or if its records are not those that it was written with.
    """
    return restore(read(page), page, folder)


def restore(content: Mapping[str, Any], page: Path, folder: Path) -> Store:
    """Write what a report embeds into a store, ``folder/PROFILE``, and return it; ``page`` is what errors name."""
    for name in (content["profile"], *content["manifests"]):
        if name in (".", "..") or Path(name).name != name:
            raise _not_a_report(page, f"a file in it is called '{name}'")
    store = Store(folder / content["profile"])
    for name, manifest in content["manifests"].items():
        atomic_write(store.manifests / name, json.dumps(manifest, indent=1) + "\n")
    sets = {key: json.loads(zlib.decompress(base64.b64decode(text))) for key, text in content["test_sets"].items()}
    for id, found in content["records"].items():
        record = Record.from_json(json.dumps(found), f"{page}, cell {id}")
        own = content["predictions"].get(id)
        store.write(record, predictions=None if own is None else _one_hot(sets[own["test_set"]], own))
    for id, one in content.get("prototypes", {}).items():
        write_recognised(store, id, recognised_of(json.dumps(one).encode(), page))
    return store


def read(page: Path) -> dict[str, Any]:
    """Return what a report embeds. Raises BadInput if it is not a report, or if it was changed."""
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{page} cannot be read ({error}); give a page that `benchmark report` made.") from error
    found = _SCRIPT.search(text)
    if not found:
        raise _not_a_report(page, "it embeds no records")
    if hashlib.sha256(found[2].encode()).hexdigest() != found[1]:
        raise _not_a_report(page, "its records have another checksum than when it was written")
    try:
        content = read_json(found[2])
    except (ValueError, RecursionError) as error:
        raise _not_a_report(page, str(error)) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _not_a_report(page, f"its records are not of the format '{FORMAT}'")
    return content


def _not_a_report(page: Path, problem: str) -> BadInput:
    return BadInput(f"{page} is not a report as it was written ({problem}); make it again from the records.")


def _predictions(store: Store, id: str) -> Predictions | None:
    try:
        return store.predictions(id)
    except BadInput:  # damaged: the leaderboard says so
        return None


def _prototypes(store: Store, id: str) -> Recognised | None:
    try:
        return read_recognised(store, id)
    except BadInput:  # damaged: claims say so
        return None


def _of_cell(found: Predictions) -> tuple[str, str, dict[str, Any]]:
    """Return the key of a cell's test set, the test set, and what the cell has of its own."""
    import numpy as np

    from benchmark.evaluation.metrics import predicted

    items = {"item_ids": list(found.item_ids), "labels": found.labels.tolist(), "groups": list(found.groups)}
    text = json.dumps(items, separators=(",", ":"))
    classes = found.logp.shape[1]
    kind = np.uint8 if classes <= 256 else np.uint16
    own = {
        "test_set": hashlib.sha256(text.encode()).hexdigest()[:16], "classes": classes,
        "classes_predicted": _packed(predicted(found.logp).astype(kind).tobytes()),
    }  # fmt: skip
    return own["test_set"], _packed(text.encode()), own


def _one_hot(items: Mapping[str, Any], own: Mapping[str, Any]) -> Predictions:
    import numpy as np

    kind = np.uint8 if own["classes"] <= 256 else np.uint16
    chosen = np.frombuffer(zlib.decompress(base64.b64decode(own["classes_predicted"])), kind)
    logp: np.ndarray = np.full((len(chosen), own["classes"]), -60000, np.float16)
    logp[np.arange(len(chosen)), chosen] = 0
    return Predictions(items["item_ids"], np.asarray(items["labels"], np.int64), logp, items["groups"])


def _json(content: Mapping[str, Any]) -> str:
    return in_script(json.dumps(content, allow_nan=False, separators=(",", ":")))


def _packed(content: bytes) -> str:
    """Return bytes compressed (zlib), in base 64."""
    return base64.b64encode(zlib.compress(content, 9)).decode("ascii")
