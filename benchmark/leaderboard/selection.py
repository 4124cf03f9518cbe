"""A part of a leaderboard: rows and columns that a reader chose. It says what is left out, and changes no rank."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from benchmark.leaderboard.documents import is_missing, records_of
from benchmark.records.record import is_real_training_items
from modalities.errors import BadInput, UnknownName

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]
Block = tuple[str, str, str, str]
CONTROL, HANDED_IN = "control", "handed in"


@dataclass(frozen=True)
class Selection:
    """Which rows and columns to show; empty: all. Each is a list of names, and those of rows may be globs."""

    targets: tuple[str, ...] = ()  # MODALITY/GLOB too
    sources: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    @property
    def chooses_rows(self) -> bool:
        return any(patterns for _, patterns in self._by_axis)

    @property
    def in_words(self) -> str:
        return ", ".join(f"{axis} {' or '.join(patterns)}" for axis, patterns in self._by_axis if patterns)

    @property
    def _by_axis(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return ("target", self.targets), ("source", self.sources), ("recipe", self.recipes)


@dataclass(frozen=True)
class View:
    """What a document says of the leaderboard that its rows are taken from."""

    columns: tuple[str, ...] = ()  # as they are to stand; empty: those of the format
    caveats: tuple[str, ...] = ()  # which part this is
    targets: Mapping[Block, frozenset[tuple[str, int]]] = field(default_factory=dict)  # what means are over


WHOLE_LEADERBOARD = View()


def block_of(row: Row) -> Block:
    """Return what rows of one block agree in: kind of data, kind of row, modality and profile."""
    return row["data"], kind_of(row), row["modality"], row["profile"]


def kind_of(row: Row) -> str:
    """Return the kind of a row: empty for a student of a single datum, CONTROL, or HANDED_IN."""
    if row["handed_in"]:
        return HANDED_IN
    return CONTROL if is_real_training_items(row["source"]) else ""


def place_of(row: Row) -> tuple[str, int]:
    """Return the target and fold of a row."""
    return row["target"], row["fold"]


def select(frame: pd.DataFrame, selection: Selection) -> tuple[pd.DataFrame, View]:
    """Return the selected rows of a leaderboard, in their order, and what a document has to say of them.

    Ranks, labels and figures are those of the whole leaderboard: a row that is left out was compared all the same, and
    the ``note`` of a row and the view's remarks say so. Means over targets are over the targets that the selection
    names: a source that lacks one of them has no mean, even if no other source is shown.

    Raises BadInput for a name or glob that no row has, or if no row has all that is asked for.
    """
    rows: list[Row] = records_of(frame)
    if not selection.chooses_rows:
        return frame, View(columns=selection.columns)
    kept, of_targets = _kept(rows, selection)
    targets: dict[Block, set[tuple[str, int]]] = {}
    for row, counts in zip(rows, of_targets, strict=True):
        if counts:
            targets.setdefault(block_of(row), set()).add(place_of(row))
    caveat = (
        f"A part of the leaderboard, {sum(kept)} of {len(rows)} rows: {selection.in_words}. Ranks are those "
        f"among all rows of a target, and means are over {'the targets shown' if selection.targets else 'all targets'}."
    )
    part = frame[kept].reset_index(drop=True)
    part["rank_note"] = _rank_notes(rows, kept)
    return part, View(selection.columns, (caveat,), {block: frozenset(places) for block, places in targets.items()})


def chosen_rows(rows: Sequence[Row], selection: Selection) -> list[bool]:
    """Return whether each row has what is asked for. Raises BadInput for a name that none has, or if no row is left."""
    return _kept(rows, selection)[0]


def _kept(rows: Sequence[Row], selection: Selection) -> tuple[list[bool], list[bool]]:
    """Return whether each row is selected, and whether it has one of the targets."""
    of_targets = _matching(
        "target", selection.targets, rows, lambda row: (row["target"], f"{row['modality']}/{row['target']}")
    )
    of_sources = _matching("source", selection.sources, rows, lambda row: (row["source"],))
    of_recipes = _matching("recipe", selection.recipes, rows, lambda row: (row["recipe"],))
    kept = [all(of_row) for of_row in zip(of_targets, of_sources, of_recipes, strict=True)]
    if not any(kept):
        raise BadInput(f"no row of the leaderboard has {selection.in_words}; ask for less.")
    return kept, of_targets


def _matching(
    axis: str, patterns: Sequence[str], rows: Sequence[Row], names: Callable[[Row], tuple[str, ...]]
) -> list[bool]:
    """Return for each row whether some pattern matches one of its names. Raises UnknownName for one that never does."""
    named = [names(row) for row in rows]
    known = sorted({some[0] for some in named})
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for some in named for name in some):
            raise UnknownName(axis, pattern, known)
    return [not patterns or any(fnmatchcase(name, pattern) for name in some for pattern in patterns) for some in named]


def _rank_notes(rows: Sequence[Row], kept: Sequence[bool]) -> list[str]:
    """Return the ``rank_note`` of each row that is kept: if it has a rank, how many of the ranked rows are kept too."""
    ranked: dict[tuple[Block, tuple[str, int]], list[bool]] = {}
    for row, shown in zip(rows, kept, strict=True):
        if not is_missing(row["rank"]):
            ranked.setdefault((block_of(row), place_of(row)), []).append(shown)
    notes = []
    for row in (row for row, shown in zip(rows, kept, strict=True) if shown):
        group = [] if is_missing(row["rank"]) else ranked[block_of(row), place_of(row)]
        count = f"{sum(group)} {'is' if sum(group) == 1 else 'are'}"
        of_part = f"ranks are among {len(group)} rows, of which {count} shown"
        notes.append(row["rank_note"] if all(group) else of_part)
    return notes
