"""The mutants of a module, made by the operators of cosmic-ray, and the sample of them that is tried."""

from __future__ import annotations

import ast
import difflib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ARITHMETIC = {"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"}
Place = tuple[tuple[int, int], tuple[int, int]]  # start and end of a piece of code: line from 1, column from 0


@dataclass(frozen=True)
class Mutant:
    """One change of a module: the ``occurrence``-th that an operator of cosmic-ray can make."""

    module: str
    operator: str
    occurrence: int
    place: Place

    @property
    def name(self) -> str:
        return f"{self.module} {self.operator} {self.occurrence}"

    def text(self, source: str) -> str:
        """Return the whole module with this change."""
        changed: str | None = mutate_code(source, get_operator(self.operator)(), self.occurrence)
        if changed is None:
            raise ValueError(f"{self.name} changes nothing")
        return changed

    def change(self, source: str) -> tuple[str, str]:
        """Return the lines before and after the change."""
        lines = list(difflib.ndiff(source.splitlines(), self.text(source).splitlines()))
        before, after = ([line[2:].strip() for line in lines if line[0] == sign] for sign in "-+")
        return " ".join(before), " ".join(after)


def sample(root: Path, module: str, most: int, seed: int) -> tuple[list[Mutant], int]:
    """Return at most ``most`` mutants of a module in the order of its lines, and the number of all that count.

    Annotations are left out, because they are never evaluated. So are replacements between arithmetic and other
    operators: nearly all of them raise at once, which flatters the tests. Of the mutants that one operator makes at one
    place, one is drawn at random; then, of these, the sample.
    """
    source = (root / module).read_text(encoding="utf-8")
    annotations = list(_annotations(ast.parse(source)))
    chance = random.Random(f"{seed} {module}")
    at_places: dict[tuple[str, Place], list[Mutant]] = {}
    for mutant in _all_mutants(root, module):
        if not any(start <= mutant.place[0] and mutant.place[1] <= end for start, end in annotations):
            kind = mutant.operator.split("/")[1].split("_")[0]
            at_places.setdefault((kind, mutant.place), []).append(mutant)
    one_each = [chance.choice(mutants) for mutants in at_places.values()]
    chance.shuffle(one_each)  # so that a larger sample holds a smaller one
    chosen = sorted(one_each[:most], key=lambda mutant: (mutant.place, mutant.operator))
    return chosen, sum(map(len, at_places.values()))


def _all_mutants(root: Path, module: str) -> Iterator[Mutant]:
    nodes = list(ast_nodes(get_ast((root / module).read_text(encoding="utf-8"))))
    for name in operator_names():
        kind = get_operator(name)
        if kind.arguments() or not _comparable(name):
            continue
        operator = kind()
        places = (place for node in nodes for place in operator.mutation_positions(node))
        for occurrence, place in enumerate(places):
            yield Mutant(module, name, occurrence, place)


def _comparable(name: str) -> bool:
    parts = name.split("/")[1].split("_")
    return parts[0] != "ReplaceBinaryOperator" or (parts[1] in ARITHMETIC) == (parts[2] in ARITHMETIC)


def _annotations(tree: ast.AST) -> Iterator[Place]:
    for node in ast.walk(tree):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if part is not None:
                yield (part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)
