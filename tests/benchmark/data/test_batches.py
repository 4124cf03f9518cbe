"""Batches of a split: the right items in the right order, from memory or streamed, and splits that leak nothing."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.data.batches import DECODE_AHEAD, Batches, BatchesCache, shuffled_order
from benchmark.evaluation.predict import evaluation_batches
from benchmark.system import resources as machine
from doubles import Split
from draw_laws import assert_independent
from modalities.base import Draws, Item
from modalities.errors import BadInput


def backwards(step: int) -> np.ndarray:
    return np.array([(7 * step + 3) % 30, (5 * step) % 30, 29 - step])


# --- batches ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory_limit", [0, 10**6])
def test_a_batch_has_the_items_that_the_order_names_clips_after_one_another(memory_limit):
    batches = Batches(Split(), backwards, 10, memory_limit)
    assert batches.clips == 2
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


def test_the_order_of_an_epoch_tells_nothing_of_another_epochs_or_seeds():
    items, batch = 4000, 40

    def place(seed: int, epoch: int) -> np.ndarray:
        order = shuffled_order(Draws(seed, "teacher/"), items, batch)
        return np.argsort(np.concatenate([order(100 * epoch + step) for step in range(100)]))

    places = {(seed, epoch): place(seed, epoch) for seed in (0, 1) for epoch in (0, 1)}
    keys = list(places)
    for i, one in enumerate(keys):
        assert_independent((one, "the index"), places[one], np.arange(items))
        for other in keys[i + 1 :]:
            assert_independent((one, other), places[one], places[other])


def test_two_splits_are_cached_unless_told_otherwise():
    made: list[str] = []
    cache = BatchesCache()
    for key in "abacb":
        cache.get(key, lambda key=key: made.append(key) or Batches(Split(3), lambda step: np.arange(3), 1))
    assert made == ["a", "b", "c", "b"]
