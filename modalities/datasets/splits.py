"""Splits of our own for datasets without an official one: the name of a leak unit decides its side."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

TEST_SHARE = 0.2


def held_out(unit: str, split: str) -> bool:
    """Return whether a leak unit (speaker, file, utterance) is in the test: a fifth of all are.

    The first 64 bits of the SHA-256 of its name decide, so a missing unit moves no other. Another name or version of
    the split gives an independent split.
    """
    return _place(unit, split) < TEST_SHARE * 2**64


def _place(unit: str, split: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{split}/{unit}".encode("utf-8", "backslashreplace")).digest()[:8], "big")


def held_out_units(items: Iterable[tuple[str, str]], split: str) -> set[str]:
    """Return the leak units of the test, for a split that has every class on both sides.

    ``held_out`` decides for each unit by itself. Only a class that would then be missing on a side has the unit moved
    there that is nearest to the limit, if that takes no other class from its side. A class with a single unit is in the
    training split.

    Args:
        items: leak unit and class of each item, in any order.
        split: the published name of the split, with a version, such as "birds20-speakers-1".
    """
    units: dict[str, set[str]] = defaultdict(set)  # of each class
    classes: dict[str, set[str]] = defaultdict(set)  # of each unit
    for unit, label in items:
        units[label].add(unit)
        classes[unit].add(label)
    place = {unit: _place(unit, split) for unit in classes}
    alone = {unit for of_class in units.values() if len(of_class) == 1 for unit in of_class}
    test = {unit for unit in classes if held_out(unit, split)} - alone
    for label in sorted(units, key=lambda label: (len(units[label]), label)):
        if not units[label] & test and (movable := _movable(units[label] - alone, classes, units, test)):
            test.add(min(movable, key=place.__getitem__))
        elif not units[label] - test and (movable := _movable(units[label], classes, units, set(classes) - test)):
            test.remove(max(movable, key=place.__getitem__))
    return test


def folds_of_units(items: Iterable[tuple[str, str]], split: str, folds: int) -> dict[str, int]:
    """Return the fold, from 1, in whose test each leak unit is, for cross-validation without an official split.

    Units are dealt to the folds in turn, class by class and within a class by a hash of their names, so that folds are
    alike in units and a class of as many units as folds is in every test. A unit of several classes counts for the
    class of most of its items.

    Args:
        items: leak unit and class of each item, in any order.
        split: the published name of the split, with a version, such as "tennis7-tens-4-folds-1".
        folds: at least 2.
    """
    if folds < 2:
        raise ValueError(f"{folds} folds leave nothing to train on; take 2 or more")
    classes: dict[str, Counter[str]] = defaultdict(Counter)  # of each unit
    for unit, label in items:
        classes[unit][label] += 1
    main = {unit: min(counts, key=lambda label: (-counts[label], label)) for unit, counts in classes.items()}
    ordered = sorted(main, key=lambda unit: (main[unit], _place(unit, split), unit))
    return {unit: number % folds + 1 for number, unit in enumerate(ordered)}


def _movable(
    candidates: set[str], classes: Mapping[str, set[str]], units: Mapping[str, set[str]], onto: set[str]
) -> list[str]:
    """Return the candidates that can move ``onto`` the other side and leave a unit of each of their classes behind."""
    return [unit for unit in candidates if all(units[label] - onto - {unit} for label in classes[unit])]


def fingerprint_of_split(fingerprint: str, split: str) -> str:
    """Return the fingerprint of data under a split; empty if there are no data."""
    return hashlib.sha256(f"{split} {fingerprint}".encode()).hexdigest() if fingerprint else ""
