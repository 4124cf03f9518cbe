"""Splits by a hash of the leak unit: every class on both sides, and a missing unit moves no other."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modalities.datasets.splits import TEST_SHARE, folds_of_units, held_out, held_out_units

Items = list[tuple[str, str]]


def sides(items: Items, split: str = "birds-1") -> dict[str, tuple[set[str], set[str]]]:
    """Units of training and test, by class."""
    test = held_out_units(items, split)
    found: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for unit, label in items:
        found[label][unit in test].add(unit)
    return found


@given(st.dictionaries(st.integers(0, 60).map(str), st.sampled_from("abcde"), min_size=1), st.text(max_size=5))
def test_every_class_of_two_units_is_on_both_sides(label_of: dict[str, str], split: str) -> None:
    for train, test in sides(list(label_of.items()), split).values():
        assert train
        assert test or len(train) == 1


@given(st.integers(2, 40), st.integers(2, 10), st.text(max_size=5))
def test_speakers_who_say_every_word_are_split_too(speakers: int, words: int, split: str) -> None:
    items = [(f"speaker {speaker}", f"word {word}") for speaker in range(speakers) for word in range(words)]
    assert all(train and test for train, test in sides(items, split).values())


@given(st.sets(st.tuples(st.integers(0, 12).map(str), st.sampled_from("abcd")), min_size=1), st.text(max_size=5))
def test_no_class_is_in_the_test_alone(items: set[tuple[str, str]], split: str) -> None:
    assert all(train for train, _ in sides(sorted(items), split).values())


@given(st.permutations([(f"u{number}", "ab"[number % 2]) for number in range(30)]))
def test_the_order_of_the_items_changes_nothing(items: Items) -> None:
    assert held_out_units(items, "s") == held_out_units(sorted(items), "s")


def test_where_the_hash_serves_every_class_it_alone_decides() -> None:
    items = [(f"unit {number}", "abc"[number % 3]) for number in range(300)]
    assert held_out_units(items, "s-1") == {unit for unit, _ in items if held_out(unit, "s-1")}


def test_a_missing_unit_moves_no_other() -> None:
    items = [(f"unit {number}", "abc"[number % 3]) for number in range(300)]
    whole = held_out_units(items, "s-1")
    for missing in range(0, 300, 7):
        rest = items[:missing] + items[missing + 1 :]
        assert held_out_units(rest, "s-1") == whole - {items[missing][0]}


def test_about_a_fifth_is_held_out_and_another_name_holds_others_out() -> None:
    items = [(f"unit {number}", "ab"[number % 2]) for number in range(2000)]
    first, second = held_out_units(items, "s-1"), held_out_units(items, "s-2")
    assert abs(len(first) / 2000 - TEST_SHARE) < 0.04
    assert abs(len(first & second) / 2000 - TEST_SHARE**2) < 0.02


def test_the_unit_nearest_to_the_limit_moves() -> None:
    lone = [f"unit {number}" for number in range(200) if not held_out(f"unit {number}", "s")][:3]
    others = [(f"other {number}", "b") for number in range(40)]
    moved = held_out_units([*((unit, "a") for unit in lone), *others], "s") & set(lone)
    from hashlib import sha256

    assert moved == {min(lone, key=lambda unit: sha256(f"s/{unit}".encode()).digest())}


@given(
    st.dictionaries(st.text(max_size=4), st.lists(st.sampled_from("abc"), min_size=1, max_size=3), max_size=25),
    st.integers(2, 6),
)
def test_units_are_dealt_to_folds_evenly_and_in_whatever_order_they_come(units, folds):
    items = [(unit, label) for unit, labels in units.items() for label in labels]
    found = folds_of_units(items, "some-1", folds)
    assert found == folds_of_units(reversed(items), "some-1", folds)
    assert set(found) == set(units) and set(found.values()) <= set(range(1, folds + 1))
    counts = [list(found.values()).count(fold) for fold in range(1, folds + 1)]
    assert max(counts) - min(counts) <= 1
    for label in "abc":
        own = [fold for unit, fold in found.items() if units[unit] == [label] * len(units[unit])]
        if all(set(labels) == {label} or label not in labels for labels in units.values()):
            assert len(set(own)) == min(len(own), folds)


def test_one_fold_is_refused_and_another_name_gives_other_folds():
    items = [(str(unit), "a") for unit in range(40)]
    with pytest.raises(ValueError, match="1 folds leave nothing to train on"):
        folds_of_units(items, "some-1", 1)
    assert folds_of_units(items, "some-1", 4) != folds_of_units(items, "some-2", 4)
