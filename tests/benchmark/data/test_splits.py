"""Subsets of a split: a held-out part that leaks nothing and has every class, and a limit of items per class."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.splits import MIN_UNITS, Subset, holdout_split, limit_evenly, limit_per_class
from doubles import Split

# --- the held-out part -----------------------------------------------------------------------------------------


def sides(groups: list[str], share: float, labels: list[int] | None = None) -> tuple[Subset, Subset]:
    split = Split(len(groups), groups)
    split.labels = np.array(labels or [0] * len(groups))
    return holdout_split(split, share)


def units_of(groups: list[str], labels: list[int]) -> dict[int, set[str]]:
    return {label: {g for g, found in zip(groups, labels, strict=True) if found == label} for label in set(labels)}


of_one_class = st.lists(st.tuples(st.integers(0, 60), st.just(0)), min_size=40, max_size=150)
# A unit has one class, as a bird's song or a film's scene does, or any class, as a speaker's words do.
unit_has_one_class = st.lists(st.integers(0, 80), min_size=40, max_size=200).map(lambda us: [(u, u % 7) for u in us])
unit_has_any_class = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5)), min_size=60, max_size=200)
any_split = of_one_class | unit_has_one_class | unit_has_any_class


@settings(max_examples=150, deadline=None)
@given(items=any_split, share=st.floats(0.05, 0.5))
def test_every_item_is_on_one_side_and_no_unit_on_both(items, share):
    groups, labels = [f"unit {u}" for u, _ in items], [label for _, label in items]
    train, held = sides(groups, share, labels)
    assert sorted([*train.item_ids, *held.item_ids]) == sorted(f"item {i}" for i in range(len(groups)))
    if len(set(groups)) >= MIN_UNITS:
        assert not set(train.groups) & set(held.groups)


@settings(max_examples=300, deadline=None)
@given(items=unit_has_one_class | of_one_class, share=st.floats(0.01, 0.9))
def test_every_class_of_two_or_more_units_is_on_both_sides_with_about_its_share(items, share):
    groups, labels = [f"unit {u}" for u, _ in items], [label for _, label in items]
    train, held = sides(groups, share, labels)
    by_item = len(set(groups)) < MIN_UNITS
    for label, units in units_of([f"item {i}" for i in range(len(items))] if by_item else groups, labels).items():
        count = int((held.labels == label).sum())
        if len(units) < 2:
            assert count == 0, "its only unit is trained on"
            continue
        assert label in set(train.labels.tolist())
        assert label in set(held.labels.tolist())
        sizes = [labels.count(label)] if len(units) == 1 else [
            sum(1 for g, found in zip(groups, labels, strict=True) if g == unit and found == label) for unit in units
        ]  # fmt: skip
        assert count < share * labels.count(label) + (1 if by_item else max(sizes))


@settings(max_examples=300, deadline=None)
@given(items=unit_has_any_class, share=st.floats(0.05, 0.3))
def test_a_class_of_several_units_is_on_both_sides_where_units_have_several_classes(items, share):
    groups, labels = [f"unit {u}" for u, _ in items], [label for _, label in items]
    train, held = sides(groups, share, labels)
    for label, units in units_of(groups, labels).items():
        if len(units) > 3:  # with fewer, units that share their classes can rule it out
            assert label in set(train.labels.tolist())
            assert label in set(held.labels.tolist())


PAIRS = {  # classes of each unit, such that the order by hash leaves a class on one side, and the units then held out
    ("26", "64", "30", "26", "53", "06", "26", "37", "21", "46"): {"other 17", "other 4", "unit 0", "unit 1", "unit 2"},
    ("01", "14", "72", "63", "54", "70", "26", "71", "34", "71"): {
        "other 17", "other 4", "unit 0", "unit 1", "unit 2", "unit 3",
    },
}  # fmt: skip


@pytest.mark.parametrize("pairs", PAIRS)
def test_another_order_is_tried_where_the_first_leaves_a_class_on_one_side(pairs, monkeypatch):
    groups = [f"unit {unit}" for unit in range(10) for _ in range(2)] + [f"other {i}" for i in range(20)]
    labels = [int(label) for pair in pairs for label in pair] + [8] * 20

    def lacking(given) -> set[int]:
        on_both = set(given[0].labels.tolist()) & set(given[1].labels.tolist())
        return {label for label, units in units_of(groups, labels).items() if len(units) > 1} - on_both

    found = sides(groups, 0.1, labels)
    assert not lacking(found)
    assert set(found[1].groups) == PAIRS[pairs], "the choice never changes"
    monkeypatch.setattr("benchmark.data.splits.ORDERS", 1)
    assert lacking(sides(groups, 0.1, labels))


def test_thirty_three_items_of_one_class_are_no_longer_all_that_is_held_out():
    groups, labels = [], []
    for label, units in enumerate([1, 12, 12, 12, 12]):  # one long recording of the most frequent class
        for unit in range(units):
            groups += [f"{label} {unit}"] * (330 if units == 1 else 3)
            labels += [label] * (330 if units == 1 else 3)
    held = sides(groups, 0.1, labels)[1]
    assert set(held.labels.tolist()) == {1, 2, 3, 4}


def test_a_unit_with_most_of_a_class_is_trained_on_if_another_can_be_held_out():
    groups = ["large"] * 50 + ["small"] * 5 + [f"unit {i}" for i in range(40)]
    labels = [0] * 55 + [1] * 40
    for name in ("large", "other", "any", "name", "of", "it"):
        renamed = [name if group == "large" else group for group in groups]
        assert set(sides(renamed, 0.1, labels)[1].groups) & {name, "small"} == {"small"}


@settings(max_examples=60, deadline=None)
@given(items=of_one_class, gone=st.sets(st.integers(0, 60), max_size=15), share=st.floats(0.05, 0.4))
def test_units_that_vanish_move_no_other_unit_past_its_neighbours(items, gone, share):
    groups = [f"unit {u}" for u, _ in items]
    left = [f"unit {u}" for u, _ in items if u not in gone]
    if min(len(set(groups)), len(set(left))) < MIN_UNITS:
        return
    before, after = (set(sides(given, share)[1].groups) for given in (groups, left))
    # Both are beginnings of one order that no missing unit changes, so one contains the other, but for what vanished.
    assert after <= before or before & set(left) <= after


def test_the_same_names_are_held_out_whatever_the_order_on_disk():
    groups, labels = [f"speaker {i % 40}" for i in range(200)], [i % 40 % 3 for i in range(200)]
    order = np.random.default_rng(0).permutation(200)
    shuffled = sides([groups[i] for i in order], 0.2, [labels[i] for i in order])
    assert set(sides(groups, 0.2, labels)[1].groups) == set(shuffled[1].groups)


def test_few_units_are_cut_by_item_so_that_the_held_out_part_stands_for_all_of_them():
    groups = [f"speaker {i % 6}" for i in range(600)]
    train, held = sides(groups, 0.1)
    assert set(train.groups) == set(held.groups) == set(groups)
    assert len(held) == 60


@settings(max_examples=60, deadline=None)
@given(items=unit_has_one_class, share=st.floats(0.01, 0.9))
def test_the_held_out_units_of_a_class_are_the_first_by_their_hash_until_its_share_is_full(items, share):
    groups, labels = [f"unit {u}" for u, _ in items], [label for _, label in items]
    held = sides(groups, share, labels)[1]
    by_item = len(set(groups)) < MIN_UNITS
    units = [f"item {i}" for i in range(len(groups))] if by_item else groups
    expected = set()
    for label, members in units_of(units, labels).items():
        size, count, left = labels.count(label), 0, len(members)
        order = sorted(members, key=lambda u: (2 * units.count(u) > size, hashlib.sha256(u.encode()).digest()))
        for unit in order:
            if left > 1 and (count == 0 or count < share * size):
                expected.add(unit)
                count, left = count + units.count(unit), left - 1
    assert list(held.item_ids) == [f"item {i}" for i in range(len(groups)) if units[i] in expected]


def test_a_subset_looks_up_no_name_before_it_is_read():
    class Counted(list):
        times = 0

        def __getitem__(self, index):
            Counted.times += 1
            return super().__getitem__(index)

    split = Split()
    split.item_ids, split.groups = Counted(split.item_ids), Counted(split.groups)
    part = Subset(split, np.arange(20, 3, -2))
    assert Counted.times == 0
    assert (part.item_ids[1], part.groups[-1]) == ("item 18", "unit 4")
    assert Counted.times == 2
    assert list(part.item_ids[2:4]) == ["item 16", "item 14"]
    assert list(part.groups) == [f"unit {i}" for i in range(20, 3, -2)]


# --- the limit per class ---------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=80), limit=st.integers(1, 20))
def test_a_limit_keeps_that_many_items_of_each_class_and_a_smaller_limit_a_part_of_them(labels, limit):
    split = Split(len(labels))
    split.labels = np.array(labels)
    limited = limit_per_class(split, limit)
    counts = {label: labels.count(label) for label in set(labels)}
    assert {label: int((limited.labels == label).sum()) for label in counts} == {
        label: min(limit, count) for label, count in counts.items()
    }
    assert set(limit_per_class(split, max(1, limit - 1)).item_ids) <= set(limited.item_ids)
    for index in range(len(limited)):
        assert limited[index].item_id == limited.item_ids[index]
        assert limited[index].label == limited.labels[index]
    expected = [
        item
        for label in set(labels)
        for item in sorted(
            (f"item {i}" for i in range(len(labels)) if labels[i] == label),
            key=lambda item: hashlib.sha256(item.encode()).digest(),
        )[:limit]
    ]
    assert sorted(limited.item_ids) == sorted(expected), "the first of each class by their hash"


def test_no_limit_is_the_split_itself():
    split = Split()
    assert limit_per_class(split, 0) is split


@settings(max_examples=60, deadline=None)
@given(labels=st.lists(st.integers(0, 5), min_size=1, max_size=60), most=st.integers(1, 70))
def test_an_even_limit_takes_as_many_as_allowed_and_no_class_has_two_more_than_one_with_items_left(labels, most):
    split = Split(len(labels), ["unit"] * len(labels))
    split.labels = np.array(labels)
    taken = limit_evenly(split, most)
    assert len(taken) == min(most, len(labels)) == len(set(taken.item_ids))
    counts, found = np.bincount(labels, minlength=6), np.bincount(taken.labels, minlength=6)
    assert all(found[one] >= found.max() - 1 for one in range(6) if found[one] < counts[one])
    order = [split.item_ids.index(name) for name in taken.item_ids]
    assert order == sorted(order)
