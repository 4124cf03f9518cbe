"""Names of cells and rows: a hash over everything that changes the numbers, with a readable part in front."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

SCHEMA_VERSION = 1  # of record.json; raised when its keys change
NUMERICS_VERSION = 4  # raised by hand when the same cell would give other numbers, so that old records no longer count


def canonical_json(value: Any) -> str:
    """One text per value: sorted keys, no spaces, and 1.0 written as 1, so that equal settings have equal hashes.

    Raises TypeError for what is not JSON-like (NumPy's numbers are), a path included, and ValueError if not finite.
    """
    return json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _canonical(value: Any) -> Any:
    if hasattr(value, "dtype") and not getattr(value, "shape", ()):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"keys of an identity are strings, not {list(value)}")
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_canonical(item) for item in value]
    raise TypeError(f"{value!r} ({type(value).__name__}) cannot be part of an identity")


def _digest(identity: Mapping[str, Any], digits: int) -> str:
    covered = {"schema_version": SCHEMA_VERSION, "numerics_version": NUMERICS_VERSION, "identity": identity}
    return hashlib.sha256(canonical_json(covered).encode()).hexdigest()[:digits]


def cell_id(identity: Mapping[str, Any]) -> str:
    """Return the name of a cell's folder, such as ``cifar10-deadleaves-s0-0123456789ab``.

    ``identity`` is everything that changes the numbers. Its ``target``, ``source`` (a name, or a mapping with one),
    ``seed`` and ``fold`` (if any) make the readable part.
    """
    source = identity["source"]
    name = source["name"] if isinstance(source, Mapping) else source
    parts = [safe_name(identity["target"]), safe_name(name)]
    if identity.get("fold", 1) != 1:
        parts.append(f"f{identity['fold']}")
    return "-".join([*parts, f"s{identity['seed']}", _digest(identity, 12)])


def row_id(identity: Mapping[str, Any]) -> str:
    """Return eight digits that the seeds of one leaderboard row share, and no other row has."""
    return _digest({key: value for key, value in identity.items() if key != "seed"}, 8)


def safe_name(name: str) -> str:
    """Return a readable part of a file name: 1 to 32 letters, digits, points and underscores."""
    return re.sub(r"[^A-Za-z0-9_.]+", "_", name).strip("._")[:32] or "unnamed"
