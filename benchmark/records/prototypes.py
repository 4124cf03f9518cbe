"""Which prototypes of a cell's student its teacher recognised, kept beside the record for claims about them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError
from pydantic.dataclasses import dataclass

from benchmark.records.json_checks import STRICT, first_problem, read_json
from benchmark.records.store import PROTOTYPES, Store
from modalities.errors import BadInput
from modalities.storage.atomic import atomic_write

STUDENT = "student"


@dataclass(frozen=True, config=STRICT)
class Recognised:
    """Prototypes of a student and of its controls, from the same beginnings: entry i of each is of class ``labels[i]``.

    Controls are named as on the page of ``benchmark.insight``; ``cells`` has the ids of those that are cells.
    """

    labels: list[int]
    right: dict[str, list[bool]]  # by network: whether the teacher puts each prototype into its class
    cells: dict[str, str]

    def __post_init__(self) -> None:
        if STUDENT not in self.right or {len(one) for one in self.right.values()} != {len(self.labels)}:
            raise ValueError("prototypes of the student and of its controls should be as many as labels")


def write_recognised(store: Store, id: str, found: Recognised) -> None:
    """Write what was found of a cell. Raises BadInput if it cannot be written."""
    atomic_write(store.cell(id) / PROTOTYPES, json.dumps(asdict(found)) + "\n")


def read_recognised(store: Store, id: str) -> Recognised | None:
    """Read what was found of a cell; None if nothing was. Raises BadInput if the file is damaged."""
    path = store.cell(id) / PROTOTYPES
    return recognised_of(path.read_bytes(), path) if path.is_file() else None


def recognised_of(text: bytes, where: Path) -> Recognised:
    """Return what was written, as text. Raises BadInput, which names ``where``, if it is anything else."""
    try:
        return Recognised(**read_json(text))
    except (ValueError, TypeError, RecursionError) as error:
        problem = first_problem(error) if isinstance(error, ValidationError) else error
        raise BadInput(
            f"{where} is not about prototypes ({problem}); delete the file and look at its cell again."
        ) from error
