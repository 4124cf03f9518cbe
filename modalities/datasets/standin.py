"""The marker that distinguishes a stand-in from the real dataset, so that one never passes for the other."""

from __future__ import annotations

import json
from pathlib import Path

from modalities.base import TargetAdapter
from modalities.errors import BadInput

MARKER = "STAND-IN.json"
MEANING = "generated stand-in, not the real dataset"


def mark(folder: Path, target: str, seed: int) -> None:
    """Write the marker into a dataset's folder, at most two levels below the root. Every ``write_sample`` ends with it.

    Targets that share the folder are named together, separated by spaces.
    """
    text = {"target": target, "seed": seed, "meaning": MEANING}
    (folder / MARKER).write_text(json.dumps(text) + "\n", encoding="utf-8")


def has_stand_in(adapter: TargetAdapter) -> bool:
    """Return whether an adapter can write a stand-in: unless it says otherwise, it can if it has ``write_sample``."""
    return bool(getattr(adapter, "has_stand_in", callable(getattr(adapter, "write_sample", None))))


def is_stand_in(folder: Path) -> bool:
    """Return whether a dataset's folder holds a stand-in."""
    return (folder / MARKER).is_file()


def refuse_stand_in(folder: Path) -> None:
    """Raise BadInput if a download would be mixed with a stand-in."""
    if is_stand_in(folder):
        raise BadInput(f"{folder} holds a generated stand-in; delete that folder or give another root.")


def stand_ins(root: Path) -> set[str]:
    """Return the targets with a stand-in under the folder of all datasets. Raises BadInput for a damaged marker."""
    found: set[str] = set()
    for path in (root / MARKER, *root.glob(f"*/{MARKER}"), *root.glob(f"*/*/{MARKER}")):
        if path.is_file():
            try:
                found |= set(json.loads(path.read_text(encoding="utf-8"))["target"].split())
            except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
                raise BadInput(f"{path} cannot be read ({error}); delete the generated data beside it.") from error
    return found
