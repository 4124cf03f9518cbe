"""What the claims of a suite still need: which seeds of which variants, before and after a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from benchmark.config.schema import Claim, Suite
from benchmark.planning.cell import Cell
from benchmark.planning.select import variants_of

ONE_SEED = (
    "One seed: the verdicts will be about other test items alone, and not about other seeds; 'seeds=[0,1,2]' makes "
    "them about both."
)


@dataclass(frozen=True)
class Need:
    """A claim on a target, and what its verdict waits for."""

    claim: Claim
    target: str  # with its fold, if it is not the first
    seeds: Mapping[str, tuple[int, ...]]  # by variant, of cells that are not done
    without_data: tuple[str, ...]  # variants, of which some cells have no data
    unplanned: tuple[str, ...]  # variants without a planned cell
    same: bool  # both variants are the same cells, so that there is nothing to compare
    planned_seeds: int  # of the variant with fewer

    def __str__(self) -> str:
        parts = [
            f"{label} (seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
            f"{', no data' if label in self.without_data else ''})"
            for label, seeds in self.seeds.items()
        ]
        parts += [f"{label} (not planned)" for label in self.unplanned]
        parts += [f"other settings: {self.claim.better} and {self.claim.than} are the same cells"] if self.same else []
        return f"claim {self.claim.name} on {self.target} needs {' and '.join(parts) or 'nothing more'}"

    @property
    def is_met(self) -> bool:
        """Whether there is nothing to wait for."""
        return not (self.seeds or self.unplanned or self.same)


def needs(suite: Suite, cells: Sequence[Cell], states: Mapping[str, str]) -> list[Need]:
    """Return what each claim needs on each target of some planned cells; ``states`` are theirs, by id.

    A claim about a variant that a modality does not have is not made for its targets.
    """
    places: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in cells:
        places.setdefault((cell.key.modality, cell.key.target, cell.key.fold), []).append(cell)
    return [
        _need(claim, target if fold == 1 else f"{target}, fold {fold}", own, states)
        for claim in suite.claims
        for (modality, target, fold), own in places.items()
        if any(fnmatchcase(name, glob) for name in (target, f"{modality}/{target}") for glob in claim.targets)
        and {claim.better, claim.than} <= variants_of(suite, target).keys()
    ]


def _need(claim: Claim, target: str, cells: Sequence[Cell], states: Mapping[str, str]) -> Need:
    sides = {label: [cell for cell in cells if label in cell.variants] for label in (claim.better, claim.than)}
    open_cells = {label: [cell for cell in own if states[cell.id] != "done"] for label, own in sides.items()}
    rows = [{cell.row for cell in own} for own in sides.values()]
    return Need(
        claim, target,
        {label: tuple(sorted(cell.key.seed for cell in own)) for label, own in open_cells.items() if own},
        tuple(label for label, own in open_cells.items() if any(states[cell.id] == "no data" for cell in own)),
        tuple(label for label, own in sides.items() if not own),
        bool(rows[0]) and rows[0] == rows[1],
        min(len({cell.key.seed for cell in own}) for own in sides.values()),
    )  # fmt: skip
