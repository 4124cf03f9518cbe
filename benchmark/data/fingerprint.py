"""What a cell's real data are, item by item, so that an edit in place makes another cell."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.records.cell_key import DataKind
from benchmark.records.record import TestSet
from modalities.base import LabelledData, TargetInfo
from modalities.storage.array_cache import Arrays, cached_arrays

SMALL_FILE = 64 * 1024  # bytes; smaller files are read, larger ones count by their size
MANY_FILES = 100_000  # of a split, beyond which no file is looked at: a million take minutes on a slow disk


def fingerprint_of(found: str, splits: Iterable[LabelledData]) -> str:
    """Return a SHA-256 of an adapter's own fingerprint and of what it makes of its files.

    It covers ids, labels and leak units of all items of the splits, in order. Where each item is a file of its own, it
    covers the sizes of these files, and the content of small ones.
    """
    digest = hashlib.sha256(found.encode())
    for data in splits:
        digest.update(np.ascontiguousarray(data.labels, np.int64).tobytes())
        digest.update(ids_hash(data.item_ids).encode())
        digest.update(ids_hash(data.groups).encode())
        digest.update(_content(_files(data)))
    return digest.hexdigest()


def ids_hash(names: Iterable[str]) -> str:
    """Return a SHA-256 of names in their order; no two lists of names without line breaks have the same."""
    return hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape")).hexdigest()


def test_set_of(item_ids: Sequence[str], info: TargetInfo, fold: int, kind: DataKind) -> TestSet:
    """Return what a record says of its test items; how many the whole dataset has is not known of a stand-in."""
    known = None if kind == "stand-in" else info.known_test_items(fold) or None
    return {"items": len(item_ids), "known_items": known, "ids_sha256": ids_hash(item_ids)}


def _files(data: LabelledData) -> list[Path]:
    """Return the files that a listing reads, once each; none if there are very many, or if items are no files."""
    rows: Sequence[Any] = getattr(data, "rows", ())
    if len(rows) > MANY_FILES:
        return []
    places = (getattr(row.where, "path", row.where) for row in rows)
    return list(dict.fromkeys(place for place in places if isinstance(place, Path)))


def _content(paths: Sequence[Path]) -> bytes:
    """Return a hash of the content of small files and the size of larger ones, saved until a file's time changes."""
    found = [path.stat() for path in paths]
    sizes = np.array([one.st_size for one in found], np.int64)
    changed = np.array([one.st_mtime_ns for one in found], np.int64)

    def compute() -> Arrays:
        hashes = (hashlib.sha256(p.read_bytes()).digest() for p, n in zip(paths, sizes, strict=True) if n <= SMALL_FILE)
        return {"hashes": np.frombuffer(b"".join(hashes), np.uint8)}

    stamp = hashlib.sha256(sizes.tobytes() + changed.tobytes()).hexdigest()
    hashes = cached_arrays(f"content of {ids_hash(map(str, paths))}", stamp, compute)["hashes"]
    return hashlib.sha256(sizes.tobytes() + hashes.tobytes()).digest()
