"""Batches of a split: the right items in the right order, from memory or streamed, and splits that leak nothing."""

from __future__ import annotations

import hashlib
import resource
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.batches import DECODE_AHEAD, Batches, BatchesCache, shuffled_order
from benchmark.data.splits import MIN_UNITS, Subset, holdout_split, limit_per_class
from benchmark.evaluation.predict import evaluation_batches
from benchmark.system import resources as machine
from doubles import Split
from modalities.base import Draws, Item
from modalities.errors import BadInput


def backwards(step: int) -> np.ndarray:
    return np.array([(7 * step + 3) % 30, (5 * step) % 30, 29 - step])


# --- batches ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory_limit", [0, 10**6])
def test_a_batch_has_the_items_that_the_order_names_clips_after_one_another(memory_limit):
    batches = Batches(Split(), backwards, 10, memory_limit)
    for step in (0, 1, 2, 9):
        raw, labels = batches.batch(step)
        expected = backwards(step)
        assert raw[:, 0].tolist() == np.repeat(expected, 2).tolist()
        assert raw[:, 1].tolist() == [0, 1] * 3
        assert labels.tolist() == (expected % 3).tolist()


def test_streaming_equals_memory_in_any_order_of_asking():
    cached, streamed = Batches(Split(), backwards, 12), Batches(Split(), backwards, 12, memory_limit=0)
    for step in (0, 1, 5, 5, 4, 11, 0):
        for one, other in zip(cached.batch(step), streamed.batch(step), strict=True):
            assert torch.equal(one, other)
            assert one.dtype == other.dtype


def test_a_split_that_fits_is_decoded_once_and_one_that_does_not_is_not_cached():
    small, large = Split(90), Split(90)

    def in_turn(step: int) -> np.ndarray:
        return np.arange(9 * (step % 10), 9 * (step % 10) + 9)

    cached, streamed = Batches(small, in_turn, 20), Batches(large, in_turn, 20, memory_limit=90 * 2 * 3 * 2 - 1)
    assert not small.read, "nothing is decoded before it is requested"
    for step in range(20):
        cached.batch(step)
        streamed.batch(step)
    assert sorted(small.read) == sorted([0, *range(90)]), "every item, and the first one more for its shape"
    assert sorted(large.read) == sorted([0, *range(90), *range(90)])


def test_the_first_batch_of_a_split_that_fits_does_not_wait_for_all_of_it():
    split = Split(9000)
    Batches(split, lambda step: np.arange(9 * step, 9 * step + 9), 1000).batch(0)
    assert len(split.read) <= 1 + DECODE_AHEAD * 9


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("missing", [0, 1])
def test_a_split_is_cached_up_to_a_quarter_of_this_workers_share_of_free_memory(workers, missing, monkeypatch):
    split, size = Split(), 30 * 2 * 3 * 2
    monkeypatch.setattr(machine, "free_memory", lambda: 4 * workers * size - missing)
    monkeypatch.delenv(machine.VARIABLE, raising=False)
    with machine.shared_by(workers):
        batches = Batches(split, backwards, 10)
        one, again = batches.batch(0), batches.batch(0)
    assert torch.equal(one[0], again[0])
    assert split.read.count(29) == 1 + missing, "29 is in this batch alone"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems may not keep to a limit on addresses")
def test_a_split_for_which_there_is_no_address_space_is_not_cached(monkeypatch):
    class Large(Split):
        def __getitem__(self, index: int) -> Item:
            return Item(torch.zeros(1, dtype=torch.uint8).expand(1, 100_000_000), 0, self.item_ids[index])

    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    monkeypatch.setattr(machine, "free_memory", lambda: 10**12)
    resource.setrlimit(resource.RLIMIT_AS, (used + 2_000_000_000, before[1]))
    try:
        assert len(Batches(Large(), backwards, 10).batch(0)[0]) == 3
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize(("cores", "workers", "threads"), [(12, 1, 12), (12, 5, 2), (4, 8, 1), (64, 2, 16)])
def test_a_split_is_decoded_by_as_many_threads_as_cores_come_on_a_worker(cores, workers, threads, monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: cores)
    monkeypatch.delenv(machine.VARIABLE, raising=False)
    with machine.shared_by(workers):
        assert Batches(Split(), backwards, 10)._threads._max_workers == threads


def test_a_damaged_item_ends_the_batch_with_its_own_sentence_whether_cached_or_streamed():
    class Damaged(Split):
        def __getitem__(self, index: int) -> Item:
            if index == 12:
                raise BadInput("a.wav is damaged; replace it.")
            return super().__getitem__(index)

    for memory_limit in (0, 10**6):
        batches = Batches(Damaged(), lambda step: np.arange(10 * step, 10 * step + 10), 3, memory_limit)
        batches.batch(0)
        for _ in range(2):
            with pytest.raises(BadInput, match=r"a\.wav is damaged"):
                batches.batch(1)


def test_a_split_in_order_is_every_item_once():
    split = Split(700)
    batches = evaluation_batches(split)
    seen = torch.cat([batches.batch(step)[0][:, 0] for step in range(batches.steps)])
    assert seen.tolist() == np.repeat(np.arange(700), 2).tolist()


@given(items=st.integers(1, 60), batch=st.integers(1, 70), seed=st.integers(0, 5))
def test_shuffled_takes_every_item_at_most_once_an_epoch_and_all_of_them_but_a_rest(items, batch, seed):
    order = shuffled_order(Draws(seed), items, batch)
    size = min(batch, items)
    steps = items // size
    epochs = [np.concatenate([order(epoch * steps + i) for i in range(steps)]) for epoch in range(3)]
    for epoch in epochs:
        assert len(set(epoch.tolist())) == len(epoch) == steps * size
    again = shuffled_order(Draws(seed), items, batch)
    assert (again(2 * steps) == order(2 * steps)).all(), "a pure function of the step"
    if items > 20:
        assert epochs[0].tolist() != epochs[1].tolist()


def test_only_the_most_recently_used_splits_are_cached():
    made: list[str] = []
    cache = BatchesCache(max_splits=2)

    def get(key: str) -> None:
        cache.get(key, lambda: made.append(key) or Batches(Split(3), lambda step: np.arange(3), 1))

    for key in "abaacab":
        get(key)
    assert made == ["a", "b", "c", "b"]


# --- the held-out part -----------------------------------------------------------------------------------------

many = st.lists(st.integers(0, 60), min_size=40, max_size=150).map(lambda units: [f"speaker {u}" for u in units])


def sides(groups: list[str], share: float) -> tuple[Subset, Subset]:
    return holdout_split(Split(len(groups), groups), share)


@settings(max_examples=60, deadline=None)
@given(groups=many, share=st.floats(0.05, 0.5))
def test_every_item_is_on_one_side_and_no_unit_on_both(groups, share):
    train, held = sides(groups, share)
    assert sorted([*train.item_ids, *held.item_ids]) == sorted(f"item {i}" for i in range(len(groups)))
    if len(set(groups)) >= MIN_UNITS:
        assert not set(train.groups) & set(held.groups)
    largest = max(map(groups.count, set(groups)))
    assert share * len(groups) <= len(held) < share * len(groups) + largest


@settings(max_examples=60, deadline=None)
@given(groups=many, gone=st.sets(st.integers(0, 60), max_size=15), share=st.floats(0.05, 0.5))
def test_units_that_vanish_move_no_other_unit_past_its_neighbours(groups, gone, share):
    left = [unit for unit in groups if int(unit.split()[1]) not in gone]
    if min(len(set(groups)), len(set(left))) < MIN_UNITS:
        return
    before, after = (set(sides(given, share)[1].groups) for given in (groups, left))
    # Both are beginnings of one order that no missing unit changes, so one contains the other, but for what vanished.
    assert after <= before or before & set(left) <= after


def test_the_same_names_are_held_out_whatever_the_order_on_disk():
    groups = [f"speaker {i % 40}" for i in range(200)]
    shuffled_groups = np.random.default_rng(0).permutation(groups).tolist()
    assert set(sides(groups, 0.2)[1].groups) == set(sides(shuffled_groups, 0.2)[1].groups)


def test_few_units_are_cut_by_item_so_that_the_held_out_part_stands_for_all_of_them():
    groups = [f"speaker {i % 6}" for i in range(600)]
    train, held = sides(groups, 0.1)
    assert set(train.groups) == set(held.groups) == set(groups)
    assert len(held) == 60


@settings(max_examples=60, deadline=None)
@given(groups=many, share=st.floats(0.01, 0.9))
def test_the_held_out_units_are_the_first_by_their_hash_until_the_share_is_full(groups, share):
    held = sides(groups, share)[1]
    units = groups if len(set(groups)) >= MIN_UNITS else [f"item {i}" for i in range(len(groups))]
    expected, count = set(), 0
    for unit in sorted(set(units), key=lambda unit: hashlib.sha256(unit.encode()).digest()):
        if count < share * len(units):
            expected.add(unit)
            count += units.count(unit)
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
