"""Which rows of a manifest its claims compare."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from benchmark.config.schema import FIGURES, Claim
from benchmark.records.identity import canonical_json
from benchmark.records.json_checks import first_problem
from benchmark.records.record import Manifest, ManifestEntry
from benchmark.records.settings import Settings, content
from benchmark.records.store import Store
from modalities.errors import BadInput

_CLAIM = TypeAdapter(Claim)
MOST_TYPED = 40  # letters of settings beside a target's name
_NEEDED = {"name", "hypothesis", "better", "than"}


class Place(NamedTuple):
    """Where a claim is tested."""

    profile: str
    data: str  # real, shipped or stand-in
    modality: str
    target: str
    fold: int


class Side(NamedTuple):
    """A row that a claim is about."""

    label: str  # its variant
    cells: tuple[ManifestEntry, ...]  # one for each seed; none if the variant was not requested
    settings: Settings


@dataclass(frozen=True)
class Question:
    """A claim at one place: which two rows it compares."""

    store: Store
    suite: str
    place: Place
    claim: Claim
    typed: str  # the settings that were typed for the run, which all of its cells share
    sides: tuple[Side, Side]  # the one that is predicted to be better first
    late: bool  # cells of this suite had results before the claim was written

    @property
    def key(self) -> str:
        """The same for a claim on the same rows that another run requested too."""
        rows = [side.cells[0].row if side.cells else "" for side in self.sides]
        return canonical_json([self.suite, list(self.place), asdict(self.claim), rows])


def questions(store: Store, path: Path, manifest: Manifest) -> Iterator[Question]:
    """Yield what the claims of a manifest, which lies at ``path``, ask of its rows. Raises BadInput for a wrong claim.

    A claim about a variant that a modality does not have is not made for its targets.
    """
    places: dict[Place, list[ManifestEntry]] = {}
    for cell in manifest.cells:
        place = Place(cell.profile, cell.data, cell.modality, cell.target, cell.fold)
        places.setdefault(place, []).append(cell)
    typed = _typed([str(text) for text in manifest.selection.get("overrides", ())])
    for entry in manifest.claims:
        claim = _claim(path, entry)
        for place, cells in sorted(places.items()):
            names = (place.target, f"{place.modality}/{place.target}")
            if any(fnmatchcase(name, pattern) for name in names for pattern in claim.targets):
                for sides in _pairs(manifest, claim, cells):
                    late = claim.name in manifest.late_claims
                    yield Question(store, manifest.suite, place, claim, typed, sides, late)


def _typed(overrides: Sequence[str]) -> str:
    """Return settings as a table shows them: those that have room, and how many more there are."""
    shown = list(overrides)
    while len(" ".join(shown)) > MOST_TYPED and len(shown) > 1:
        shown.pop()
    more = len(overrides) - len(shown)
    return " ".join(shown) + (f" and {more} more" if more else "")


def once(asked: Sequence[Question]) -> list[Question]:
    """Keep one of those that several runs asked; it is not late if some run asked it in time."""
    found: dict[str, Question] = {}
    for question in asked:
        same = found.setdefault(question.key, question)
        if same.late and not question.late:
            found[question.key] = replace(same, late=False)
    return list(found.values())


def _claim(path: Path, entry: Mapping[str, Any]) -> Claim:
    problem = ", ".join(sorted(_NEEDED - entry.keys()))
    problem = problem and f"missing: {problem}"
    try:
        claim = _CLAIM.validate_json(json.dumps(entry), strict=True)  # which makes a mapping a Claim
    except ValidationError as error:
        problem = problem or first_problem(error)
    else:
        if not claim.is_testable:
            problem = problem or "not one of at_least and at_most_worse between 0 and 1"
        if claim.figure not in FIGURES:
            problem = problem or f"there is no figure named '{claim.figure}'"
    if problem:
        raise BadInput(f"{path} has a claim that cannot be tested ({problem}); run its suite again.")
    return claim


def _pairs(manifest: Manifest, claim: Claim, cells: Sequence[ManifestEntry]) -> list[tuple[Side, Side]]:
    """Return the rows to compare at one place: several if files of one name, such as the source, have changed.

    Then each row of the one variant is compared with those of the other that agree with it in most of its files.
    """
    better, than = (_sides(manifest, label, cells) for label in (claim.better, claim.than))
    return [
        (one, other)
        for one in better
        for other in than
        if _agreement(one, other) == max(_agreement(one, rival) for rival in than)
    ]


def _sides(manifest: Manifest, label: str, cells: Sequence[ManifestEntry]) -> list[Side]:
    if label not in manifest.variants:
        return [Side(label, (), {})]
    rows: dict[str, list[ManifestEntry]] = {}
    for cell in sorted(cells, key=lambda cell: (cell.row, cell.seed)):
        if cell.row in manifest.variants[label]:
            rows.setdefault(cell.row, []).append(cell)
    return [Side(label, tuple(own), manifest.settings.get(row, {})) for row, own in rows.items()]


def _agreement(one: Side, other: Side) -> int:
    made_of = (content(one.settings) or (), content(other.settings) or ())
    return sum(first == second for first, second in zip(*made_of, strict=False))
